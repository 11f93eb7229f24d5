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
#include <sys/stat.h>
#include "zcp/download/fetcher.h"
#include "zcp/events/event.h"
#include "zcp/name_set.h"
#include "zcp/select/gone.h"
#include "zcp/select/inodes.h"
#include "zcp/joblog.h"
#include "zcp/listing.h"
#include "zcp/plan.h"
#include "zcp/pool.h"

enum { PAGES = 2, SWEEP_ENTRIES = 65536 };

struct page { uint8_t *bytes; struct wire_str items; };

struct download {
	struct job         *job;
	struct plan        *plan;
	const struct destination *dst;
	int                 pour;               /* what DST names, open for writing; -1 */
	struct queue        queue;
	struct pool        *pool;
	_Atomic bool        listed_all, base_swept;
	uint8_t             hash_key[WIRE_KEY_BYTES];   /* --checksum: of this job (digest.h) */

	/* the lead's alone */
	uint64_t            known_files, known_bytes;   /* as far as listed, with what is here already */
	struct fetcher      lead;
	struct tree       **trees;              /* one for each source that is a directory */
	struct path_cache   cache;
	size_t              next;               /* source to begin with next */
	uint32_t            list_source, list_id;
	bool                listing, next_asked, list_ended;
	bool                list_failed;        /* not all that there is was seen: nothing is removed here */
	bool                lied;               /* the job ends since the stream was not the host's: nothing stays for a next run */
	uint32_t            listed, list_says;  /* entries taken, and how many END said there were */
	struct listing      rules;
	struct page         pages[PAGES]; unsigned page_count;
	struct inodes       inodes;             /* files of several names, as they are called here */
	struct gone         gone;               /* remove.c: --delete */
	struct name_set     provided;           /* ... and, of several sources, all names below DST that one of them has */
	struct naming      *naming;             /* named.c: --files-from */
	uint64_t            there;              /* files an earlier run has copied */

	/* Of a copy on this machine (zcp/local/): is what stands at `path` below the base the file that it would be copied from, or that the link which is copied leads to? NULL: nobody can tell */
	bool              (*itself)(void *arg, const struct errand *, const char *path, const struct stat *there);
	void               *itself_arg;
};

void download_run(struct job *, struct plan *, struct destination *);

/* What it has whoever lists and brings the files (zcp/local/ does both from this machine): init, begin (0; -errno, -ECANCELED: said), clear. */
void download_init(struct download *, struct job *, struct plan *, struct destination *);
int  download_begin(struct download *);
void download_clear(struct download *);
/* One of the sources: a file is queued, a link remembered, of a directory tree() takes what is in it. Not what the rules leave out. 0 or -errno */
int  source_take(struct download *, uint32_t source, int (*tree)(void *arg, uint32_t source), void *arg);

/* names.c: what an errand is called there and here. 0 or -ENAMETOOLONG */
int  errand_remote(const struct download *, const struct errand *, char out[static WIRE_PATH_MAX + 1]);
int  errand_local(const struct download *, const struct errand *, char out[static WIRE_PATH_MAX + 1]);
/* What it is called in the job log. */
void errand_logged(const struct errand *, char out[static WIRE_PATH_MAX + 16]);
/* What is called `name` in a directory of a source's tree ("": the directory itself), or the source itself where it has none. Borrows rest; its own is NULL where the name is too long. */
enum { SHOWN_MAX = 2 * WIRE_PATH_MAX + 2 };
struct errand errand_of(const struct download *, uint32_t source, uint32_t dir, const char *name, char rest[static WIRE_PATH_MAX + 1]);
/* As it is called at the destination: DST as it was typed, and what is below it. Raw bytes. */
void errand_shown(const struct download *, const struct errand *, char out[static SHOWN_MAX]);
void fail_remote(struct download *, const struct errand *, struct fail);        /* said of the source */
void skip_remote(struct download *, const struct errand *, struct fail);        /* left out, which is no failure */
void fail_local(struct download *, const struct errand *, struct fail);         /* said of the destination */
void fail_below(struct download *, const char *path, struct fail);              /* the same, of what is in no source: path below the base */
void fail_missed(struct download *, const struct errand *, unsigned missed);    /* it is there, without these extras */
void local_shown(const struct download *, const char *path, char out[static SHOWN_MAX]);        /* as errand_shown() does, a path below the base */
struct fail fail_made(int r);                           /* -errno of something made here */

/* entries.c: one entry of the listing. */
int  entry_take(struct download *, const struct wire_entry *);
int  dir_take(struct download *, struct tree *, uint32_t id);
int  link_take(struct download *, uint32_t source, uint32_t dir, const char *rest, const char *target, struct wire_str ext);     /* dir 0: the source itself */
void special_skip(struct download *, const struct errand *);
/* files.c. A file: into the queue, unless it is here already. ext: as far as the listing tells, or empty */
int  file_take(struct download *, uint32_t source, uint32_t dir, const char *rest, const struct meta *, struct wire_str ext);
/* What stands here at `path` below the base. target (NULL: not wanted): of a link. By the lead */
bool local_look(struct download *, const char *path, struct stat *there, char *target);
void local_tell(struct download *, enum event_what, const char *path, const struct meta *, const char *target);
/* A file here that has the same bytes: what else differs is set, and it is counted. False: that may not be, it is to be copied. By any thread, with its own cache */
struct here { struct stat st; struct wire_str ext; bool same_extras; };         /* ext: what it is to have; same_extras: it has those attributes and ACLs */
bool local_same(struct download *, struct path_cache *, const struct errand *, const char *path, const struct here *);
void local_would_copy(struct download *, const char *path, const struct errand *, const struct meta *there);
/* download.c: lists what is in this directory of a source, which is in its tree. No other listing is under way */
int  list_below(struct download *, uint32_t source, uint32_t root, const char *path);
/* named.c */
int  named_begin(struct download *, uint32_t source);
int  named_on(struct download *);               /* 1: something was done; 0: answers are due, or nothing is left */
int  named_take(struct download *, const struct wire_looked *);
bool named_looks(const struct download *, uint32_t id);         /* is this the LOOKS that is answered next? */
int  named_attr(struct download *, const struct record *);
bool named_asked(const struct download *, uint32_t id);         /* is this the STAT that is answered next? */
bool named_whole(const struct download *, const char *dir);     /* was it copied as a whole before? */
bool named_waits(const struct download *);      /* answers are due */
bool named_over(const struct download *);
void named_extras(struct download *, struct errand *, const struct wire_file *, struct fail);   /* of a directory; NULL: they cannot be told. Takes over the errand */
void named_end(struct download *);
/* remove.c: --delete. remove_not(): a source has this name, 0 or -ENOMEM; remove_over() is the listing's over() */
int  remove_not(struct download *, const struct errand *);
int  remove_over(void *download, struct listing *, uint32_t dir);
void download_remove(struct download *);
/* finish.c: links, then modes and times of directories. */
void download_finish(struct download *);
