/*
 * listener.h - sockets, accept, one process per stream, reaping. It never reads a peer's byte.
 *
 * Limits   rest on the private table of children alone. Full: HANDSHAKE_BUSY is sent, and the descriptor kept for a second, so that the peer reads it.
 *          No descriptors left for accept: a pause of a tenth of a second, said once, never a spin.
 * Ending   SIGTERM, SIGINT, SIGHUP: no more accepts; the children get SIGTERM and END_S seconds, then SIGKILL.
 * Returns  listener_open(): 0, or -errno after saying which address. listener_run(): 0 after a signal, -errno.
 * Proof    tests/daemon.bats.
 */
#pragma once
#include <sys/types.h>
#include "zcpd/child.h"

enum { LISTENER_SOCKETS = 16, LISTENER_STREAMS = LIMITS_STREAMS_MAX, LISTENER_LINGER = 16, END_S = 5 };

struct stream_slot { pid_t pid; struct net_addr peer; };
struct lingering   { int fd; int64_t until_ms; };

struct listener {
	struct service    *service;
	int                sock[LISTENER_SOCKETS], count;
	int                signals, null;               /* signalfd; /dev/null for the children's input and output */
	bool               loopback_only;
	struct stream_slot slot[LISTENER_STREAMS];
	unsigned           live;
	struct lingering   linger[LISTENER_LINGER];
	int64_t            paused_until_ms;
	bool               pause_said;                  /* since the last stream that could be taken */
	pid_t              port_writer;                 /* waits until somebody opens the FIFO of --port-file; 0: none */
	bool               ending;
};

void listener_init(struct listener *, struct service *);
int  listener_open(struct listener *, const char *spec);        /* may be called more than once */
int  listener_signals(struct listener *);                       /* from here on they wait for listener_run() */
uint16_t listener_port(const struct listener *);                /* of the first socket */
void listener_announce(const struct listener *);                /* "listening on ..." */
int  listener_port_file(struct listener *, const char *path);   /* port_file.c; after listener_signals(). 0 or -errno */
void listener_leave(struct listener *);                         /* in a child: closes what is the listener's */
int  listener_run(struct listener *);
void listener_clear(struct listener *);
