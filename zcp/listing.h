/*
 * listing.h - entries of a LIST, each held to the rules before anything is made of it.
 *
 * Rules    first the root, once, a directory; then entries whose parent is a directory listed before; a parent's entries come in one run;
 *          names are one component each, none twice in a run. Whatever breaks them is -EPROTO: the listing ends, and the job with status 2.
 * Memory   8 to 16 bytes for each name of the directory at hand (keyed hashes), whatever the tree.
 * Proof    tests/unit/listing.c, tests/peer/ (an evil daemon).
 */
#pragma once
#include "zcp/name_set.h"
#include "zcp/tree.h"

struct listing {
	struct tree *tree;              /* borrowed: directories are added to it */
	uint32_t     root, from;        /* its directory 1 is the tree's `root`, its k-th `from` + k */
	bool         begun, given;      /* given: the root was in the tree before */
	uint32_t     run;               /* the directory whose entries are coming, as the tree has it; 0: none yet */
	struct name_set seen;           /* names in that directory */
	const char  *broken;            /* which rule, for the message */
	int        (*over)(void *arg, struct listing *, uint32_t dir);  /* all names of this directory have come: listing_has() knows them. NULL: nobody asks. -errno */
	void        *arg;
};

void listing_init(struct listing *, struct tree *);     /* of an empty tree */
void listing_below(struct listing *, struct tree *, uint32_t root);    /* of this directory of it. Nobody else adds to the tree until it is over */
void listing_clear(struct listing *);
bool listing_has(const struct listing *, const char *name);             /* in over() */
int  listing_ended(struct listing *);                                   /* over() for the last directory, and for those that had nothing in them */
/* 0; *dir = the tree's id of a directory entry (0 for others), *parent that of where it lies (0: it is the root), name terminated in out. -EPROTO, -ENOMEM */
int  listing_take(struct listing *, const struct wire_entry *, uint32_t *dir, uint32_t *parent, char name[static WIRE_NAME_MAX + 1]);
