/* mask.c - see mask.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/path.h"
#include "zcpd/mask.h"

enum { DEPTH_MAX = 8, IDS_MAX = 65536 };        /* the state directory is zcpd's own and small */
enum { SLACK_S = 3600 };                        /* a file server's clock may be behind */

int mask_init(struct mask *m, const char *state)
{
	*m = (struct mask){ .state = strdup(state) };
	return m->state ? 0 : -ENOMEM;
}

int mask_file(struct mask *m, const char *path)
{
	for (size_t i = 0; i < MASK_FILES; i++) {
		if (m->files[i])
			continue;
		m->files[i] = strdup(path);
		return m->files[i] ? 0 : -ENOMEM;
	}
	return -E2BIG;
}

static int add(struct mask *m, const struct stat *st)
{
	if (m->count == IDS_MAX)
		return -E2BIG;
	if (m->count == m->room) {
		size_t          room = m->room ? m->room * 2 : 16;
		struct mask_id *more = realloc(m->ids, room * sizeof *more);
		if (!more)
			return -ENOMEM;
		m->ids = more;
		m->room = room;
	}
	m->ids[m->count++] = (struct mask_id){ st->st_dev, st->st_ino };
	return 0;
}

static int scan(struct mask *m, int dir, unsigned depth);       /* takes dir over */

static int scan_entry(struct mask *m, int dir, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	int r = add(m, &st);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	int below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return below < 0 ? -errno : scan(m, below, depth + 1);
}

