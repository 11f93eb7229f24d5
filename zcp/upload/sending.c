/* sending.c - one file of an upload: whole in its record, or opened and sent in segments; large ones and their ranges are held.h's */
#include "zcp/upload/uploader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/holes.h"

enum { WHOLE_TRIES = 2, LOOK_EVERY = 16 /* files */ };

uint8_t store_flags(const struct uploader *x)
{
	const struct job *j = x->u->job;

	return (uint8_t)((job_keeps_modes(j) ? STORE_KEEP_MODE : 0) | (j->opt->keep_meta ? STORE_KEEP_TIMES : 0));
}

int source_extras(struct uploader *x, int fd, bool directory, struct wire_str *ext, struct fail *f)
{
	unsigned kinds = x->u->job->extras;
	size_t   used = 0;

	*ext = (struct wire_str){ NULL, 0 };
	if (!kinds)
		return 0;
	if (!x->ext)
		x->ext = malloc(WIRE_EXT_MAX);
	int r = x->ext ? extras_read(fd, directory, kinds, x->ext, &used) : -ENOMEM;
	*f = r == -EMSGSIZE ? fail_why(ST_FILE_IO, WHY_EXTRAS_MANY) : fail_errno(r);
	*ext = (struct wire_str){ x->ext, used };
	return r < 0 ? -1 : 0;
}

uint32_t cost_of(unsigned type)
{
	return wire_row(type)->reply_max;
}

void slot_free(struct uploader *x, struct slot *s)
{
	if (s->state != SLOT_FREE)
		x->cost -= cost_of(WIRE_OPEN);
	close_fd(&s->fd);
	*s = (struct slot){ .fd = -1 };
}

void slot_over(struct uploader *x, struct slot *s, struct fail f)
{
	if (s->errand.large)
		piece_over(x->u, s->errand.large, s->counted, f);
	else
		errand_failed(x->u, &s->errand, f);
	slot_free(x, s);
}

/* --- whole ---------------------------------------------------------------------------------------------------------- */

/* A file as it is read: its contents go to p behind the head, whose length its extras decide. */
struct whole { int fd; struct stat st; struct wire_str ext; uint8_t flags; struct fail fail; };

/* Bytes; -1: fail says why. st is of the read that was right. */
static ssize_t read_whole(struct uploader *x, struct whole *w, size_t path_len, uint8_t *p)
{
	for (int i = 0; i < WHOLE_TRIES; i++) {
		if (source_extras(x, w->fd, false, &w->ext, &w->fail) < 0)
			return -1;
		ssize_t n = send_inline(w->fd, &w->st, p + wire_store_head(path_len, w->ext.len), &w->flags);
		if (n >= 0 && !(w->flags & SENT_SHRANK))
			return n;
		w->fail = fail_errno(n < 0 ? (int)n : fstat(w->fd, &w->st) < 0 ? errno : 0);
		if (w->fail.status)
			return -1;
		if (w->st.st_size > WIRE_INLINE_MAX)
			break;
	}
	w->fail = fail_why(ST_CHANGED, WHY_SHRANK);
	return -1;
}

/* Bytes that are in the buffer count for the rate; where they have to wait, they do not wait there. */
static int pay(struct uploader *x, size_t n)
{
	struct stream *s = &x->w->stream;

	if (!throttle_rate(x->sender.rate))
		return 0;
	int r = stream_flush(s, false);
	stream_wait_rate(s, x->sender.rate, n);
	return r;
}

static int store_whole(struct uploader *x, struct errand *e, int fd, const struct stat *now, const char *path)
{
	struct stream *s = &x->w->stream;
	struct whole   w = { .fd = fd, .st = *now };
	size_t         len = strlen(path), most = wire_store_head(len, x->u->job->extras ? WIRE_EXT_MAX : 0) + WIRE_INLINE_MAX;
	uint8_t       *p = NULL;
	int            r = answers_room(x, cost_of(WIRE_STORE));

	if (r == 0)
		r = stream_body(s, most, &p, true);
	if (r < 0)
		return r;
	ssize_t n = read_whole(x, &w, len, p);
	if (n < 0) {
		errand_failed(x->u, e, w.fail);
		return 0;
	}
	union wire_body b = { .store = { .id = worker_id(x->w), .flags = store_flags(x), .meta = meta_from_stat(&w.st), .path = wire_cstr(path), .ext = w.ext,
	                                 .contents = { p + wire_store_head(len, w.ext.len), (size_t)n } } };
	b.store.meta.size = (uint64_t)n;
	ssize_t bytes = wire_encode(WIRE_STORE, &b, p, most);
	r = bytes < 0 ? (int)bytes : stream_body_done(s, WIRE_STORE, (size_t)bytes);
	if (r < 0)
		return r;
	struct due d = { .id = b.store.id, .cost = cost_of(WIRE_STORE), .kind = DUE_FILE, .flags = w.flags, .bytes = (uint64_t)n, .errand = *e };
	d.errand.meta = meta_from_stat(&w.st);
	*e = (struct errand){ 0 };
	r = due_add(x, &d);
	progress_moved(&x->u->job->progress, (uint64_t)n);
	return r == 0 ? pay(x, (size_t)n) : r;
}

