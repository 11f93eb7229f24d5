/* destination.c - see destination.h */
#include "zcp/destination.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/num.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/standard.h"
#include "common/vis.h"
#include "common/walk.h"
#include "zcp/joblog.h"

void destination_clear(struct destination *d)
{
	close_fd(&d->base);
}

static enum status refuse(struct job *j, const struct destination *d, enum status st, const char *say)
{
	log_error("%s: %s", d->shown, say);
	return report_end(&j->report, st);
}

static enum status refuse_errno(struct job *j, const struct destination *d, int e)
{
	struct fail f = fail_errno(e);
	char        words[200];

	log_error("%s: %s", d->shown, fail_words(f, words, sizeof words));
	return report_end(&j->report, (enum status)f.status);
}

static enum status open_base(struct job *j, struct destination *d, const char *dir)
{
	d->base = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (d->base >= 0)
		return ST_OK;
	if (errno == ENOENT || errno == ENOTDIR)
		return refuse(j, d, ST_MISSING, "the directory above it is missing: make it first");
	return refuse_errno(j, d, errno);
}

/* path = parent directory + last component. */
static enum status split(struct job *j, struct destination *d, const char *path)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
		return refuse_errno(j, d, ENAMETOOLONG);
	char       *slash = strrchr(copy, '/');
	const char *last = slash ? slash + 1 : path;
	if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return refuse_errno(j, d, ENOENT);
	if (strlen(last) > WIRE_NAME_MAX)
		return refuse_errno(j, d, ENAMETOOLONG);
	memcpy(d->name, last, strlen(last) + 1);
	if (!slash)
		return open_base(j, d, ".");
	if (slash == copy)
		return open_base(j, d, "/");
	*slash = '\0';
	return open_base(j, d, copy);
}

/* A link as DST is resolved once: its target is replaced, not the link. */
static enum status split_resolved(struct job *j, struct destination *d, const struct target *t)
{
	struct stat l;

	if (lstat(t->path, &l) == 0 && !S_ISLNK(l.st_mode))
		return split(j, d, t->path);
	char *real = realpath(t->path, NULL);
	if (!real)
		return refuse_errno(j, d, errno);
	enum status st = split(j, d, real);
	free(real);
	return st;
}

static enum status missing(struct job *j, const struct target *t, int sources, struct destination *d)
{
	struct stat l;

	if (sources > 1)
		return refuse(j, d, ST_USAGE, "several sources go into a directory that is there: make it first");
	if (t->slash)
		return refuse(j, d, ST_MISSING, "no such directory: make it first, or leave the '/' away");
	if (lstat(t->path, &l) == 0)
		return refuse(j, d, ST_IN_THE_WAY, "a symbolic link that leads nowhere stands there: it was left alone");
	d->missing = true;
	return split(j, d, t->path);
}

/* The descriptor that /dev/stdout, /dev/stderr or /dev/fd/N stands for, or -1. */
static int given_descriptor(const char *path)
{
	uint64_t n;

	if (strcmp(path, "/dev/stdout") == 0)
		return STDOUT_FILENO;
	if (strcmp(path, "/dev/stderr") == 0)
		return STDERR_FILENO;
	return strncmp(path, "/dev/fd/", 8) == 0 && num_parse(path + 8, 0, 1 << 20, &n) == 0 ? (int)n : -1;
}

/* Standard output itself: what is written there for programs to read does not go with contents. A device takes both. */
static bool is_stdout(const struct destination *d)
{
	struct stat out;

	if (!d->pour || d->given == STDOUT_FILENO)
		return d->pour;
	return fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == d->st.st_dev && out.st_ino == d->st.st_ino && (!S_ISCHR(out.st_mode) || isatty(STDOUT_FILENO));
}

