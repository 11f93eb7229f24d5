/*
 * listener.h - sockets, accept, one process per stream, reaping. It never reads a peer's byte.
 *
 * Limits   rest on the private table of children alone (limits.h). Refused: HANDSHAKE_BUSY is sent, and the descriptor kept for a second, so that
 *          the peer reads it. No descriptors left for accept: a pause of a tenth of a second, said once, never a spin.
 * Greeting a child that has not asked for a verdict GRACE_S after its deadline is killed: it should have ended itself.
 * Ending   SIGTERM, SIGINT, and under --root SIGHUP: no more accepts. With a drain time the streams may finish: until all of them rest, or the time is
 *          over, or a second SIGTERM or SIGINT. Then they get SIGTERM and END_S seconds, then SIGKILL. Sockets of a socket unit stay open until the
 *          very end, so that clients wait in their backlog for the next zcpd.
 * Reload   SIGHUP under --config: reload.c. A crash of a stream's process: reexec.c, by which `struct kept` goes to the next image of this process.
 * Files    listener.c: the loop; listener_open.c: sockets, signals; streams.c: the table; verdicts.c: who is let in, and may stay; ending.c; reload.c;
 *          reexec.c; watchers.c: those who look at the scoreboard; port_file.c.
 * Returns  listener_open(): 0, or -errno after saying which address. listener_run(): 0 after a signal, -errno.
 * Proof    tests/daemon.bats, tests/limits.bats, tests/reload.bats.
 */
#pragma once
#include <sys/types.h>
#include "zcpd/child.h"
#include "zcpd/limits.h"
#include "zcpd/notify.h"
#include "zcpd/options.h"
#include "zcpd/scoreboard.h"

enum {
	LISTENER_SOCKETS = 2 * SETTINGS_LISTEN_MAX, LISTENER_STREAMS = LIMITS_STREAMS_MAX, LISTENER_LINGER = 16, LISTENER_SPEC = 512,
	LISTENER_VIEWERS = 4, END_S = 5, GRACE_S = 5,
};

/* dev, ino: of the file of a Unix socket that was made here, and is removed with it; ino 0: there is none */
struct listening  { int fd; bool inherited; char spec[LISTENER_SPEC]; dev_t dev; ino_t ino; };
struct lingering  { int fd; int64_t until_ms; };
struct stream_slot {                    /* pid 0: free */
	pid_t           pid;
	struct net_addr peer;
	struct source   source;
	int64_t         began_ms;
	int             verdict;                /* the listener's end; -1: asked and answered */
	bool            known, let_in;          /* has asked; was let in: counts for its key */
	bool            overdue, revoked;       /* killed for its silence; told to end: its key is gone */
	uint8_t         key[KEY_BYTES];
};
/* What was refused and not said, so that a flood does not fill the log. */
struct refusals   { int64_t said_ms; unsigned unsaid; };
struct viewers    { int sock; char path[108]; pid_t pid[LISTENER_VIEWERS]; };
struct metrics    { int sock; char where[128]; pid_t pid; int64_t began_ms, again_ms; unsigned wait_s; };

/* Plain bytes, no pointers: what a re-executed listener begins with. */
struct kept {
	char               build[32];
	size_t             size;
	struct listening   sock[LISTENER_SOCKETS];
	int                count;
	bool               loopback_only;
	char               cc[16];                      /* see struct service */
	struct stream_slot slot[LISTENER_STREAMS];
	unsigned           live;
	struct lingering   linger[LISTENER_LINGER];
	struct penalties   penalties;
	struct refusals    refusals[LIMITS_WORDS + 1];
	struct notify      notify;
	struct viewers     viewers;
	struct metrics     metrics;
	int                board_fd, exe;
	pid_t              port_writer;                 /* waits until somebody opens the FIFO of --port-file; 0: none */
	int64_t            executed_ms;                 /* when this image began; 0: the first one */
};

enum phase { PHASE_SERVING = 0, PHASE_DRAINING, PHASE_ENDING };

struct listener {
	struct service       *service;                  /* owned; another one after a reload */
	const struct options *options;
	char                **argv;
	struct board          board;
	int                   signals, null;            /* signalfd; /dev/null for the children's input and output */
	int64_t               paused_until_ms;
	bool                  pause_said;               /* since the last stream that could be taken */
	enum phase            phase;
	int64_t               until_ms, look_ms;        /* the phase's end; when the draining streams are looked at next */
	bool                  killed;                   /* SIGKILL has been sent */
	uint64_t              rested;                   /* requests served when the streams were last looked at, all of them at rest; else UINT64_MAX */
	bool                  crashed, crash_waits;     /* another image is due; it cannot be had, and that was said */
	int64_t               alive_ms, status_ms, check_ms;    /* when each is due */
	char                  status[1024], note[768];   /* said last; what went wrong with the last reload */
	struct kept           k;
};

void listener_init(struct listener *, const struct options *, char **argv);
int  listener_open(struct listener *, const char *spec);        /* may be called more than once */
void listening_close(struct listening *);                      /* and the file that it made, if it still is its own */
int  listener_inherit(struct listener *);                       /* sockets of a socket unit: how many, or -errno, said */
int  listener_ready(struct listener *);                         /* signals, scoreboard: from here on signals wait for listener_run(). 0 or -errno */
uint16_t listener_port(const struct listener *);                /* of the first socket */
void listener_announce(const struct listener *);                /* "listening on ..." */
int  listener_port_file(struct listener *, const char *path);   /* port_file.c; after listener_ready(). 0 or -errno */
int  listener_run(struct listener *);
void listener_clear(struct listener *);

int  watchers_open(struct listener *, const struct settings *); /* the sockets of status and metrics. 0 or -errno, said */
int  watchers_give(const struct listener *, const char *user);  /* root has made their files: now the user's, who may ask then. 0 or -errno, said */
/* True: this process is another image of a listener that goes on, and *l has its sockets and streams. Before anything else is opened. */
bool reexec_adopt(struct listener *);
