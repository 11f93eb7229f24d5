/* queue.c - see queue.h */
#include "zcp/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

void errand_clear(struct errand *e)
{
	free(e->rest);
	e->rest = NULL;
	ext_drop(&e->ext);
}

void queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_t a;
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&q->changed, &a);
	pthread_condattr_destroy(&a);
}

static struct errand *at(struct queue *q, size_t i)
{
	return &q->v[(q->first + i) % q->room];
}

void queue_clear(struct queue *q)
{
	for (size_t i = 0; i < q->count; i++)
		errand_clear(at(q, i));
	free(q->v);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	*q = (struct queue){ 0 };
}

static uint64_t bytes_of(const struct errand *e)
{
	return e->large ? e->len : e->meta.size;
}

static int grow(struct queue *q)
{
	size_t         room = q->room ? q->room * 2 : 256;
	struct errand *v = malloc(room * sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < q->count; i++)
		v[i] = *at(q, i);
	free(q->v);
	q->v = v;
	q->first = 0;
	q->room = room;
	return 0;
}

static int add(struct queue *q, const struct errand *e, bool front, size_t more)
{
	pthread_mutex_lock(&q->lock);
	int r = q->count == q->room ? grow(q) : 0;
	if (r == 0) {
		if (front)
			q->first = (q->first + q->room - 1) % q->room;
		*at(q, front ? 0 : q->count) = *e;
		q->count++;
		q->unfinished += more;
		q->bytes += bytes_of(e);
		pthread_cond_broadcast(&q->changed);
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

int queue_put(struct queue *q, const struct errand *e)
{
	struct errand mine = *e;
	int           r = add(q, &mine, false, 1);

	if (r < 0)
		errand_clear(&mine);
	return r;
}

int queue_split(struct queue *q, const struct errand *e) { return add(q, e, true, 1); }
int queue_again(struct queue *q, const struct errand *e) { return add(q, e, true, 0); }

void queue_done(struct queue *q, size_t n)
{
	pthread_mutex_lock(&q->lock);
	q->unfinished -= n < q->unfinished ? n : q->unfinished;
	if (!q->unfinished)
		pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

/* Ids go up: what was asked for first is answered first. */
static bool may_go(const struct queue *q, const struct errand *e, bool lead)
{
	return lead || !e->after || e->after <= q->answered;
}

size_t queue_take(struct queue *q, struct errand out[], size_t max, uint64_t bytes, unsigned workers, bool lead)
{
	size_t n = 0;

	pthread_mutex_lock(&q->lock);
	size_t share = workers > 1 ? q->count / (2 * (size_t)workers) + 1 : q->count;
	while (n < max && n < share && q->count && !q->stopped) {
		struct errand *e = at(q, 0);
		uint64_t       size = bytes_of(e);
		if (!may_go(q, e, lead) || (n && size > bytes))
			break;
		bytes -= size < bytes ? size : bytes;
		q->bytes -= size;
		out[n++] = *e;
		q->first = (q->first + 1) % q->room;
		q->count--;
	}
	pthread_mutex_unlock(&q->lock);
	return n;
}

static size_t first_range(struct queue *q)
{
	size_t i = 0;

	while (i < q->count && !at(q, i)->large)
		i++;
	return i;
}

bool queue_take_range(struct queue *q, struct errand *out)
{
	pthread_mutex_lock(&q->lock);
	size_t i = q->stopped ? q->count : first_range(q);
	bool   found = i < q->count;
	if (found) {
		*out = *at(q, i);
		q->bytes -= bytes_of(out);
		for (; i > 0; i--)
			*at(q, i) = *at(q, i - 1);
		q->first = (q->first + 1) % q->room;
		q->count--;
	}
	pthread_mutex_unlock(&q->lock);
	return found;
}

static enum queue_turn turn(struct queue *q, const struct queue_wish *w)
{
	if (q->stopped || (!q->unfinished && q->ended))
		return QUEUE_OVER;
	bool there = w->ranges ? first_range(q) < q->count : q->count && may_go(q, at(q, 0), w->lead);
	return there || (w->ready && w->ready(w->arg)) ? QUEUE_READY : QUEUE_TIME;
}

enum queue_turn queue_wait_for(struct queue *q, const struct queue_wish *w)
{
	struct timespec until;
	enum queue_turn t;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(w->ms / 1000) + (until.tv_nsec + (long)(w->ms % 1000) * 1000000) / 1000000000;
	until.tv_nsec = (until.tv_nsec + (long)(w->ms % 1000) * 1000000) % 1000000000;
	pthread_mutex_lock(&q->lock);
	while ((t = turn(q, w)) == QUEUE_TIME)
		if (pthread_cond_timedwait(&q->changed, &q->lock, &until) == ETIMEDOUT) {
			t = turn(q, w);
			break;
		}
	pthread_mutex_unlock(&q->lock);
	return t;
}

void queue_wake(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

void queue_answered(struct queue *q, uint32_t id)
{
	pthread_mutex_lock(&q->lock);
	q->answered = id > q->answered ? id : q->answered;
	if (q->count)
		pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

void queue_end(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->ended = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

void queue_stop(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->stopped = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

bool queue_full(struct queue *q)
{
	return queue_waiting(q, NULL) >= QUEUE_FULL;
}

size_t queue_waiting(struct queue *q, uint64_t *bytes)
{
	pthread_mutex_lock(&q->lock);
	size_t n = q->count;
	if (bytes)
		*bytes = q->bytes;
	pthread_mutex_unlock(&q->lock);
	return n;
}
