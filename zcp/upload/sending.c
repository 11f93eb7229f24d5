/* sending.c - one file of an upload: whole in its record, or opened and sent in segments; large ones and their ranges are held.h's */
#include "zcp/upload/uploader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"

enum { WHOLE_TRIES = 2, LOOK_EVERY = 16 /* files */ };

uint8_t store_flags(const struct uploader *x)
{
	return x->u->job->opt->keep_meta ? STORE_KEEP_MODE | STORE_KEEP_TIMES : 0;
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

/* Into p behind the head. Bytes, -EAGAIN = it keeps changing, -errno. *st is of the read that was right. */
static ssize_t read_whole(int fd, struct stat *st, uint8_t *room, uint8_t *flags)
{
	for (int i = 0; i < WHOLE_TRIES; i++) {
		ssize_t n = send_inline(fd, st, room, flags);
		if (n < 0 || !(*flags & SENT_SHRANK))
			return n;
		if (fstat(fd, st) < 0)
			return -errno;
		if (st->st_size > WIRE_INLINE_MAX)
			break;
	}
	return -EAGAIN;
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
	struct stat    st = *now;
	size_t         head = wire_store_head(strlen(path), 0), most = head + WIRE_INLINE_MAX;
	uint8_t       *p = NULL, flags = 0;
	int            r = answers_room(x, cost_of(WIRE_STORE));

	if (r == 0)
		r = stream_body(s, most, &p, true);
	if (r < 0)
		return r;
	ssize_t n = read_whole(fd, &st, p + head, &flags);
	if (n < 0) {
		errand_failed(x->u, e, n == -EAGAIN ? fail_why(ST_CHANGED, WHY_SHRANK) : fail_errno((int)n));
		return 0;
	}
	union wire_body b = { .store = { .id = worker_id(x->w), .flags = store_flags(x), .meta = meta_from_stat(&st), .path = wire_cstr(path),
	                                 .contents = { p + head, (size_t)n } } };
	b.store.meta.size = (uint64_t)n;
	ssize_t len = wire_encode(WIRE_STORE, &b, p, most);
	r = len < 0 ? (int)len : stream_body_done(s, WIRE_STORE, (size_t)len);
	if (r < 0)
		return r;
	struct due d = { .id = b.store.id, .cost = cost_of(WIRE_STORE), .kind = DUE_FILE, .flags = flags, .bytes = (uint64_t)n, .errand = *e };
	d.errand.meta = meta_from_stat(&st);
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
	if (again)
		sender.moved = NULL;
	else
		worker_carried(x->w, sender.sealed ? CARRY_SEALED : CARRY_RAW);
	s->state = SLOT_SENDING;
	progress_name(&x->u->job->progress, path);
	int r = send_contents(&sender, s->id, s->fd, &s->st, again ? s->off : s->from, again ? s->len : s->size, &sent);
	s->counted += again ? 0 : sent.bytes;
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
	bool            eager = s->st.st_size <= WIRE_EAGER_MAX;
	union wire_body b = { .open = { .id = s->id, .flags = (uint8_t)(store_flags(x) | (eager ? STORE_EAGER : 0)),
	                                .meta = meta_from_stat(&s->st), .path = wire_cstr(path) } };
	int             r = stream_put(&x->w->stream, WIRE_OPEN, &b, true);

	s->state = SLOT_ASKED;
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
	int fd = f.status ? -1 : source_open(x->u, e, &st, &f);
	if (fd >= 0)
		return send_opened(x, e, fd, &st, path);
	source_fail(x->u, e->source, e->rest, f);
	upload_over(x->u, e);
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
