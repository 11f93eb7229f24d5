/* pour.c - into a pipe or a device: read, and written in order. What is out cannot be taken back, so nothing comes twice. */
#include <errno.h>
#include <unistd.h>
#include "common/io.h"
#include "common/send.h"
#include "zcp/local/own.h"

/* 1: more may follow. 0: that was the end. -errno */
static int pour_piece(struct copying *c, int to, uint8_t *buf)
{
	size_t  most = throttle_piece(c->rate, COPYING_BYTES);
	ssize_t n = io_pread_full(c->from, buf, most, c->off);

	c->at_source = n < 0;
	if (n <= 0)
		return (int)n;
	throttle_wait(c->rate, (uint64_t)n, -1);
	ssize_t w = io_write_full(to, buf, (size_t)n);
	if (w < 0)
		return (int)w;
	c->off += (uint64_t)n;
	c->moved(c->arg, (uint64_t)n);
	int r = c->between(c->arg);
	return r < 0 ? r : (size_t)n == most;
}

int local_pour(struct local *l, int fd)
{
	struct copying *c = &l->c;
	struct stat     now;
	uint8_t        *buf = copying_buffer(c);
	int             r = buf ? 1 : -ENOMEM;

	c->from = fd;
	c->off = 0;
	c->flags = 0;
	c->at_source = false;
	while (r > 0)
		r = pour_piece(c, l->d.pour, buf);
	c->used = c->off ? copier_by_name("readwrite") : NULL;
	if (r == 0 && fstat(fd, &now) == 0)
		c->flags = source_changed(&c->st, &now);
	return r;
}
