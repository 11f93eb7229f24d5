/* output.c - see output.h */
#include "zcp/events/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/standard.h"

enum { LOOK_MS = 100 };

void output_init(struct output *o, volatile sig_atomic_t *stop, void (*failed)(void *arg, int error), void *arg)
{
	*o = (struct output){ .fd = -1, .end = -1, .stop = stop, .failed = failed, .arg = arg };
	pthread_mutex_init(&o->lock, NULL);
	json_grow(&o->json);
}

void output_clear(struct output *o)
{
	json_clear(&o->json);
	close_fd(&o->end);
	close_fd(&o->fd);
}

static void breaks(struct output *o, int error)
{
	if (o->error)
		return;
	o->error = error;
	o->broken = true;
}

/* Its number must be none of the three: those may be closed, too, and opened as something else. */
static void open_it(struct output *o)
{
	struct stat st;

	o->opened = true;
	o->fd = standard_dup(STDOUT_FILENO);
	if (o->fd < 0 || fstat(o->fd, &st) < 0) {
		breaks(o, o->fd < 0 ? -o->fd : errno);
	} else {
		o->piece = S_ISREG(st.st_mode) ? SIZE_MAX : PIPE_BUF;
		o->end = S_ISREG(st.st_mode) ? -1 : eventfd(0, EFD_CLOEXEC);    /* -1: a line will find it out */
	}
}

/* What failed is said with the lock given back: saying it may come here again. */
static void unlock(struct output *o, bool fresh)
{
	int error = o->error;

	o->busy = 0;
	pthread_mutex_unlock(&o->lock);
	if (fresh)
		o->failed(o->arg, error);
}

bool output_lock(struct output *o)
{
	if (o->broken)
		return false;
	pthread_mutex_lock(&o->lock);
	o->busy = 1;
	bool fresh = !o->opened;
	if (fresh)
		open_it(o);
	if (!o->broken)
		return true;
	unlock(o, fresh);
	return false;
}

void output_unlock(struct output *o)
{
	unlock(o, o->broken);
}

struct json *output_line(struct output *o)
{
	json_again(&o->json);
	json_object(&o->json, NULL);
	return &o->json;
}

/* A full pipe's reader: true when it has read, or is gone (the write will tell). After a signal not for long. */
static bool takes(struct output *o)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };
	int           waited = 0, n;

	do {
		n = poll(&p, 1, LOOK_MS);
		waited += n == 0 && *o->stop ? LOOK_MS : 0;
	} while ((n == 0 && waited < PATIENCE_MS) || (n < 0 && errno == EINTR));
	return n != 0;
}

/* So much of a pipe is free when poll(2) says that some is. */
static void write_all(struct output *o, const char *p, size_t n)
{
	while (n > 0 && !o->broken) {
		if (!takes(o)) {
			breaks(o, ETIMEDOUT);
			return;
		}
		ssize_t done = write(o->fd, p, n < o->piece ? n : o->piece);
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			breaks(o, errno);
		if (done < 0)
			continue;
		p += done;
		n -= (size_t)done;
	}
}

void output_write(struct output *o)
{
	struct json *j = &o->json;

	j->once = NULL;
	json_object_end(j);
	if (j->bad) {
		breaks(o, ENOMEM);
		return;
	}
	j->p[j->len] = '\n';            /* in the place of the end's byte */
	write_all(o, j->p, j->len + 1);
}

/* --- watched --------------------------------------------------------------------------------------------------------- */

static void *watch(void *arg)
{
	struct output *o = arg;
	struct pollfd  p[] = { { .fd = o->end, .events = POLLIN }, { .fd = o->fd, .events = 0 } };

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		continue;
	if (!p[0].revents && output_lock(o)) {
		breaks(o, EPIPE);
		output_unlock(o);
	}
	return NULL;
}

void output_watch(struct output *o)
{
	sigset_t all, before;

	if (o->end < 0 || o->watched)
		return;
	sigfillset(&all);               /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	o->watched = pthread_create(&o->thread, NULL, watch, o) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void output_unwatch(struct output *o)
{
	uint64_t one = 1;

	if (o->watched && write(o->end, &one, sizeof one) == (ssize_t)sizeof one)
		pthread_join(o->thread, NULL);
	o->watched = false;
}
