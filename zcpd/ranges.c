/*
 * ranges.c - OPEN_ASIDE, RANGE, COMMIT: one file that comes on several streams, and goes on where an interrupted copy ended.
 *
 * Held     this stream has the journal's lock from OPEN_ASIDE to COMMIT; the contents come here or in any other stream of the same key (another process).
 * Log      one line for the file, the holder's, with the whole size; its ranges only count where bytes are counted.
 * Kept     what came, when the holder goes without COMMIT: another stream goes on with it. Not when the key was taken away, when the file was to be begun
 *          anew (STORE_FRESH), or when it failed in a way that the next try would meet again (no space, damaged for good).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "zcpd/session.h"

enum { COMMIT_TRIES = 5, COMMIT_TRY_MS = 1000, SECOND_NS = 1000000000 };

/* What the files beside the final name say. */
static struct fail fail_resume(int r)
{
	switch (r) {
	case -EWOULDBLOCK:
		return fail_why(ST_BUSY, WHY_FILLING);
	case -EPERM:
		return fail_why(ST_IN_THE_WAY, WHY_ASIDE_STRANGE);
	case -ESTALE:
		return fail_why(ST_CHANGED, WHY_RUN_OVER);
	case -ENODATA:
		return fail_why(ST_CHANGED, WHY_GAPS);
	default:
		return fail_destination(r);
	}
}

static bool same_dir(const struct mask_id *a, const struct stat *b)
{
	return a->dev == b->st_dev && a->ino == b->st_ino;
}

void session_sweep(struct session *s, int dir)
{
	struct stat st;

	if (fstat(dir, &st) < 0 || mask_hides_stat(s->mask, &st))
		return;
	for (size_t i = 0; i < s->swept_count && i < SWEPT_MAX; i++)
		if (same_dir(&s->swept[i], &st))
			return;
	s->swept[s->swept_count++ % SWEPT_MAX] = (struct mask_id){ st.st_dev, st.st_ino };
	CLEAN_FD int fd = path_one(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd >= 0)
		resume_sweep(fd, SWEEP_ENTRIES);
}

/* --- the holder ---------------------------------------------------------------------------------------------------- */

static bool same_path(const char *ours, struct wire_str path)
{
	return ours && strlen(ours) == path.len && memcmp(ours, path.p, path.len) == 0;
}

static struct held_file *find_free(struct session *s)
{
	for (size_t i = 0; i < WIRE_OPEN_MAX; i++)
		if (!s->held[i].path)
			return &s->held[i];
	return NULL;
}

static struct held_file *find_held(struct session *s, const uint8_t run[static WIRE_RUN], struct wire_str path)
{
	for (size_t i = 0; i < WIRE_OPEN_MAX; i++)
		if (same_path(s->held[i].path, path) && memcmp(s->held[i].resume.run, run, WIRE_RUN) == 0)
			return &s->held[i];
	return NULL;
}

/* Who holds a file is at work, though it may be other streams that bring it: a drain waits for it. */
static void at_rest(struct session *s)
{
	bool holds = false;

	for (size_t i = 0; i < WIRE_OPEN_MAX; i++)
		holds |= s->held[i].path != NULL;
	board_state(s->slot, holds ? BOARD_RECEIVING : BOARD_IDLE);
	s->shown = NULL;
}

static void forget(struct session *s, struct held_file *h)
{
	free(h->path);
	*h = (struct held_file){ .path = NULL };
	at_rest(s);
}

/* For the next run. */
static void let_go(struct session *s, struct held_file *h)
{
	resume_close(&h->resume);
	aside_keep(&h->aside);
	forget(s, h);
}

static void throw_away(struct session *s, struct held_file *h)
{
	/* the journal last: its lock holds off whoever would begin anew between the two */
	CLEAN_FD int dir = fcntl(h->aside.dir, F_DUPFD_CLOEXEC, 0);
	char         name[ASIDE_NAME];

	memcpy(name, h->aside.name, sizeof name);
	aside_drop(&h->aside);
	resume_drop(&h->resume, dir, name);
	forget(s, h);
}

/* The file's line. Its bytes have been counted as they came. */
static void log_held(struct session *s, const struct held_file *h, uint64_t bytes, unsigned status)
{
	struct transfer_line line = {
		.way = BOARD_RECEIVED, .export = h->export, .path = wire_cstr(h->path), .bytes = bytes, .engine = h->engine, .ranges = true,
		.raw = h->export->raw && s->stream.carry == CARRY_RAW, .status = status,
	};

	line.took_us = (clock_ns() - h->began_ns) / 1000;
	if (status == ST_OK)
		board_done(s->slot, BOARD_RECEIVED, engine_by_id(ENGINE_READWRITE), 0);
	transfers_add(&s->transfers, &line);
}

static off_t journal_size(const struct held_file *h)
{
	struct stat st;

	return fstat(h->resume.fd, &st) < 0 ? -1 : st.st_size;
}

