/*
 * upload.h - files from here to the host: walked by the lead, put on one queue, sent by every stream.
 *
 * Lead     worker 0: walks the sources, makes directories on its own stream in order, puts files on the queue; it sends, too, when the queue is full, when it is the only one and when
 *          all is walked. Links, then modes and times of directories, deepest first, after the last answer of every stream.
 * Streams  uploader.h: what belongs to one. A stream that dies gives back what was not answered; when it is the lead's, the attempt is over.
 * Large    from RESUME_FROM: by ranges into one file on the host that outlives an interruption (held.h). Not with --integrity=none: nothing would prove what is there.
 * There    what the job log has of an earlier run, unchanged here, and of the same size there, is left out, and what is the same anyway: looking.h.
 * Files    one that changes while it is read is sent once more, then it is a failure. What is below a directory that could not be made is that directory's failure.
 * Proof    tests/destination.bats, tests/tree.bats, tests/changing.bats, tests/integrity.bats, tests/resume-upload.bats.
 */
#pragma once
#include <pthread.h>
#include <sys/stat.h>
#include "zcp/events/event.h"
#include "zcp/name_set.h"
#include "zcp/plan.h"
#include "zcp/pool.h"
#include "zcp/queue.h"
#include "zcp/select/inodes.h"
#include "zcp/tree.h"
#include "zcp/upload/looking.h"

enum { BASES_IDLE = 16, BASES_MOST = BASES_IDLE + STREAMS_MAX + 1 };

struct base { int fd; unsigned users; };

struct upload {
	struct job     *job;
	struct plan    *plan;
	struct queue    queue;
	struct pool    *pool;
	struct looking *looking;        /* the lead's; NULL: nobody looks */
	bool            resumes;
	uint8_t         hash_key[WIRE_KEY_BYTES];       /* --checksum: of this job (digest.h) */
	uint64_t        there, there_bytes;     /* the lead's: left out */
	uint64_t        known_files, known_bytes;       /* the lead's: as far as walked, with what is left out */
	struct name_set here;                   /* the lead's, with --delete: all that was found here (remove.c) */
	size_t          unwalked;               /* the lead's: sources that are trees, and not at their end */

	bool            walk_failed;    /* the lead's: not all that there is was seen, so nothing is removed at the host */
	struct inodes   inodes;         /* the lead's: files of several names, as they are called on the host */

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
/* A directory of a source, path below it: "" is the source itself. fd, or -1 and *f */
int  source_open_dir(struct upload *, uint32_t source, const char *path, struct fail *f);
/* Where it goes on the host. -ENAMETOOLONG */
int  errand_path(const struct upload *, const struct errand *, char out[static WIRE_PATH_MAX + 1]);
void source_fail(struct upload *, uint32_t source, const char *rest, struct fail);      /* said of the source */
void source_fail_cut(struct upload *, uint32_t source, const char *rest, struct fail);  /* of one whose name did not fit, and is not all there */
void source_skip(struct upload *, uint32_t source, const char *rest, struct fail);      /* left out, which is no failure */
