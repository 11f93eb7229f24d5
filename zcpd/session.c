/* session.c - the loop, the table of handlers, and what all handlers share. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/handshake.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/authorized.h"
#include "zcpd/session.h"

/* What has not come to its end never will. */
static void lose_files(struct session *s, unsigned status)
{
	for (size_t i = 0; i < WIRE_OPEN_MAX; i++)
		if (s->open[i].id)
			open_file_lost(s, &s->open[i], status);
	for (size_t i = 0; i < WIRE_OPEN_MAX; i++)
		if (s->held[i].path)
			held_file_lost(s, &s->held[i], status);
}

static int handle_bye(struct session *s, const union wire_body *b)
{
	(void)b;                        /* the client's times: it is the one who says something about them */
	s->ended = true;
	lose_files(s, ST_CHANGED);      /* before the client ends, so that whoever looks then finds nothing that is to go */
	int r = stream_bye(&s->stream);
	return r < 0 ? r : stream_flush(&s->stream, false);
}

enum { PLACES_MS = 100 };        /* who only writes sees the key files where they were so long ago: looking costs a small file a tenth more */

static int (*const handlers[WIRE_TYPES])(struct session *, const union wire_body *) = {
	[WIRE_SETUP] = handle_setup,   [WIRE_STAT] = handle_stat,       [WIRE_LIST] = handle_list,       [WIRE_NEXT] = handle_next,
	[WIRE_FETCH] = handle_fetch,   [WIRE_STORE] = handle_store,     [WIRE_OPEN] = handle_open,       [WIRE_MKDIR] = handle_mkdir,
	[WIRE_SYMLINK] = handle_symlink, [WIRE_SETMETA] = handle_setmeta, [WIRE_BYE] = handle_bye,       [WIRE_CANCEL] = handle_cancel,
	[WIRE_SEGMENT] = handle_segment, [WIRE_HOLE] = handle_hole,     [WIRE_DONE] = handle_done,
	[WIRE_LOOKS] = handle_looks,   [WIRE_HASH] = handle_hash,       [WIRE_REMOVE] = handle_remove,   [WIRE_LINK] = handle_link,
	[WIRE_USAGE] = handle_usage,
	[WIRE_OPEN_ASIDE] = handle_open_aside, [WIRE_RANGE] = handle_range, [WIRE_COMMIT] = handle_commit,
};

void session_init(struct session *s)
{
	memset(s, 0, sizeof *s);
	s->stream.sock = -1;
	path_cache_init(&s->read_from.cache);
	path_cache_init(&s->written_to.cache);
	s->transfers.fd = -1;
}

/* Which requests there are, where their id stands, and whether the time from here to the handler's return is their latency. */
static bool request(const struct record *rec, uint32_t *id, bool *timed)
{
	*id = 0;
	*timed = true;
	switch (rec->type) {
	case WIRE_STAT: case WIRE_LIST:
		*id = rec->body.look.id;
		return true;
	case WIRE_MKDIR: case WIRE_SETMETA:
		*id = rec->body.open.id;
		return true;
	case WIRE_SYMLINK:
		*id = rec->body.symlink.id;
		return true;
	case WIRE_NEXT:
		*id = rec->body.id.id;
		return true;
	case WIRE_COMMIT:
		*id = rec->body.commit.id;
		return true;
	case WIRE_LOOKS:
		*id = rec->body.looks.id;
		return true;
	case WIRE_HASH:
		*id = rec->body.hash.id;
		return true;
	case WIRE_REMOVE:
		*id = rec->body.remove.id;
		return true;
	case WIRE_LINK:
		*id = rec->body.link.id;
		return true;
	default:
		break;
	}
	*timed = false;
	switch (rec->type) {                    /* timed file by file, where their last answer is given */
	case WIRE_STORE:
		*id = rec->body.store.id;
		return true;
	case WIRE_OPEN:
		*id = rec->body.open.id;
		return true;
	case WIRE_OPEN_ASIDE:
		*id = rec->body.open_aside.id;
		return true;
	case WIRE_RANGE:
		*id = rec->body.range.id;
		return true;
	case WIRE_FETCH:
		*id = rec->body.fetch.first;
		return true;
	default:
		return rec->type == WIRE_SETUP;
	}
}

