/*
 * throttle.h - a rate shared by whoever holds it: threads, or processes that have its page.
 *
 * How      one atomic: when the bytes taken so far have been paid for. throttle_take() books n bytes and says how long to wait before going on; a
 *          tenth of a second may be taken in advance, idle time is not saved up beyond that.
 * Time     is handed in (monotonic ns). throttle_wait() is the one place that sleeps.
 * Proof    tests/unit/throttle.c (fake clock), `make bench` for the rate.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

struct throttle { _Atomic uint64_t paid_ns; uint64_t rate; };           /* rate: bytes a second, 0 = no limit */

uint64_t throttle_take(struct throttle *, uint64_t bytes, uint64_t now_ns);     /* ns to wait */
void     throttle_wait(struct throttle *, uint64_t bytes);                      /* NULL: at once */
