/*
 * attempt.h - after a lost, stalled or refused connection: is the job tried again, and when?
 *
 * Which    10, 30, 35 and 46, as often as --retries says. A job whose first stream died while others carried on gets one attempt more than that, at once (TAKEN_OVER).
 * When     after 1, 2, 4 ... seconds, at most BACKOFF_MOST_S, each up to a quarter longer by chance, so that many clients do not come back together. A signal ends the wait.
 * Then     what ended the attempt before does not count any more (report_again()); what was finished is in the job log, large files go on by their journals.
 * Quiet    what ended an attempt that another one follows is a warning: with -q a job that is complete in the end has said nothing. A name that no server knows is not asked for again.
 * Proof    tests/retries.bats, tests/unit/attempt.c.
 */
#pragma once
#include "zcp/job.h"

enum { BACKOFF_MOST_S = 60, TAKEN_OVER = 3 };

/* Wait before attempt `n` (1: the first repetition), in ms, for a random number of 32 bits. */
uint64_t attempt_backoff_ms(unsigned n, uint32_t chance);
/* Is a job that ends with `st` now tried again? What ended it is a warning then, an error else. */
bool attempt_follows(const struct job *, enum status st);
/* Said, waited for, and made ready: true. */
bool attempt_again(struct job *);
