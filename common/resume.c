/* resume.c - the journal beside an aside file: names, locks, joined, committed. resume_open.c opens it, resume_file.c has its bytes. */
#include "common/clock.h"
#include "common/resume_own.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_AGAIN_MS = 20 };

const struct resume resume_nothing = { .fd = -1, .log = -1 };

/* --- names --------------------------------------------------------------------------------------------------------- */

static void hash_part(crypto_generichash_state *st, const void *p, size_t len)
{
	uint8_t n[8];

	for (unsigned i = 0; i < sizeof n; i++)
		n[i] = (uint8_t)((uint64_t)len >> (8 * i));
	crypto_generichash_update(st, n, sizeof n);
	crypto_generichash_update(st, p, len);
}

void resume_aside_name(char name[static ASIDE_NAME], const char *final, const uint8_t owner[static KEY_BYTES])
{
	static const char        label[] = "zcp aside file";
	crypto_generichash_state st;
	uint8_t                  hash[16];

	crypto_generichash_init(&st, NULL, 0, sizeof hash);
	hash_part(&st, label, sizeof label - 1);
	hash_part(&st, owner, KEY_BYTES);
	hash_part(&st, final, strlen(final));
	crypto_generichash_final(&st, hash, sizeof hash);
	memcpy(name, ".zcp-", sizeof ".zcp-");
	sodium_bin2hex(name + 5, ASIDE_NAME - 5, hash, sizeof hash);
}

void resume_journal_name(char out[static JOURNAL_NAME], const char *aside)
{
	memcpy(out, aside, ASIDE_NAME - 1);
	memcpy(out + ASIDE_NAME - 1, ".j", sizeof ".j");
}

void resume_of(uint8_t of[static RESUME_OF], const uint8_t who[static KEY_BYTES], const char *path)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, RESUME_OF);
	hash_part(&st, who, KEY_BYTES);
	hash_part(&st, path, strlen(path));
	crypto_generichash_final(&st, of, RESUME_OF);
}

/* --- locks --------------------------------------------------------------------------------------------------------- */

int resume_lock(int fd, int how)
{
	int r;

	do
		r = flock(fd, how | LOCK_NB);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* The only wait there is here: until those have ended that write. */
int resume_lock_alone(int fd, int wait_ms)
{
	const struct timespec a_little = { .tv_nsec = LOCK_AGAIN_MS * 1000000L };
	uint64_t              until = clock_ns() + (uint64_t)(wait_ms > 0 ? wait_ms : 0) * 1000000;
	int                   r = resume_lock(fd, LOCK_EX);

	while (r == -EWOULDBLOCK && clock_ns() < until) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &a_little, NULL);
		r = resume_lock(fd, LOCK_EX);
	}
	return r;
}

