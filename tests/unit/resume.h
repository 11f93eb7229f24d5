/*
 * resume.h - what the drivers about journals share: a copy that is begun, goes on, and is looked at; a process beside this one.
 */
#pragma once
#include "common/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

enum { MIB = 1 << 20, KIB256 = 256 * 1024, SIZE = 8 * MIB + 12345, HEADER = 256, ENTRY = 64, RUN_AT = 15, VERSION_AT = 12 };
static const uint8_t me[KEY_BYTES] = { 1 }, other[KEY_BYTES] = { 2 };

static inline uint8_t *the_data(void)
{
	static uint8_t bytes[SIZE];

	return bytes;
}


struct both {
	struct aside  a;
	struct resume r;
	struct span   gaps[RESUME_GAPS];
	size_t        count;
	int           result;
};

static inline struct resume_id id_of(uint64_t size)
{
	return (struct resume_id){ .of = { 7 }, .size = size, .mtime = 1000000000, .mtime_ns = 5, .identity = { 1, 2, 3, 4 } };
}

static inline int open_as(struct both *b, int dir, const char *final, const uint8_t *owner, struct resume_id id, bool fresh)
{
	return b->result = resume_open(&b->a, &b->r, dir, final, owner, &id, fresh, b->gaps, &b->count);
}

static inline int open_it(struct both *b, int dir)
{
	return open_as(b, dir, "f", me, id_of(SIZE), false);
}

static inline void keep(struct both *b)
{
	resume_close(&b->r);
	aside_keep(&b->a);
}

static inline void drop(struct both *b)
{
	char name[ASIDE_NAME];
	int  dir = dup(b->a.dir);

	memcpy(name, b->a.name, sizeof name);
	aside_drop(&b->a);
	resume_drop(&b->r, dir, name);
	close(dir);
}

/* This part comes: written and noted in pieces of `step`. */
static inline int come_in(struct both *b, uint64_t off, uint64_t len, uint32_t step)
{
	for (uint64_t end = off + len; off < end; off += step) {
		struct resume_piece p = { .off = off, .len = end - off < step ? (uint32_t)(end - off) : step };
		int r;

		if (pwrite(b->a.fd, the_data() + off, p.len, (off_t)off) != (ssize_t)p.len)
			return -errno;
		resume_tag(&b->r, off, the_data() + off, p.len, p.tag);
		r = resume_note(&b->r, &p, 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static inline int come(struct both *b, uint64_t off, uint64_t len)
{
	return come_in(b, off, len, KIB256);
}

/* Both files of this owner's copy, as they would be found in the directory. */
static inline void names(int dir, const char *final, const uint8_t *owner, char aside[ASIDE_NAME], char journal[ASIDE_NAME + 2])
{
	struct both b = { .count = 0 };

	if (open_as(&b, dir, final, owner, id_of(SIZE), false) < 0)
		exit(2);
	snprintf(aside, ASIDE_NAME, "%s", b.a.name);
	snprintf(journal, ASIDE_NAME + 2, "%s.j", b.a.name);
	keep(&b);
}

static inline unsigned files(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline bool gaps_are(const struct both *b, size_t n, const struct span *want)
{
	if (b->count == n && memcmp(b->gaps, want, n * sizeof *want) == 0)
		return true;
	for (size_t i = 0; i < b->count && i < 8; i++)
		note("gap %zu: %llu + %llu", i, (unsigned long long)b->gaps[i].off, (unsigned long long)b->gaps[i].len);
	return false;
}
#define GAPS(b, ...) gaps_are((b), sizeof((struct span[]){ __VA_ARGS__ }) / sizeof(struct span), (struct span[]){ __VA_ARGS__ })

static inline bool all_missing(const struct both *b)
{
	return b->count == 1 && b->gaps[0].off == 0 && b->gaps[0].len == b->r.size && b->r.have == 0;
}

static inline void flip(int dir, const char *name, off_t at)
{
	uint8_t c = 0;
	int     fd = openat(dir, name, O_RDWR | O_CLOEXEC);

	if (fd < 0 || pread(fd, &c, 1, at) != 1 || (c ^= 0x10, pwrite(fd, &c, 1, at) != 1))
		exit(2);
	close(fd);
}

static inline off_t size_of(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : -1;
}

static inline void set_length(int dir, const char *name, off_t len)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ftruncate(fd, len) < 0)
		exit(2);
	close(fd);
}

/* In a process of its own: opens, says so, and holds until told to go. */
static inline pid_t in_child(int (*f)(int dir, const void *arg), int dir, const void *arg, int pipes[2])
{
	int   up[2], down[2];
	char  c;

	if (pipe(up) < 0 || pipe(down) < 0)
		exit(2);
	pid_t pid = fork();
	if (pid == 0) {
		/* a lock of the parent's would be this process's, too */
		for (int fd = 3; fd < 100; fd++)
			if (fd != dir && fd != up[1] && fd != down[0])
				close(fd);
		int r = f(dir, arg);
		c = r < 0 ? 'n' : 'y';
		if (write(up[1], &c, 1) != 1 || read(down[0], &c, 1) < 0)
			_exit(3);
		_exit(r < 0);
	}
	close(up[1]);
	close(down[0]);
	if (read(up[0], &c, 1) != 1 || c != 'y')
		exit(2);
	pipes[0] = up[0];
	pipes[1] = down[1];
	return pid;
}

static inline void end_child(pid_t pid, const int pipes[2])
{
	int status;

	close(pipes[1]);
	waitpid(pid, &status, 0);
	close(pipes[0]);
}
