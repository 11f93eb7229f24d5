/*
 * throttle.h - a rate shared by whoever holds it: threads, or processes that have its page.
 *
 * How      one atomic: when the bytes taken so far have been paid for. throttle_take() books n bytes and says how long to wait before going on; a
 *          tenth of a second may be taken in advance, idle time is not saved up beyond that.
 * Pieces   throttle_piece(): what a quarter of a second pays for, so that no wait of one holder is long; at least THROTTLE_LEAST.
 * Time     is handed in (monotonic ns). throttle_sleep() is the one place that sleeps; a signal ends the sleep, not the debt: the next one waits longer.
 * Shared   throttle_shared(): what has been paid for lies in memory that a fork keeps in common, the rate in each process's own: one that a peer has
 *          taken over can make the others wait, or pay less, and nothing else.
 * Proof    tests/unit/throttle.c (fake clock, several holders, processes), tests/session.bats.
 */
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { THROTTLE_LEAST = 4096 };

/* rate: bytes a second, 0 = no limit; shared NULL: this holder's own */
struct throttle_paid { _Atomic uint64_t ns; };
struct throttle      { struct throttle_paid own; uint64_t rate; struct throttle_paid *shared; };

uint64_t throttle_take(struct throttle *, uint64_t bytes, uint64_t now_ns);     /* ns to wait */
void     throttle_wait(struct throttle *, uint64_t bytes);                      /* NULL: at once */
uint64_t throttle_book(struct throttle *, uint64_t bytes);                      /* throttle_take() by the clock; NULL: 0 */
void     throttle_sleep(uint64_t ns);
size_t   throttle_piece(const struct throttle *, size_t most);          /* at most `most`; NULL, no limit: `most` */
struct throttle *throttle_shared(size_t n);             /* n of them, without a limit yet; NULL: no memory */
void     throttle_unshare(struct throttle *, size_t n);                 /* takes NULL */
