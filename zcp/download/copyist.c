/* copyist.c - see copyist.h */
#include "zcp/download/copyist.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include "common/clock.h"
#include "zcp/job.h"

enum { LOOK_NS = 250000000, SECOND_NS = 1000000000 };

struct copyist {
	pthread_mutex_t  lock;
	pthread_cond_t   changed;
	struct copywork *work;          /* NULL: nothing to do */
	bool             over;          /* the thread is to end */
};

static void drop(struct copyist *c)
{
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void *thread(void *arg)
{
	struct copyist *c = arg;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->work && !c->over)
			pthread_cond_wait(&c->changed, &c->lock);
		if (!c->work)
			break;
		struct copywork *w = c->work;
		pthread_mutex_unlock(&c->lock);
		w->run(w);
		pthread_mutex_lock(&c->lock);
		c->work = NULL;
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
	drop(c);
	return NULL;
}

/* As pool.c's: signals from outside are the main thread's, faults one's own. */
static int start(struct copyist *c)
{
	static const int faults[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGSYS, SIGTRAP };
	sigset_t         all, before;
	pthread_attr_t   attr;
	pthread_t        t;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&all, faults[i]);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&t, &attr, thread, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

static int make(struct copyist **out)
{
	struct copyist    *c = calloc(1, sizeof *c);
	pthread_condattr_t attr;

	if (!c)
		return -ENOMEM;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
	int r = start(c);
	if (r < 0)
		drop(c);
	else
		*out = c;
	return r;
}

static void wait_a_moment(struct copyist *c)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_NS;
	if (until.tv_nsec >= SECOND_NS) {
		until.tv_nsec -= SECOND_NS;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&c->changed, &c->lock, &until);
}

/* What has moved since it was last looked at. */
static bool look(struct copywork *w, uint64_t seen[static 2], const struct copyist_tell *t)
{
	uint64_t moved = w->moved, passed = w->passed, more = moved - seen[0], further = passed - seen[1];

	seen[0] = moved;
	seen[1] = passed;
	t->say(t->arg, more, further);
	return more || further;
}

int copyist_run(struct copyist **c, struct job *j, struct copywork *w, const struct copyist_tell *t, bool *given_up)
{
	uint64_t seen[2] = { 0 };
	int64_t  since = clock_ms(), stall_ms = (int64_t)j->opt->stall_s * 1000;
	int      r = *c ? 0 : make(c);

	*given_up = false;
	if (r < 0)
		return r;
	struct copyist *mine = *c;
	pthread_mutex_lock(&mine->lock);
	mine->work = w;
	pthread_cond_broadcast(&mine->changed);
	while (mine->work && !*given_up) {
		bool asked = w->stop;
		wait_a_moment(mine);
		since = look(w, seen, t) ? clock_ms() : since;
		w->stop = job_stopped(j);
		if (mine->work && (asked || clock_ms() - since > stall_ms)) {
			r = asked ? -EINTR : -ETIMEDOUT;
			*given_up = true;
			mine->over = true;
			*c = NULL;
		}
	}
	look(w, seen, t);
	r = r == 0 && w->stop ? -EINTR : r;
	pthread_mutex_unlock(&mine->lock);
	return r;
}

void copyist_end(struct copyist *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->over = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}
