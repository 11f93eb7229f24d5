/*
 * handed.c - a file whose descriptor came instead of its contents: looked at, copied here by the techniques of zcp/local, published as any other.
 *
 * Trust    none: it must be open for reading, a regular file, and the one that was said (device, inode); else the host lies, and the stream ends. Size and times that are
 *          others are a source that changed. It is read, and nothing else is done with it, by a thread that can be given up (copyist.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/walk.h"
#include "zcp/download/arrival.h"
#include "zcp/download/copyist.h"
#include "zcp/download/download.h"
#include "zcp/download/large.h"
#include "zcp/local/copy.h"

struct handed {
	struct copywork work;           /* first: run() is given this */
	struct copying  c;
	struct meta     meta;           /* as the host says */
	struct identity identity;
	int             r;
};

static int beat(void *arg)
{
	const struct handed *h = arg;

	return h->work.stop ? -EINTR : 0;
}

static void moved(void *arg, uint64_t bytes)
{
	struct handed *h = arg;

	h->work.moved += bytes;
}

static void passed(void *arg, uint64_t bytes)
{
	struct handed *h = arg;

	h->work.passed += bytes;
}

static bool as_said(const struct handed *h, const struct stat *st)
{
	struct meta     m = meta_from_stat(st);
	struct identity i = identity_from_stat(st);

	return m.size == h->meta.size && m.mtime == h->meta.mtime && m.mtime_ns == h->meta.mtime_ns && i.ctime == h->identity.ctime &&
	       i.ctime_ns == h->identity.ctime_ns;
}

/* 0, or -EPROTO: it is not what was said. */
static int look_at(struct handed *h)
{
	int flags = fcntl(h->c.from, F_GETFL);

	if (flags < 0 || flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY || fstat(h->c.from, &h->c.st) < 0)
		return -EPROTO;
	return S_ISREG(h->c.st.st_mode) && h->c.st.st_dev == h->identity.dev && h->c.st.st_ino == h->identity.ino ? 0 : -EPROTO;
}

static void run(struct copywork *w)
{
	struct handed *h = (struct handed *)(void *)w;

	h->r = look_at(h);
	if (h->r < 0)
		return;
	if (as_said(h, &h->c.st)) {
		h->r = local_copy(&h->c, NULL);
		if (h->r == 0 && h->c.off != h->meta.size)
			h->c.flags |= SENT_SHRANK;
	} else {
		h->c.flags = SENT_SHRANK;
	}
	copying_clear(&h->c);
}

/* The host hears nothing else meanwhile. */
static void tell(void *arg, uint64_t more, uint64_t further)
{
	struct pulse    *pulse = arg;
	struct progress *p = &pulse->f->download->job->progress;

	if (more)
		progress_moved(p, more);
	if (further)
		progress_there(p, further);
	large_beat(pulse);
}

static struct handed *begin(const struct fetcher *f, int fd, const struct arrival *p, const struct wire_file *m)
{
	struct handed *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->work.run = run;
	h->meta = m->meta;
	h->identity = m->identity;
	h->c.from = fd;
	h->c.to = p->aside.fd;
	h->c.rate = rate_throttle(&f->download->job->rate);
	h->c.between = beat;
	h->c.moved = moved;
	h->c.passed = passed;
	h->c.arg = h;
	return h;
}

/* Its thread still has both descriptors: they keep their numbers, and the aside file is removed by another one. */
static void leave_behind(struct fetcher *f, struct arrival *p, int *fd, int r)
{
	struct job *j = f->download->job;

	*fd = -1;
	p->aside.fd = fcntl(p->aside.fd, F_DUPFD_CLOEXEC, 0);
	j->left_alone = true;
	if (r == -ETIMEDOUT)
		worker_say(f->w, "%s: what it handed over cannot be read: nothing came of it for %u s (--timeout)", j->where, j->opt->stall_s);
}

/* What it came to. 0, or -errno: the stream's end. */
static int finish(struct fetcher *f, struct arrival *p, const struct handed *h, bool *again)
{
	struct errand *e = &f->now.errand;
	uint8_t        flags = h->c.flags;

	*again = false;
	if (h->r == -EPROTO)
		return stream_failed(&f->w->stream, EPROTO);
	if (h->r < 0) {
		if (h->c.at_source)
			fail_remote(f->download, e, fail_errno(h->r));
		else
			fail_local(f->download, e, fail_made(h->r));
	} else if (flags & SENT_SHRANK) {
		*again = true;
		return 0;
	} else {
		f->w->handed++;
		worker_moved_by(f->w, ENGINE_HANDED, 0);
		f->w->copiers |= h->c.used ? 1u << h->c.used->id : 0;
		arrival_publish(f, e, p, flags);
	}
	errand_over(f, e);
	return 0;
}

static int copy(struct fetcher *f, int *fd, struct arrival *p, const struct wire_file *m, bool *again)
{
	struct handed            *h = begin(f, *fd, p, m);
	struct pulse              pulse = { f, progress_clock_ms() };
	const struct copyist_tell t = { tell, &pulse };
	bool                      given_up;

	if (!h)
		return -ENOMEM;
	int r = copyist_run(&f->copyist, f->download->job, &h->work, &t, &given_up);
	if (given_up) {
		leave_behind(f, p, fd, r);
		return r == -ETIMEDOUT ? stream_failed(&f->w->stream, EAGAIN) : r;
	}
	if (r == 0)
		r = finish(f, p, h, again);
	if (r < 0 || *again)
		progress_back(&f->download->job->progress, h->work.moved + h->work.passed);
	free(h);
	return r;
}

int handed_come(struct fetcher *f, const struct wire_file *m, bool *again)
{
	struct wire_file some = *m;
	struct arrival  *p = arrival_new(f, m);
	char             path[WIRE_PATH_MAX + 1] = "";
	CLEAN_FD int     fd = stream_descriptor(&f->w->stream);
	bool             changed = false;
	int              r = 0;

	if (!p)
		return -ENOMEM;
	some.flags |= SENT_SPARSE;              /* no room is taken beforehand: it may share the source's */
	arrival_open(f, p, &some, path);
	if (p->in.fail.status) {
		fail_local(f->download, &f->now.errand, p->in.fail);
		errand_over(f, &f->now.errand);
	} else {
		r = copy(f, &fd, p, m, &changed);
	}
	arrival_drop(p, false);
	*again = changed;
	return r;
}
