/*
 * plan.h - what is copied, and what it is called at the destination: decided before any byte of a file moves.
 *
 * Order    of the command line, patterns in the place where they stand. What cannot be copied is a failure of its own (said, counted) and left out; what makes
 *          the whole job wrong ends it: several sources or a directory onto a file, two sources with one name, a missing destination.
 * Returns  ST_OK or the status to end with, said and counted.
 * Proof    tests/destination.bats compares with what cp -r does; tests/cli.bats.
 */
#pragma once
#include "zcp/destination.h"
#include "zcp/remote.h"

struct source {
	char           *path;           /* owned: where it is */
	char           *as;             /* owned: below the destination's base (download) or in the export (upload); "" = the base itself */
	char           *link;           /* owned: target, when the link itself is copied */
	struct kept_ext ext;            /* and its owner */
	bool            contents;       /* what is in the directory, not it */
	bool            link_due;       /* upload: the link is made at the end */
	struct meta     meta;
	struct identity identity;
	bool            sparse;         /* download: it has holes */
};

struct plan {
	struct source *v; size_t count, room;
	bool           fresh;           /* nothing stood at DST: what is made in it finds nothing */
	bool           incomplete;      /* a source that was named is not in it */
};

/* Sources on the host -> plan, patterns too; nothing about a destination. Reads WELCOME. */
enum status plan_find(struct job *, const struct target *sources, int n, struct plan *);
/* The same, with their names below d. */
enum status plan_download(struct job *, const struct target *sources, int n, struct destination *d, struct plan *);
/* The names of those that were found, below d, and what stands in their way. */
enum status plan_names(struct job *, const struct destination *d, struct plan *);
/* Sources here, DST on the host: those that can be read; then, with a stream, what stands at DST. */
enum status plan_upload(struct job *, const struct target *sources, int n, struct plan *);
enum status plan_upload_to(struct job *, struct target *dst, int n, struct plan *);
void        plan_clear(struct plan *);
int         plan_add(struct plan *, const char *path, const struct look *, bool contents);      /* takes look->link and ext; -ENOMEM */
/* No two sources may get one name. */
enum status plan_names_differ(struct job *, const struct plan *);
