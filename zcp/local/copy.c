/* copy.c - the table, and the one loop: the only place where the offset moves. */
#include "zcp/local/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/holes.h"
#include "common/send.h"
#include "zcp/local/rows.h"

const struct copier *const copiers[] = {                /* best first */
	&copier_reflink, &copier_range, &copier_readwrite, &copier_mmap, NULL
};

const struct copier *copier_by_name(const char *name)
{
	for (size_t i = 0; copiers[i]; i++)
		if (strcmp(copiers[i]->name, name) == 0)
			return copiers[i];
	return NULL;
}

const struct copier *copier_by_id(uint8_t id)
{
	for (size_t i = 0; copiers[i]; i++)
		if (copiers[i]->id == id)
			return copiers[i];
	return NULL;
}

static void further(struct copying *c, uint64_t n, bool moved)
{
	void (*say)(void *, uint64_t) = moved ? c->moved : c->passed;

	c->off += n;
	if (say)
		say(c->arg, n);
}

/* 1: it moved on. 0: the source ends here. -errno */
static int piece(struct copying *c, const struct copier *row, uint64_t end)
{
	size_t most = end - c->off < row->piece ? (size_t)(end - c->off) : row->piece;

	if (!row->whole) {
		most = throttle_piece(c->rate, most);
		throttle_wait(c->rate, most, -1);
	}
	ssize_t n = row->step(c, most);
	if (n > 0) {
		c->used = row;
		further(c, (uint64_t)n, !row->whole);
	}
	if (n <= 0 && n != -EINTR)
		return (int)n;
	int r = c->between ? c->between(c->arg) : 0;
	return r < 0 ? r : 1;
}

int copying_size(struct copying *c)
{
	if (!c->sized && ftruncate(c->to, (off_t)c->size) < 0)
		return -errno;
	c->sized = true;
	return 0;
}

/* Until all is copied, the source ends (0 as well: c->off tells), or the row cannot go on. */
static int with(struct copying *c, const struct copier *row, bool holes)
{
	struct extent e = { c->off, holes && !row->whole ? c->off : c->size };
	int           r = holes && !row->whole ? copying_size(c) : 0;

	r = r < 0 ? r : 1;
	while (r > 0 && c->off < c->size) {
		if (c->off >= e.end)
			e = holes_next(c->from, c->off, c->size);
		if (c->off < e.from)
			further(c, e.from - c->off, false);
		else
			r = piece(c, row, c->until = e.end);
	}
	if (row->close)
		row->close(c);
	return r < 0 ? r : 0;
}

/* What none of the rows behind could do better. The rest may be this row's trouble, or that of a file which the next one can name. */
static bool is_final(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EFBIG || r == -EINTR || r == -ENOMEM || r == -ECANCELED;
}

/* Of a forced row: is it the technique that is refused here, not the file? */
static int refused(int r)
{
	switch (r) {
	case -EXDEV: case -EINVAL: case -ETXTBSY: case -EPERM: case -ENOSYS: case -ENOTTY: case -EOVERFLOW:
		return -EOPNOTSUPP;
	default:
		return r;
	}
}

/* The rows in turn. 0: c->off bytes are there, and that was all that could be had */
static int rows(struct copying *c, const struct copier *only)
{
	bool holes = holes_in(c->from, &c->st);
	int  r = 0;

	for (size_t i = 0; copiers[i] && c->off < c->size; i++) {
		if (only ? copiers[i] != only : copiers[i]->asked)
			continue;
		c->at_source = false;
		r = with(c, copiers[i], holes);
		c->apart |= copiers[i]->whole && (r == -EOPNOTSUPP || r == -EXDEV);
		if (is_final(r) || c->at_source)
			break;
	}
	return only ? refused(r) : r;
}

/* A file that says it is shorter than it is, or empty: to its end, by the one technique that needs no size. */
static int rest(struct copying *c, const struct copier *only)
{
	int r = 1;

	if (only && only != &copier_readwrite) {
		char    one;
		ssize_t n = pread(c->from, &one, 1, (off_t)c->off);
		c->at_source = n < 0;
		return n > 0 ? -EOPNOTSUPP : n < 0 ? -errno : 0;
	}
	while (r > 0)
		r = piece(c, &copier_readwrite, UINT64_MAX);
	return r;
}

/* What became of the source meanwhile; 0 or -errno. */
static int look_again(struct copying *c)
{
	struct stat now;

	if (fstat(c->from, &now) < 0) {
		c->at_source = true;
		return -errno;
	}
	c->flags = source_changed(&c->st, &now);
	return 0;
}

int local_copy(struct copying *c, const struct copier *only)
{
	c->off = c->through = 0;
	c->size = (uint64_t)c->st.st_size;
	c->flags = 0;
	c->at_source = c->sized = c->apart = false;
	c->used = NULL;
	int r = c->size ? rows(c, only) : rest(c, only);
	if (r == 0)
		r = look_again(c);
	if (r == 0 && !(c->flags & SENT_SHRANK) && c->sized && ftruncate(c->to, (off_t)c->off) < 0)
		r = -errno;
	return r;
}

void copying_clear(struct copying *c)
{
	free(c->buf);
	c->buf = NULL;
}
