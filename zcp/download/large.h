/*
 * large.h - a file that is copied by ranges into one aside file with one journal: opened and split by who took it, joined by who copies a range, published by who ends last.
 *
 * Which    RESUME_FROM bytes and more, as listed; not what is poured, nor with --integrity=none. One that changed while it was copied comes once more, whole, over one stream.
 * Split    what is missing: whole gaps over one stream, else pieces of PIECE_LEAST to PIECE_MOST, or more where there would be too many, each an errand of its own.
 * Same     every range's FILE must have the same identity, size and mtime: else all of it is thrown away.
 * End      failed (no space, damage, refused): both files are removed. Cut short: both stay for the next run, and resume_open() goes on with them.
 * Threads  left, changed and fail under the lock; meta, identity and the run id are not changed after the split.
 * Proof    tests/resume.bats, tests/streams.bats.
 */
#pragma once
#include <stdatomic.h>
#include "common/resume.h"
#include "zcp/download/fetcher.h"

struct large {
	pthread_mutex_t lock;
	struct errand   errand;         /* owned; what was taken, for the second time */
	struct meta     meta;
	struct identity identity;
	struct aside    aside;          /* and its journal: the holder's */
	struct resume   resume;
	uint64_t        left;           /* pieces not ended */
	uint64_t        here;           /* bytes that an earlier run had brought */
	_Atomic uint64_t counted;       /* bytes shown as moved */
	_Atomic bool    over;           /* failed or changed: what is left need not come */
	bool            changed, grew, remote, kept;    /* kept: it failed, but what came stays */
	struct fail     fail;
};

bool large_is(const struct download *, const struct errand *);
/* It is this: opened, split into the queue. Takes over the errand. */
void large_begin(struct fetcher *, struct errand *, const struct meta *, const struct identity *);
/* While something here is read that takes long: the host is told now and then that this end is alive. 0, -EINTR: a signal asks to end */
int  large_beat(void *fetcher);
bool large_same(const struct large *, const struct wire_file *);
/* An aside file of its own descriptors, with journal, for one range. 0 or -errno of something here */
int  large_join(struct fetcher *, struct large *, struct arrival *);
void large_fail(struct large *, struct fail, bool remote, bool kept);
void large_changed(struct large *);
void large_grew(struct large *);
/* What nobody goes on with any more, where files were named: once; trees do it as they are listed. `path`: the file that is copied. */
void large_sweep(struct download *, const char *path);
/* One piece is over, well or not: the last one publishes, removes, or begins again. */
void large_piece_over(struct fetcher *, struct large *);
/* The job was cut short with this piece in the queue. */
void large_cut(struct download *, struct large *);
