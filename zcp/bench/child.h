/*
 * child.h - one measurement in a process of its own: nothing of it is left for the next one, and what it cost is its own.
 *
 * Says     a child that is `quiet` writes nothing: the first error that it would have said is its result's `why`. What one that is not has written is in `said`, too: a line each, 'e' (error)
 *          or 'w' (warning) before it, as far as there is room.
 * Returns  0 or -errno. child_finish(): -EINTR: *stop was set, and the child has been ended; -EIO: it died before it had a result.
 * Effects  fork(2), a pipe; a core (sched_setaffinity(2)) where one is named. A child does not outlive who started it (PR_SET_PDEATHSIG), and ends by the signals that end zcp, from
 *          its first moment on: what zcp itself does about them is not done there. Those that zcp was started to ignore it ignores, too.
 * Proof    tests/bench.bats.
 */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include "zcp/host/costs.h"

enum { NO_CORE = -1 };

struct measured {
	enum status  status;
	char         why[320], said[1200];
	uint64_t     bytes;             /* of the files that were copied, or of what was gone through */
	struct costs costs;
};

struct child { pid_t pid; int fd; };

/* fork(2), for whatever --bench starts. */
pid_t child_fork(void);
/* work() fills *m in the child. */
int child_start(struct child *, int core, bool quiet, void (*work)(void *arg, struct measured *m), void *arg);
int child_finish(struct child *, struct measured *, const volatile sig_atomic_t *stop);
/* Both. */
int child_run(int core, bool quiet, void (*work)(void *arg, struct measured *m), void *arg, struct measured *, const volatile sig_atomic_t *stop);
int core_only(int core);                        /* this process, from here on: NO_CORE: nothing is done */