/* --- segments ------------------------------------------------------------------------------------------------------- */

static struct slot *free_slot(struct uploader *x)
{
	for (int i = 0; i < OPEN_MOST; i++)
		if (x->slots[i].state == SLOT_FREE)
			return &x->slots[i];
	return NULL;
}

/* Contents of a file whose turn it is: all of them, or the chunk that was asked for again, sealed. */
static int send_slot(struct uploader *x, struct slot *s, const char *path)
{
	struct sender sender = x->sender;
	struct sent   sent;
	bool          again = s->state == SLOT_RESEND;
	struct fail   none;             /* what forbids it was looked for before OPEN */

	sender.sealed = worker_sealed(x->w, path, &none) || again;
	if (again && sender.only && !(sender.only->can & CAN_SEAL))
		sender.only = NULL;
	sender.holes = s->sparse && !again;
	if (again)
		sender.moved = NULL;
	else
		worker_carried(x->w, sender.sealed ? CARRY_SEALED : CARRY_RAW);
	s->state = SLOT_SENDING;
	progress_name(&x->u->job->progress, path);
	int r = send_contents(&sender, s->id, s->fd, &s->st, again ? s->off : s->from, again ? s->len : s->size, &sent);
	s->counted += again ? 0 : sent.bytes + sent.holes;
	if (r < 0)
		return r;
	s->flags = (uint8_t)(sent.flags | (again ? s->flags & SENT_GREW : 0));
	worker_moved_by(x->w, sent.engine ? sent.engine->id : 0, 0);
	if (s->answered) {
		slot_over(x, s, s->fail);
		return 0;
	}
	if (sent.flags & SENT_FAILED)
		s->fail = sent.fail;
	s->state = SLOT_SENT;
	return 0;
}

/* OPEN; the contents of a small one follow at once, those of a larger one its OK. */
static int ask_open(struct uploader *x, struct slot *s, const char *path)
{
	bool            eager = s->st.st_size <= WIRE_EAGER_MAX, holes = holes_in(s->fd, &s->st);
	union wire_body b = { .open = { .id = s->id, .flags = (uint8_t)(store_flags(x) | (eager ? STORE_EAGER : 0) | (holes ? STORE_SPARSE : 0)),
	                                .meta = meta_from_stat(&s->st), .path = wire_cstr(path) } };
	struct fail     f;

	if (source_extras(x, s->fd, false, &b.open.ext, &f) < 0) {
		slot_over(x, s, f);
		return 0;
	}
	int r = stream_put(&x->w->stream, WIRE_OPEN, &b, true);
	s->state = SLOT_ASKED;
	s->sparse = holes;
	s->from = 0;
	s->size = (uint64_t)s->st.st_size;
	return r == 0 && eager ? send_slot(x, s, path) : r;
}

/* One that is free, and the budget for its answer. NULL: *r says why */
static struct slot *slot_take(struct uploader *x, struct errand *e, int fd, const struct stat *st, int *r)
{
	struct slot *s = free_slot(x);

	for (*r = 0; *r >= 0 && !s && !job_stopped(x->u->job); s = free_slot(x)) {
		*r = send_ready(x);
		if (*r >= 0 && !free_slot(x))
			*r = answer_wait(x);
	}
	if (*r >= 0)
		*r = s ? answers_room(x, cost_of(WIRE_OPEN)) : -EINTR;
	if (*r < 0)
		return NULL;
	*s = (struct slot){ .state = SLOT_ASKED, .id = worker_id(x->w), .fd = fd, .st = *st, .errand = *e };
	x->cost += cost_of(WIRE_OPEN);
	*e = (struct errand){ 0 };
	return s;
}

