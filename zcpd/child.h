/*
 * child.h - one stream's process, from fork to _exit.
 *
 * Order    close what is not its own, a timer that ends it (SIGALRM) unless it authenticates in time, socket options, sandbox; only then the peer's
 *          first byte: handshake, authorisation, WELCOME or REFUSED, session. One line in the log says how it ended.
 * Ending   SIGTERM before authentication kills. After it, a handler shuts the socket down: the session ends as if the peer had gone, and removes its
 *          aside files but those that come by ranges. The handler's only state is the socket's number, file-scope in child.c.
 * Secrets  the host key is wiped from this process after the handshake.
 * Returns  the exit status for _exit(), from which the listener knows what the peer is to be charged with (limits.h).
 * Proof    tests/daemon.bats, tests/session.bats.
 */
#pragma once
#include "zcpd/service.h"

enum { REFUSED_S = 2 };
enum child_exit {
	CHILD_DONE = 0,                 /* authenticated, or told to come back later: whatever came of it */
	CHILD_SANDBOX,                  /* it could not be confined: nothing was read */
	CHILD_STRANGER,                 /* no handshake: forged, damaged, nothing in common */
	CHILD_KEY,                      /* the key is not let in */
	CHILD_NO_ZCP,                   /* the first bytes were not a zcp's */
	CHILD_WENT_AWAY,                /* the peer ended the stream before it had said who it is: not charged */
};

struct board_slot;
struct stream_ends {
	int sock, verdict;              /* taken over; verdict: see verdict.h, -1: nobody is asked */
	struct board_slot *slot;        /* NULL: nothing is shown of it */
};

int child_run(struct service *, const struct stream_ends *, const struct net_addr *own, const struct net_addr *peer);
