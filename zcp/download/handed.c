/*
 * handed.c - a file whose descriptor came instead of its contents: looked at, copied here by the techniques of zcp/local, published as any other.
 *
 * Trust    none: it must be open for reading, a file that the kernel itself keeps (handed_local(), before anything else: nothing may wait for ever), and the one that was said
 *          (device, inode); else the host lies, and the stream ends. Size and times that are others are a source that changed. It is read, and nothing else is done with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/handed.h"
#include "common/walk.h"
#include "zcp/download/arrival.h"
#include "zcp/download/download.h"
#include "zcp/download/large.h"
#include "zcp/local/copy.h"

struct handed { struct copying c; struct fetcher *f; uint64_t counted; };

/* The host hears nothing else meanwhile. */
static int beat(void *arg)
{
	struct handed *h = arg;

	return large_beat(h->f);
}

static void moved(void *arg, uint64_t bytes)
{
	struct handed *h = arg;

	h->counted += bytes;
	progress_moved(&h->f->download->job->progress, bytes);
}

static void passed(void *arg, uint64_t bytes)
{
	struct handed *h = arg;

	h->counted += bytes;
	progress_there(&h->f->download->job->progress, bytes);
}

/* 0, or -EPROTO: it is not what was said. */
static int look_at(int fd, const struct wire_file *m, struct stat *st)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY || !handed_local(fd) || fstat(fd, st) < 0)
		return -EPROTO;
	return st->st_dev == m->identity.dev && st->st_ino == m->identity.ino ? 0 : -EPROTO;
}

static bool as_said(const struct wire_file *m, const struct stat *st)
{
	struct meta     is = meta_from_stat(st);
	struct identity i = identity_from_stat(st);

	return is.size == m->meta.size && is.mtime == m->meta.mtime && is.mtime_ns == m->meta.mtime_ns && i.ctime == m->identity.ctime &&
	       i.ctime_ns == m->identity.ctime_ns;
}

/* Said, if it failed; published, if it did not. */
static void settle(struct fetcher *f, struct arrival *p, const struct copying *c, int r)
{
	struct errand *e = &f->now.errand;

	if (r < 0 && c->at_source) {
		fail_remote(f->download, e, fail_errno(r));
	} else if (r < 0) {
		fail_local(f->download, e, fail_made(r));
	} else {
		f->w->handed++;
		f->w->copiers |= c->used ? 1u << c->used->id : 0;
		worker_moved_by(f->w, ENGINE_HANDED, 0);
		arrival_publish(f, e, p, c->flags);
	}
	errand_over(f, e);
}

static int copy(struct fetcher *f, int fd, struct arrival *p, const struct wire_file *m, bool *again)
{
	struct handed h = {
		.c = { .from = fd, .to = p->aside.fd, .rate = rate_throttle(&f->download->job->rate), .between = beat, .moved = moved, .passed = passed },
		.f = f,
	};
	int r = look_at(fd, m, &h.c.st);

	if (r < 0)
		return stream_failed(&f->w->stream, -r);
	h.c.arg = &h;
	*again = !as_said(m, &h.c.st);
	if (!*again) {
		r = local_copy(&h.c, NULL);
		*again = r == 0 && (h.c.flags & SENT_SHRANK || h.c.off != m->meta.size);
	}
	copying_clear(&h.c);
	if (r == -EINTR || *again)
		progress_back(&f->download->job->progress, h.counted);
	else
		settle(f, p, &h.c, r);
	if (r != -EINTR)
		(void)large_beat(f);            /* many files that take little each take long, too; who is to end sees it next */
	return r == -EINTR ? r : 0;
}

int handed_come(struct fetcher *f, const struct wire_file *m, bool *again)
{
	CLEAN_FD int     fd = stream_descriptor(&f->w->stream);
	struct wire_file some = *m;
	struct arrival  *p = arrival_new(f, m);
	char             path[WIRE_PATH_MAX + 1] = "";
	int              r = 0;

	*again = false;
	if (!p)
		return -ENOMEM;
	some.flags |= SENT_SPARSE;              /* no room is taken beforehand: it may share the source's */
	arrival_open(f, p, &some, path);
	if (p->in.fail.status) {
		fail_local(f->download, &f->now.errand, p->in.fail);
		errand_over(f, &f->now.errand);
	} else {
		large_sweep(f->download, path);
		r = copy(f, fd, p, m, again);
	}
	arrival_drop(p, false);
	return r;
}
