/*
 * job.h - one run of zcp: its options, its one stream, what it has said and counted so far.
 *
 * Everything that is not local to a room hangs here and is handed down; there is no other state but main.c's.
 */
#pragma once
#include <signal.h>
#include "common/stream.h"
#include "zcp/granted.h"
#include "zcp/options.h"
#include "zcp/progress.h"
#include "zcp/report.h"

struct job {
	const struct options *opt;
	struct report   report;
	struct progress progress;
	volatile sig_atomic_t *stop;            /* a signal asks to end */
	void          (*watch)(int sock);       /* main.c's handler shuts this socket down, so that nothing blocks any more; -1: none */

	char           *host;                   /* as typed, owned */
	uint16_t        port;
	char            where[320];             /* "host:port", visible text */
	char            where_host[300];        /* "host", for host:path */
	struct stream   stream;
	bool            poured;                 /* into a pipe or a device: contents come sealed, since nothing can be taken back */
	bool            upload, connected, welcome, writable;
	bool            astray;                 /* files are on their way, or nothing on the stream is where it should be: who fails then says no BYE */
	bool            loopback;               /* both ends' addresses are: files may be compared by device and inode */
	enum carry      chosen;                 /* in message 3; stream.carry is what WELCOME granted */
	enum carry_reason reason;
	uint32_t        next_id;
	struct granted  granted;                /* which exports may be raw */
	unsigned        carried;                /* bit c: contents in segments travelled as enum carry c; a damaged chunk's second way is not counted */
	unsigned        senders, receivers;     /* bit i: engine id i moved bytes */
	uint64_t        inlined;                /* files that rode inside records */
};

void job_init(struct job *, const struct options *, volatile sig_atomic_t *stop, void (*watch)(int));
void job_clear(struct job *);
uint32_t job_id(struct job *);
/* The stream is beyond use: said once, counted. Returns r. A signal's doing is status 20. */
int  job_broken(struct job *, int r);
/* One request was refused with 40: the key was taken away, and all else with it. Returns -errno. */
int  job_refused(struct job *, struct fail);
/* stream_get(), with the failure said. */
int  job_get(struct job *, struct record *);
bool job_stopped(const struct job *);
/* How one file's bytes went: engine ids as on the wire, 0 = none. */
void job_moved_by(struct job *, uint8_t sender, uint8_t receiver);
void job_carried(struct job *, enum carry);
/* Contents for this path at the host: are they sealed although the stream may be raw? Then what was asked for may forbid it: *f */
bool job_sealed(const struct job *, const char *path, struct fail *f);
/* -v: one line that names engines, suite and reason; and one with files, bytes, time. */
void job_say_how(const struct job *);
void job_say_end(const struct job *);
