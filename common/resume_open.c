/* resume_open.c - the holder's way in: the journal's lock, what is there and right, what is missing. See resume.h */
#include "common/clock.h"
#include "common/resume_own.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/holes.h"
#include "common/io.h"

enum { LOCK_TRIES = 8, BEAT_NS = 100 * 1000 * 1000, ENTRIES_MORE = 1024, READ_TIMES = 2 };

/* The journal by this name, locked; it may have been unlinked between the two. */
static int journal_locked(int dir, const char *name, bool *found)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd = aside_find_or_make(dir, name, found);
		int r = fd < 0 ? fd : resume_lock(fd, LOCK_EX);

		if (r == 0 && resume_is(dir, name, fd))
			return fd;
		if (fd >= 0)
			close(fd);
		if (r < 0)
			return r;
	}
	return -EWOULDBLOCK;
}

static int journal_open(struct resume *r, int dir, const char *name, bool *found)
{
	r->fd = journal_locked(dir, name, found);
	if (r->fd < 0)
		return r->fd;
	r->holder = true;
	r->log = aside_find(dir, name, O_WRONLY | O_APPEND);
	return r->log < 0 ? r->log : resume_is(dir, name, r->log) && resume_is(dir, name, r->fd) ? 0 : -EPERM;
}

/* --- what is there ------------------------------------------------------------------------------------------------- */

struct proving {
	const struct aside        *aside;
	struct resume             *r;
	struct spans               spans;
	uint8_t                   *buf;         /* RESUME_PIECE */
	uint64_t                   may_read;    /* a journal that says everything many times is not heard to its end */
	const struct resume_pulse *pulse;
	uint64_t                   beat_ns;
};

static int beat(struct proving *p)
{
	uint64_t now = p->pulse ? clock_ns() : 0;

	if (!p->pulse || now - p->beat_ns < BEAT_NS)
		return 0;
	p->beat_ns = now;
	int r = p->pulse->beat(p->pulse->arg);
	return r < 0 ? r : 0;
}

/* 1: it is as it came. 0: it is not, or cannot be read. */
static int prove_piece(struct proving *p, const struct resume_key *with, const struct resume_piece *piece)
{
	if (spans_cover(&p->spans, piece->off, piece->len))
		return 1;
	if (piece->len > p->may_read)
		return 0;
	p->may_read -= piece->len;
	if (io_pread_full(p->aside->fd, p->buf, piece->len, piece->off) != (ssize_t)piece->len || !resume_tag_is(p->r, with, piece, p->buf))
		return 0;
	int r = spans_add(&p->spans, piece->off, piece->len);
	return r < 0 ? r : 1;
}

/* Data where a hole is said to be. */
static int prove_zeros(void *arg, uint64_t at, uint8_t *bytes, size_t n)
{
	struct proving *p = arg;

	(void)at;
	if (n > p->may_read || !holes_zeros(bytes, n))
		return 1;
	p->may_read -= n;
	return beat(p);
}

/* As prove_piece(). */
static int prove_hole(struct proving *p, const struct span *h)
{
	if (spans_cover(&p->spans, h->off, h->len))
		return 1;
	int r = holes_read(p->aside->fd, h->off, h->len, prove_zeros, p);
	if (r > 0 || r == -EIO)
		return 0;
	if (r == 0)
		r = spans_add(&p->spans, h->off, h->len);
	return r < 0 ? r : 1;
}

/* Up to the first entry that is wrong: there the journal ends from now on. A key that nothing right follows goes, too. */
static int prove_with(struct proving *p, struct resume_reader *e)
{
	uint64_t            left = p->r->size / 4096 + ENTRIES_MORE, good = e->at;
	struct resume_piece piece;
	int                 kind = 1, right = 1, r = 0;
	bool                unproved = false;

	while (r == 0 && right > 0 && (kind = resume_reader_next(e, &piece)) > 0 && left-- > 0) {
		right = kind == ENTRY_PIECE ? prove_piece(p, e->with, &piece) : kind == ENTRY_HOLE ? prove_hole(p, &e->hole) : 1;
		unproved |= kind == ENTRY_VOID;
		if ((kind == ENTRY_PIECE || kind == ENTRY_HOLE) && right > 0)
			good = e->at;
		r = beat(p);
	}
	if (r < 0 || kind == -ENOMEM || right < 0)
		return r < 0 ? r : right < 0 ? right : kind;
	p->r->cut = kind != ENTRY_END || right == 0;
	if (ftruncate(p->r->fd, (off_t)good) < 0)
		return -errno;
	return unproved ? resume_proved(p->r) : 0;
}

static int prove(struct proving *p)
{
	struct resume_reader e;
	int                  r = resume_reader_init(&e, p->r, true);

	p->may_read = p->r->size > UINT64_MAX / READ_TIMES ? p->r->size : p->r->size * READ_TIMES;
	p->buf = malloc(RESUME_PIECE);
	if (r == 0)
		r = p->buf ? prove_with(p, &e) : -ENOMEM;
	free(p->buf);
	resume_reader_clear(&e);
	return r;
}

/* No tail of an older, longer file; and all of the size where nothing was granted before. */
static int set_size(int fd, uint64_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return (uint64_t)st.st_size == size || ftruncate(fd, (off_t)size) == 0 ? 0 : -errno;
}