static int open_file(struct uploader *x, struct errand *e, int fd, const struct stat *st, const char *path)
{
	int          r;
	struct slot *s = slot_take(x, e, fd, st, &r);

	if (s)
		return ask_open(x, s, path);
	close(fd);
	return r;
}

int send_range(struct uploader *x, struct errand *e, int fd, const struct large *l)
{
	int          r;
	struct slot *s = slot_take(x, e, fd, &l->st, &r);

	if (!s) {
		close(fd);
		return r;
	}
	union wire_body b = { .range = { .id = s->id, .offset = s->errand.off, .length = s->errand.len, .path = wire_cstr(l->path) } };
	memcpy(b.range.run, l->run, WIRE_RUN);
	s->sparse = l->sparse;
	s->from = s->errand.off;
	s->size = s->errand.len;
	r = stream_put(&x->w->stream, WIRE_RANGE, &b, true);
	return r == 0 ? send_slot(x, s, l->path) : r;
}

/* Its source changed while it was sent: from the start, with what it is now. */
static int open_again(struct uploader *x, struct slot *s, const char *path)
{
	progress_back(&x->u->job->progress, s->counted);
	s->counted = 0;
	s->flags = 0;
	s->id = worker_id(x->w);
	if (fstat(s->fd, &s->st) == 0)
		return ask_open(x, s, path);
	slot_over(x, s, fail_errno(errno));
	return 0;
}

static int send_turn(struct uploader *x, struct slot *s)
{
	char        path[WIRE_PATH_MAX + 1];
	const char *at = s->errand.large ? s->errand.large->path : path;

	if (!s->errand.large)
		errand_path(x->u, &s->errand, path);    /* it fitted when it was opened */
	return s->state == SLOT_AGAIN ? open_again(x, s, at) : send_slot(x, s, at);
}

int send_ready(struct uploader *x)
{
	int r = 0, sent = 0;

	for (int i = 0; r == 0 && i < OPEN_MOST; i++) {
		struct slot *s = &x->slots[i];
		if (s->state != SLOT_READY && s->state != SLOT_RESEND && s->state != SLOT_AGAIN)
			continue;
		r = send_turn(x, s);
		sent = 1;
	}
	return r < 0 ? r : sent;
}

/* --- an errand ------------------------------------------------------------------------------------------------------ */

int send_opened(struct uploader *x, struct errand *e, int fd, const struct stat *st, const char *path)
{
	const struct options *o = x->u->job->opt;
	bool                  whole = st->st_size == 0 || (st->st_size <= WIRE_INLINE_MAX && !o->send);
	struct fail           f;
	int                   r = 0;

	if (!whole && worker_sealed(x->w, path, &f) && f.status) {
		close(fd);
		errand_failed(x->u, e, f);
	} else if (whole) {
		progress_name(&x->u->job->progress, path);
		r = store_whole(x, e, fd, st, path);
		close(fd);
	} else if (st->st_size >= RESUME_FROM && o->integrity != INTEGRITY_NONE) {
		r = held_open(x, e, fd, st, path);
	} else {
		r = open_file(x, e, fd, st, path);
	}
	if (r < 0 || ++x->since < LOOK_EVERY)
		return r;
	x->since = 0;
	r = answers_take(x);
	r = r < 0 ? r : send_ready(x);
	return r < 0 ? r : 0;
}

static int send_file(struct uploader *x, struct errand *e)
{
	char        path[WIRE_PATH_MAX + 1];
	struct stat st;
	struct fail f = { 0 };

	if (upload_dir_failed(x->u, e->source, e->dir)) {
		upload_over(x->u, e);
		return 0;
	}
	if (errand_path(x->u, e, path) < 0)
		f = fail_why(ST_FILE_IO, WHY_TOO_LONG);
	if (!f.status && e->todo == TODO_META && !x->u->job->extras)
		return send_meta(x, e, -1, path);
	int fd = f.status ? -1 : source_open(x->u, e, &st, &f);
	if (fd >= 0 && e->todo == TODO_META)
		return send_meta(x, e, fd, path);
	if (fd >= 0 && e->todo != TODO_COPY)
		return check_begin(x, e, fd, &st, path);
	if (fd >= 0)
		return send_opened(x, e, fd, &st, path);
	errand_unread(x->u, e, f);
	return 0;
}

int send_errand(struct uploader *x, struct errand *e)
{
	struct stages     *s = &x->w->stream.stages;
	struct stages_mark m = stages_begin(s);
	int                r = e->large ? piece_begin(x, e) : send_file(x, e);

	stages_end(s, STAGE_DISK, &m);
	return r;
}
