/*
 * store.c - STORE: a small file whole; OPEN, segments and DONE: a large one. Into an aside file, then renamed.
 *
 * A file with a failure is answered with ERROR once and forgotten: its further segments are thrown away, its DONE is for nobody.
 */
#include <errno.h>
#include <string.h>
#include "zcpd/session.h"

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

static struct publish how(const struct session *s, const struct meta *meta, uint8_t flags)
{
	return (struct publish){
		.meta = *meta, .keep_mode = (flags & STORE_KEEP_MODE) != 0, .keep_times = (flags & STORE_KEEP_TIMES) != 0, .fsync = s->fsync,
	};
}

int handle_store(struct session *s, const union wire_body *b)
{
	const struct wire_store *m = &b->store;
	struct publish           publish = how(s, &m->meta, m->flags);
	struct target            t;
	struct fail              f;
	const char              *last;
	int                      dir = -1;

	if (session_target(s, m->path, false, &t, &f) == 0)
		dir = session_parent(s, &t, &last, &f);
	if (dir < 0)
		return session_refuse(s, m->id, f, "store", m->path);
	int r = aside_whole(dir, last, m->contents.p, m->contents.len, &publish);
	if (r == 0) {
		s->received.files++;
		s->received.bytes += m->contents.len;
	}
	return session_answer(s, m->id, r, "store", m->path);
}

static struct open_file *find(struct session *s, uint32_t id)
{
	for (size_t i = 0; i < WIRE_OPEN_MAX; i++)
		if (s->open[i].id == id)
			return &s->open[i];
	return NULL;
}

void open_file_drop(struct open_file *o)
{
	incoming_clear(&o->in);
	aside_drop(&o->aside);
	o->id = 0;
}

int handle_open(struct session *s, const union wire_body *b)
{
	const struct wire_open *m = &b->open;
	struct open_file       *o = find(s, 0);
	struct target           t;
	struct fail             f = fail_why(ST_CANNOT, WHY_TOO_MANY_OPEN);
	const char             *last;
	int                     dir = -1;

	if (m->meta.type != 'f' || m->id == 0 || find(s, m->id))
		return -EPROTO;
	if (o && session_target(s, m->path, false, &t, &f) == 0)
		dir = session_parent(s, &t, &last, &f);
	if (dir < 0)
		return session_refuse(s, m->id, f, "store", m->path);
	int r = aside_open(&o->aside, dir, last, m->meta.size);
	if (r < 0)
		return session_refuse(s, m->id, fail_destination(r), "store", m->path);

	o->id = m->id;
	o->publish = how(s, &m->meta, m->flags);
	incoming_init(&o->in, m->id, o->aside.fd, m->meta.size);
	o->in.allocated = o->aside.allocated;
	o->in.only = s->recv_only;
	/* contents follow an EAGER one at once: it has one answer, at its end */
	return m->flags & STORE_EAGER ? 0 : session_ok(s, m->id, NULL);
}

static int give_up(struct session *s, struct open_file *o, struct fail f)
{
	uint32_t        id = o->id;
	struct wire_str name = wire_cstr(o->aside.final);
	int             r = session_refuse(s, id, f, "store", name);

	open_file_drop(o);
	return r;
}

int handle_segment(struct session *s, const union wire_body *b)
{
	const struct wire_segment m = b->segment;
	struct open_file         *o = m.id ? find(s, m.id) : NULL;

	if (!o)
		return receive_discard(&s->stream, &m);
	int r = receive_segment(&s->stream, &o->in, &m);
	if (r < 0)
		return r;
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
	uint64_t             size = o->in.size;
	char                 name[sizeof o->aside.final];

	memcpy(name, o->aside.final, sizeof name);
	incoming_clear(&o->in);         /* before the close: direct I/O and mappings end here */
	o->id = 0;
	if (used && used->id == ENGINE_NULL) {
		/* nothing was written: --bench measures, it publishes no file of zeros */
		aside_drop(&o->aside);
		return session_ok(s, id, used);
	}
	int r = aside_publish(&o->aside, &o->publish);
	if (r < 0)
		return session_refuse(s, id, fail_destination(r), "store", wire_cstr(name));
	s->received.files++;
	s->received.bytes += size;
	s->received.engine = used ? used : s->received.engine;
	return session_ok(s, id, used);
}

int handle_done(struct session *s, const union wire_body *b)
{
	const struct wire_done m = b->done;
	struct open_file      *o = m.id ? find(s, m.id) : NULL;

	if (!o)
		return 0;
	if (m.flags & SENT_GIVEN_UP)
		return give_up(s, o, fail_why(ST_CHANGED, WHY_GIVEN_UP));
	if (m.flags & SENT_FAILED)
		return give_up(s, o, m.fail.status ? m.fail : fail_why(ST_FILE_IO, WHY_NONE));
	if ((m.flags | o->in.flags) & SENT_SHRANK)
		return give_up(s, o, fail_why(ST_CHANGED, WHY_SHRANK));
	if (o->in.next != o->in.size)
		return -EPROTO;         /* "done" without all of it */
	return o->in.bad_count ? ask_again(s, o) : publish(s, o);
}
