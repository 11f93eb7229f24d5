/*
 * holes.c - where a file has data: found as it is, widened to whole blocks, and never guessed; holes that are made, and what is read of a file.
 */
#include "common/holes.h"

#include <errno.h>
#include <sys/mman.h>
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static int make(int dir, const char *name, off_t size)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, size) < 0)
		exit(2);
	return fd;
}

static void put_at(int fd, off_t at, size_t len)
{
	uint8_t bytes[64 * KIB];

	memset(bytes, 0xa5, sizeof bytes);
	for (size_t n; len > 0; len -= n, at += (off_t)n) {
		n = len < sizeof bytes ? len : sizeof bytes;
		if (pwrite(fd, bytes, n, at) != (ssize_t)n)
			exit(2);
	}
}

static bool likely(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && holes_likely(&st);
}

static bool has(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && holes_in(fd, &st);
}

static bool next_is(int fd, uint64_t at, uint64_t end, uint64_t from, uint64_t to)
{
	struct extent e = holes_next(fd, at, end);

	if (e.from != from || e.end != to)
		note("[%llu, %llu): %llu to %llu", (unsigned long long)at, (unsigned long long)end, (unsigned long long)e.from, (unsigned long long)e.end);
	return e.from == from && e.end == to;
}

static void which(int dir)
{
	int dense = make(dir, "dense", 0), sparse = make(dir, "sparse", MIB), none = make(dir, "none", 0), granted = make(dir, "granted", 0);

	put_at(dense, 0, 100001);
	ok(!likely(dense) && !has(dense), "a file of which every byte was written has no holes, and nobody asks");
	put_at(sparse, 0, 4096);
	ok(likely(sparse) && has(sparse), "one that is longer than what was written has some");
	ok(!likely(none) && !has(none), "an empty one has none");
	if (fallocate(granted, 0, 0, MIB) == 0)
		ok(!likely(granted), "nor has one whose room was taken beforehand");
	else
		skip(1, "no fallocate here");
	struct stat st = { .st_mode = S_IFCHR, .st_size = MIB };
	ok(!holes_likely(&st), "nor what is no regular file");
	put_at(none, 0, 4096);
	if (ftruncate(none, 4097) < 0)
		exit(2);
	ok(likely(none), "a byte behind the last block is a hole");
	/* compressed: smaller than it is long, and all of it is there */
	fstat(dense, &st);
	st.st_blocks = 1;
	ok(holes_likely(&st) && !holes_in(dense, &st), "what takes less room for another reason has none");
	close(dense);
	close(sparse);
	close(none);
	close(granted);
}

static void walks(int dir)
{
	int fd = make(dir, "walk", 10 * MIB + 123);
	const uint64_t size = 10 * MIB + 123;

	ok(next_is(fd, 0, size, size, size), "nothing but a hole");
	put_at(fd, 0, 5000);
	put_at(fd, MIB + 5000, 1);
	put_at(fd, 2 * MIB, 300000);
	put_at(fd, (off_t)size - 10, 10);
	ok(next_is(fd, 0, size, 0, 8192), "data at the start, widened to whole blocks");
	ok(next_is(fd, 8192, size, MIB + 4096, MIB + 8192), "a byte in a block of its own is that block");
	ok(next_is(fd, MIB + 8192, size, 2 * MIB, 2 * MIB + 303104), "then the next");
	ok(next_is(fd, 2 * MIB + 303104, size, 10 * MIB, size), "the last one ends with the file");
	ok(next_is(fd, size, size, size, size), "and behind it is nothing");
	ok(next_is(fd, 2 * MIB + 100, size, 2 * MIB + 100, 2 * MIB + 303104), "asked within data: from there on");
	ok(next_is(fd, 2 * MIB + 100, 2 * MIB + 200, 2 * MIB + 100, 2 * MIB + 200), "... up to where it was asked for");
	ok(next_is(fd, MIB, MIB + 100, MIB + 100, MIB + 100), "a hole up to where it was asked for");
	ok(next_is(fd, MIB + 4100, size, MIB + 4100, MIB + 8192), "asked within the block: not before that");
	ok(next_is(fd, MIB, MIB + 4097, MIB + 4096, MIB + 4097), "an end within the block");
	if (ftruncate(fd, MIB) < 0)
		exit(2);
	ok(next_is(fd, 2 * MIB, size, size, size), "shortened meanwhile: nothing is there");
	close(fd);

	int pipes[2];
	if (pipe(pipes) < 0)
		exit(2);
	ok(next_is(pipes[0], 5, 100, 5, 100) && next_is(-1, 5, 100, 5, 100), "what cannot be asked has data everywhere");
	close(pipes[0]);
	close(pipes[1]);
	fd = make(dir, "huge", 1);
	bool large = ftruncate(fd, INT64_C(1) << 43) == 0;
	put_at(fd, (large ? INT64_C(1) << 43 : MIB) - 4096, 4096);
	if (large)
		ok(next_is(fd, 0, UINT64_C(1) << 43, (UINT64_C(1) << 43) - 4096, UINT64_C(1) << 43), "8 TiB with a block at the end");
	else
		skip(1, "no such large files here");
	close(fd);
}

static long long blocks(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (long long)st.st_blocks : -1;
}

