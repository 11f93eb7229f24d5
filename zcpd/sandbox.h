/*
 * sandbox.h - what a stream's process may still do, set before it reads its peer's first byte; less again once the peer's key is known.
 *
 * Enter    no_new_privs; not dumpable; rlimits (no core, no processes, 290 descriptors); Landlock: the exports, read-only or read-write, nothing
 *          else, no TCP bind or connect, no signals outwards; seccomp: the system calls of handshake and data path. Any other call ends the process
 *          (SIGSYS, the listener logs it); mremap and tgkill, which libc tries and can do without, fail instead.
 * Narrow   after authentication: a second Landlock layer with what was granted alone, the descriptors of denied exports closed, and a second
 *          filter: without what only opening a stream needs (the timer, Landlock's and seccomp's own calls), and for a stream that may write nowhere
 *          without every call that changes a file (Landlock holds neither modes, owners, times nor attributes). The first filter has to let
 *          the narrowing itself through; Landlock and seccomp only ever take away.
 * Helpers  status: sends one snapshot over an open socket. metrics: answers over a listening socket. No file, no export, no new socket.
 * Prepare  once in the listener: filters as BPF, the Landlock ruleset as a descriptor; then a process of its own tries all of it, so that what cannot
 *          be set is known at start. Enter, narrow: in the child, no memory is taken, nothing opened.
 * Missing  Landlock in the kernel, or forbidden by a filter around zcpd: said once (file-scope flag), the rest holds. seccomp: -errno, zcpd
 *          does not start. Sanitizer builds: no seccomp, said at start.
 * Source   landlock(7), seccomp(2), prctl(2). Proof tests/unit/sandbox.c, tests/sandbox.bats, tests/vm.bats.
 */
#pragma once
#include "common/filter.h"
#include "zcpd/export.h"

/* A Unix socket's number in its stream's process: the only one that sendmsg() is allowed for. Above the 290 descriptors that the process may have, so that no other one is
 * ever called so. */
enum { SANDBOX_SOCKET = 300 };

struct sandbox {
	int  ruleset;                   /* -1: no Landlock */
	int  abi;                       /* of Landlock; < 1: none, and why (-errno) */
	struct filter opening;          /* until the key is known */
	struct filter reading, changing, status, metrics;
};

int  sandbox_prepare(struct sandbox *, const struct exports *);
int  sandbox_enter(const struct sandbox *);             /* 0 or -errno: then the process must end */
int  sandbox_narrow(const struct sandbox *, const struct exports *all, struct exports *granted);        /* the same; dir -1: denied */
int  sandbox_enter_status(const struct sandbox *);      /* instead of sandbox_enter() */
int  sandbox_enter_metrics(const struct sandbox *);
void sandbox_clear(struct sandbox *);
