/*
 * throttle.h - a rate shared by whoever holds it: threads, or processes that have its page.
 *
 * How      one atomic: when the bytes taken so far have been paid for. throttle_take() books n bytes and says how long to wait before going on; a
 *          tenth of a second may be taken in advance, idle time is not saved up beyond that.
 * Pieces   throttle_piece(): what a quarter of a second pays for, so that no wait of one holder is long; at least THROTTLE_LEAST.
 * Change   throttle_set(), by one thread, while others take and wait: what is owed already is reckoned anew, and who waits looks again every
 *          THROTTLE_LOOK_MS (throttle_scaled()). Only for one that is not shared(): there the rate stays what it was at the start.
 * Time     is handed in (monotonic ns). throttle_sleep() is the one place that sleeps; a signal, or the end of the stream whose wait it is, ends the
 *          sleep, not the debt: the next one waits longer.
 * Shared   throttle_shared(): what has been paid for lies in memory that a fork keeps in common, the rate in each process's own: one that a peer has
 *          taken over can make the others wait, or pay less, and nothing else.
 * Proof    tests/unit/throttle.c (fake clock, several holders, threads, processes, changes), tests/session.bats.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { THROTTLE_LEAST = 4096, THROTTLE_LOOK_MS = 250 };

/* rate: bytes a second, 0 = no limit; shared NULL: this holder's own; changing: held for as long as a rate is changed, or bytes are booked */
struct throttle_paid { _Atomic uint64_t ns; };
struct throttle      { struct throttle_paid own; _Atomic uint64_t rate; struct throttle_paid *shared; _Atomic unsigned changing; };

uint64_t throttle_take(struct throttle *, uint64_t bytes, uint64_t now_ns);     /* ns to wait */
void     throttle_wait(struct throttle *, uint64_t bytes, int sock);            /* NULL: at once */
uint64_t throttle_book(struct throttle *, uint64_t bytes);                      /* throttle_take() by the clock; NULL: 0 */
uint64_t throttle_book_at(struct throttle *, uint64_t bytes, uint64_t *rate);   /* and at which rate */
/* True: cut short, by a signal or since the socket is dead both ways (shut down here, or reset). sock -1: none */
bool     throttle_sleep(uint64_t ns, int sock);
size_t   throttle_piece(const struct throttle *, size_t most);          /* at most `most`; NULL, no limit: `most` */
uint64_t throttle_rate(const struct throttle *);                        /* now; NULL: 0 */
void     throttle_set(struct throttle *, uint64_t rate, uint64_t now_ns);
/* What is left of a wait that was reckoned at the rate `was`: the same bytes at another one. */
uint64_t throttle_scaled(uint64_t ns, uint64_t was, uint64_t rate);
struct throttle *throttle_shared(size_t n);             /* n of them, without a limit yet; NULL: no memory */
void     throttle_unshare(struct throttle *, size_t n);                 /* takes NULL */
