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

struct look {
	struct fail     fail;           /* ST_OK: the rest is true */
	struct meta     meta;
	struct identity identity;
	bool            sparse;         /* it has holes, as far as the host knows */
	char           *link;           /* type 'l': owned */
};

/* looks[i] is what stands at paths[i]. */
int  remote_look(struct job *, char *const *paths, size_t n, bool follow, struct look *looks);
void look_clear(struct look *);

/* Asks to store something like this there, of a host whose WELCOME has it that this key writes nowhere: *f is its own word for why not. A file is asked for
 * by OPEN, all else by MKDIR. 0 or -errno; granted is -EPROTO. */
int  remote_store_refused(struct job *, const char *path, const struct meta *, struct fail *f);

/* Each entry of the directory, name terminated; links as what they lead to. -errno of each() ends it. *fail: it cannot be listed. */
int  remote_list(struct job *, const char *path, int (*each)(void *arg, const char *name, const struct meta *), void *arg,
                 struct fail *fail);
