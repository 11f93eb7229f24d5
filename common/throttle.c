/* throttle.c - see throttle.h */
#include "common/throttle.h"

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include "common/clock.h"

enum { SECOND_NS = 1000000000, AHEAD_NS = SECOND_NS / 10, PIECES_A_SECOND = 4 };
static const uint64_t longest = UINT64_MAX / 4;
__extension__ typedef unsigned __int128 wide;

/* Rounded up: a rate is never exceeded by what rounding leaves. 128 bits: bytes times 10^9. */
static uint64_t divided(wide ns, uint64_t rate)
{
	ns = (ns + rate - 1) / rate;
	return ns > longest ? longest : (uint64_t)ns;
}

/* Between the rate read and the bytes booked at it no other rate may be set: what is owed would be reckoned anew with or without them. Held for a
 * few instructions. In shared memory nobody may hold anything: a process that a peer has taken over would never let go. */
static void hold(struct throttle *t)
{
	unsigned free = 0;

	while (!t->shared && !atomic_compare_exchange_weak_explicit(&t->changing, &free, 1, memory_order_acquire, memory_order_relaxed)) {
		free = 0;
		sched_yield();
	}
}

static void let_go(struct throttle *t)
{
	if (!t->shared)
		atomic_store_explicit(&t->changing, 0, memory_order_release);
}

uint64_t throttle_rate(const struct throttle *t)
{
	return t ? atomic_load_explicit(&t->rate, memory_order_relaxed) : 0;
}

static uint64_t book(_Atomic uint64_t *paid_ns, uint64_t cost, uint64_t now_ns)
{
	uint64_t paid = atomic_load_explicit(paid_ns, memory_order_relaxed), until;
	uint64_t oldest = now_ns > AHEAD_NS ? now_ns - AHEAD_NS : 0;

	do {
		uint64_t from = paid < UINT64_MAX / 2 ? paid : UINT64_MAX / 2;  /* who writes there may lie: nothing wraps */
		until = (from > oldest ? from : oldest) + cost;
	} while (!atomic_compare_exchange_weak_explicit(paid_ns, &paid, until, memory_order_relaxed, memory_order_relaxed));
	return until > now_ns ? until - now_ns : 0;
}

static uint64_t take(struct throttle *t, uint64_t bytes, uint64_t now_ns, uint64_t *rate)
{
	uint64_t ns = 0;

	hold(t);
	*rate = throttle_rate(t);
	if (*rate)
		ns = book(t->shared ? &t->shared->ns : &t->own.ns, divided((wide)bytes * SECOND_NS, *rate), now_ns);
	let_go(t);
	return ns;
}

uint64_t throttle_take(struct throttle *t, uint64_t bytes, uint64_t now_ns)
{
	uint64_t rate;

	return take(t, bytes, now_ns, &rate);
}

uint64_t throttle_scaled(uint64_t ns, uint64_t was, uint64_t rate)
{
	if (was == rate || !ns)
		return ns;
	return was && rate ? divided((wide)ns * was, rate) : 0;
}

void throttle_set(struct throttle *t, uint64_t rate, uint64_t now_ns)
{
	hold(t);
	uint64_t paid = atomic_load_explicit(&t->own.ns, memory_order_relaxed);
	if (paid > now_ns)
		atomic_store_explicit(&t->own.ns, now_ns + throttle_scaled(paid - now_ns, throttle_rate(t), rate), memory_order_relaxed);
	atomic_store_explicit(&t->rate, rate, memory_order_relaxed);
	let_go(t);
}

uint64_t throttle_book_at(struct throttle *t, uint64_t bytes, uint64_t *rate)
{
	*rate = throttle_rate(t);
	if (!*rate || !bytes)
		return 0;
	return take(t, bytes, clock_ns(), rate);
}

uint64_t throttle_book(struct throttle *t, uint64_t bytes)
{
	uint64_t rate;

	return throttle_book_at(t, bytes, &rate);
}

bool throttle_sleep(uint64_t ns, int sock)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS) };
	struct pollfd   p = { .fd = sock };     /* no events: POLLHUP, POLLERR and POLLNVAL come unasked */

	return ns && ppoll(&p, 1, &ts, NULL) != 0;
}

void throttle_wait(struct throttle *t, uint64_t bytes, int sock)
{
	uint64_t at, ns = throttle_book_at(t, bytes, &at), look = (uint64_t)THROTTLE_LOOK_MS * 1000000;

	while (ns) {
		uint64_t slice = ns < look ? ns : look;
		if (throttle_sleep(slice, sock))
			break;
		uint64_t rate = throttle_rate(t);
		ns = throttle_scaled(ns - slice, at, rate);
		at = rate;
	}
}

size_t throttle_piece(const struct throttle *t, size_t most)
{
	uint64_t rate = throttle_rate(t), piece = rate ? rate / PIECES_A_SECOND / THROTTLE_LEAST * THROTTLE_LEAST : most;

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
