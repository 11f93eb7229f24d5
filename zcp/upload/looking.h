/*
 * looking.h - what stands at the host under the names that the walk finds: asked for many at once, decided when the answer is there, so that nothing waits for a round trip.
 *
 * Whose    the lead's, on its own stream: it walks. Names are collected into a batch; a full one is sent as LOOKS, and at most LOOKING_MOST are on their way or not acted on.
 * Then     looking_ready() acts in the order of the walk: files that are to be copied, compared or given other modes go on the queue; what is the same, or stays as it is, is counted;
 *          links that lead elsewhere are remembered in the tree. With -n all that is told instead.
 * Answer   only fills in the batch: it never sends (uploader.h, Turn).
 * Unasked  where nothing depends on what is there (verdict.h), or nothing is there (a new DST), nobody looks.
 * Memory   LOOKING_MOST batches of WIRE_LOOKS_MAX names.
 * Proof    tests/same.bats, tests/resume-upload.bats, tests/dry-run.bats.
 */
#pragma once
#include "zcp/queue.h"
#include "zcp/select/verdict.h"

struct uploader;
struct upload;
struct looking;                 /* heap */
enum { LOOKING_MOST = 8 };

struct looked {                 /* one name */
	struct errand errand;           /* owned: meta as walked; of a link or a directory: rest is its path below the source */
	char         *link;             /* of a link: its target, owned */
	uint8_t       what;             /* LOOKED_* */
	struct found  there;
	bool          same_link;
	bool          several;          /* -H, a file of several names: this one */
	uint64_t      dev, ino;
};

struct looking *looking_new(void);
void looking_free(struct looking *);            /* takes NULL */
/* Would an answer change what becomes of what the walk finds? */
bool looking_wanted(const struct upload *);
int  looking_add(struct uploader *, struct looked *);           /* takes it over; sends what is full, and waits for room. 0 or -errno */
int  looking_idle(struct uploader *);           /* others have nothing to do: what there is is sent */
int  looking_end(struct uploader *);            /* no more names come: sent, answered, acted on */
int  looking_ready(struct uploader *);          /* acts on what was answered. 1: something was done */
int  looking_take(struct uploader *, const struct wire_looked *);       /* 0 or -EPROTO */
/* decided.c: one name, by what is there. */
int  looked_act(struct uploader *, struct looked *);
