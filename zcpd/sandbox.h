/*
 * sandbox.h - what a stream's process may still do, set before it reads its peer's first byte.
 *
 * Sets     no_new_privs; not dumpable; rlimits (no core, no processes, 128 descriptors); Landlock: the exports, read-only or read-write, nothing
 *          else, no TCP bind or connect, no signals outwards; seccomp: the system calls of the data path. Any other call ends the process
 *          (SIGSYS, the listener logs it); mremap and tgkill, which libc tries and can do without, fail instead.
 * Prepare  once in the listener: the filter as BPF, the Landlock ruleset as a descriptor. Enter: in the child, no memory is taken, nothing opened.
 * Missing  Landlock in the kernel: said once, the rest holds. seccomp: zcpd does not start. Sanitizer builds: no seccomp, said at start.
 * Source   landlock(7), seccomp(2), seccomp_rule_add(3), prctl(2). Proof tests/unit/sandbox.c, tests/daemon.bats.
 */
#pragma once
#include <linux/filter.h>
#include "zcpd/export.h"

struct sandbox {
	int ruleset;                    /* -1: no Landlock */
	struct sock_filter *filter;     /* NULL: none (sanitizer) */
	unsigned short filter_len;
};

int  sandbox_prepare(struct sandbox *, const struct exports *);
int  sandbox_enter(const struct sandbox *);             /* 0 or -errno: then the process must end */
void sandbox_clear(struct sandbox *);
int  landlock_prepare(const struct exports *, int *ruleset);   /* landlock.c; *ruleset -1, with a warning: the kernel has none */
int  landlock_enter(int ruleset);
