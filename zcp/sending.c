/* sending.c - one file of an upload: whole in its record, or opened and sent in segments */
#include "zcp/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"

enum { WHOLE_TRIES = 2, LOOK_EVERY = 16 /* files */ };

static uint8_t store_flags(const struct upload *u)
{
	return u->job->opt->keep_meta ? STORE_KEEP_MODE | STORE_KEEP_TIMES : 0;
}

static uint32_t cost_of(unsigned type)
{
	return wire_row(type)->reply_max;
}

void slot_free(struct upload *u, struct slot *s)
{
	if (s->state != SLOT_FREE)
		u->cost -= cost_of(WIRE_OPEN);
	close_fd(&s->fd);
	free(s->path);
	*s = (struct slot){ .fd = -1 };
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

static int store_whole(struct upload *u, uint32_t source, uint32_t dir, int fd, const struct stat *now, const char *path)
{
	struct stream *s = &u->job->lead.stream;
	struct stat    st = *now;
	size_t         head = wire_store_head(strlen(path)), most = head + WIRE_INLINE_MAX;
	uint8_t       *p = NULL, flags = 0;
	int            r = answers_room(u, cost_of(WIRE_STORE));

	if (r == 0)
		r = stream_body(s, most, &p, true);
	if (r < 0)
		return r;
	ssize_t n = read_whole(fd, &st, p + head, &flags);
	if (n < 0) {
		upload_fail(u, path, n == -EAGAIN ? fail_why(ST_CHANGED, WHY_SHRANK) : fail_errno((int)n));
		return 0;
	}
	union wire_body b = { .store = { .id = worker_id(&u->job->lead), .flags = store_flags(u), .meta = meta_from_stat(&st), .path = wire_cstr(path),
	                                 .contents = { p + head, (size_t)n } } };
	b.store.meta.size = (uint64_t)n;
	ssize_t len = wire_encode(WIRE_STORE, &b, p, most);
	r = len < 0 ? (int)len : stream_body_done(s, WIRE_STORE, (size_t)len);
	if (r < 0)
		return r;
	struct due d = { .id = b.store.id, .cost = cost_of(WIRE_STORE), .source = source, .dir = dir, .kind = DUE_FILE, .flags = flags,
	                 .bytes = (uint64_t)n, .path = strdup(path) };
	progress_moved(&u->job->progress, (uint64_t)n);
	return d.path ? due_add(u, &d) : -ENOMEM;
}

/* --- segments ------------------------------------------------------------------------------------------------------- */

static struct slot *free_slot(struct upload *u)
{
	for (int i = 0; i < OPEN_MOST; i++)
		if (u->slots[i].state == SLOT_FREE)
			return &u->slots[i];
	return NULL;
}

/* Contents of a file whose turn it is: all of them, or the chunk that was asked for again, sealed. */
static int send_slot(struct upload *u, struct slot *s)
{
	struct sender sender = u->sender;
	struct sent   sent;
	bool          again = s->state == SLOT_RESEND;
	uint64_t      off = again ? s->off : 0, len = again ? s->len : (uint64_t)s->st.st_size;
	struct fail   none;             /* what forbids it was looked for before OPEN */

	sender.sealed = worker_sealed(&u->job->lead, s->path, &none) || again;
	if (again && sender.only && !(sender.only->can & CAN_SEAL))
		sender.only = NULL;
	if (again)
		sender.moved = NULL;
	else
		worker_carried(&u->job->lead, sender.sealed ? CARRY_SEALED : CARRY_RAW);
	s->state = SLOT_SENDING;
	progress_name(&u->job->progress, s->path);
	int r = send_contents(&sender, s->id, s->fd, &s->st, off, len, &sent);
	if (r < 0)
		return r;
	s->counted += again ? 0 : sent.bytes;
	s->flags = (uint8_t)(sent.flags | (again ? s->flags & SENT_GREW : 0));
	worker_moved_by(&u->job->lead, sent.engine ? sent.engine->id : 0, 0);
	if (s->answered) {
		upload_fail(u, s->path, s->fail);
		slot_free(u, s);
		return 0;
	}
	if (sent.flags & SENT_FAILED)
		s->fail = sent.fail;
	s->state = SLOT_SENT;
	return 0;
}

/* OPEN; the contents of a small one follow at once, those of a large one its OK. */
static int ask_open(struct upload *u, struct slot *s)
{
	bool            eager = s->st.st_size <= WIRE_EAGER_MAX;
	union wire_body b = { .open = { .id = s->id, .flags = (uint8_t)(store_flags(u) | (eager ? STORE_EAGER : 0)),
	                                .meta = meta_from_stat(&s->st), .path = wire_cstr(s->path) } };
	int             r = stream_put(&u->job->lead.stream, WIRE_OPEN, &b, true);

	s->state = SLOT_ASKED;
	return r == 0 && eager ? send_slot(u, s) : r;
}

static int open_file(struct upload *u, uint32_t source, uint32_t dir, int fd, const struct stat *st, const char *path)
{
	struct slot *s;
	int          r = 0;

	while (r == 0 && !free_slot(u) && !job_stopped(u->job)) {
		r = send_ready(u);
		if (r == 0 && !free_slot(u))
			r = answer_wait(u);
	}
	if (r == 0)
		r = answers_room(u, cost_of(WIRE_OPEN));
	s = free_slot(u);
	if (r < 0 || !s) {
		close(fd);
		return r < 0 ? r : -EINTR;
	}
	*s = (struct slot){ .state = SLOT_ASKED, .id = worker_id(&u->job->lead), .source = source, .dir = dir, .fd = fd, .st = *st, .path = strdup(path) };
	u->cost += cost_of(WIRE_OPEN);
	return s->path ? ask_open(u, s) : -ENOMEM;
}

/* Its source changed while it was sent: from the start, with what it is now. */
static int open_again(struct upload *u, struct slot *s)
{
	progress_back(&u->job->progress, s->counted);
	s->counted = 0;
	s->flags = 0;
	s->id = worker_id(&u->job->lead);
	if (fstat(s->fd, &s->st) == 0)
		return ask_open(u, s);
	upload_fail(u, s->path, fail_errno(errno));
	slot_free(u, s);
	return 0;
}

int send_ready(struct upload *u)
{
	int r = 0;

	for (int i = 0; r == 0 && i < OPEN_MOST; i++) {
		struct slot *s = &u->slots[i];
		if (s->state == SLOT_READY || s->state == SLOT_RESEND)
			r = send_slot(u, s);
		else if (s->state == SLOT_AGAIN)
			r = open_again(u, s);
	}
	return r;
}

static bool any_open(const struct upload *u)
{
	for (int i = 0; i < OPEN_MOST; i++)
		if (u->slots[i].state != SLOT_FREE)
			return true;
	return false;
}

int send_rest(struct upload *u)
{
	int r = 0;

	while (r == 0 && any_open(u) && !job_stopped(u->job)) {
		r = send_ready(u);
		if (r == 0 && any_open(u))
			r = answer_wait(u);
	}
	return r;
}

int send_file(struct upload *u, uint32_t source, uint32_t dir, int fd, const struct stat *st, const char *path)
{
	bool        whole = st->st_size == 0 || (st->st_size <= WIRE_INLINE_MAX && !u->job->opt->send);
	struct fail f;
	int         r = 0;

	if (!whole && worker_sealed(&u->job->lead, path, &f) && f.status) {
		upload_fail(u, path, f);
		close(fd);
	} else if (whole) {
		progress_name(&u->job->progress, path);
		r = store_whole(u, source, dir, fd, st, path);
		close(fd);
	} else {
		r = open_file(u, source, dir, fd, st, path);
	}
	if (r < 0 || ++u->since < LOOK_EVERY)
		return r;
	u->since = 0;
	r = answers_take(u);
	return r < 0 ? r : send_ready(u);
}
