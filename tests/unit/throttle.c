/* throttle.c - the token bucket: a fake clock, several holders, threads, processes that share one page, a rate that changes. */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/throttle.h"
#include "tests/unit/tap.h"

enum { KB = 1000, S = 1000000000, MS = 1000000 };
static const uint64_t start = 5000ULL * S;      /* a machine that has been up for a while */

static void one_holder(void)
{
	struct throttle t = { .rate = 1000 * KB };
	uint64_t        now = start;

	ok(throttle_take(&t, 100 * KB, now) == 0, "a tenth of a second may be taken in advance");
	ok(throttle_take(&t, 100 * KB, now) == 100 * MS, "the next tenth is waited for");
	now += 100 * MS;
	ok(throttle_take(&t, 500 * KB, now) == 500 * MS, "half a second's worth waits half a second");
	now += 500 * MS;
	ok(throttle_take(&t, 1, now) == 1 * KB, "one byte waits a microsecond");
	now += 3600ULL * S;
	ok(throttle_take(&t, 100 * KB, now) == 0, "after an hour a tenth of a second is saved up");
	ok(throttle_take(&t, 100 * KB, now) == 100 * MS, "and no more");
}

/* Whoever waits as told moves, together, rate bytes a second, whatever the pieces are. */
static void several_holders(void)
{
	static const uint64_t pieces[] = { 1, 4096, 65536, 262144 };
	struct throttle t = { .rate = 1024 * 1024 };
	uint64_t        free_at[8] = { 0 }, moved[8] = { 0 }, now = start, end = start + 60ULL * S, all = 0;

	for (size_t i = 0; i < 8; i++)
		free_at[i] = start;
	while (now < end) {
		size_t first = 0;
		for (size_t i = 1; i < 8; i++)
			first = free_at[i] < free_at[first] ? i : first;
		now = free_at[first];
		uint64_t n = pieces[first % 4];
		free_at[first] = now + throttle_take(&t, n, now);
		moved[first] += n;
		all += n;
	}
	uint64_t most = 60ULL * 1024 * 1024 + 1024 * 1024 / 10 + 8 * 262144, least = 60ULL * 1024 * 1024 - 8 * 262144;
	ok(all <= most && all >= least, "eight holders for a minute: %llu bytes of %llu", (unsigned long long)all, 60ULL * 1024 * 1024);
	size_t none = 0;
	for (size_t i = 0; i < 8; i++)
		none += moved[i] == 0;
	ok(none == 0, "every holder moves something");
}

static void borders(void)
{
	struct throttle t = { .rate = 0 }, slow = { .rate = 1 }, fast = { .rate = UINT64_MAX };
	struct timespec a, b;

	ok(throttle_take(&t, UINT64_MAX, start) == 0, "rate 0 is no limit");
	ok(throttle_take(&slow, UINT64_MAX, start) > 0, "more than can be waited for does not wrap");
	ok(throttle_take(&slow, 1, start) > 0, "and still waits");
	ok(throttle_take(&fast, 1 << 20, start) == 0, "no limit worth the name waits for nothing");
	ok(throttle_take(&(struct throttle){ .rate = 10 }, 1, 0) == 100 * MS, "a clock at its start");
	clock_gettime(CLOCK_MONOTONIC, &a);
	throttle_wait(NULL, 1 << 30, -1);
	throttle_wait(&t, 1 << 30, -1);
	throttle_wait(&slow, 0, -1);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ok(b.tv_sec - a.tv_sec < 5, "no throttle, no limit, no bytes: at once");
}

static void the_sleep(void)
{
	struct throttle t = { .rate = 1000 * KB };
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 6; i++)
		throttle_wait(&t, 50 * KB, -1);
	clock_gettime(CLOCK_MONOTONIC, &b);
	int64_t ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / MS;
	ok(ms >= 199, "300 KB at 1 MB a second: a tenth in advance, the rest is slept for (%lld ms)", (long long)ms);
}

