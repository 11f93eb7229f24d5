/*
 * worker.h - one stream of a job, and the thread that works on it. Worker 0 (job->lead) is the main thread: it plans, lists or walks, and works, too.
 *
 * Shared   all else hangs on the job; what several workers change there has its own lock (report.h, progress.h, queue.h).
 * Says     what ends worker 0's stream ends the job, and is an error. Another worker's trouble is said at -v: others take over its work (pool.h).
 */
#pragma once
#include <pthread.h>
#include "common/stream.h"
#include "zcp/host/granted.h"
#include "zcp/limited.h"

struct job;
struct worker {
	struct job     *job;
	unsigned        number;
	struct stream   stream;
	bool            connected, welcome, writable;
	bool            tells_usage;            /* the host answers USAGE */
	bool            astray;                 /* files are on their way, or nothing on the stream is where it should be: who fails then says no BYE */
	bool            strange;                /* a Unix socket that is neither root's nor this user's: no descriptors from there */
	bool            loopback;               /* both ends' addresses are: files may be compared by device and inode */
	enum carry      chosen;                 /* in message 3; stream.carry is what WELCOME granted */
	enum carry_reason reason;
	uint32_t        next_id;
	unsigned        carried;                /* bit c: contents in segments travelled as enum carry c; a damaged chunk's second way is not counted */
	unsigned        senders, receivers;     /* bit i: engine id i moved bytes; where there is no host: copier id i, all of them senders */
	uint64_t        inlined, handed;        /* files that rode inside records; whose descriptor came */
	unsigned        copiers;                /* bit i: copier id i (local/copy.h) copied from one */
	struct granted  granted;                /* which exports may be raw */
	uint64_t        began_ns;               /* its stream's life; 0: none, or it is in `spent` already */
	bool            told;                   /* the host's BYE has come: `host` */
	struct wire_bye host;
	struct spent    spent;                  /* by streams that are over */
};

void worker_init(struct worker *, struct job *, unsigned number);
void worker_clear(struct worker *);             /* settles, closes; what was counted stays */
void worker_settle(struct worker *);            /* the stream has done its work: what it has spent, once */
void worker_count(struct worker *into, const struct worker *);  /* how its bytes went and what it has spent, for what is said at the end. The caller has the job's lock */
uint32_t worker_id(struct worker *);
/* The lead's: an error. Another's: a line at -v, with its number. */
void worker_say(const struct worker *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for what ends this stream with `st`: only a warning where a further attempt follows. */
void worker_end(const struct worker *, enum status st, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The stream is beyond use: said, and for the lead counted (job_broken()). Returns r. */
int  worker_broken(struct worker *, int r);
/* How one file's bytes went: engine ids as on the wire, 0 = none. */
void worker_moved_by(struct worker *, uint8_t sender, uint8_t receiver);
void worker_carried(struct worker *, enum carry);
/* Contents for this path at the host: are they sealed although the stream may be raw? Then what was asked for may forbid it: *f */
bool worker_sealed(const struct worker *, const char *path, struct fail *f);