/* The key was taken away: this request is answered with that, and the stream ends. */
static int end_revoked(struct session *s, const struct record *rec, uint32_t id)
{
	struct fail     f = fail_why(ST_REFUSED, WHY_KEY_TAKEN);
	union wire_body e = { .end = { id, f, 0 } };
	struct wire_str none = { NULL, 0 };
	int             r;

	if (rec->type == WIRE_LIST || rec->type == WIRE_NEXT) {
		board_error(s->slot, f.status);
		r = stream_put(&s->stream, WIRE_END, &e, true);
	} else {
		r = session_refuse(s, id, f, "go on", none);
	}
	return session_end_revoked(s, r);
}

int session_end_revoked(struct session *s, int r)
{
	if (r == 0)
		r = stream_flush(&s->stream, false);
	return r < 0 ? r : -EKEYREVOKED;
}

/* Does it open files by their names, to read them or to tell of them? */
static bool opens(unsigned type)
{
	return type == WIRE_FETCH || type == WIRE_HASH || type == WIRE_STAT || type == WIRE_LIST || type == WIRE_NEXT || type == WIRE_LOOKS;
}

static int handle(struct session *s, const struct record *rec)
{
	uint32_t id;
	bool     timed, asks = request(rec, &id, &timed);

	if (rec->type >= WIRE_TYPES || !handlers[rec->type])
		return -EPROTO;
	if (asks && s->slot && board_revoked(s->slot))
		return end_revoked(s, rec, id);
	if (asks) {
		s->shown = NULL;
		mask_find_places(s->mask, opens(rec->type) ? 0 : PLACES_MS);
	}
	struct stages_mark m = stages_begin(&s->stream.stages);
	int                r = handlers[rec->type](s, &rec->body);
	uint64_t           took = stages_end(&s->stream.stages, STAGE_DISK, &m);
	if (timed && s->slot)
		board_request(s->slot, took / 1000);
	return r;
}

/* A held file is none: who waits for its other streams says so (WAIT). */
static bool any_open(const struct session *s)
{
	for (size_t i = 0; i < WIRE_OPEN_MAX; i++)
		if (s->open[i].id)
			return true;
	return false;
}

int session_run(struct session *s)
{
	struct record rec;
	int           r = 0;

	while (r == 0 && !s->ended) {
		s->stream.idle_ms = any_open(s) ? 0 : s->idle_ms;
		/* sends what has been answered whenever nothing complete waits to be read */
		r = stream_get(&s->stream, &rec);
		if (r == 0)
			r = handle(s, &rec);
	}
	return r;
}

void session_moved(struct session *s, struct transfer_line *l, uint64_t began_ns)
{
	l->took_us = (clock_ns() - began_ns) / 1000;
	board_request(s->slot, l->took_us);
	if (l->status == ST_OK) {
		board_done(s->slot, l->way, l->engine, l->bytes);
		board_carried(s->slot, !l->raw);
	} else {
		board_state(s->slot, BOARD_IDLE);
	}
	transfers_add(&s->transfers, l);
}

int session_refuse_file(struct session *s, uint32_t id, struct fail f, struct transfer_line *l, uint64_t began_ns)
{
	l->status = f.status;
	session_moved(s, l, began_ns);
	return session_refuse(s, id, f, l->way == BOARD_SENT ? "send" : "store", l->path);
}

void session_clear(struct session *s, int r)
{
	unsigned status = r == -EKEYREVOKED ? ST_REFUSED : r < 0 ? status_of_stream(r) : ST_CHANGED;

	lose_files(s, status);
	parts_end(s, ST_OK);
	listing_end(&s->listing);
	path_cache_drop(&s->read_from.cache);
	path_cache_drop(&s->written_to.cache);
	free(s->ext);
	s->ext = NULL;
}

static struct fail check_engines(const struct session *s)
{
	bool        raw = s->stream.carry == CARRY_RAW;
	unsigned    seal = raw ? 0 : CAN_SEAL;
	unsigned    mac = raw && s->stream.integrity == INTEGRITY_MAC ? CAN_MAC_RECV : 0;
	struct fail f = engine_check(s->send_only, CAN_SEND | seal);

	return f.status ? f : engine_check(s->recv_only, CAN_RECV | seal | mac);
}