bool resume_is(int dir, const char *name, int fd)
{
	struct stat a, b;

	return fstatat(dir, name, &a, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* --- join ---------------------------------------------------------------------------------------------------------- */

static int join_locked(const struct aside *a, struct resume *r, const uint8_t *owner, const uint8_t *run)
{
	struct resume_header h;
	struct stat          st;
	int                  e = resume_lock(a->fd, LOCK_SH), why = 0;

	if (e == 0)
		why = resume_header_get(r->fd, &h);
	if (e < 0 || why < 0)
		return e < 0 ? e : why;
	/* only after the lock: now the holder waits for us, or has written another run id. An unlinked journal is an older file's */
	if (why != RESUME_GOES_ON || memcmp(h.owner, owner, KEY_BYTES) != 0 || sodium_memcmp(h.run, run, WIRE_RUN) != 0 ||
	    fstat(r->fd, &st) < 0 || st.st_nlink != 1)
		return -ESTALE;
	memcpy(r->run, h.run, sizeof r->run);
	memcpy(r->key, h.key, sizeof r->key);
	r->size = h.id.size;
	r->why = RESUME_GOES_ON;
	sodium_memzero(&h, sizeof h);
	return 0;
}

static int join_files(struct aside *a, struct resume *r, const char *name)
{
	char journal[JOURNAL_NAME];

	resume_journal_name(journal, name);
	r->fd = aside_find(a->dir, journal, O_RDWR | O_APPEND);
	if (r->fd < 0)
		return r->fd;
	r->log = fcntl(r->fd, F_DUPFD_CLOEXEC, 0);
	if (r->log < 0)
		return -errno;
	a->fd = aside_find(a->dir, name, O_RDWR);
	return a->fd < 0 ? a->fd : 0;
}

int resume_join(struct aside *a, struct resume *r, int dirfd, const char *final, const uint8_t owner[static KEY_BYTES], const uint8_t run[static WIRE_RUN])
{
	size_t len = strlen(final);
	int    e;

	*a = (struct aside){ .dir = -1, .fd = -1 };
	*r = resume_nothing;
	if (len > WIRE_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(a->final, final, len + 1);
	resume_aside_name(a->name, final, owner);
	a->dir = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	e = a->dir < 0 ? -errno : join_files(a, r, a->name);
	if (e == 0)
		e = join_locked(a, r, owner, run);
	if (e < 0) {
		resume_close(r);
		aside_keep(a);
	}
	return e == -ENOENT ? -ESTALE : e;
}

/* --- end ----------------------------------------------------------------------------------------------------------- */

/* How far [at, ...) is noted without a gap, as far as one reading tells: `more` if another may tell more. */
static int leave_out(struct spans *s, struct spans *unproved, uint64_t size)
{
	int r = unproved->lost < size ? spans_remove(s, unproved->lost, size - unproved->lost) : 0;

	for (size_t i = 0; r == 0 && i < unproved->count; i++)
		r = spans_remove(s, unproved->v[i].off, unproved->v[i].len);
	spans_clear(unproved);
	return r;
}

static int covered_from(struct resume *r, uint64_t *at, bool *more)
{
	struct spans         s = { .lost = UINT64_MAX }, unproved = { .lost = UINT64_MAX };
	struct resume_reader e;
	struct resume_piece  p = { 0 };
	int                  n = resume_reader_init(&e, r, false);

	while (n >= 0 && (n = resume_reader_next(&e, &p)) > 0) {
		struct span is = n == ENTRY_HOLE ? e.hole : (struct span){ p.off, p.len };
		uint64_t    end = is.off + is.len, off = is.off > *at ? is.off : *at;

		if (n == ENTRY_PROVED)
			spans_clear(&unproved);
		bool there = (n == ENTRY_PIECE || n == ENTRY_HOLE) && end > off;
		n = there ? spans_add(&s, off, end - off) : n == ENTRY_VOID ? spans_add(&unproved, p.off, p.len) : 0;
	}
	n = n >= 0 || n == -EBADMSG ? leave_out(&s, &unproved, r->size) : n;
	if (n >= 0) {                           /* a wrong entry ends the claim, here too */
		uint64_t was = *at;

		if (s.count && s.v[0].off == was)
			*at = was + s.v[0].len;
		*more = s.lost != UINT64_MAX && *at != was;
		n = 0;
	}
	spans_clear(&s);
	resume_reader_clear(&e);
	return n;
}

static int covered(struct resume *r)
{
	uint64_t at = 0;
	bool     more = true;
	int      e = 0;

	while (e == 0 && more && at < r->size)
		e = covered_from(r, &at, &more);
	return e < 0 ? e : at < r->size ? -ENODATA : 0;
}

/* Nobody joins the run that was told any more. */
static int new_run(struct resume *r)
{
	struct resume_header h;
	int                  why = resume_header_get(r->fd, &h);

	if (why != RESUME_GOES_ON || memcmp(h.run, r->run, WIRE_RUN) != 0)
		return why < 0 ? why : -ESTALE;
	randombytes_buf(h.run, sizeof h.run);
	int e = resume_header_put(r->fd, &h);
	if (e == 0)
		memcpy(r->run, h.run, sizeof r->run);
	sodium_memzero(&h, sizeof h);
	return e;
}

static int check_whole(const struct aside *a, struct resume *r)
{
	struct stat st;

	if (fstat(a->fd, &st) < 0)
		return -errno;
	if (st.st_nlink != 1 || !resume_is(a->dir, a->name, a->fd))
		return -ESTALE;
	return (uint64_t)st.st_size == r->size ? covered(r) : -ENODATA;
}

int resume_commit(struct aside *a, struct resume *r, int wait_ms)
{
	if (!r->holder || a->fd < 0)
		return -EBADF;
	int e = new_run(r);
	if (e == 0)
		e = resume_lock_alone(a->fd, wait_ms);
	if (e < 0)
		return e;
	e = check_whole(a, r);
	if (e < 0)
		resume_lock(a->fd, LOCK_UN);
	return e;
}

void resume_close(struct resume *r)
{
	if (r->fd != r->log) {                  /* not one that is all zeros, nor closed */
		if (r->fd >= 0 && r->holder)
			flock(r->fd, LOCK_UN);  /* whatever close() says */
		if (r->fd >= 0)
			close(r->fd);
		if (r->log >= 0)
			close(r->log);
	}
	sodium_memzero(r->key, sizeof r->key);
	*r = resume_nothing;
}

void resume_drop(struct resume *r, int dirfd, const char *aside_name)
{
	char journal[JOURNAL_NAME];

	if (r->holder && r->fd != r->log) {
		resume_journal_name(journal, aside_name);
		unlinkat(dirfd, journal, 0);
	}
	resume_close(r);
}
