/* throttle.c - see throttle.h */
#include "common/throttle.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { SECOND_NS = 1000000000, AHEAD_NS = SECOND_NS / 10, PIECES_A_SECOND = 4 };

/* Rounded up: a rate is never exceeded by what rounding leaves. 128 bits: bytes times 10^9. */
static uint64_t cost_ns(uint64_t bytes, uint64_t rate)
{
	__extension__ unsigned __int128 ns = ((__extension__ (unsigned __int128)bytes) * SECOND_NS + rate - 1) / rate;

	return ns > UINT64_MAX / 4 ? UINT64_MAX / 4 : (uint64_t)ns;
}

uint64_t throttle_take(struct throttle *t, uint64_t bytes, uint64_t now_ns)
{
	_Atomic uint64_t *paid_ns = t->shared ? &t->shared->ns : &t->own.ns;
	uint64_t          paid = atomic_load_explicit(paid_ns, memory_order_relaxed), until;
	uint64_t          oldest = now_ns > AHEAD_NS ? now_ns - AHEAD_NS : 0;

	if (!t->rate)
		return 0;
	uint64_t cost = cost_ns(bytes, t->rate);
	do {
		uint64_t from = paid < UINT64_MAX / 2 ? paid : UINT64_MAX / 2;  /* who writes there may lie: nothing wraps */
		until = (from > oldest ? from : oldest) + cost;
	} while (!atomic_compare_exchange_weak_explicit(paid_ns, &paid, until, memory_order_relaxed, memory_order_relaxed));
	return until > now_ns ? until - now_ns : 0;
}

uint64_t throttle_book(struct throttle *t, uint64_t bytes)
{
	struct timespec ts;

	if (!t || !t->rate || !bytes)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return throttle_take(t, bytes, (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec);
}

void throttle_sleep(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS) };

	if (ns)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

void throttle_wait(struct throttle *t, uint64_t bytes)
{
	throttle_sleep(throttle_book(t, bytes));
}

size_t throttle_piece(const struct throttle *t, size_t most)
{
	uint64_t piece = t && t->rate ? t->rate / PIECES_A_SECOND / THROTTLE_LEAST * THROTTLE_LEAST : most;

	if (piece < THROTTLE_LEAST)
		piece = THROTTLE_LEAST;
	return piece < most ? (size_t)piece : most;
}

struct throttle *throttle_shared(size_t n)
{
	struct throttle      *t = n && n <= 4096 ? calloc(n, sizeof *t) : NULL;
	struct throttle_paid *paid = t ? mmap(NULL, n * sizeof *paid, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;

	if (paid == MAP_FAILED) {
		free(t);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		t[i].shared = &paid[i];
	return t;
}

void throttle_unshare(struct throttle *t, size_t n)
{
	if (t)
		munmap(t->shared, n * sizeof *t->shared);
	free(t);
}