static bool is_zero(int fd, off_t from, off_t to)
{
	uint8_t b;
	bool    all = true;

	for (off_t at = from; all && at < to; at++)
		all = pread(fd, &b, 1, at) == 1 && b == 0;
	return all;
}

static void makes(int dir)
{
	int     fd = make(dir, "make", 0), ro;
	uint8_t b[2];

	put_at(fd, 0, MIB);
	long long full = blocks(fd);
	ok(holes_make(fd, 64 * KIB, 128 * KIB, false) == 0 && next_is(fd, 64 * KIB, MIB, 192 * KIB, MIB), "data becomes a hole");
	ok(blocks(fd) < full && lseek(fd, 0, SEEK_END) == MIB, "which takes no room, and the size stays");
	long long less = blocks(fd);
	ok(holes_make(fd, 64 * KIB, 128 * KIB, false) == 0 && holes_make(fd, 70000, 5, false) == 0 && blocks(fd) == less, "what is one stays one");
	ok(holes_make(fd, 300001, 10000, false) == 0 && is_zero(fd, 300001, 310001) && pread(fd, b, 1, 300000) == 1 && b[0] == 0xa5 && pread(fd, b, 1, 310001) == 1 &&
	   b[0] == 0xa5, "within blocks: zeros, and not a byte beside them");
	ok(holes_make(fd, MIB, 1 << 30, false) == 0 && holes_make(fd, 10 * MIB, 5, false) == 0 && lseek(fd, 0, SEEK_END) == MIB, "behind the end nothing is");
	ok(holes_make(fd, 0, INT64_C(1) << 42, false) == 0 && lseek(fd, 0, SEEK_END) == MIB && next_is(fd, 0, MIB, MIB, MIB), "longer than the file: all of it");
	if (fallocate(fd, 0, 0, MIB) == 0) {
		less = blocks(fd);
		ok(holes_make(fd, 0, MIB / 2, true) == 0 && blocks(fd) <= less - MIB / 2 / 512, "room that was granted is given back");
	} else {
		skip(1, "no fallocate here");
	}
	put_at(fd, 0, 4096);
	ro = openat(dir, "make", O_RDONLY | O_CLOEXEC);
	ok(holes_make(ro, 0, 4096, false) == -EBADF && holes_make(ro, 64 * KIB, 4096, false) == 0, "what may not be written to is said");
	close(ro);
	close(fd);
	fd = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	put_at(fd, 0, 8192);
	bool sealed = fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0;
	ok(!sealed || holes_make(fd, 0, 4096, false) == -EPERM, "... and so is what refuses");
	close(fd);
}

struct seen { uint64_t from[8], len[8]; size_t count; int stop; int fd; };

static int see(void *arg, uint64_t at, uint8_t *p, size_t n)
{
	struct seen *s = arg;

	if (s->count && s->from[s->count - 1] + s->len[s->count - 1] == at)
		s->len[s->count - 1] += n;
	else if (s->count < 8) {
		s->from[s->count] = at;
		s->len[s->count++] = n;
	}
	memset(p, 0, n);
	return s->stop;
}

static void reads(int dir)
{
	int         fd = make(dir, "read", 4 * MIB);
	struct seen s = { .count = 0 };

	ok(holes_read(fd, 0, 4 * MIB, see, &s) == 0 && s.count == 0, "of a hole nothing is read");
	put_at(fd, MIB, 300000);
	put_at(fd, 3 * MIB, 4096);
	ok(holes_read(fd, 0, 4 * MIB, see, &s) == 0 && s.count == 2 && s.from[0] == MIB && s.len[0] == 303104 && s.from[1] == 3 * MIB && s.len[1] == 4096,
	   "of what is there, all: in pieces");
	s = (struct seen){ .count = 0 };
	ok(holes_read(fd, MIB + 7, 11, see, &s) == 0 && s.count == 1 && s.from[0] == MIB + 7 && s.len[0] == 11, "and not a byte beside it");
	s = (struct seen){ .stop = 5 };
	ok(holes_read(fd, 0, 4 * MIB, see, &s) == 5 && s.count == 1 && s.len[0] < 300000, "who says stop is not called again");
	s = (struct seen){ .count = 0 };
	ok(holes_read(fd, 3 * MIB, 100 * MIB, see, &s) == 0 && s.count == 1 && s.len[0] == 4096, "behind the end there is nothing");
	s = (struct seen){ .count = 0 };
	ok(holes_read(-1, 0, 10, see, &s) == -EBADF && s.count == 0, "what cannot be read is said");
	close(fd);
	const uint8_t z[5] = { 0 }, y[5] = { 0, 0, 0, 0, 1 }, x[5] = { 1 };
	ok(holes_zeros(z, 5) && holes_zeros(z, 1) && holes_zeros(y, 0) && holes_zeros(y, 4) && !holes_zeros(y, 5) && !holes_zeros(x, 5) && !holes_zeros(x, 1),
	   "zeros are told from others");
}

static void everything(const char *where)
{
	int dir = scratch(where);

	which(dir);
	walks(dir);
	makes(dir);
	reads(dir);
	close(dir);
	scratch_remove();
}

int main(int argc, char **argv)
{
	everything(argc > 1 ? argv[1] : NULL);
	everything("/dev/shm");
	return done();
}