/* On no stream: there is nothing to go on with, but the room that was taken for it. */
static bool nothing_came(const struct held_file *h)
{
	return h->resume.have == 0 && h->journal >= 0 && journal_size(h) == h->journal;
}

void held_file_lost(struct session *s, struct held_file *h, unsigned status)
{
	bool hopeless = status == ST_REFUSED || h->fresh || h->fail.status == ST_NO_SPACE || h->fail.status == ST_INTEGRITY || nothing_came(h);

	s->failed++;
	log_held(s, h, h->came, h->fail.status ? h->fail.status : status);
	if (hopeless)
		throw_away(s, h);
	else
		let_go(s, h);
}

struct reading_back { struct session *s; uint64_t said_ns; };

/* What is there may be large. A client that has gone need not know how much of it is right. */
static int beat(void *arg)
{
	struct reading_back *b = arg;
	uint64_t             now = clock_ns();

	if (now - b->said_ns >= SECOND_NS) {
		b->said_ns = now;
		session_wait(b->s);
	}
	return b->s->stream.broken;
}

static int answer_aside(struct session *s, uint32_t id, const struct held_file *h, const struct span *gaps, size_t count)
{
	uint8_t         list[WIRE_GAPS_MAX * 16];
	size_t          used = 0;
	union wire_body b = { .aside = { .id = id, .count = (uint16_t)count } };

	memcpy(b.aside.run, h->resume.run, WIRE_RUN);
	for (size_t i = 0; i < count; i++) {
		int r = wire_gap_add(list, sizeof list, &used, gaps[i].off, gaps[i].len);
		if (r < 0)
			return r;
	}
	b.aside.gaps = (struct wire_str){ list, used };
	return session_reply(s, WIRE_ASIDE, &b);
}

static struct resume_id identify(const struct session *s, const struct wire_open_aside *m, const char *path)
{
	struct resume_id id = { .size = m->meta.size, .mtime = m->meta.mtime, .mtime_ns = m->meta.mtime_ns, .identity = m->identity };

	resume_of(id.of, s->key, path);
	return id;
}

int handle_open_aside(struct session *s, const union wire_body *b)
{
	const struct wire_open_aside *m = &b->open_aside;
	struct held_file             *h = find_free(s);
	struct transfer_line          line = { .way = BOARD_RECEIVED, .path = m->path };
	uint64_t                      asked = clock_ns();
	struct span                   gaps[RESUME_GAPS];
	size_t                        count;
	struct target                 t;
	struct fail                   f = fail_why(ST_CANNOT, WHY_TOO_MANY_OPEN);
	const char                   *last;
	int                           dir = h ? store_destination(s, &line, m->meta.size, &t, &last, &f) : -1;

	if (dir >= 0 && !t.export->raw)
		f = engine_check(s->recv_only, CAN_RECV | CAN_SEAL);
	if (dir < 0 || f.status)
		return session_refuse_file(s, m->id, f, &line, asked);
	char *path = strdup(t.path);
	if (!path)
		return session_refuse_file(s, m->id, fail_errno(ENOMEM), &line, asked);
	struct resume_id id = identify(s, m, t.path);
	struct reading_back back = { s, asked };
	struct resume_pulse pulse = { beat, &back };
	unsigned how = (m->flags & STORE_FRESH ? RESUME_FRESH : 0) | (m->flags & STORE_SPARSE ? RESUME_SPARSE : 0);
	int r = resume_open_pulsed(&h->aside, &h->resume, dir, last, s->key, &id, how, gaps, &count, &pulse);
	if (r < 0) {
		free(path);
		return s->stream.broken ? s->stream.broken : session_refuse_file(s, m->id, fail_resume(r), &line, asked);
	}
	h->path = path;
	h->export = t.export;
	h->began_ns = asked;
	h->came = 0;
	h->fresh = (m->flags & STORE_FRESH) != 0;
	h->journal = journal_size(h);
	board_file(s->slot, BOARD_RECEIVING, export_shown(t.export), path, strlen(path), m->meta.size);
	board_resume(s->slot, h->resume.have);
	/* after it: what is gone on with here is locked by now, however old it is */
	session_sweep(s, dir);
	return answer_aside(s, m->id, h, gaps, count);
}

/* Waits for ranges that are still being written, and says so. */
static int wait_and_check(struct session *s, struct held_file *h)
{
	int r = -EWOULDBLOCK;

	for (int i = 0; i < COMMIT_TRIES && r == -EWOULDBLOCK && !s->stream.broken; i++) {
		r = resume_commit(&h->aside, &h->resume, COMMIT_TRY_MS);
		if (r == -EWOULDBLOCK)
			session_wait(s);
	}
	return r;
}

static int publish(struct held_file *h, const struct publish *how)
{
	CLEAN_FD int dir = fcntl(h->aside.dir, F_DUPFD_CLOEXEC, 0);
	char         name[ASIDE_NAME];
	int          r = dir < 0 ? -errno : 0;

	if (r < 0)
		return r;
	memcpy(name, h->aside.name, sizeof name);
	r = aside_publish(&h->aside, how);
	resume_drop(&h->resume, dir, name);     /* published or removed: nothing is left to go on with */
	return r;
}

