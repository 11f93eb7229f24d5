/*
 * download.h - the host's files to here: the lead lists and makes directories, every stream fetches (fetcher.h), everything made below the destination's descriptor.
 *
 * Lead     LIST's pages as far as the queue has room, at most PAGES of entries that are not taken yet; files go into the queue, unless an earlier run of this job has copied
 *          them (joblog.h). When all is listed the lead fetches as everybody does.
 * Memory   remembered are the queue, requests in flight, directories, links. Nothing else for each file.
 * Trees    directories as they are listed (0700 added while they are filled), before their files are queued; links at the end, then modes and times, deepest first, unless the
 *          job was cut short.
 * Effects  failures of files are said and counted; the lead's stream's end the job, unless all was listed and others carried on to the end.
 * Proof    tests/destination.bats, tests/tree.bats, tests/streams.bats, tests/resume.bats, tests/memory.bats.
 */
#pragma once
#include <stdatomic.h>
#include "zcp/download/fetcher.h"
#include "zcp/joblog.h"
#include "zcp/listing.h"
#include "zcp/plan.h"
#include "zcp/pool.h"

enum { PAGES = 2, SWEEP_ENTRIES = 65536 };

struct page { uint8_t *bytes; struct wire_str items; };

struct download {
	struct job         *job;
	const struct plan  *plan;
	const struct destination *dst;
	int                 pour;               /* what DST names, open for writing; -1 */
	struct queue        queue;
	struct pool        *pool;
	_Atomic bool        listed_all, base_swept;

	/* the lead's alone */
	uint64_t            known_files, known_bytes;   /* as far as listed, with what is here already */
	struct fetcher      lead;
	struct tree       **trees;              /* one for each source that is a directory */
	struct path_cache   cache;
	size_t              next;               /* source to begin with next */
	uint32_t            list_source, list_id;
	bool                listing, next_asked, list_ended;
	uint32_t            listed, list_says;  /* entries taken, and how many END said there were */
	struct listing      rules;
	struct page         pages[PAGES]; unsigned page_count;
	uint64_t            there;              /* files an earlier run has copied */
	bool                lied;               /* the job ends since the stream was not the host's: nothing stays for a next run */
};

void download_run(struct job *, struct plan *, struct destination *);

/* names.c: what an errand is called there and here. 0 or -ENAMETOOLONG */
int  errand_remote(const struct download *, const struct errand *, char out[static WIRE_PATH_MAX + 1]);
int  errand_local(const struct download *, const struct errand *, char out[static WIRE_PATH_MAX + 1]);
/* What it is called in the job log. */
void errand_logged(const struct errand *, char out[static WIRE_PATH_MAX + 16]);
void fail_remote(struct download *, const struct errand *, struct fail);
void fail_local(struct download *, const char *path, struct fail);      /* path below the base */
struct fail fail_made(int r);                           /* -errno of something made here */

/* entries.c: one entry of the listing. */
int  entry_take(struct download *, const struct wire_entry *);
/* A file: into the queue, unless it is here already. */
int  file_take(struct download *, uint32_t source, uint32_t dir, const char *rest, const struct meta *);
/* finish.c: links, then modes and times of directories. */
void download_finish(struct download *);
