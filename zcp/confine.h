/*
 * confine.h - zcp takes from itself what its command line did not name, so that an evil server has nothing to reach.
 *
 * When     once, after name resolution, connecting, the host-key check and known_hosts; before the server's first answer to a request is read.
 * Leaves   Landlock: writing in the destination (the directory it is made in), reading the sources ("/" where links of a tree are followed), nothing
 *          else: the job's log is open already, and --bwlimit=@FILE is read by another process (rate.h); no TCP bind, connect only to the port of the host's zcpd (further streams and attempts; before
 *          Landlock's ABI 4 to any), no signals outwards. seccomp: the calls of copying this way, of a terminal and of threads; every other one fails
 *          with ENOSYS (what libc of tomorrow tries must not kill a copy). No new privileges, no processes. Threads start afterwards and inherit it all.
 * Missing  Landlock or seccomp: zcp goes on, and says so with -v. Its own rules for names (common/path.h) are the first line, this is the second.
 * Source   landlock(7), seccomp(2). Proof tests/unit/confine.c, tests/sandbox.bats, tests/vm.bats.
 */
#pragma once
#include "zcp/destination.h"
#include "zcp/plan.h"

void confine_download(struct job *, const struct destination *);
void confine_upload(struct job *, const struct plan *);
void confine_local(struct job *, const struct plan *, const struct destination *);       /* both, and no socket */
/* A source that cannot be opened by the name it was looked at with: is another one in its place by now (which is outside, then)? */
bool confine_replaced(const struct source *);