/* It comes to nothing, as asked. What failed before is its reason. */
static int drop(struct session *s, uint32_t id, struct held_file *h)
{
	s->failed++;
	log_held(s, h, h->came, h->fail.status ? h->fail.status : ST_CHANGED);
	throw_away(s, h);
	return session_ok(s, id, NULL, 0);
}

/* Nothing was written: --bench measures, it publishes no file of zeros. */
static int measured(struct session *s, uint32_t id, struct held_file *h)
{
	log_held(s, h, h->came, ST_OK);
	throw_away(s, h);
	return session_ok(s, id, s->recv_only, 0);
}

int handle_commit(struct session *s, const union wire_body *b)
{
	const struct wire_commit *m = &b->commit;
	struct held_file         *h = find_held(s, m->run, m->path);

	if (!h)
		return session_refuse(s, m->id, fail_why(ST_CANNOT, WHY_NOT_HELD), "store", m->path);
	if (m->flags & STORE_DROP)
		return drop(s, m->id, h);
	if (s->recv_only && s->recv_only->id == ENGINE_NULL)
		return measured(s, m->id, h);
	struct publish       how = store_how(s, h->export, &m->meta, m->flags);
	struct extras        extras;
	const struct engine *used = h->engine;
	uint64_t             size = h->resume.size;
	int                  r = wait_and_check(s, h);
	how.extras = extras_to_set(s, m->ext, &extras);
	if (r == 0)
		r = publish(h, &how);
	struct fail f = r < 0 ? fail_resume(r) : (struct fail){ 0 };
	log_held(s, h, r < 0 ? h->came : size, f.status);
	let_go(s, h);
	if (r < 0)
		return session_refuse(s, m->id, f, "store", m->path);
	s->received.files++;
	return session_ok(s, m->id, used, extras_missed(how.extras));
}

/* --- a range ------------------------------------------------------------------------------------------------------- */

/* Bytes that came, and for the file's line what is known here of its ranges. */
static void count(struct session *s, const struct open_file *o, struct fail f)
{
	struct held_file *h = find_held(s, o->resume.run, wire_cstr(o->path ? o->path : ""));
	uint64_t          came = open_file_came(o);

	if (!o->in.used || o->in.used->id != ENGINE_NULL)
		s->received.bytes += came;
	s->received.engine = o->in.used ? o->in.used : s->received.engine;
	if (!h)
		return;
	h->came += came;
	h->engine = o->in.used ? o->in.used : h->engine;
	if (f.status)
		h->fail = f;
}

void range_lost(struct session *s, struct open_file *o)
{
	count(s, o, (struct fail){ 0 });
	at_rest(s);
	open_file_drop(o);
}

int range_over(struct session *s, struct open_file *o, struct fail f)
{
	struct wire_str      path = wire_cstr(o->path ? o->path : "");
	const struct engine *used = o->in.used;

	count(s, o, f);
	board_request(s->slot, (clock_ns() - o->began_ns) / 1000);
	at_rest(s);
	int r = f.status ? session_refuse(s, o->id, f, "store", path) : session_ok(s, o->id, used, 0);
	open_file_drop(o);
	return r;
}

static int join(struct session *s, struct open_file *o, const struct wire_range *m, struct target *t, struct fail *f)
{
	const char *last;
	int         dir = -1;

	if (session_target(s, m->path, false, t, f) == 0)
		dir = session_parent(s, t, &last, f);
	if (dir >= 0 && !t->export->raw)
		*f = engine_check(s->recv_only, CAN_RECV | CAN_SEAL);
	if (dir < 0 || f->status)
		return -1;
	int r = resume_join(&o->aside, &o->resume, dir, last, s->key, m->run);
	/* gone, or about to be: whoever commits or begins anew holds it */
	*f = fail_resume(r == -ENOENT || r == -EWOULDBLOCK ? -ESTALE : r);
	return r;
}

int handle_range(struct session *s, const union wire_body *b)
{
	const struct wire_range *m = &b->range;
	struct open_file        *o = open_file_find(s, 0);
	struct fail              f = fail_why(ST_CANNOT, WHY_TOO_MANY_OPEN);
	struct target            t;

	if (m->id == 0 || open_file_find(s, m->id))
		return -EPROTO;
	if (!o || join(s, o, m, &t, &f) < 0)
		return session_refuse(s, m->id, f, "store", m->path);
	if (m->length > o->resume.size || m->offset > o->resume.size - m->length) {
		resume_close(&o->resume);
		aside_keep(&o->aside);
		return -EPROTO;
	}
	o->id = m->id;
	o->range = o->begun = true;     /* its contents follow at once */
	o->raw = false;
	o->from = m->offset;
	o->began_ns = clock_ns();
	incoming_range(&o->in, m->id, o->aside.fd, o->resume.size, m->offset, m->length);
	open_file_ready(s, o, &t);
	o->in.resume = &o->resume;
	o->in.shared = true;
	return 0;
}
