/*
 * fetcher.h - one stream's part of a download: it takes errands from the queue, asks for them, and takes the answers in order.
 *
 * Asking   FETCH records of many names, at most WIRE_REQUESTS_MAX bytes unanswered, written without ever blocking. With several streams no more contents are asked for at
 *          once than AHEAD_SHARED, so that none has a long way to go while others have nothing; of a large file's ranges two at the most.
 * Errand   in hand until it is finished, failed, or back in the queue: `now` is the one whose answer is being read, the rest waits in the ring.
 * Held     what an earlier run left of a large file is read back before it goes on, which takes long; from HOLD_FROM bytes on nothing else is due on the stream meanwhile,
 *          and WAIT tells the host that this end is alive. So it is behind a descriptor of RESUME_FROM bytes, or of any size where a rate holds: what the host would answer
 *          meanwhile nobody reads, and a host that cannot send reads no WAIT either.
 * Lost     a stream that dies gives everything back; the errand it died with has lost one stream more, and after LOST_MOST it has failed.
 * Returns  0; -errno: the stream is beyond use. Failures of files are said and counted.
 * Proof    tests/streams.bats, tests/resume.bats, tests/integrity.bats, tests/changing.bats.
 */
#pragma once
#include "common/aside.h"
#include "common/receive.h"
#include "zcp/queue.h"
#include "zcp/worker.h"

struct download;
struct arrival;                 /* arrival.h */
enum want_kind { WANT_WHOLE = 0, WANT_LOOK /* what the file is */, WANT_RANGE, WANT_AGAIN /* a damaged chunk */, WANT_CHECK /* what bytes it has */ };

/* A request in flight. */
struct want {
	struct errand   errand;         /* owned; not with WANT_AGAIN */
	uint32_t        id, cost;       /* cost: its bytes in the FETCH */
	uint8_t         kind;
	bool            hand;           /* its descriptor would do, too */
	bool            slow;           /* ... and what it is the descriptor of may take long to copy: see Held */
	struct arrival *arrival;        /* WANT_AGAIN: shared by its round */
	uint64_t        off, len;       /* WANT_AGAIN */
};

struct fetcher {
	struct download  *download;
	struct worker    *w;
	struct path_cache cache;
	struct want      *wants; size_t first, count, room;     /* a ring, in the order of ids */
	struct want       now;          /* being answered; busy: its errand is still in hand */
	bool              busy, holds;
	uint8_t           held_digest[WIRE_DIGEST_BYTES]; uint64_t held_bytes; bool held_check;  /* holds: the file here is to be compared with that */
	struct errand     held;         /* see Held; its meta is what the file is by now */
	struct identity   held_identity;
	size_t            asked;        /* bytes of unanswered requests */
	uint64_t          flying;       /* bytes of the contents they ask for */
	size_t            slow;         /* wants of that kind, not answered */
	uint64_t          said_ms;      /* when WAIT was sent last, of all that is read here */
	size_t            done;         /* finished, not told to the queue yet */
	uint8_t          *items; size_t items_used; uint32_t items_first; uint16_t items_count;         /* the FETCH at hand */
};

int  fetcher_init(struct fetcher *, struct download *, struct worker *);       /* -ENOMEM */
void fetcher_clear(struct fetcher *);                   /* everything is given back by then */
int  fetcher_feed(struct fetcher *);                    /* from the queue, as far as the budget goes */
int  fetcher_flush(struct fetcher *);
int  fetcher_take(struct fetcher *, const struct record *);     /* an answer; -EPROTO: to nothing that was asked */
int  fetcher_work(struct fetcher *);                    /* until the queue is over */
void fetcher_give_back(struct fetcher *, int r);        /* the stream has ended with r */
int  fetcher_thread(struct worker *, void *download);   /* a work_fn */

int  want_put(struct fetcher *, struct want *);         /* takes over its errand; one that cannot be asked for has failed */
void large_turn(struct fetcher *, struct errand *, const struct meta *, const struct identity *);       /* a large file, now or held */
void errand_over(struct fetcher *, struct errand *);    /* finished or failed, and said */
int  fetcher_parent(struct fetcher *, const char *path, const char **last);     /* directory's descriptor, the cache's */
/* The file here, if it is one of that size: fd and *st; -1: it is to be copied, then */
int  fetcher_open_here(struct fetcher *, const char *path, uint64_t size, struct stat *);
/* Only what was named can be compared: within trees the directories are. */
bool fetcher_same_file(const struct fetcher *, const struct errand *, int dir, const char *last, const struct identity *);
/* missed: of its extras, what could not be set. */
void copied(struct fetcher *, const struct errand *, const struct meta *, uint8_t flags, unsigned missed);
/* How it is to be published; x is where its extras, if any are copied, stand then. */
struct publish publish_how(const struct download *, const struct meta *, struct wire_str ext, struct extras *x);

/* The answer to f->now. */
int  fetched(struct fetcher *, const struct wire_file *);
int  range_come(struct fetcher *, const struct wire_file *);    /* fetch_ranges.c */
int  fetch_failed(struct fetcher *, struct fail);       /* ERROR in its place */
int  fetch_checked(struct fetcher *, const struct wire_digest *);       /* checked.c: DIGEST */
int  check_held(struct fetcher *);
int  extras_come(struct fetcher *, struct errand *, const struct meta *);       /* what a file of the same bytes has besides is in its ext. Takes it over */
int  check_turn(struct fetcher *, struct errand *, const uint8_t digest[static WIRE_DIGEST_BYTES], uint64_t bytes);     /* takes it over */
int  errand_begin(struct fetcher *, struct errand *);   /* asked for. Takes it over */
void arrival_lost(struct fetcher *, struct arrival *, int r);   /* its chunks cannot come any more: its errand is given back */
void errand_back(struct fetcher *, struct errand *, bool died_with, int r);     /* to the queue; takes over */
