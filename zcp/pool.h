/*
 * pool.h - the further streams of a job: how many there may be, and their threads, started only when there is work for them.
 *
 * Number   -j, or chosen (pool_streams()): by round trip and cores. One where contents are poured into a pipe, where nothing checks them (--integrity=none), and no more than the rate feeds.
 * Thread   connects to the first stream's address, demands its key, reads WELCOME, then does `work` until nothing is left, and says BYE. A stream that dies is replaced once more; then the
 *          others have its work. A host that lets no further stream in (46, 40) is not asked again. None of this is an error of the job: it is said at -v.
 * Work     work(w, arg): 0: the queue is over; -errno: the stream is beyond use, and what it had in hand is back in the queue. Called by the lead itself, too, in its own way.
 * End      pool_end() returns when nobody works any more; a thread that still connects is left alone (job->left_alone: nothing of the job may be freed then, the process ends),
 *          but not where the job ended early and may be tried again.
 * Signals  are blocked in the threads: the main thread's handler shuts all sockets down.
 * Proof    tests/streams.bats.
 */
#pragma once
#include "zcp/job.h"
#include "zcp/queue.h"

struct pool;
typedef int work_fn(struct worker *, void *arg);

/* Until something can be taken (true), or the queue is over: a WAIT now and then tells the host that this stream is still wanted (its idle-timeout). A stream that it has closed all the same is found out when it is used. */
bool worker_wait(struct worker *, struct queue *);
/* How many streams for this round trip (microseconds) and so many cores. A table: zcp(1) STREAMS. */
unsigned pool_streams(unsigned rtt_us, unsigned cores);
struct pool *pool_begin(struct job *j, struct queue *q, work_fn *work, void *arg);   /* NULL: no memory. Says at -v how many and why */
unsigned pool_most(const struct pool *);        /* streams there may be, the lead's too */
unsigned pool_now(struct pool *);               /* streams that have been started, the lead's too */
void pool_grow(struct pool *);                  /* something waits in the queue: is it worth a further stream? */
void pool_end(struct pool *);                   /* waits; adds what they counted to the lead. Takes NULL */
