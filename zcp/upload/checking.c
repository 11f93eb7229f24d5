/*
 * checking.c - --checksum: are the bytes here those that are there? Have both the same attributes and ACLs? And what is set of a file that need not be sent.
 *
 * The host is asked (HASH) and reads its file while this side reads its own; what differs goes back to the queue, to be copied, or to be set.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/digest.h"
#include "zcp/select/verdict.h"
#include "zcp/upload/uploader.h"

enum { ALIVE_MS = 10000 };

struct pulse { struct uploader *x; uint64_t said_ms; };

/* A large file takes long: the host is told that this end is alive, and a signal ends it. */
static int beat(void *arg)
{
	struct pulse         *p = arg;
	const union wire_body none = { .id = { 0 } };
	uint64_t              now = progress_clock_ms();

	if (job_stopped(p->x->u->job))
		return -EINTR;
	progress_tick(&p->x->u->job->progress);
	if (now - p->said_ms < ALIVE_MS)
		return 0;
	p->said_ms = now;
	if (stream_put(&p->x->w->stream, WIRE_WAIT, &none, false) == 0)
		stream_try_flush(&p->x->w->stream);
	return 0;
}

static int ask(struct uploader *x, const char *path, bool extras, struct due *d)
{
	union wire_body b = { .hash = { .flags = extras ? LOOK_EXTRAS : 0, .path = wire_cstr(path) } };
	int             r = answers_room(x, cost_of(WIRE_HASH));

	if (r < 0)
		return r;
	b.hash.id = d->id = worker_id(x->w);
	d->cost = cost_of(WIRE_HASH);
	memcpy(b.hash.key, x->u->hash_key, WIRE_KEY_BYTES);
	r = stream_put(&x->w->stream, WIRE_HASH, &b, true);
	return r < 0 ? r : stream_try_flush(&x->w->stream);
}

/* Bytes, and the same of all of them. What cannot be told is the copy's to tell. */
static int digest_here(struct uploader *x, int fd, struct due *d, uint64_t *n)
{
	struct pulse        p = { x, progress_clock_ms() };
	struct digest_pulse pulse = { beat, &p };
	struct wire_str     ext;
	struct fail         f;

	if (d->errand.todo != TODO_EXTRAS)
		return digest_file(fd, x->w->stream.tx.mac, x->u->hash_key, 0, 0, &pulse, d->digest, n);
	if (source_extras(x, fd, false, &ext, &f) < 0)
		return -EIO;
	*n = ext.len;
	return extras_digest(ext, x->u->job->extras, x->u->hash_key, d->digest);
}

int check_begin(struct uploader *x, struct errand *e, int fd, const struct stat *st, const char *path)
{
	CLEAN_FD int own = fd;
	struct due   d = { .kind = DUE_HASH };
	uint64_t     n = 0;

	e->meta = meta_from_stat(st);
	progress_name(&x->u->job->progress, path);
	int r = ask(x, path, e->todo == TODO_EXTRAS, &d);
	if (r < 0)
		return r;
	d.errand = *e;
	r = digest_here(x, own, &d, &n);
	if (r == -EINTR || x->w->stream.broken)
		return r < 0 ? r : x->w->stream.broken;
	*e = (struct errand){ 0 };
	bool all = r == 0 && (d.errand.todo == TODO_EXTRAS || n == (uint64_t)st->st_size);
	d.bytes = all ? n : UINT64_MAX;
	return due_add(x, &d);
}

static bool same_digest(const struct due *d, const struct wire_digest *m)
{
	return m->length == d->bytes && sodium_memcmp(m->digest, d->digest, WIRE_DIGEST_BYTES) == 0;
}

/* What is to be done next. TODO_CHECK: nothing */
static uint8_t next_todo(const struct job *j, const struct due *d, const struct wire_digest *m)
{
	const struct errand *e = &d->errand;
	bool                 equal = m && same_digest(d, m);
	struct found         there = { 0 };

	if (equal)
		there = (struct found){ m->meta, !m->meta.mtime_ns && !m->identity.ctime_ns };

	if (m && m->meta.size != e->meta.size)
		return TODO_COPY;
	if (e->todo == TODO_CHECK && (!equal || m->meta.size != d->bytes))
		return TODO_COPY;
	if (e->todo == TODO_CHECK && j->extras)
		return TODO_EXTRAS;
	return equal && verdict_same(j->opt, &e->meta, &there) == VERDICT_SAME ? TODO_CHECK : TODO_META;
}

int check_answer(struct uploader *x, struct due *d, const struct record *rec)
{
	struct upload *u = x->u;
	struct errand *e = &d->errand;

	if (rec->type != WIRE_DIGEST && rec->type != WIRE_ERROR)
		return -EPROTO;
	if (rec->type == WIRE_ERROR && rec->body.error.fail.status == ST_REFUSED) {
		errand_failed(u, e, rec->body.error.fail);      /* the key was taken away: no copy would do better */
		return 0;
	}
	e->todo = next_todo(u->job, d, rec->type == WIRE_DIGEST ? &rec->body.digest : NULL);
	if (e->todo == TODO_CHECK) {
		upload_same(u, e);
		upload_over(u, e);
		return 0;
	}
	if (u->job->opt->dry_run && e->todo == TODO_COPY) {
		upload_would_copy(u, e);
		return 0;
	}
	upload_back(u, e);
	return 0;
}

static int put_meta(struct uploader *x, struct errand *e, struct wire_str ext, const char *path)
{
	union wire_body b = { .open = { .flags = store_flags(x), .meta = e->meta, .ext = ext, .path = wire_cstr(path) } };
	struct due      d = { .cost = cost_of(WIRE_SETMETA), .kind = DUE_FILE_META, .bytes = 0 };
	int             r = answers_room(x, d.cost);

	if (r < 0)
		return r;
	b.open.id = d.id = worker_id(x->w);
	r = stream_put(&x->w->stream, WIRE_SETMETA, &b, true);
	if (r < 0)
		return r;
	d.errand = *e;
	*e = (struct errand){ 0 };
	return due_add(x, &d);
}

int send_meta(struct uploader *x, struct errand *e, int fd, const char *path)
{
	CLEAN_FD int    own = fd;
	struct wire_str ext = { NULL, 0 };
	struct fail     f;

	if (own >= 0 && source_extras(x, own, false, &ext, &f) < 0) {
		errand_unread(x->u, e, f);
		return 0;
	}
	if (!x->u->job->opt->dry_run)
		return put_meta(x, e, ext, path);
	upload_meta(x->u, e, 0);
	upload_over(x->u, e);
	return 0;
}
