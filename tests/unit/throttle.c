/* throttle.c - the token bucket: a fake clock, several holders, processes that share one page. */
#include <string.h>
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
	throttle_wait(NULL, 1 << 30);
	throttle_wait(&t, 1 << 30);
	throttle_wait(&slow, 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ok(b.tv_sec - a.tv_sec < 5, "no throttle, no limit, no bytes: at once");
}

static void the_sleep(void)
{
	struct throttle t = { .rate = 1000 * KB };
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 6; i++)
		throttle_wait(&t, 50 * KB);
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

int main(void)
{
	one_holder();
	several_holders();
	borders();
	the_sleep();
	pieces();
	processes();
	return done();
}
