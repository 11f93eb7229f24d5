/*
 * remote.h - looking at the other side before anything is copied: many STATs in one go, and one directory's entries.
 *
 * Requests are written only as far as the socket takes them, replies are read meanwhile; at most LOOK_BYTES are unanswered.
 * WELCOME  is read behind the first requests, so that they travel with the handshake's last message.
 * Returns  0, or -errno: the job cannot go on (said and counted).
 * Proof    tests/destination.bats, tests/cli.bats.
 */
#pragma once
#include "zcp/job.h"
#include "zcp/listing.h"


struct look {
	struct meta     meta;
	struct identity identity;
	char           *link;           /* type 'l': owned */
	struct kept_ext ext;            /* its owner, where owners are copied or listed */
	struct fail     fail;           /* ST_OK: the rest is true */
	bool            sparse;         /* it has holes, as far as the host knows */
};

/* looks[i] is what stands at paths[i]. */
int  remote_look(struct job *, char *const *paths, size_t n, bool follow, struct look *looks);
void look_clear(struct look *);

/* Asks to store something like this there, of a host whose WELCOME has it that this key writes nowhere: *f is its own word for why not. A file is asked for
 * by OPEN, all else by MKDIR. 0 or -errno; granted is -EPROTO. */
int  remote_store_refused(struct job *, const char *path, const struct meta *, struct fail *f);

/* A listing, entry by entry, each held to the rules (listing.h), the root's and failures too. each(): id as the tree has it, of directories; parent 0: the root; name terminated. It returns 0;
 * -ECANCELED: no more of it is wanted; else -errno, which ends the job. *fail: it has not come to its end well. LOOK_* in flags. */
struct remote_tree {
	struct tree    tree;
	struct listing listing;
	uint32_t       entries;
	uint8_t        flags;
	int          (*each)(struct remote_tree *, const struct wire_entry *, uint32_t id, uint32_t parent, const char *name);
	void          *arg;
};
void remote_tree_init(struct remote_tree *);            /* flags, each and arg stay */
void remote_tree_clear(struct remote_tree *);
int  remote_list(struct job *, const char *path, struct remote_tree *, struct fail *fail);
