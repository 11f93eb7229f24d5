/* links: zcp */
/* queue.c - errands between threads: order, shares, what is put back, and that nobody sleeps for ever */
#include <stdlib.h>
#include <string.h>
#include "tests/unit/tap.h"
#include "zcp/queue.h"

enum { MANY = 20000, WORKERS = 4 };

static struct errand errand(uint32_t number, uint64_t size)
{
	return (struct errand){ .source = number, .rest = strdup("name"), .meta = { .type = 'f', .size = size } };
}

static void put(struct queue *q, uint32_t number, uint64_t size, uint32_t after)
{
	struct errand e = errand(number, size);

	e.after = after;
	if (queue_put(q, &e) < 0)
		abort();
}

/* Sleeps until something can be taken; the suite's deadline ends a sleep for ever. */
static bool more(struct queue *q, bool lead)
{
	struct queue_wish w = { .lead = lead, .ms = 60000 };
	enum queue_turn   t;

	while ((t = queue_wait_for(q, &w)) == QUEUE_TIME)
		;
	return t == QUEUE_READY;
}

static void order(void)
{
	struct queue  q;
	struct errand out[8];

	queue_init(&q);
	for (uint32_t i = 0; i < 5; i++)
		put(&q, i, 10, 0);
	ok(queue_take(&q, out, 2, 100, 1, true) == 2 && out[0].source == 0 && out[1].source == 1, "first in, first out");
	ok(queue_again(&q, &out[1]) == 0, "the second is put back");
	errand_clear(&out[0]);
	queue_done(&q, 1);
	ok(queue_take(&q, out, 8, 100, 1, true) == 4 && out[0].source == 1 && out[3].source == 4, "... and comes first");
	struct errand piece = errand(9, 0);
	ok(queue_split(&q, &piece) == 0 && queue_take(&q, out + 4, 4, 100, 1, false) == 1 && out[4].source == 9, "a piece, too");
	for (int i = 0; i < 5; i++)
		errand_clear(&out[i]);
	queue_end(&q);
	queue_done(&q, 4);
	ok(q.unfinished == 1, "one is still in somebody's hand");
	queue_done(&q, 1);
	ok(!more(&q, true) && !more(&q, false), "it is over");
	queue_clear(&q);
}

static void shares(void)
{
	struct queue  q;
	struct errand out[64];
	uint64_t      bytes;

	queue_init(&q);
	for (uint32_t i = 0; i < 40; i++)
		put(&q, i, 1000, 0);
	ok(queue_waiting(&q, &bytes) == 40 && bytes == 40000, "40 wait, with 40,000 bytes");
	ok(queue_take(&q, out, 64, 1 << 20, 4, false) == 6, "of 40, one of four workers takes an eighth");
	ok(queue_take(&q, out + 6, 58, 2500, 1, false) == 2, "never more bytes than it asked for");
	ok(queue_take(&q, out + 8, 56, 10, 1, false) == 1, "but one at least");
	for (int i = 0; i < 9; i++)
		errand_clear(&out[i]);
	queue_stop(&q);
	ok(queue_take(&q, out, 64, 1 << 20, 1, true) == 0 && !more(&q, true), "stopped: nothing is handed out any more");
	queue_clear(&q);                /* frees what waits: the sanitizer's build would say so */
}

static void directories(void)
{
	struct queue  q;
	struct errand out[4];

	queue_init(&q);
	put(&q, 1, 1, 7);
	put(&q, 2, 1, 0);
	ok(queue_take(&q, out, 4, 100, 1, false) == 0, "no worker takes what lies in a directory that is not made yet");
	ok(queue_take(&q, out, 1, 100, 1, true) == 1 && out[0].source == 1, "the lead does: its request goes before");
	ok(queue_again(&q, &out[0]) == 0, "put back");
	queue_answered(&q, 6);
	ok(queue_take(&q, out, 4, 100, 1, false) == 0, "another directory's answer is none");
	queue_answered(&q, 7);
	ok(queue_take(&q, out, 4, 100, 1, false) == 2, "now it is made");
	errand_clear(&out[0]);
	errand_clear(&out[1]);
	queue_clear(&q);
}

static struct queue shared;
static uint8_t      seen[MANY];
static _Atomic unsigned dropped;

/* Each errand is "lost" once by whoever has it first. */
static void *work(void *arg)
{
	struct errand out[16];

	(void)arg;
	while (more(&shared, false)) {
		size_t n = queue_take(&shared, out, 16, 1 << 20, WORKERS, false);
		for (size_t i = 0; i < n; i++) {
			if (out[i].source % 7 == 0 && !out[i].lost) {
				out[i].lost = 1;
				dropped++;
				if (queue_again(&shared, &out[i]) < 0)
					abort();
				continue;
			}
			__atomic_add_fetch(&seen[out[i].source], 1, __ATOMIC_RELAXED);
			errand_clear(&out[i]);
			queue_done(&shared, 1);
		}
	}
	return NULL;
}

static void threads(void)
{
	pthread_t t[WORKERS];
	unsigned  wrong = 0;

	queue_init(&shared);
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&t[i], NULL, work, NULL);
	for (uint32_t i = 0; i < MANY; i++) {
		put(&shared, i, 1, i % 100 == 0 ? i : 0);
		if (i % 100 == 0)
			queue_answered(&shared, i);
	}
	queue_end(&shared);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(t[i], NULL);       /* hangs if somebody sleeps for ever: the suite's deadline */
	for (uint32_t i = 0; i < MANY; i++)
		wrong += seen[i] != 1;
	ok(wrong == 0, "%d threads: each of %d errands was done once (%u wrong)", WORKERS, MANY, wrong);
	ok(dropped == (MANY + 6) / 7, "%u were put back on the way", dropped);
	queue_clear(&shared);
}

int main(void)
{
	order();
	shares();
	directories();
	threads();
	return done();
}
