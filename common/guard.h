/*
 * guard.h - reading a mapping whose file somebody else may shorten.
 *
 * guard_run() calls f(arg) with [p, p+len) armed: a SIGBUS whose si_addr lies inside, in this thread, ends f and returns -EFAULT; any other
 * SIGBUS has the default action. Windows nest: one inside an outer window ends that one's f. f must hold no lock and free nothing. A partial last page reads zeros without a signal: callers
 * compare fstat() before and after.
 * Source   mmap(2), sigaction(2) SA_SIGINFO. Proof tests/unit/guard.c (truncated under it; outside the window it dies).
 */
#pragma once
#include <stddef.h>
int guard_run(const void *p, size_t len, int (*f)(void *), void *arg);
