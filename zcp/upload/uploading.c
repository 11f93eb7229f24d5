/* uploading.c - the turns of one stream of an upload: see uploader.h */
#include "zcp/upload/uploader.h"

#include <errno.h>
#include <stdlib.h>
#include "common/log.h"

/* Between two segments: answers are read, so that the host never waits for this side to read them. */
static int between(void *arg, uint32_t id)
{
	struct uploader *x = arg;
	int              r = answers_take(x);

	if (r < 0)
		return r;
	for (int i = 0; i < OPEN_MOST; i++) {
		const struct slot *s = &x->slots[i];
		if (s->state == SLOT_SENDING && s->id == id && (s->answered || (s->errand.large && s->errand.large->over)))
			return 1;
	}
	return job_stopped(x->u->job);
}

static void moved(void *arg, uint64_t bytes)
{
	struct uploader *x = arg;

	progress_moved(&x->u->job->progress, bytes);
}

static void passed(void *arg, uint64_t bytes)
{
	struct uploader *x = arg;

	progress_there(&x->u->job->progress, bytes);
}

void uploader_begin(struct uploader *x, struct upload *u, struct worker *w)
{
	*x = (struct uploader){ .u = u, .w = w, .lead = w->number == 0 };
	w->astray = true;
	x->sender = (struct sender){ .stream = &w->stream, .only = u->job->opt->send, .rate = rate_throttle(&u->job->rate), .between = between,
	                             .moved = moved, .passed = passed, .arg = x };
	for (int i = 0; i < OPEN_MOST; i++)
		x->slots[i].fd = -1;
}

/* --- the end -------------------------------------------------------------------------------------------------------- */

/* Its stream died with it. One that does so to every stream is not sent for ever. */
static void give_back(struct upload *u, struct errand *e, uint64_t counted)
{
	progress_back(&u->job->progress, counted);
	if (++e->lost > LOST_MOST)
		errand_failed(u, e, (struct fail){ ST_CONNECTION, WHY_ERRNO, ECONNRESET });
	else
		upload_back(u, e);
}

static void lost(struct upload *u, struct errand *e, uint64_t counted)
{
	if (e->large)
		piece_lost(u, e, counted);
	else
		give_back(u, e, counted);
}

void uploader_end(struct uploader *x)
{
	struct upload *u = x->u;

	held_lost(x);
	for (int i = 0; i < OPEN_MOST; i++) {
		struct slot *s = &x->slots[i];
		if (s->state != SLOT_FREE)
			lost(u, &s->errand, s->counted);
		slot_free(x, s);
	}
	for (; x->count; x->count--) {
		struct due *d = &x->dues[(x->first + x->count - 1) % x->room];
		if (due_has_file(d))
			give_back(u, &d->errand, d->bytes);
		free(d->path);
	}
	while (x->hand_count > x->hand_at)
		upload_back(u, &x->hand[--x->hand_count]);
	free(x->dues);
	free(x->ext);
	x->dues = NULL;
	x->ext = NULL;
}

/* --- turns ---------------------------------------------------------------------------------------------------------- */

/* The first in hand has to wait until a file that is held is done with. */
static bool blocked(const struct uploader *x)
{
	return x->hand_at < x->hand_count && errand_large(x, &x->hand[x->hand_at]) && !held_room(x);
}

static bool take_work(struct uploader *x, struct errand *e)
{
	if (blocked(x))
		return queue_take_range(&x->u->queue, e);       /* ranges are what makes room */
	if (x->hand_at == x->hand_count) {
		x->hand_at = 0;
		x->hand_count = (unsigned)queue_take(&x->u->queue, x->hand, HAND_MOST, HAND_BYTES, pool_most(x->u->pool), x->lead);
	}
	if (x->hand_at == x->hand_count)
		return false;
	*e = x->hand[x->hand_at++];
	return true;
}

/* It turned out to be a large one, and there is no room for it. */
bool hand_back(struct uploader *x, const struct errand *e)
{
	if (!x->hand_at)
		return false;
	x->hand[--x->hand_at] = *e;
	return true;
}

static bool answer_due(const struct uploader *x)
{
	for (int i = 0; i < OPEN_MOST; i++)
		if (x->slots[i].state == SLOT_ASKED || x->slots[i].state == SLOT_SENT)
			return true;
	return x->count || held_waits(x);
}

/* Nothing to send, nothing to read: until there is. The host is told now and then that this stream is not forgotten. */
static int rest(struct uploader *x)
{
	struct queue_wish     wish = { .lead = x->lead, .ranges = blocked(x), .ready = held_back, .arg = x, .ms = (unsigned)held_ms(x) };
	const union wire_body none = { .id = { 0 } };
	int                   r = stream_try_flush(&x->w->stream);

	if (r < 0)
		return r;
	enum queue_turn t = queue_wait_for(&x->u->queue, &wish);
	if (t == QUEUE_OVER)
		return 0;
	if (t == QUEUE_TIME) {
		r = stream_put(&x->w->stream, WIRE_WAIT, &none, false);
		r = r == -EAGAIN ? 0 : r;
		if (r == 0)
			r = stream_try_flush(&x->w->stream);
		if (r >= 0)
			r = answers_take(x);    /* its end shows here */
	}
	return r < 0 ? r : 1;
}

int uploader_step(struct uploader *x)
{
	struct errand e;

	if (job_stopped(x->u->job))
		return -EINTR;
	int r = send_ready(x);
	if (r == 0)
		r = held_ready(x);
	if (r == 0)
		r = looking_ready(x);
	if (r != 0)
		return r;
	if (take_work(x, &e)) {
		r = send_errand(x, &e);
		if (e.large || e.rest)          /* it could not even be begun */
			lost(x->u, &e, 0);
		return r < 0 ? r : 1;
	}
	if (!answer_due(x))
		return rest(x);
	r = answer_wait(x);
	return r < 0 ? r : 1;
}

int upload_work(struct worker *w, void *upload)
{
	struct upload  *u = upload;
	struct uploader x;
	int             r;

	uploader_begin(&x, u, w);
	do {
		r = uploader_step(&x);
	} while (r > 0);
	uploader_end(&x);
	return r < 0 ? worker_broken(w, r) : 0;
}
