/*
 * queue.h - what is to be copied: put there by the lead, taken by every worker, put back by one whose stream died.
 *
 * Errand   one file, or one range of a large file. Its strings and ext go with it: whoever has it frees them (errand_clear), or hands them on.
 *          What again() and split() have no memory for stays the caller's, put() frees it.
 * Count    put() and split() add to what is unfinished; done() takes away; again() hands back what somebody had in hand. Over = the lead has said end() and nothing is unfinished.
 * Order    first in, first out; what again() and split() put comes first. An errand with `after` waits until the lead has the answer to that request (its directory is made on the
 *          host); the lead itself may take it at once, since on its own stream the request goes before.
 * Share    a worker takes at most its share of what waits (a 2 * workers'th), so that the last files do not all wait behind one stream.
 * Bounds   QUEUE_FULL: the lead makes no more while queue_full(). Memory: the errands and their names.
 * Threads  all functions take the lock; wait() sleeps on a condition.
 * Proof    tests/unit/queue.c (several threads), tests/streams.bats.
 */
#pragma once
#include <pthread.h>
#include "common/extras.h"

enum { TODO_COPY = 0, TODO_CHECK /* the same bytes may be there: compare, then copy or not */, TODO_EXTRAS /* they are: what else it has may differ */,
       TODO_META /* they are: all but the bytes is set */ };
struct large;                   /* download's or upload's: one file that is copied by ranges */
struct first;                   /* zcp/select/inodes.h */
struct errand {
	uint32_t      source, dir;      /* in the plan; its directory in the source's tree (upload), 0: the source itself */
	uint32_t      after;            /* see Order; 0: nothing */
	uint8_t       tries;            /* the source changed so often */
	uint8_t       lost;             /* so many streams died with it */
	uint8_t       todo;             /* TODO_* */
	bool          fresh_dir;        /* download: its directory was made by this run (aside.h) */
	bool          sparse;           /* download: it has holes, where that is known: of large files, when they are looked at */
	char         *rest;             /* owned: below the source, "" = the source itself */
	struct meta   meta;             /* as listed or walked */
	struct kept_ext ext;            /* download, a large file that was looked at: what it has besides */
	struct large *large;            /* a range of it; NULL: the whole file */
	struct first *first;            /* -H: what becomes of it is written down there, borrowed; NULL: no other name waits for it */
	uint64_t      off, len;
};
void errand_clear(struct errand *);
/* As `rest` of an errand that is only asked for what it is called: nobody changes or frees it. */
static inline char *errand_borrows(const char *rest)
{
	const union { const char *is; char *as; } u = { .is = rest };

	return u.as;
}

enum { QUEUE_FULL = 4096, LOST_MOST = 5 };

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t  changed;
	struct errand  *v; size_t first, count, room;   /* a ring */
	size_t          unfinished;
	uint64_t        bytes;          /* of those that wait */
	uint32_t        answered;       /* the lead's requests up to here are */
	bool            ended, stopped;
};

void queue_init(struct queue *);
void queue_clear(struct queue *);
int  queue_put(struct queue *, const struct errand *);          /* takes over rest, also on failure. -ENOMEM */
int  queue_split(struct queue *, const struct errand *);        /* one more piece of something in hand, to the front */
int  queue_again(struct queue *, const struct errand *);        /* back to the front, unfinished as before */
void queue_done(struct queue *, size_t n);
/* At most max errands of at most `bytes` in all (one at least), the share of one of `workers`. How many, 0: none now. */
size_t queue_take(struct queue *, struct errand out[], size_t max, uint64_t bytes, unsigned workers, bool lead);
enum queue_turn { QUEUE_OVER = 0 /* or stopped */, QUEUE_READY /* something can be taken */, QUEUE_TIME /* nothing for so long */ };
/* ready (NULL: nobody's): something else that is waited for; it is asked under the queue's lock, after every queue_wake(). ranges: there is no use for anything but a range. */
struct queue_wish { bool lead, ranges; bool (*ready)(void *arg); void *arg; unsigned ms; };
enum queue_turn queue_wait_for(struct queue *, const struct queue_wish *);
void queue_wake(struct queue *);
bool queue_take_range(struct queue *, struct errand *out);      /* the first range that waits, whatever is before it */
void queue_answered(struct queue *, uint32_t id);
void queue_end(struct queue *);
void queue_stop(struct queue *);
bool queue_full(struct queue *);
size_t queue_waiting(struct queue *, uint64_t *bytes);
