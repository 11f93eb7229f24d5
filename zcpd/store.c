/*
 * store.c - STORE: a small file whole; OPEN, segments and DONE: a large one. Into an aside file, then renamed.
 *
 * A file with a failure is answered with ERROR once and forgotten: its further segments are thrown away, its DONE is for nobody.
 * A RANGE is such a file, too, until it is over (ranges.c).
 * What the export asks for (max-bytes, fsync, a rate, sealed contents) counts whatever the client wishes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zcpd/session.h"
#include "common/clock.h"

enum { RESENDS = 2 };           /* how often one chunk may be asked for again */

struct fail fail_destination(int r)
{
	switch (r) {
	case -EEXIST: case -EISDIR:
		return fail_why(ST_IN_THE_WAY, WHY_IN_THE_WAY);
	case -EINVAL:
		return fail_why(ST_MISSING, WHY_NAME);
	default:
		return fail_errno(r);
	}
}

struct publish store_how(const struct session *s, const struct export *e, const struct meta *meta, uint8_t flags)
{
	return (struct publish){
		.meta = *meta, .keep_mode = (flags & STORE_KEEP_MODE) != 0, .keep_times = (flags & STORE_KEEP_TIMES) != 0, .fsync = s->fsync || e->fsync,
	};
}

int store_destination(struct session *s, struct transfer_line *line, uint64_t size, struct target *t, const char **last, struct fail *f)
{
	if (session_target(s, line->path, false, t, f) < 0)
		return -1;
	line->export = t->export;
	int dir = session_parent(s, t, last, f);
	if (dir >= 0 && t->export->max_bytes && size > t->export->max_bytes) {
		*f = fail_why(ST_NO_SPACE, WHY_MAX_BYTES);
		return -1;
	}
	return dir;
}

int handle_store(struct session *s, const union wire_body *b)
{
	const struct wire_store *m = &b->store;
	struct transfer_line     line = { .way = BOARD_RECEIVED, .path = m->path };
	uint64_t                 began = clock_ns();
	struct target            t;
	struct fail              f;
	const char              *last;
	int                      dir = store_destination(s, &line, m->contents.len, &t, &last, &f);

	if (dir < 0)
		return session_refuse_file(s, m->id, f, &line, began);
	struct publish publish = store_how(s, t.export, &m->meta, m->flags);
	struct extras  extras;
	publish.extras = extras_to_set(s, m->ext, &extras);
	stream_owe(&s->stream, throttle_book(t.export->rate, m->contents.len));
	stream_settle(&s->stream);
	int r = aside_whole(dir, last, m->contents.p, m->contents.len, &publish);
	if (r < 0)
		return session_refuse_file(s, m->id, fail_destination(r), &line, began);
	s->received.files++;
	s->received.bytes += m->contents.len;
	line.bytes = m->contents.len;
	session_moved(s, &line, began);
	return session_ok(s, m->id, NULL, extras_missed(publish.extras));
}

struct open_file *open_file_find(struct session *s, uint32_t id)
{
	for (size_t i = 0; i < WIRE_OPEN_MAX; i++)
		if (s->open[i].id == id)
			return &s->open[i];
	return NULL;
}

void open_file_drop(struct open_file *o)
{
	incoming_clear(&o->in);
	if (o->range) {                 /* both files are its holder's */
		resume_close(&o->resume);
		aside_keep(&o->aside);
	} else {
		aside_drop(&o->aside);
	}
	free(o->path);
	ext_drop(&o->ext);
	o->path = NULL;
	o->id = 0;
}

/* Of a segment that was cut, too; of holes nothing. */
uint64_t open_file_came(const struct open_file *o)
{
	uint64_t at = !o->in.range && o->in.transfer.off > o->in.next ? o->in.transfer.off : o->in.next;

	return at - o->from - o->in.holes;
}

/* When its turn came; it may not have come at all. */
static uint64_t began(const struct open_file *o)
{
	return o->begun ? o->began_ns : clock_ns();
}

static struct transfer_line line_of(const struct open_file *o, unsigned status)
{
	return (struct transfer_line){
		.way = BOARD_RECEIVED, .export = o->export, .path = wire_cstr(o->path ? o->path : ""), .bytes = open_file_came(o), .engine = o->in.used,
		.raw = o->raw, .status = status,
	};
}

