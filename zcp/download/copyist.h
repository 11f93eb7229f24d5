/*
 * copyist.h - a thread that copies for a stream's thread, so that it can be given up: a descriptor from elsewhere may lead to what never answers (FUSE), and a thread that waits
 * for that hears no signal.
 *
 * Work     on the heap: run() and its copyist's until it is over. Given up, it stays theirs for ever, with all that it points at: job.left_alone. run() touches nothing
 *          else, looks at `stop` between pieces, and adds to `moved` and `passed` as it goes on.
 * Returns  copyist_run(): 0, run() is over. -EINTR: a signal asks to end, and it was given up or has stopped. -ETIMEDOUT: nothing moved for stall_s, given up.
 *          -EAGAIN, -ENOMEM: there is no thread to be had; nothing was begun.
 * Proof    tests/unix-socket.bats (a file that never answers: 30; Ctrl-C).
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct job;
struct copyist;
struct copywork {
	void           (*run)(struct copywork *);
	_Atomic uint64_t moved, passed;
	_Atomic bool     stop;
};

/* *c: made when it is needed, NULL again when it was given up (*given_up). say(): about four times a second, and at the end, what has been added to moved and passed since. */
struct copyist_tell { void (*say)(void *arg, uint64_t moved, uint64_t passed); void *arg; };
int  copyist_run(struct copyist **c, struct job *j, struct copywork *, const struct copyist_tell *, bool *given_up);
void copyist_end(struct copyist *);             /* when it has nothing to do; takes NULL */
