/*
 * jobs.h - logs of jobs in a scratch state directory, and what is said about them: for joblog.c and joblog_hostile.c.
 */
#pragma once
#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <time.h>
#include "common/log.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "zcp/job.h"
#include "zcp/joblog.h"
#include "zcp/joblog_own.h"

static char **two;
static int    lines, jobs = -1;         /* what is said; the directory of the logs */

/* At most three; they live as long as the driver. */
static inline char **words(const char *a, const char *b, const char *c)
{
	static char  store[16][3][32], *lists[16][4];
	static size_t used;
	const char  *in[] = { a, b, c };
	size_t       n = used < 16 ? used++ : 15;

	for (size_t i = 0; i < 3 && in[i]; i++) {
		snprintf(store[n][i], sizeof store[n][i], "%s", in[i]);
		lists[n][i] = store[n][i];
	}
	return lists[n];
}

/* All that has been said since the last time. */
static inline const char *said(void)
{
	static char text[4000];
	ssize_t     n = read(lines, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	for (char *p = text; (p = strchr(p, '\n'));)
		*p = ' ';
	return text;
}

static inline struct job *job(struct options *o)
{
	static struct job j;
	static char       host[] = "host";

	j = (struct job){ .opt = o, .host = host, .port = 7722, .upload = true };
	return &j;
}

static inline struct joblog *open_with(struct options *o)
{
	struct joblog *l = NULL;

	said();
	return joblog_open(&l, job(o)) == 0 ? l : NULL;
}

static inline struct joblog *open_two(void)
{
	return open_with(&(struct options){ .args = two, .count = 3 });
}

static inline struct joblog_file file(const char *path)
{
	return (struct joblog_file){ .path = path, .size = 1000, .mtime = 1234567890, .mtime_ns = 5 };
}

static inline struct joblog_file nth(unsigned n, char path[static 32])
{
	snprintf(path, 32, "tree/dir/file-%u", n);
	return (struct joblog_file){ .path = path, .size = n, .mtime = -(int64_t)n, .mtime_ns = n };
}

static inline void add(struct joblog *l, unsigned from, unsigned to)
{
	char path[32];

	for (unsigned i = from; i < to; i++) {
		struct joblog_file f = nth(i, path);
		joblog_add(l, &f);
	}
}

/* How many of [from, to) it has. */
static inline unsigned has(const struct joblog *l, unsigned from, unsigned to)
{
	char     path[32];
	unsigned n = 0;

	for (unsigned i = from; i < to; i++) {
		struct joblog_file f = nth(i, path);
		n += joblog_has(l, &f);
	}
	return n;
}

/* The one log there is: its name; "" none. */
static inline const char *the_log(void)
{
	static char          name[256];
	int                  fd = openat(jobs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR                 *d = fdopendir(fd);
	const struct dirent *e;

	name[0] = '\0';
	while (d && (e = readdir(d)))
		if (strlen(e->d_name) == 32)
			snprintf(name, sizeof name, "%s", e->d_name);
	if (d)
		closedir(d);
	return name;
}

/* A log with entries [0, n), kept by an earlier run. Its name. */
static inline const char *kept(unsigned n)
{
	struct joblog *l = open_two();

	add(l, 0, n);
	joblog_end(l, true);
	return the_log();
}

static inline char *logs_path(void)
{
	static char path[4200];

	return path;
}

static inline bool jobs_begin(void)
{
	int pair[2], dir = scratch(NULL);

	if (dir < 0 || sodium_init() < 0 || pipe2(pair, O_NONBLOCK | O_CLOEXEC) < 0)
		return false;
	lines = pair[0];
	two = words("a", "b", "host:dst");
	dup2(pair[1], STDERR_FILENO);
	log_setup("zcp", LOG_LEVEL_INFO, 0);
	setenv("XDG_STATE_HOME", scratch_path(), 1);
	joblog_end(open_two(), true);
	snprintf(logs_path(), 4200, "%s/zcp/jobs", scratch_path());
	jobs = open(logs_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return jobs >= 0;
}