/* What came of a file that will not be stored: it did move. */
static void count_part(struct session *s, const struct transfer_line *line)
{
	if (line->engine && line->engine->id == ENGINE_NULL)
		return;
	s->received.bytes += line->bytes;
	s->received.engine = line->engine ? line->engine : s->received.engine;
}

void open_file_lost(struct session *s, struct open_file *o, unsigned status)
{
	struct transfer_line line = line_of(o, status);

	s->failed++;
	if (o->range) {
		range_lost(s, o);
		return;
	}
	count_part(s, &line);
	session_moved(s, &line, began(o));
	open_file_drop(o);
}

/* Within a segment, too: one may take half a second, and more where a rate holds. */
static void coming(void *arg, const struct engine *e, uint64_t off)
{
	board_moved(arg, e, off);
}

void open_file_ready(struct session *s, struct open_file *o, const struct target *t)
{
	o->export = t->export;
	o->path = strdup(t->path);
	o->in.allocated = o->aside.allocated;
	o->in.only = s->recv_only;
	o->in.rate = t->export->rate;
	o->in.moved = coming;
	o->in.moved_arg = s->slot;
}

/* What is set at the end came at the beginning. */
static int keep_extras(const struct session *s, struct open_file *o, struct wire_str ext)
{
	o->publish.extras = extras_to_set(s, ext, &o->extras);
	int r = o->publish.extras ? ext_keep(&o->ext, ext) : 0;
	o->extras.ext = ext_kept(&o->ext);
	return r;
}

int handle_open(struct session *s, const union wire_body *b)
{
	const struct wire_open *m = &b->open;
	struct open_file       *o = open_file_find(s, 0);
	struct transfer_line    line = { .way = BOARD_RECEIVED, .path = m->path };
	uint64_t                asked = clock_ns();
	struct target           t;
	struct fail             f = fail_why(ST_CANNOT, WHY_TOO_MANY_OPEN);
	const char             *last;
	int                     dir = -1;

	if (m->meta.type != 'f' || m->id == 0 || open_file_find(s, m->id))
		return -EPROTO;
	if (o)
		dir = store_destination(s, &line, m->meta.size, &t, &last, &f);
	if (dir >= 0 && !t.export->raw)
		f = engine_check(s->recv_only, CAN_RECV | CAN_SEAL);
	if (dir < 0 || f.status)
		return session_refuse_file(s, m->id, f, &line, asked);
	int r = aside_open(&o->aside, dir, last, m->flags & STORE_SPARSE ? 0 : m->meta.size);
	if (r < 0)
		return session_refuse_file(s, m->id, fail_destination(r), &line, asked);

	o->publish = store_how(s, t.export, &m->meta, m->flags);
	r = keep_extras(s, o, m->ext);
	if (r < 0) {
		aside_drop(&o->aside);
		return session_refuse_file(s, m->id, fail_errno(r), &line, asked);
	}
	o->id = m->id;
	o->from = 0;
	o->begun = o->raw = o->range = false;
	incoming_init(&o->in, m->id, o->aside.fd, m->meta.size);
	open_file_ready(s, o, &t);
	/* contents follow an EAGER one at once: it has one answer, at its end */
	return m->flags & STORE_EAGER ? 0 : session_ok(s, m->id, NULL, 0);
}

static int give_up(struct session *s, struct open_file *o, struct fail f)
{
	struct transfer_line line = line_of(o, f.status);

	if (o->range)
		return range_over(s, o, f);
	count_part(s, &line);
	int r = session_refuse_file(s, o->id, f, &line, began(o));

	open_file_drop(o);
	return r;
}

/* The board shows the file whose contents come, and counts on from what it has of it. */
static void show(struct session *s, const struct open_file *o)
{
	if (s->shown == o)
		return;
	board_file(s->slot, BOARD_RECEIVING, export_shown(o->export), o->path ? o->path : "", o->path ? strlen(o->path) : 0, o->in.size);
	board_resume(s->slot, o->in.next);
	s->shown = o;
}

/* Its turn. Until now it waited for those that were opened before it; a key that was taken away meanwhile begins no other. */
static int begin(struct session *s, struct open_file *o)
{
	if (o->begun)
		return 0;
	if (s->slot && board_revoked(s->slot))
		return session_end_revoked(s, give_up(s, o, fail_why(ST_REFUSED, WHY_KEY_TAKEN)));
	o->begun = true;
	o->began_ns = clock_ns();
	return 0;
}