static void pieces(void)
{
	struct throttle slow = { .rate = 1 }, mid = { .rate = 1024 * 1024 }, fast = { .rate = 1ULL << 40 }, none = { .rate = 0 };

	ok(throttle_piece(NULL, 1 << 20) == 1 << 20 && throttle_piece(&none, 77) == 77, "no limit: what was asked for");
	ok(throttle_piece(&slow, 1 << 20) == THROTTLE_LEAST, "never less than a page");
	ok(throttle_piece(&slow, 100) == 100, "never more than there is");
	ok(throttle_piece(&mid, 1 << 20) == 256 * 1024, "a quarter of a second");
	ok(throttle_piece(&fast, 1 << 20) == 1 << 20, "fast: what was asked for");
}

static void processes(void)
{
	struct throttle *t = throttle_shared(3);
	int              status;

	ok(t && t[0].rate == 0 && t[2].rate == 0 && throttle_shared(0) == NULL, "shared memory, without a limit yet");
	if (!t)
		return;
	t[1].rate = 1000 * KB;
	pid_t pid = fork();
	if (pid == 0) {
		throttle_take(&t[1], 600 * KB, start);
		_exit(0);
	}
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "another process takes 0.6 s");
	ok(throttle_take(&t[1], 100 * KB, start) == 600 * MS, "this one waits for what that one took");
	t[2].rate = 1000 * KB;
	pid = fork();
	if (pid == 0) {                 /* a process that a peer has taken over */
		t[2].rate = 0;
		t[2].shared->ns = UINT64_MAX;
		_exit(0);
	}
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && t[2].rate == 1000 * KB, "another process cannot change the rate");
	ok(throttle_take(&t[2], 1, start) > 0, "nor make the time wrap");
	throttle_unshare(t, 3);
	throttle_unshare(NULL, 1);
}

/* The same bytes, whatever the rate is meanwhile: what was owed at one rate is owed at the other. */
static void changes(void)
{
	struct throttle t = { .rate = 1000 * KB };
	uint64_t        now = start;

	throttle_take(&t, 100 * KB, now);
	ok(throttle_take(&t, 1000 * KB, now) == 1ULL * S, "a second's worth is owed");
	now += 500 * MS;
	throttle_set(&t, 10 * KB, now);
	ok(throttle_rate(&t) == 10 * KB, "a hundredth of the rate, half-way");
	ok(throttle_take(&t, 10 * KB, now) == 51ULL * S, "what is left takes a hundred times as long, and the next waits behind it");
	throttle_set(&t, 1000 * KB, now);
	ok(throttle_take(&t, 0, now) == 510 * MS, "back: 510 KB at 1 MB a second");
	throttle_set(&t, 0, now);
	ok(throttle_take(&t, UINT64_MAX, now) == 0, "no limit: nothing is waited for");
	throttle_set(&t, 1000 * KB, now);
	ok(throttle_take(&t, 100 * KB, now) == 100 * MS, "a limit again: what moved without one is not owed");
	throttle_set(&t, 1000 * KB, now);
	ok(throttle_take(&t, 0, now) == 100 * MS, "the same rate again changes nothing");
	throttle_set(&t, UINT64_MAX, now);
	throttle_set(&t, 1, now);
	ok(throttle_take(&t, 0, now) < UINT64_MAX / 2 && throttle_take(&t, UINT64_MAX, now) > 0, "the ends of the range do not wrap");
	ok(throttle_scaled(10, 4, 2) == 20 && throttle_scaled(20, 2, 4) == 10 && throttle_scaled(3, 5, 5) == 3, "a wait at another rate");
	ok(throttle_scaled(10, 5, 0) == 0 && throttle_scaled(0, 0, 5) == 0 && throttle_scaled(UINT64_MAX, UINT64_MAX, 1) > 0, "and at its borders");
}

