/* same.c - is what a source has here already? Bytes beside bytes (--checksum), and what else there is (-X, -A, owners). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/walk.h"
#include "zcp/local/own.h"

enum { COMPARE_BYTES = 128 * 1024 };

int local_extras(struct local *l, int fd, const struct stat *st, struct wire_str *ext, struct fail *f)
{
	return extras_tell(fd, st, l->d.job->extras, &l->d.job->owners, l->ext, ext, f);
}

/* 1, 0 (also where one cannot be read: copying will tell), -EINTR */
static int same_bytes(const struct local *l, int a, int b)
{
	CLEAN_PTR uint8_t *x = malloc(2 * COMPARE_BYTES);
	ssize_t            n = 1;

	for (uint64_t at = 0; x && n > 0; at += (uint64_t)n) {
		if (job_stopped(l->d.job))
			return -EINTR;
		n = io_pread_full(a, x, COMPARE_BYTES, at);
		if (n < 0 || io_pread_full(b, x + COMPARE_BYTES, COMPARE_BYTES, at) != n || memcmp(x, x + COMPARE_BYTES, (size_t)n) != 0)
			return 0;
	}
	return x && n == 0;
}

/* Found the same by size and time: is it still what was looked at? */
static bool as_listed(const struct meta *was, const struct meta *is)
{
	return was->size == is->size && was->mtime == is->mtime && was->mtime_ns == is->mtime_ns;
}

bool local_is_same(struct local *l, struct errand *e, int fd, const struct stat *st, int *r)
{
	struct download *d = &l->d;
	struct meta      is = meta_from_stat(st);
	struct here      h = { .same_extras = true };
	struct extras    x;
	struct fail      f;
	char             path[WIRE_PATH_MAX + 1];
	CLEAN_FD int     there = errand_local(d, e, path) < 0 ? -1 : fetcher_open_here(&d->lead, path, is.size, &h.st);

	*r = there < 0 ? 0 : e->todo == TODO_CHECK ? same_bytes(l, fd, there) : as_listed(&e->meta, &is);
	e->meta = is;
	if (*r <= 0)
		return false;
	*r = 0;
	if (d->job->extras) {
		if (local_extras(l, fd, st, &h.ext, &f) < 0)
			return false;           /* copying will say so */
		h.same_extras = extras_same(there, job_to_set(d->job, h.ext, &x)) > 0;
	}
	return local_same(d, &d->lead.cache, e, path, &h);
}
