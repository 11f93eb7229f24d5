/*
 * upload.h - files from here to the host: walked by the lead, put on one queue, sent by every stream.
 *
 * Lead     worker 0: walks the sources, makes directories on its own stream in order, puts files on the queue; it sends, too, when the queue is full, when it is the only one and when
 *          all is walked. Links, then modes and times of directories, deepest first, after the last answer of every stream.
 * Streams  uploader.h: what belongs to one. A stream that dies gives back what was not answered; when it is the lead's, the attempt is over.
 * Large    from RESUME_FROM: by ranges into one file on the host that outlives an interruption (held.h). Not with --integrity=none: nothing would prove what is there.
 * There    what the job log has of an earlier run, unchanged here, and of the same size there, is left out (already.h).
 * Files    one that changes while it is read is sent once more, then it is a failure. What is below a directory that could not be made is that directory's failure.
 * Proof    tests/destination.bats, tests/tree.bats, tests/changing.bats, tests/integrity.bats, tests/resume-upload.bats.
 */
#pragma once
#include <pthread.h>
#include <sys/stat.h>
#include "zcp/upload/already.h"
#include "zcp/plan.h"
#include "zcp/pool.h"
#include "zcp/queue.h"
#include "zcp/tree.h"

enum { BASES_IDLE = 16, BASES_MOST = BASES_IDLE + STREAMS_MAX + 1 };

struct base { int fd; unsigned users; };

struct upload {
	struct job     *job;
	struct plan    *plan;
	struct queue    queue;
	struct pool    *pool;
	struct already  already;        /* read only while there are several streams */
	bool            resumes;
	uint64_t        there, there_bytes;     /* the lead's: left out */
	uint64_t        known_files, known_bytes;       /* the lead's: as far as walked, with what is left out */
	size_t          unwalked;               /* the lead's: sources that are trees, and not at their end */

	pthread_mutex_t lock;           /* for all below. Nobody who has it calls the queue */
	struct tree   **trees;          /* changed by the lead alone */
	struct base    *bases;          /* of each source that is a directory */
	uint32_t        opened[BASES_MOST]; unsigned opened_count;      /* sources whose base is open */
	struct large   *larges;
};

void upload_run(struct job *, struct plan *);
void upload_totals(struct upload *, uint64_t files, uint64_t bytes);   /* so many more are known; the lead's */

/* sources.c: files of this machine */
/* The directory of a source, kept open while somebody uses it. fd, or -1 and *f */
int  base_get(struct upload *, uint32_t source, struct fail *f);
void base_put(struct upload *, uint32_t source);
/* Opened without waiting, a regular file. fd, or -1 and *f */
int  source_open(struct upload *, const struct errand *, struct stat *, struct fail *f);
/* Where it goes on the host. -ENAMETOOLONG */
int  errand_path(const struct upload *, const struct errand *, char out[static WIRE_PATH_MAX + 1]);
void source_fail(struct upload *, uint32_t source, const char *rest, struct fail);      /* said of the source */
