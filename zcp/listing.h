/*
 * listing.h - entries of a LIST, each held to the rules before anything is made of it.
 *
 * Rules    first the root, once, a directory; then entries whose parent is a directory listed before; a parent's entries come in one run;
 *          names are one component each, none twice in a run. Whatever breaks them is -EPROTO: the listing ends, and the job with status 2.
 * Memory   8 to 16 bytes for each name of the directory at hand (keyed hashes), whatever the tree.
 * Proof    tests/unit/listing.c, tests/peer/ (an evil daemon).
 */
#pragma once
#include "zcp/tree.h"

struct listing {
	struct tree *tree;              /* borrowed: directories are added to it */
	uint32_t     run;               /* the directory whose entries are coming; 0: none yet */
	uint64_t    *seen;              /* open addressing, 0 = free */
	size_t       seen_count, seen_room;
	uint8_t      key[16];
	const char  *broken;            /* which rule, for the message */
};

void listing_init(struct listing *, struct tree *);
void listing_clear(struct listing *);
/* 0; *dir = the id of a directory entry (0 for others), name terminated in out. -EPROTO, -ENOMEM */
int  listing_take(struct listing *, const struct wire_entry *, uint32_t *dir, char name[static WIRE_NAME_MAX + 1]);