/* Eight holders on a fake clock for forty minutes, with a new rate every ten, who look again while they wait, as throttle_wait() does. */
static void changes_for_many(void)
{
	static const uint64_t rates[4] = { 1 << 20, 64 << 10, 4 << 20, 256 << 10 }, look = (uint64_t)THROTTLE_LOOK_MS * MS;
	struct throttle t = { .rate = rates[0] };
	static const uint64_t ten = 600ULL * S;
	uint64_t        left[8] = { 0 }, at[8] = { 0 }, wake[8], piece[8] = { 0 }, moved[4] = { 0 }, now = start;
	size_t          quarter = 0;

	for (size_t i = 0; i < 8; i++)
		wake[i] = start;
	for (;;) {
		size_t i = 0;
		for (size_t k = 1; k < 8; k++)
			i = wake[k] < wake[i] ? k : i;
		now = wake[i];
		while (quarter < 4 && now >= start + (quarter + 1) * ten && ++quarter < 4)
			throttle_set(&t, rates[quarter], start + quarter * ten);
		if (quarter == 4)
			break;
		left[i] = throttle_scaled(left[i], at[i], throttle_rate(&t));
		at[i] = throttle_rate(&t);
		if (!left[i]) {
			moved[quarter] += piece[i];     /* waited for: it moves */
			piece[i] = throttle_piece(&t, 256 << 10);
			left[i] = throttle_take(&t, piece[i], now);
		}
		uint64_t slice = left[i] < look ? left[i] : look;
		left[i] -= slice;
		wake[i] = now + slice;
	}
	for (size_t q = 0; q < 4; q++) {
		/* what waits at a border is eight pieces, and seen at the next look */
		uint64_t want = rates[q] * 600, slack = 8 * (256 << 10) + rates[q] * 2;
		ok(moved[q] + slack >= want && moved[q] <= want + slack, "at %llu bytes a second: %llu of %llu", (unsigned long long)rates[q],
		   (unsigned long long)moved[q], (unsigned long long)want);
	}
}

/* Threads that wait an hour for their piece; then there is no limit any more: all come back. And one whose socket dies. */
static struct throttle slow_one = { .rate = THROTTLE_LEAST };
static _Atomic unsigned waiting;

static void *an_hour(void *arg)
{
	atomic_fetch_add(&waiting, 1);
	throttle_wait(&slow_one, 3600ULL * THROTTLE_LEAST, *(int *)arg);
	return NULL;
}

static void *book_many(void *arg)
{
	for (int i = 0; i < 20000; i++)
		throttle_take(arg, 1000, start);
	return NULL;
}

static void in_threads(void)
{
	pthread_t       who[4];
	int             none = -1, pair[2];
	struct throttle t = { .rate = 1000 * KB };
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (size_t i = 0; i < 4; i++)
		pthread_create(&who[i], NULL, an_hour, &none);
	while (atomic_load(&waiting) < 4)
		sched_yield();
	clock_gettime(CLOCK_MONOTONIC, &b);
	throttle_set(&slow_one, 0, (uint64_t)b.tv_sec * S + (uint64_t)b.tv_nsec);
	for (size_t i = 0; i < 4; i++)
		pthread_join(who[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ok(b.tv_sec - a.tv_sec < 60, "four threads that wait for an hour and more: a new rate ends it");

	slow_one = (struct throttle){ .rate = THROTTLE_LEAST };
	if (!ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "a stream"))
		return;
	pthread_create(&who[0], NULL, an_hour, &pair[0]);
	while (atomic_load(&waiting) < 5)
		sched_yield();
	shutdown(pair[0], SHUT_RDWR);
	pthread_join(who[0], NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ok(b.tv_sec - a.tv_sec < 60, "a stream that is shut down is waited for no longer");
	close(pair[0]);
	close(pair[1]);

	/* booked by three, while a fourth changes the rate to and fro: not one byte is lost or booked twice */
	for (size_t i = 0; i < 3; i++)
		pthread_create(&who[i], NULL, book_many, &t);
	for (int i = 0; i < 20000; i++)
		throttle_set(&t, i % 2 ? 1000 * KB : 4000 * KB, start);
	for (size_t i = 0; i < 3; i++)
		pthread_join(who[i], NULL);
	uint64_t owed = throttle_take(&t, 0, start), want = 60000ULL * MS - 100 * MS;
	/* 20,000 roundings may take up to two in a hundred */
	ok(owed >= want - 1200 * MS && owed <= want + 101 * MS, "60 MB by three threads, the rate changed 20,000 times: %llu ms", (unsigned long long)owed / MS);
}

int main(void)
{
	one_holder();
	several_holders();
	borders();
	the_sleep();
	pieces();
	processes();
	changes();
	changes_for_many();
	in_threads();
	return done();
}
