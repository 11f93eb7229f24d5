/* pool.c - see pool.h */
#include "zcp/pool.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include "common/log.h"
#include "zcp/host/connect.h"

enum {
	/* As much must wait for a further stream to be worth its handshake. Without -j it has to be more: over 50 ms 10,000 files of 1 KiB take 0.85 s with one
	 * stream, which has grown wide by the time that others are up, and 1.05 s with 4 or 16. */
	GROW_FILES = 16, GROW_BYTES = 4 << 20, GROW_CHOSEN = 16 << 20, FILE_COSTS = 1024,
	ALIVE_MS = 10000,                       /* zcp-wire(7): WAIT every 10 s */
	REPLACED = 1,                           /* so often a stream that died is replaced */
};

struct member { struct worker worker; struct pool *pool; bool was_up; };

struct pool {
	struct job    *job;
	struct queue  *queue;
	work_fn       *work;
	void          *arg;
	pthread_mutex_t lock;
	pthread_cond_t  changed;
	_Atomic unsigned most;
	unsigned       up;              /* that have worked, the lead too */
	unsigned       started, connecting, users;        /* users: who may look at this: the lead and its threads */
	bool           over, ended_well;
	struct worker  counted;         /* by those that are gone: the lead counts without a lock, so theirs are added at the end */
	struct member *members[STREAMS_MAX];
};

static const struct { unsigned rtt_us, streams; } by_rtt[] = { { 30000, 16 }, { 5000, 8 }, { 1000, 4 } };

unsigned pool_streams(unsigned rtt_us, unsigned cores)
{
	for (size_t i = 0; i < sizeof by_rtt / sizeof *by_rtt; i++)
		if (rtt_us >= by_rtt[i].rtt_us)
			return by_rtt[i].streams;
	/* the network waits for nobody: only cores can help. 1 GiB over loopback on two: 0.35 s with one stream, 0.30 with two, 0.31 with three (encrypted 0.41, 0.34, 0.36) */
	return cores >= 8 ? 4 : cores >= 2 ? 2 : 1;
}

bool worker_wait(struct worker *w, struct queue *q)
{
	const union wire_body none = { .id = { 0 } };
	struct queue_wish     wish = { .lead = w->number == 0, .ms = ALIVE_MS };
	enum queue_turn       t;

	while ((t = queue_wait_for(q, &wish)) == QUEUE_TIME)
		if (!w->stream.broken && stream_put(&w->stream, WIRE_WAIT, &none, false) == 0)
			stream_try_flush(&w->stream);
	return t == QUEUE_READY;
}