static enum status look(struct job *j, const struct target *t, int sources, struct destination *d)
{
	*d = (struct destination){ .base = -1, .given = given_descriptor(t->path), .path = t->path };
	vis_str(d->shown, sizeof d->shown, t->path);
	if (d->given >= 0 && sources == 1) {
		d->pour = true;         /* what a script redirected is continued, not replaced */
		if (standard_closed(d->given))
			return refuse_errno(j, d, EBADF);
		return fstat(d->given, &d->st) < 0 ? refuse_errno(j, d, errno) : ST_OK;
	}
	if (stat(t->path, &d->st) < 0)
		return errno == ENOENT ? missing(j, t, sources, d) : refuse_errno(j, d, errno);
	bool split_it = S_ISDIR(d->st.st_mode) && sources == 1 && joblog_dst_was_missing(j->log);
	if (split_it && j->opt->remove)
		return refuse(j, d, ST_USAGE, DESTINATION_UNSURE);
	if (split_it)
		return split(j, d, t->path);
	if (S_ISDIR(d->st.st_mode)) {
		d->is_dir = true;
		return open_base(j, d, t->path);
	}
	if (sources > 1)
		return refuse(j, d, ST_USAGE, "is not a directory, and there are several sources");
	if (t->slash)
		return refuse_errno(j, d, ENOTDIR);
	if (S_ISCHR(d->st.st_mode) || S_ISFIFO(d->st.st_mode)) {
		d->pour = true;
		return ST_OK;
	}
	if (!S_ISREG(d->st.st_mode))
		return refuse(j, d, ST_IN_THE_WAY, "a device or socket stands there: it was left alone");
	d->is_file = true;
	return split_resolved(j, d, t);
}

enum status destination_look(struct job *j, const struct target *t, int sources, struct destination *d)
{
	enum status st = look(j, t, sources, d);

	const char *names = j->opt->failed_to;
	d->is_stdout = st == ST_OK && is_stdout(d);
	if (st == ST_OK && (j->opt->json || (names && strcmp(names, "-") == 0)) && d->is_stdout)
		return refuse(j, d, ST_USAGE, j->opt->json ? "both the contents and what --json says would go to standard output: name a file"
		                                           : "both the contents and the names of --failed-to=- would go to standard output: name a file");
	return st;
}

int destination_pour(const struct destination *d)
{
	struct stat st;
	int fd = d->given >= 0 ? fcntl(d->given, F_DUPFD_CLOEXEC, 0) : open(d->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (d->given >= 0 || (fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))))
		return fd;
	close(fd);
	return -EEXIST;                         /* something else took its place */
}

/* Is the directory `from` this one, or below it? */
static bool lies_in(int from, const struct identity *i)
{
	CLEAN_FD int at = from >= 0 ? fcntl(from, F_DUPFD_CLOEXEC, 0) : -1;
	struct stat  st, up = { 0 };

	for (int depth = 0; at >= 0 && depth < 4096; depth++) {
		if (fstat(at, &st) < 0 || (depth && st.st_dev == up.st_dev && st.st_ino == up.st_ino))
			return false;           /* the root is its own parent */
		if (st.st_dev == i->dev && st.st_ino == i->ino)
			return true;
		up = st;
		int above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close_fd(&at);
		at = above;
	}
	return false;
}

bool destination_inside(const struct destination *d, const struct identity *i)
{
	return lies_in(d->base, i);
}

bool destination_target(const struct destination *d, const char *as, struct identity *i)
{
	struct stat st;

	if (d->base < 0 || (*as ? fstatat(d->base, as, &st, AT_SYMLINK_NOFOLLOW) : fstat(d->base, &st)) < 0 || !S_ISDIR(st.st_mode))
		return false;
	*i = identity_from_stat(&st);
	return true;
}

bool destination_root(const struct destination *d, struct identity *i)
{
	return destination_target(d, d->is_dir ? "" : d->name, i);
}

bool destination_in(int fd, const struct identity *i)
{
	return lies_in(fd, i);
}
