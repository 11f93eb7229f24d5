/* sources.c - files of this machine, opened by whoever sends them: see upload.h */
#include "zcp/upload/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "common/cleanup.h"
#include "zcp/confine.h"

static struct failing failing_here(const struct upload *u, uint32_t source, const char *rest, struct fail f, char whole[static 2 * WIRE_PATH_MAX])
{
	const char *path = u->plan->v[source].path;

	snprintf(whole, 2 * WIRE_PATH_MAX, "%s%s%s", path, *rest ? "/" : "", rest);
	return (struct failing){ NULL, whole, path, rest, f };
}

void source_fail(struct upload *u, uint32_t source, const char *rest, struct fail f)
{
	char whole[2 * WIRE_PATH_MAX];

	struct failing x = failing_here(u, source, rest, f, whole);
	report_fail(&u->job->report, &x);
	progress_file(&u->job->progress, 0);
}

void source_fail_cut(struct upload *u, uint32_t source, const char *rest, struct fail f)
{
	char whole[2 * WIRE_PATH_MAX];

	struct failing x = failing_here(u, source, rest, f, whole);
	x.source = NULL;
	report_fail(&u->job->report, &x);
	progress_file(&u->job->progress, 0);
}

void source_skip(struct upload *u, uint32_t source, const char *rest, struct fail f)
{
	char whole[2 * WIRE_PATH_MAX];

	struct failing x = failing_here(u, source, rest, f, whole);
	report_skip(&u->job->report, &x);
}

/* One that nobody uses makes room. Has the lock. */
static void close_one(struct upload *u)
{
	for (unsigned i = 0; i < u->opened_count; i++) {
		struct base *b = &u->bases[u->opened[i]];
		if (b->users)
			continue;
		close_fd(&b->fd);
		u->opened[i] = u->opened[--u->opened_count];
		return;
	}
}

/* Another directory under that name by now is not what was asked for. */
static struct fail open_base(const struct source *s, int *fd)
{
	struct stat st;

	*fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return errno == EACCES && confine_replaced(s) ? fail_why(ST_CHANGED, WHY_VANISHED) : fail_errno(errno);
	if (st.st_dev == s->identity.dev && st.st_ino == s->identity.ino)
		return (struct fail){ 0 };
	close_fd(fd);
	return fail_why(ST_CHANGED, WHY_VANISHED);
}

int base_get(struct upload *u, uint32_t source, struct fail *f)
{
	struct base *b = &u->bases[source];

	*f = (struct fail){ 0 };
	pthread_mutex_lock(&u->lock);
	if (b->fd < 0) {
		if (u->opened_count >= BASES_IDLE)
			close_one(u);
		*f = u->opened_count < BASES_MOST ? open_base(&u->plan->v[source], &b->fd) : fail_errno(EMFILE);
		if (!f->status)
			u->opened[u->opened_count++] = source;
	}
	int fd = b->fd;
	b->users += fd >= 0;
	pthread_mutex_unlock(&u->lock);
	return fd;
}

void base_put(struct upload *u, uint32_t source)
{
	pthread_mutex_lock(&u->lock);
	u->bases[source].users--;
	pthread_mutex_unlock(&u->lock);
}

static int open_below(struct upload *u, uint32_t source, const char *path, int flags, struct fail *f)
{
	int base = base_get(u, source, f);

	if (base < 0)
		return -1;
	int fd = openat(base, path, flags | (u->job->opt->keep_links ? O_NOFOLLOW : 0));
	if (fd < 0)
		*f = errno == ENOENT ? fail_why(ST_CHANGED, WHY_VANISHED) : fail_errno(errno);
	base_put(u, source);
	return fd;
}

int source_open(struct upload *u, const struct errand *e, struct stat *st, struct fail *f)
{
	const struct source *s = &u->plan->v[e->source];
	int                  flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	*f = (struct fail){ 0 };
	CLEAN_FD int fd = *e->rest ? open_below(u, e->source, e->rest, flags, f) : open(s->path, flags);
	if (fd < 0 && !f->status)
		*f = errno == EACCES && confine_replaced(s) ? fail_why(ST_CHANGED, WHY_VANISHED) : fail_errno(errno);
	else if (fd >= 0 && fstat(fd, st) < 0)
		*f = fail_errno(errno);
	else if (fd >= 0 && !S_ISREG(st->st_mode))
		*f = fail_why(ST_PARTIAL, WHY_NOT_REGULAR);
	return f->status ? -1 : keep_fd(&fd);
}

int source_open_dir(struct upload *u, uint32_t source, const char *path, struct fail *f)
{
	return open_below(u, source, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, f);
}

int errand_path(const struct upload *u, const struct errand *e, char out[static WIRE_PATH_MAX + 1])
{
	const char *as = u->plan->v[e->source].as;
	int         n = snprintf(out, WIRE_PATH_MAX + 1, "%s%s%s", as, *as && *e->rest ? "/" : "", e->rest);

	return n < 0 || n > WIRE_PATH_MAX ? -ENAMETOOLONG : 0;
}