int handle_segment(struct session *s, const union wire_body *b)
{
	const struct wire_segment m = b->segment;
	struct open_file         *o = m.id ? open_file_find(s, m.id) : NULL;

	if (!o)
		return receive_discard(&s->stream, &m);
	if (m.carry == CARRY_RAW && !o->export->raw)
		return -EPROTO;         /* raw was granted, but not for this export */
	int r = begin(s, o);
	if (r < 0)
		return r;
	show(s, o);
	o->raw |= m.carry == CARRY_RAW;
	s->raw |= m.carry == CARRY_RAW;
	board_carried(s->slot, m.carry != CARRY_RAW);
	r = receive_segment(&s->stream, &o->in, &m);
	if (r < 0)
		return r;
	if (!o->in.range)
		board_moved(s->slot, o->in.used, o->in.next);
	return o->in.fail.status ? give_up(s, o, o->in.fail) : 0;
}

int handle_hole(struct session *s, const union wire_body *b)
{
	const struct wire_hole m = b->hole;
	struct open_file      *o = m.id ? open_file_find(s, m.id) : NULL;

	if (!o)
		return 0;               /* of a file that was refused */
	int r = begin(s, o);
	if (r < 0)
		return r;
	show(s, o);
	r = receive_hole(&s->stream, &o->in, &m);
	if (r < 0)
		return r;
	board_resume(s->slot, o->in.next);
	return o->in.fail.status ? give_up(s, o, o->in.fail) : 0;
}

/* The first damaged chunk is asked for again, sealed. */
static int ask_again(struct session *s, struct open_file *o)
{
	struct bad_chunk *bad = &o->in.bad[0];
	union wire_body   b = { .resend = { o->id, bad->off, bad->len } };

	if (bad->tries++ >= RESENDS)
		return give_up(s, o, fail_why(ST_INTEGRITY, WHY_INTEGRITY));
	o->in.range = true;
	return session_reply(s, WIRE_RESEND, &b);
}

static int publish(struct session *s, struct open_file *o)
{
	uint32_t             id = o->id;
	const struct engine *used = o->in.used;
	struct transfer_line line = line_of(o, ST_OK);
	int                  r = 0;

	show(s, o);
	if (o->range)                   /* what could not be noted has to come again */
		return range_over(s, o, fail_errno(o->in.note_error));
	incoming_clear(&o->in);         /* before the close: direct I/O and mappings end here */
	if (used && used->id == ENGINE_NULL)
		aside_drop(&o->aside);  /* nothing was written: --bench measures, it publishes no file of zeros */
	else
		r = aside_publish(&o->aside, &o->publish);
	if (r < 0) {
		r = session_refuse_file(s, id, fail_destination(r), &line, o->began_ns);
	} else {
		session_moved(s, &line, o->began_ns);
		s->received.files += used ? used->id != ENGINE_NULL : 1;
		s->received.bytes += used && used->id == ENGINE_NULL ? 0 : line.bytes;
		s->received.engine = used ? used : s->received.engine;
		r = session_ok(s, id, used, extras_missed(o->publish.extras));
	}
	open_file_drop(o);
	return r;
}

int handle_done(struct session *s, const union wire_body *b)
{
	const struct wire_done m = b->done;
	struct open_file      *o = m.id ? open_file_find(s, m.id) : NULL;

	if (!o)
		return 0;
	int r = begin(s, o);
	if (r < 0)
		return r;
	if (m.flags & SENT_GIVEN_UP)
		return give_up(s, o, fail_why(ST_CHANGED, WHY_GIVEN_UP));
	if (m.flags & SENT_FAILED)
		return give_up(s, o, m.fail.status ? m.fail : fail_why(ST_FILE_IO, WHY_NONE));
	if ((m.flags | o->in.flags) & SENT_SHRANK)
		return give_up(s, o, fail_why(ST_CHANGED, WHY_SHRANK));
	if (o->in.next != o->in.until)
		return -EPROTO;         /* "done" without all of it */
	return o->in.bad_count ? ask_again(s, o) : publish(s, o);
}
