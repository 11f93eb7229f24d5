/*
 * mmap.c - memcpy from a mapping of the source into one of the copy: no bytes in a buffer, but a fault for each of the copy's pages, and none of them in a cache.
 *
 * Either may lose its file's end, or its disk's room, under the copy: each has a guard of its own, so that it is known which it was.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "common/count.h"
#include "common/guard.h"
#include "zcp/local/rows.h"

static void target_close(struct copying *c)
{
	if (c->target) {
		count_call(CALL_MUNMAP);
		munmap(c->target, c->target_len);
	}
	c->target = NULL;
}

/* The copy has its length before it has its bytes: a mapping reaches no further than its file. */
static int target_at(struct copying *c, size_t n)
{
	if (c->target && c->off >= c->target_off && c->off + n <= c->target_off + c->target_len)
		return 0;
	target_close(c);
	int r = copying_size(c);
	if (r < 0)
		return r;
	uint64_t from = c->off & ~(uint64_t)4095;
	uint64_t want = c->size - from < WINDOW_BYTES ? c->size - from : WINDOW_BYTES;
	count_call(CALL_MMAP);
	void    *p = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_SHARED, c->to, (off_t)from);
	if (p == MAP_FAILED)
		return errno == ENODEV || errno == EACCES || errno == EPERM ? -EOPNOTSUPP : -errno;
	c->target = p;
	c->target_off = from;
	c->target_len = want;
	return 0;
}

struct span { struct copying *c; uint8_t *to; const uint8_t *from; size_t n; };

static int copy_span(void *arg)
{
	const struct span *s = arg;

	memcpy(s->to, s->from, s->n);
	return 0;
}

/* A page's first write takes its room on the disk. */
static int into_target(void *arg)
{
	const struct span *s = arg;

	return guard_run(s->c->target, s->c->target_len, copy_span, arg) == -EFAULT ? -ENOSPC : 0;
}

static ssize_t mmap_step(struct copying *c, size_t max)
{
	struct span s = { .c = c, .n = max };
	uint8_t    *p;
	int         r = window_at(&c->window, c->from, c->off, max, c->until, &p);

	if (r == 0)
		r = target_at(c, max);
	if (r < 0)
		return r;
	s.from = p;
	s.to = c->target + (c->off - c->target_off);
	r = guard_run(c->window.p, c->window.len, into_target, &s);
	if (r == -EFAULT)
		return 0;               /* the source ends before that */
	c->through += 2 * (uint64_t)max;
	return r < 0 ? r : (ssize_t)max;
}

static void mmap_close(struct copying *c)
{
	window_close(&c->window);
	target_close(c);
}

const struct copier copier_mmap = {
	.name = "mmap", .id = COPIER_MMAP, .asked = true, .piece = WINDOW_BYTES / 2, .step = mmap_step, .close = mmap_close,
};