static int scan(struct mask *m, int dir, unsigned depth)        /* NOLINT(misc-no-recursion): at most DEPTH_MAX */
{
	DIR *d = fdopendir(dir);
	int  r = 0;

	if (!d) {
		r = -errno;
		close(dir);
		return r;
	}
	if (depth > DEPTH_MAX)
		r = -E2BIG;
	while (r == 0) {
		errno = 0;
		const struct dirent *e = readdir(d);    /* NOLINT(concurrency-mt-unsafe): one thread, one stream each */
		if (!e) {
			r = -errno;
			break;
		}
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = scan_entry(m, dirfd(d), e->d_name, depth);
	}
	closedir(d);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct mask_id *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

/* The file, and every link on the way to it: whoever replaces one has replaced the file. */
static int add_file(struct mask *m, const char *path)
{
	char        part[PATH_MAX];
	size_t      len = strlen(path);
	struct stat st;
	int         r = len < sizeof part ? 0 : -ENAMETOOLONG;

	for (size_t i = 1; i <= len && r == 0; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (lstat(part, &st) == 0 && S_ISLNK(st.st_mode))
			r = add(m, &st);
	}
	return r == 0 && stat(path, &st) == 0 ? add(m, &st) : r;
}

/* "dir/name" -> dir, and where name begins. `path` is changed. */
static const char *split(char *path, const char **dir)
{
	char *slash = strrchr(path, '/');

	*dir = !slash ? "." : slash == path ? "/" : path;
	if (slash)
		*slash = '\0';
	return slash ? slash + 1 : path;
}

/* The link that the first n bytes of path name is replaced by where it leads. False: it is none, or that is too long. */
static bool follow(char path[static PATH_MAX], size_t n)
{
	char    link[PATH_MAX], target[PATH_MAX], way[PATH_MAX];
	size_t  dir = n;

	memcpy(link, path, n);
	link[n] = '\0';
	ssize_t got = readlinkat(AT_FDCWD, link, target, sizeof target - 1);   /* the call that a confined stream has */
	if (got <= 0)
		return false;
	target[got] = '\0';
	while (dir > 0 && path[dir - 1] != '/')
		dir--;
	if (snprintf(way, sizeof way, "%.*s%s%s", *target == '/' ? 0 : (int)dir, path, target, path + n) >= (int)sizeof way)
		return false;
	memcpy(path, way, sizeof way);
	return true;
}

/* Where `path` would be made: in the last directory on its way that is there. Its length up to there; 0: nobody of this user can look, and so not make anything either */
static size_t place_of(const char *path, struct mask_place *p)
{
	char        copy[PATH_MAX];
	const char *dir, *name;
	struct stat st;

	memcpy(copy, path, strlen(path) + 1);
	for (name = split(copy, &dir); stat(dir, &st) < 0; name = split(copy, &dir))
		if (errno != ENOENT || strcmp(dir, ".") == 0 || strcmp(dir, "/") == 0)
			return 0;
	if (strlen(name) >= sizeof p->name)
		return 0;       /* no file has such a name */
	p->dir = (struct mask_id){ st.st_dev, st.st_ino };
	memcpy(p->name, name, strlen(name) + 1);
	return (size_t)(name - copy) + strlen(name);
}

/* The places that make the file up: its own and, behind each link, the next one's; where a directory is missing, the directory's. */
static int add_places(struct mask *m, const char *file)
{
	char        path[PATH_MAX];
	struct stat st;
	size_t      n;
	int         hops = 0;

	if (snprintf(path, sizeof path, "%s", file) >= (int)sizeof path)
		return -ENAMETOOLONG;
	do {
		n = place_of(path, &m->places[m->place_count]);
		m->place_count += n > 0;
	} while (n > 0 && ++hops < MASK_HOPS && follow(path, n));
	if (hops > 1 && stat(file, &st) == 0)
		m->linked[m->linked_count++] = (struct mask_id){ st.st_dev, st.st_ino };
	return 0;
}

void mask_find_places(struct mask *m, int64_t within_ms)
{
	int64_t now = clock_ms();

	if (m->found_ms && now - m->found_ms < within_ms)
		return;
	m->found_ms = now;
	m->place_count = m->linked_count = 0;
	for (size_t i = 0; i < MASK_FILES; i++)
		if (m->files[i])
			(void)add_places(m, m->files[i]);       /* only a path that is too long fails, and did when zcpd started */
}

int mask_refresh(struct mask *m)
{
	struct stat st;

	m->count = m->place_count = m->linked_count = 0;
	m->found_ms = 0;
	m->since = time(NULL) - SLACK_S;
	int dir = open(m->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (!path_name(dir, m->within))
		*m->within = '\0';
	int r = fstat(dir, &st) < 0 ? -errno : add(m, &st);
	if (r < 0) {
		close(dir);
		return r;
	}
	r = scan(m, dir, 0);
	for (size_t i = 0; i < MASK_FILES && r == 0; i++) {
		if (m->files[i])
			r = add_file(m, m->files[i]);
		if (m->files[i] && r == 0)
			r = add_places(m, m->files[i]);
	}
	qsort(m->ids, m->count, sizeof *m->ids, compare);
	return r;
}

bool mask_hides(const struct mask *m, uint64_t dev, uint64_t ino)
{
	struct mask_id id = { dev, ino };

	for (size_t i = 0; i < m->linked_count; i++)
		if (compare(&m->linked[i], &id) == 0)
			return true;
	return m->count && bsearch(&id, m->ids, m->count, sizeof id, compare);
}

/* Who changes a key file mostly puts a new one in its place. Streams that live on must not take that for any file: a client whose key
 * was just taken out could put it in again. Looking up is not opening, so a confined process may. */
static bool took_place(const struct mask *m, const struct stat *st)
{
	struct stat now;

	if ((!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode)) || st->st_ctim.tv_sec < m->since)
		return false;
	for (size_t i = 0; i < MASK_FILES; i++)
		if (m->files[i] && fstatat(AT_FDCWD, m->files[i], &now, S_ISLNK(st->st_mode) ? AT_SYMLINK_NOFOLLOW : 0) == 0 && now.st_dev == st->st_dev && now.st_ino == st->st_ino)
			return true;
	return false;
}

bool mask_hides_stat(const struct mask *m, const struct stat *st)
{
	return mask_hides(m, st->st_dev, st->st_ino) || took_place(m, st);
}

static bool has_name_of_ours(const struct mask *m, const char *name)
{
	for (size_t i = 0; i < m->place_count; i++)
		if (strcasecmp(m->places[i].name, name) == 0)
			return true;
	return false;
}

bool mask_hides_named(const struct mask *m, const struct stat *st, const char *name)
{
	bool once = S_ISREG(st->st_mode) && st->st_nlink == 1;

	return once && !has_name_of_ours(m, name) ? mask_hides(m, st->st_dev, st->st_ino) : mask_hides_stat(m, st);
}

bool mask_hides_place(const struct mask *m, const struct mask_id *dir, const char *name)
{
	for (size_t i = 0; i < m->place_count; i++) {
		const struct mask_place *p = &m->places[i];
		if (compare(&p->dir, dir) == 0 && strcasecmp(p->name, name) == 0)
			return true;
	}
	return false;
}

bool mask_lies_within(const struct mask *m, int fd)
{
	char   name[PATH_MAX];
	size_t n = strlen(m->within);

	return n && path_name(fd, name) && strncmp(name, m->within, n) == 0 && (name[n] == '/' || name[n] == '\0');
}

bool mask_hides_fd(const struct mask *m, int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || mask_hides_stat(m, &st);
}

int mask_lies_in(const char *path, int dir)
{
	struct stat want, st, up;

	if (fstat(dir, &want) < 0)
		return -errno;
	CLEAN_FD int at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0 || fstat(at, &st) < 0)
		return -errno;
	for (;;) {
		if (st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			return 1;
		int parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0)
			return -errno;
		close(at);
		at = parent;
		if (fstat(at, &up) < 0)
			return -errno;
		if (up.st_dev == st.st_dev && up.st_ino == st.st_ino)
			return 0;       /* "/" is its own parent */
		st = up;
	}
}

void mask_clear(struct mask *m)
{
	free(m->state);
	for (size_t i = 0; i < MASK_FILES; i++)
		free(m->files[i]);
	free(m->ids);
	*m = (struct mask){ 0 };
}
