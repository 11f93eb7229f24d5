/*
 * child.h - one stream's process, from fork to _exit.
 *
 * Order    close what is not its own, a timer that ends it (SIGALRM) unless it authenticates in time, socket options, sandbox; only then the peer's
 *          first byte: handshake, authorisation, WELCOME or REFUSED, session. One line in the log says how it ended.
 * Ending   SIGTERM before authentication kills. After it, a handler shuts the socket down: the session ends as if the peer had gone, and removes its
 *          aside files. The handler's only state is the socket's number, file-scope in child.c.
 * Secrets  the host key is wiped from this process after the handshake.
 * Returns  the exit status for _exit(): 0 whatever the peer did; 1 when the sandbox could not be set (nothing was read).
 * Proof    tests/daemon.bats.
 */
#pragma once
#include "zcpd/service.h"

enum { REFUSED_S = 2 };

struct board_slot;
struct stream_ends {
	int sock, verdict;              /* taken over; verdict: see verdict.h, -1: nobody is asked */
	struct board_slot *slot;        /* NULL: nothing is shown of it */
};

int child_run(struct service *, const struct stream_ends *, const struct net_addr *own, const struct net_addr *peer);