static unsigned round_trip_us(const struct worker *w)
{
	struct tcp_info info = { 0 };
	socklen_t       len = sizeof info;

	if (getsockopt(w->stream.sock, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 0;
	return info.tcpi_min_rtt && info.tcpi_min_rtt < info.tcpi_rtt ? info.tcpi_min_rtt : info.tcpi_rtt;
}

static unsigned choose(struct job *j)
{
	const struct options *o = j->opt;
	unsigned rtt = round_trip_us(&j->lead), n = o->streams ? o->streams : pool_streams(rtt, j->cores), most = STREAMS_MAX;
	uint64_t rate = throttle_rate(rate_throttle(&j->rate));
	const char *why = "";

	if (rate) {
		most = rate_streams_most(rate);
		why = ": the rate feeds no more";
	}
	if (!o->streams && job_socket(j)) {        /* and confine.c lets it open no further socket */
		most = 1;
		why = ": it is this machine";
	}
	if (o->dry_run)
		most = 1;
	if (j->poured || o->integrity == INTEGRITY_NONE) {
		most = 1;
		why = j->poured ? ": what is written into DST comes in order" : ": nothing is checked (--integrity=none)";
	}
	why = n > most ? why : o->streams ? ": -j" : "";
	n = n < most ? n : most;
	log_info("%s: round trip %u.%03u ms, %u core%s: %s%u stream%s%s", j->where, rtt / 1000, rtt % 1000, j->cores, j->cores == 1 ? "" : "s",
	         n > 1 ? "up to " : "", n, n == 1 ? "" : "s", why);
	return n;
}

struct pool *pool_begin(struct job *j, struct queue *q, work_fn *work, void *arg)
{
	struct pool *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->job = j;
	p->queue = q;
	p->work = work;
	p->arg = arg;
	p->most = choose(j);
	job_drop_secret(j, p->most);
	p->started = p->up = 1;
	p->users = 1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	return p;
}

unsigned pool_most(const struct pool *p)
{
	return p->most;
}

unsigned pool_now(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	unsigned n = p->started;
	pthread_mutex_unlock(&p->lock);
	return n;
}

static void leave(struct pool *p)               /* has the lock, and gives it back */
{
	bool last = --p->users == 0;

	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	if (!last)
		return;
	for (unsigned i = 0; i < STREAMS_MAX; i++)
		free(p->members[i]);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* Up, and something is left to do? Where the lead has gone meanwhile (left_alone), nothing of the job is looked at any more. */
static bool connected(struct member *m, enum status st, bool *alone)
{
	struct pool *p = m->pool;

	pthread_mutex_lock(&p->lock);
	bool on = st == ST_OK && !p->over;
	p->up += on && !m->was_up;
	m->was_up |= on;
	if (st != ST_OK && p->most > p->started)
		p->most = p->started;           /* what one is refused, no other is asked for */
	p->connecting--;
	*alone = p->over && p->job->left_alone;
	pthread_mutex_unlock(&p->lock);
	return on;
}

/* One stream from its connection to its end. true: it died with work left. */
static bool one_stream(struct member *m)
{
	struct worker *w = &m->worker;
	struct pool   *p = m->pool;
	enum status    st = connect_worker(w);
	bool           alone;

	if (st == ST_OK)
		st = connect_welcome(w);
	if (!connected(m, st, &alone)) {
		if (st == ST_OK && !alone)
			connect_bye(w);
		return false;
	}
	int r = p->work(w, p->arg);
	if (r == 0)
		connect_bye(w);
	worker_settle(w);
	pthread_mutex_lock(&p->lock);
	p->ended_well |= r == 0 && !w->stream.broken;
	worker_count(&p->counted, w);
	pthread_mutex_unlock(&p->lock);
	worker_clear(w);
	return r < 0 && !job_stopped(p->job);
}

static void *thread(void *arg)
{
	struct member *m = arg;
	struct pool   *p = m->pool;
	bool           again = true;

	for (int i = 0; again && i <= REPLACED; i++) {
		if (i > 0)
			worker_init(&m->worker, p->job, m->worker.number);
		again = one_stream(m);
		pthread_mutex_lock(&p->lock);
		again = again && i < REPLACED && !p->over;
		p->connecting += again;
		pthread_cond_broadcast(&p->changed);
		pthread_mutex_unlock(&p->lock);
	}
	if (m->worker.stream.sock >= 0)
		p->job->watch(m->worker.number, -1);    /* main.c's own: there to the process' end */
	stream_clear(&m->worker.stream);
	pthread_mutex_lock(&p->lock);
	leave(p);
	return NULL;
}

static const int faults[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGSYS, SIGTRAP };

/* Signals from outside are the main thread's. */
static int start(struct member *m)
{
	sigset_t       all, before;
	pthread_attr_t attr;
	pthread_t      t;
	int            r;

	sigfillset(&all);
	/* what a thread does to itself is its own: a blocked SIGBUS ends the process, guard.h never sees it */
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&all, faults[i]);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&t, &attr, thread, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

static void start_one(struct pool *p)           /* has the lock */
{
	struct member *m = calloc(1, sizeof *m);

	if (!m) {
		p->most = p->started;
		return;
	}
	worker_init(&m->worker, p->job, p->started);
	m->pool = p;
	p->connecting++;
	p->users++;
	if (start(m) == 0) {
		p->members[p->started++] = m;
		return;
	}
	p->connecting--;
	p->users--;
	p->most = p->started;
	free(m);
}

void pool_grow(struct pool *p)
{
	uint64_t bytes = 0;

	if (pool_most(p) < 2)
		return;
	size_t n = queue_waiting(p->queue, &bytes);
	uint64_t more = p->job->opt->streams ? n / GROW_FILES + bytes / GROW_BYTES : (bytes + n * FILE_COSTS) / GROW_CHOSEN;
	if (!n || !more)
		return;
	uint64_t wanted = 1 + more;
	pthread_mutex_lock(&p->lock);
	while (p->started < p->most && p->started < wanted && !p->over)
		start_one(p);
	pthread_mutex_unlock(&p->lock);
}

/* A job that is tried again needs all of it back: far away, streams are still connecting when the first one has failed. */
static bool maybe_again(struct job *j)
{
	pthread_mutex_lock(&j->report.lock);
	bool ended = j->report.ended != 0;
	pthread_mutex_unlock(&j->report.lock);
	return ended && !job_stopped(j);
}

void pool_end(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->over = true;
	while (p->users - 1 > (maybe_again(p->job) ? 0 : p->connecting))
		pthread_cond_wait(&p->changed, &p->lock);
	worker_count(&p->job->lead, &p->counted);
	if (p->job->streams < p->up)
		p->job->streams = p->up;
	p->job->left_alone |= p->connecting > 0;
	p->job->carried_on = p->ended_well && p->job->lead.stream.broken;
	leave(p);
}
