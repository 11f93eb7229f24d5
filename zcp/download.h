/*
 * download.h - the host's files to here: requests and listings pipelined, answers taken in order, everything made below the destination's descriptor.
 *
 * Asking   FETCH records of many names, at most WIRE_REQUESTS_MAX bytes unanswered, written without ever blocking; LIST's pages between them, at most PAGES of
 *          entries that are not asked for yet. What is remembered: requests in flight, directories, links. Nothing else for each file.
 * Files    small ones come whole; large ones go into an aside file; a changed source is asked for once more; damaged chunks again, sealed, twice.
 * Trees    directories as they are listed (0700 added while they are filled), links at the end, then modes and times, deepest first.
 * Effects  failures of files are said and counted; the stream's end the job.
 * Proof    tests/destination.bats, tests/tree.bats, tests/changing.bats, tests/integrity.bats, tests/memory.bats.
 */
#pragma once
#include "common/aside.h"
#include "common/receive.h"
#include "zcp/listing.h"
#include "zcp/plan.h"

enum { PAGES = 2 };

/* A file whose chunks came damaged: it waits, open, for them to come again. */
struct repair {
	struct aside    aside;
	struct incoming in;
	struct meta     meta;
	struct identity identity;
	unsigned        due;            /* answers still to come in this round */
	bool            changed;        /* the source is another one by now */
};

/* A request in flight. */
struct want {
	uint32_t       id, cost;        /* cost: its bytes in the FETCH */
	uint32_t       source, dir;     /* in the plan; in its tree, 0 = the source itself */
	uint8_t        tries;
	char          *name;            /* owned; "" for the source itself */
	struct repair *repair;          /* shared by the requests of its round; else NULL */
	uint64_t       off, len;        /* of the range, with repair */
};

struct page { uint8_t *bytes; struct wire_str items; };

struct download {
	struct job         *job;
	struct plan        *plan;
	struct destination *dst;
	struct tree       **trees;              /* one for each source that is a directory */
	struct path_cache   cache;
	int                 pour;               /* what DST names, open for writing; -1 */

	struct want        *wants; size_t first, count, room;   /* a ring, in the order of ids */
	size_t              asked;              /* bytes of unanswered requests */
	uint8_t            *items; size_t items_used; uint32_t items_first; uint16_t items_count;       /* the FETCH at hand */

	size_t              next;               /* source to begin with next */
	uint32_t            list_source, list_id;
	bool                listing, next_asked, list_ended;
	uint32_t            listed, list_says;  /* entries taken, and how many END said there were */
	struct listing      rules;
	struct page         pages[PAGES]; unsigned page_count;
	uint64_t            known_files, known_bytes;
};

void download_run(struct job *, struct plan *, struct destination *);

/* ask.. : 0 or -errno. */
int  want_put(struct download *, struct want *);        /* takes over w->name */
int  want_flush(struct download *);
int  want_local(struct download *, const struct want *, char out[static WIRE_PATH_MAX + 1]);
void want_fail_remote(struct download *, const struct want *, struct fail);
void want_fail_local(struct download *, const char *path, struct fail);        /* path below the base */
struct fail fail_made(int r);                           /* -errno of something made here */

/* fetched.c: the answer to the first want, whose FILE was read. 0; -errno: the stream is beyond use */
int  fetched(struct download *, struct want *, const struct wire_file *);

/* entries.c: one entry of the listing. */
int  entry_take(struct download *, const struct wire_entry *);
/* finish.c: links, then modes and times of directories. */
void download_finish(struct download *);