int handle_setup(struct session *s, const union wire_body *b)
{
	const struct wire_setup *m = &b->setup;
	struct wire_str          none = { NULL, 0 };
	char                     cc[16] = "";

	if (s->set_up)
		return -EPROTO;
	int r = extras_begin(s, m->flags);
	if (r < 0)
		return r;
	s->set_up = true;
	s->send_only = engine_by_id(m->send_engine);
	s->recv_only = engine_by_id(m->recv_engine);
	s->fsync = (m->flags & SETUP_FSYNC) != 0;
	memcpy(cc, m->cc.p ? m->cc.p : (const uint8_t *)"", m->cc.len);

	struct fail f = check_engines(s);
	if ((m->send_engine && !s->send_only) || (m->recv_engine && !s->recv_only))
		f = fail_why(ST_CANNOT, WHY_ENGINE_SIDE);
	if (!f.status && cc[0] && net_cc(s->stream.sock, cc) < 0)
		f = fail_why(ST_CANNOT, WHY_CC);
	if (!f.status && (m->flags & SETUP_PLAIN) && s->stream.carry != CARRY_RAW)
		f = fail_why(ST_CANNOT, WHY_PLAIN_REFUSED);
	if (!f.status && (m->flags & SETUP_NO_TAGS) && s->stream.integrity != INTEGRITY_NONE)
		f = fail_why(ST_CANNOT, WHY_NONE_REFUSED);
	return f.status ? session_refuse(s, 0, f, "set up", none) : session_ok(s, 0, NULL, 0);
}

int session_reply(struct session *s, unsigned type, const union wire_body *b)
{
	int r = stream_put(&s->stream, type, b, false);

	/* a client within its budget leaves room always; one that is not may block itself, until the stall timeout */
	return r == -EAGAIN ? stream_put(&s->stream, type, b, true) : r;
}

void session_wait(struct session *s)
{
	const union wire_body none = { .id = { 0 } };

	if (stream_put(&s->stream, WIRE_WAIT, &none, false) == 0)
		stream_try_flush(&s->stream);
}

int session_ok(struct session *s, uint32_t id, const struct engine *engine, uint8_t flags)
{
	union wire_body b = { .ok = { .id = id, .engine = engine ? engine->id : 0, .flags = flags } };

	return session_reply(s, WIRE_OK, &b);
}

/* What an administrator would have to change: one line for the stream, however much more is refused for it. */
static void say_forbidden(struct session *s, struct fail f, struct wire_str path)
{
	char          words[256], shown[1024], name[4 * BOARD_EXPORT], key[2 * AUTHORIZED_NAME_MAX], number[8];
	bool          storing = f.why == WHY_READ_ONLY || f.why == WHY_KEY_READS;
	struct target t;
	struct fail   none;

	if (s->said_no || !(storing || f.why == WHY_PLAIN_REFUSED || f.why == WHY_NONE_REFUSED))
		return;
	s->said_no = true;
	snprintf(number, sizeof number, "%u", f.status);
	const struct journal_field fields[] = {
		{ "ZCP_PEER", s->transfers.peer }, { "ZCP_KEY", vis_str(key, sizeof key, s->transfers.key) }, { "ZCP_STATUS", number },
	};
	fail_words(f, words, sizeof words);
	if (!storing) {
		log_event(LOG_LEVEL_INFO, fields, sizeof fields / sizeof *fields, "%s: refused: %s", s->who, words);
		return;
	}
	bool there = session_target(s, path, true, &t, &none) == 0;
	log_event(LOG_LEVEL_INFO, fields, sizeof fields / sizeof *fields, "%s: may not store in export \"%s\": \"%s\": %s", s->who,
	          vis_str(name, sizeof name, export_shown(there ? t.export : NULL)), vis(shown, sizeof shown, path.len ? path.p : (const uint8_t *)"", path.len),
	          words);
}

int session_refuse(struct session *s, uint32_t id, struct fail f, const char *what, struct wire_str path)
{
	say_forbidden(s, f, path);
	s->failed++;
	board_error(s->slot, f.status);
	return session_error(s, id, f, what, path);
}

int session_error(struct session *s, uint32_t id, struct fail f, const char *what, struct wire_str path)
{
	union wire_body b = { .error = { id, f } };
	char            words[256], shown[1024];

	log_debug("%s: cannot %s \"%s\": %s", s->who, what, vis(shown, sizeof shown, path.len ? path.p : (const uint8_t *)"", path.len),
	          fail_words(f, words, sizeof words));
	return session_reply(s, WIRE_ERROR, &b);
}

int session_answer(struct session *s, uint32_t id, int r, const char *what, struct wire_str path)
{
	return r < 0 ? session_refuse(s, id, fail_destination(r), what, path) : session_ok(s, id, NULL, 0);
}

