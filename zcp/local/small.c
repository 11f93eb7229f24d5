/* small.c - small files, between file systems that share no extents: read and written whole, in 10 calls a file instead of 16. */
#include <errno.h>
#include <sys/stat.h>
#include "common/holes.h"
#include "common/io.h"
#include "common/send.h"
#include "zcp/local/own.h"

enum { SMALL_MOST = 64 * 1024 };

static uint64_t device_of(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 ? st.st_dev : 0;
}

/* The last copy has tried. */
void small_learn(struct local *l, int dir)
{
	if (!l->c.apart)
		return;
	l->apart.from = l->c.st.st_dev;
	l->apart.to = device_of(dir);
	l->apart.opened = l->d.lead.cache.opened;
}

static bool same_directory_or_device(struct local *l, int dir)
{
	if (l->apart.opened == l->d.lead.cache.opened)
		return true;
	l->apart.opened = l->d.lead.cache.opened;
	if (l->apart.to == device_of(dir))
		return true;
	l->apart.from = 0;
	return false;
}

bool small_fits(struct local *l, int dir)
{
	const struct stat *st = &l->c.st;

	if (st->st_size <= 0 || st->st_size > SMALL_MOST || l->d.job->opt->copier || st->st_dev != l->apart.from || holes_likely(st))
		return false;
	return same_directory_or_device(l, dir);
}

int small_copy(struct local *l, int fd, int dir, const char *last, const struct publish *how)
{
	struct copying *c = &l->c;
	struct stat     now;
	uint8_t        *buf = copying_buffer(c);

	c->off = 0;
	c->used = copier_by_name("readwrite");
	throttle_wait(c->rate, (uint64_t)c->st.st_size, -1);
	ssize_t n = buf ? io_pread_full(fd, buf, (size_t)c->st.st_size, 0) : -ENOMEM;
	c->at_source = n < 0;
	if (n >= 0 && fstat(fd, &now) < 0)
		n = -errno;
	if (n < 0)
		return (int)n;
	c->flags = source_changed(&c->st, &now);
	c->off = (uint64_t)n;
	c->moved(c->arg, c->off);
	if (c->flags & SENT_SHRANK)
		return 0;
	struct publish p = *how;
	p.meta.size = c->off;
	return aside_whole(dir, last, buf, c->off, &p);
}
