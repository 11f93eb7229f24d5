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
#include "common/carry.h"
#include "common/keys.h"
#include "common/suite.h"
#include "zcpd/authorized.h"
#include "zcpd/mask.h"
#include "zcpd/sandbox.h"

enum { GREETING_S = 10, REFUSED_S = 2 };

struct service {                        /* made by main, looked after by the listener, handed to every child by fork */
	struct keypair     host;
	const uint8_t     *suites;              /* ids, 0 ends */
	const struct net_cidr *networks; int network_count;
	bool               plain_auto, integrity_none;
	int                stall_ms;
	char               boot_id[PLACE_BOOT_ID];
	bool               boot_id_known;       /* without: nobody is proved to be on this machine */
	char               cc[16];              /* the system's congestion control, when the listening sockets have another; else "" */
	struct exports     exports;
	struct authorized  authorized;
	struct mask        mask;
	struct sandbox     sandbox;
};

int child_run(struct service *, int sock, const struct net_addr *own, const struct net_addr *peer);     /* takes sock over */