static int find_gaps(struct proving *p, struct span gaps[static RESUME_GAPS], size_t *count)
{
	int r = spans_gaps(&p->spans, p->r->size, gaps, count);

	p->r->have = p->r->size;
	for (size_t i = 0; r == 0 && i < *count; i++)
		p->r->have -= gaps[i].len;
	return r;
}

/* --- open ---------------------------------------------------------------------------------------------------------- */

struct opening {
	const uint8_t          *owner;
	const struct resume_id *id;
	unsigned                how;
	bool                    journal, aside;         /* there already */
	struct resume_header    header;
};

/* What an earlier run began is void: who joined it is waited for, nobody else joins. */
static int end_earlier(const struct aside *a, struct resume *r, struct opening *o)
{
	int why = resume_header_get(r->fd, &o->header);

	if (why == RESUME_GOES_ON) {
		randombytes_buf(o->header.run, sizeof o->header.run);
		int w = resume_header_put(r->fd, &o->header);
		why = w < 0 ? w : why;
	}
	if (why < 0)
		return why;
	r->why = (enum resume_why)why;
	return resume_lock_alone(a->fd, RESUME_STALE_MS);
}

static enum resume_why decide(enum resume_why why, const struct opening *o)
{
	if (!o->aside || why == RESUME_NEW)
		return RESUME_NEW;
	if (o->how & RESUME_FRESH)
		return RESUME_REFUSED;
	if (why == RESUME_GOES_ON && (memcmp(o->header.owner, o->owner, KEY_BYTES) != 0 || !resume_same(&o->header.id, o->id)))
		return RESUME_ANOTHER;
	return why;
}

static int begin(const struct aside *a, struct resume *r, struct opening *o)
{
	/* what stands where a hole is to be need not be looked for, nor does room stay that nothing of it needs */
	if (o->aside && (o->how & RESUME_SPARSE) && ftruncate(a->fd, 0) < 0)
		return -errno;
	o->header.id = *o->id;
	memcpy(o->header.owner, o->owner, KEY_BYTES);
	randombytes_buf(o->header.run, sizeof o->header.run);
	randombytes_buf(o->header.key, sizeof o->header.key);
	return ftruncate(r->fd, 0) < 0 ? -errno : resume_header_put(r->fd, &o->header);
}

/* Both files are open, the journal is locked. */
static int go_on(struct aside *a, struct resume *r, struct opening *o, struct proving *p)
{
	int e = end_earlier(a, r, o);

	if (e < 0)
		return e;
	r->why = decide(r->why, o);
	if (r->why != RESUME_GOES_ON)
		e = begin(a, r, o);
	if (e < 0)
		return e;
	memcpy(r->run, o->header.run, sizeof r->run);
	memcpy(r->key, o->header.key, sizeof r->key);
	e = r->why == RESUME_GOES_ON ? prove(p) : 0;
	if (e == 0)
		e = set_size(a->fd, r->size);
	if (e == 0)
		e = resume_lock(a->fd, LOCK_UN);
	return e;
}

/* Not opened after all. What another run may go on with stays; what cannot be gone on with for want of space does not, nor what was only just made. */
static int give_up(struct aside *a, struct resume *r, const struct opening *o, int dir, const char *name, int e)
{
	if (aside_no_space(e) || !o->aside)
		aside_drop(a);
	else
		aside_keep(a);
	if (r->fd >= 0 && (aside_no_space(e) || !o->journal))
		resume_drop(r, dir, name);
	else
		resume_close(r);
	return e;
}

int resume_open_pulsed(struct aside *a, struct resume *r, int dirfd, const char *final, const uint8_t owner[static KEY_BYTES], const struct resume_id *id,
                       unsigned how, struct span gaps[static RESUME_GAPS], size_t *count, const struct resume_pulse *pulse)
{
	struct opening o = { .owner = owner, .id = id, .how = how };
	struct proving p = { .aside = a, .r = r, .spans = { .lost = UINT64_MAX }, .pulse = pulse };
	char           name[ASIDE_NAME], journal[JOURNAL_NAME];

	*a = (struct aside){ .dir = -1, .fd = -1 };
	*r = resume_nothing;
	r->size = id->size;
	if (strlen(final) > WIRE_NAME_MAX)
		return -ENAMETOOLONG;
	if (id->size > INT64_MAX)
		return -EFBIG;
	resume_aside_name(name, final, owner);
	resume_journal_name(journal, name);
	int e = journal_open(r, dirfd, journal, &o.journal);
	if (e == 0)
		e = aside_open_named(a, dirfd, final, how & RESUME_SPARSE ? 0 : id->size, name, &o.aside);
	if (e == 0)
		e = go_on(a, r, &o, &p);
	if (e == 0)
		e = find_gaps(&p, gaps, count);
	spans_clear(&p.spans);
	sodium_memzero(&o.header, sizeof o.header);
	return e < 0 ? give_up(a, r, &o, dirfd, name, e) : 0;
}

int resume_open(struct aside *a, struct resume *r, int dirfd, const char *final, const uint8_t owner[static KEY_BYTES], const struct resume_id *id,
                unsigned how, struct span gaps[static RESUME_GAPS], size_t *count)
{
	return resume_open_pulsed(a, r, dirfd, final, owner, id, how, gaps, count, NULL);
}
