/* holes.c - see holes.h */
#include "common/holes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/count.h"
#include "common/io.h"

enum { PUNCH_TRIES = 16 /* a signal breaks a long one off */, READ_BYTES = 128 * 1024 };

static off_t seek(int fd, off_t at, int whence)
{
	count_call(CALL_LSEEK);
	return lseek(fd, at, whence);
}

static int punch(int fd, uint64_t off, uint64_t len)
{
	count_call(CALL_FALLOCATE);
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
}

bool holes_in(int fd, const struct stat *st)
{
	off_t first = holes_likely(st) ? seek(fd, 0, SEEK_HOLE) : -1;

	return first >= 0 && first < st->st_size;
}

/* Whatever it says but "nothing from there on": all of it may be data. */
struct extent holes_next(int fd, uint64_t at, uint64_t end)
{
	off_t    data = seek(fd, (off_t)at, SEEK_DATA), hole;
	uint64_t from, to;

	if (data < 0)
		return errno == ENXIO ? (struct extent){ end, end } : (struct extent){ at, end };
	from = (uint64_t)data / HOLES_ALIGN * HOLES_ALIGN;
	if (from >= end)
		return (struct extent){ end, end };
	hole = seek(fd, data, SEEK_HOLE);
	to = hole <= data ? end : ((uint64_t)hole + HOLES_ALIGN - 1) / HOLES_ALIGN * HOLES_ALIGN;
	return (struct extent){ from > at ? from : at, to < end ? to : end };
}

static bool is_hole(int fd, uint64_t off, uint64_t len)
{
	off_t data = seek(fd, (off_t)off, SEEK_DATA);

	return data < 0 ? errno == ENXIO : (uint64_t)data >= off + len;
}

int holes_make(int fd, uint64_t off, uint64_t len, bool granted)
{
	if (!granted && is_hole(fd, off, len))
		return 0;
	for (int i = 0; punch(fd, off, len) < 0; i++)
		if (errno != EINTR || i >= PUNCH_TRIES)
			return -errno;
	return 0;
}

static int read_extent(int fd, struct extent e, uint8_t *buf, int (*each)(void *, uint64_t, uint8_t *, size_t), void *arg)
{
	int r = 0;

	while (r == 0 && e.from < e.end) {
		size_t  want = e.end - e.from < READ_BYTES ? (size_t)(e.end - e.from) : READ_BYTES;
		ssize_t n = io_pread_full(fd, buf, want, e.from);
		if (n <= 0)                     /* the file ends here */
			return (int)n;
		r = each(arg, e.from, buf, (size_t)n);
		e.from += (uint64_t)n;
	}
	return r;
}

int holes_read(int fd, uint64_t off, uint64_t len, int (*each)(void *arg, uint64_t at, uint8_t *p, size_t n), void *arg)
{
	uint64_t end = off + len;
	CLEAN_PTR uint8_t *buf = NULL;
	int      r = 0;

	while (r == 0 && off < end) {
		struct extent e = holes_next(fd, off, end);
		if (e.from < e.end && !buf)
			buf = malloc(READ_BYTES);
		if (e.from < e.end)
			r = buf ? read_extent(fd, e, buf, each, arg) : -ENOMEM;
		off = e.end;
	}
	return r;
}

bool holes_zeros(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}