static struct fail fail_path(int r)
{
	if (r == -EINVAL)
		return fail_why(ST_MISSING, WHY_NAME);
	return r == -ENAMETOOLONG ? fail_why(ST_MISSING, WHY_TOO_LONG) : fail_errno(r);
}

int session_target(const struct session *s, struct wire_str path, bool allow_empty, struct target *t, struct fail *f)
{
	int r = path_check(path, allow_empty, t->path);

	t->export = NULL;
	*f = fail_path(r);
	if (r < 0)
		return -1;
	t->export = export_find(s->exports, t->path, &t->rest);
	if (t->export)
		return 0;
	*f = fail_errno(ENOENT);
	return -1;
}

/* Checked paths have no "..": only a link can have led out. */
static struct fail fail_open(int r)
{
	struct fail f = fail_errno(r);

	if (f.why == WHY_OUTSIDE)
		f.why = WHY_LINK_OUTSIDE;
	return f;
}

/* fd, -errno; -ENOENT: hidden */
static int judged(struct session *s, struct seen_dir *d, const struct target *t, int way, const char **last)
{
	struct stat st = { 0 };
	int         dir = path_cache_parent(&d->cache, t->export->dir, t->rest, way, last);

	if (dir < 0)
		return dir;
	if (d->opened != d->cache.opened || d->of != t->export) {
		d->hidden = fstat(dir, &st) < 0 || mask_hides_stat(s->mask, &st) || mask_lies_within(s->mask, dir) || export_strayed(s->exports, t->export, dir);
		d->id = (struct mask_id){ st.st_dev, st.st_ino };
		d->opened = d->cache.opened;
		d->of = t->export;
	}
	return d->hidden ? -ENOENT : dir;
}

int session_directory(struct session *s, const struct target *t, const char **last, struct fail *f)
{
	int dir = judged(s, &s->read_from, t, PATH_READ, last);

	*f = fail_errno(dir < 0 ? dir : 0);
	return dir < 0 ? -1 : dir;
}

int session_seen(struct session *s, const struct target *t, const char **last)
{
	const struct seen_dir *d = &s->read_from;
	const char            *slash = strrchr(t->rest, '/');
	size_t                 len = slash ? (size_t)(slash - t->rest) : 0;

	if (!*t->rest || d->cache.fd < 0 || d->of != t->export || strncmp(d->cache.dir, t->rest, len) != 0 || d->cache.dir[len])
		return -1;
	*last = slash ? slash + 1 : t->rest;
	return d->hidden ? -1 : d->cache.fd;
}

/* Of what was opened: masked itself, or what it lies in; links may have led there, and others than when the directory was judged. */
static bool hidden(struct session *s, const struct target *t, bool follow, int fd, const struct stat *st)
{
	const char *slash = strrchr(t->rest, '/'), *last;
	bool        own = follow ? mask_hides_stat(s->mask, st) : mask_hides_named(s->mask, st, slash ? slash + 1 : t->rest);

	return own || mask_lies_within(s->mask, fd) || (*t->rest && judged(s, &s->read_from, t, PATH_READ, &last) < 0) || export_strayed(s->exports, t->export, fd);
}

int session_open(struct session *s, const struct target *t, int flags, bool follow, struct stat *st, struct fail *f)
{
	int fd = path_open(t->export->dir, t->rest, flags, follow);

	if (fd < 0) {
		*f = fail_open(fd);
		return -1;
	}
	if (fstat(fd, st) < 0)
		*f = fail_errno(errno);
	else if (hidden(s, t, follow, fd, st))
		*f = fail_errno(ENOENT);
	else
		return fd;
	close(fd);
	return -1;
}

int session_parent(struct session *s, const struct target *t, const char **last, struct fail *f)
{
	struct stat st;

	if (!t->export->writable) {
		*f = fail_why(ST_CANNOT, t->export->from && t->export->from->writable ? WHY_KEY_READS : WHY_READ_ONLY);
		return -1;
	}
	int dir = judged(s, &s->written_to, t, PATH_WRITE, last);
	if (dir < 0)
		*f = fail_open(dir);
	else if (mask_hides_place(s->mask, &s->written_to.id, *last) || (fstatat(dir, *last, &st, AT_SYMLINK_NOFOLLOW) == 0 && mask_hides_stat(s->mask, &st)))
		*f = fail_errno(ENOENT);
	else
		return dir;
	return -1;
}
