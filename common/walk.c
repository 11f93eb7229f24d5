/* walk.c - see walk.h */
#include "common/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { DIR_BYTES = 64 * 1024, NAME_BYTES = 1024 /* some file systems have names above 255 bytes */ };

/* A directory still to be read, being read, or above one: its ancestors stay as long as it does. */
struct node {
	struct node *up, *next;         /* next: in the list of those to be read */
	uint32_t     refs, id, depth;   /* depth: the root's is 1 */
	uint64_t     dev, ino;
	size_t       path_len, name_len;
	char         name[];            /* the root's is the whole root as given */
};

struct walk {
	struct walk_options o;
	bool         begun;
	struct stat  root_st;
	int          root_fd;           /* O_PATH */
	size_t       root_len;
	int          dir_fd;            /* the directory being read, -1: none */
	struct node *dir, *pending, **last;     /* last: where its next sub-directory goes, so that they are read in order */
	struct node **added;            /* where the directory hangs that was the last entry; NULL: it was none, or is not to be read */
	uint32_t     next_id;
	char        *bytes;             /* of getdents64 */
	size_t       at, len;
	size_t       prefix;            /* in path: the directory and a slash */
	char         path[WIRE_PATH_MAX + 1 + NAME_BYTES];
	char         name[WIRE_NAME_MAX + 1];
	char         link[WIRE_LINK_MAX + 2];
};

static struct fail fail_found(int minus_errno)          /* of a name that a directory just told */
{
	return minus_errno == -ENOENT ? fail_why(ST_CHANGED, WHY_VANISHED) : fail_errno(minus_errno);
}

static void node_drop(struct node *n)
{
	while (n && --n->refs == 0) {
		struct node *up = n->up;

		free(n);
		n = up;
	}
}

/* --- places ------------------------------------------------------------------------------------------------------ */

static int open_below(int base, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .resolve = resolve };
	long fd;

	do
		fd = syscall(SYS_openat2, base, path, &how, sizeof how);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : (int)fd;
}

static int open_root(const struct walk *w, const char *root)
{
	if (w->o.beneath)
		return path_open(w->o.base, root, O_PATH, w->o.follow);
	return open_below(w->o.base, *root ? root : ".", O_PATH | (w->o.follow ? 0 : O_NOFOLLOW), 0);
}

/* The directory at w->path. When links are not followed, none may have taken a directory's place since it was seen. */
static int open_dir(const struct walk *w)
{
	const char *below = w->path + w->root_len;
	int flags = O_RDONLY | O_DIRECTORY;

	if (w->o.follow && w->o.beneath)
		return path_open(w->o.base, w->path, flags, true);
	if (w->o.follow)
		return open_below(w->o.base, *w->path ? w->path : ".", flags, 0);
	while (*below == '/')
		below++;
	return open_below(w->root_fd, *below ? below : ".", flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static struct fail fail_through(int r)
{
	if (r == -EDEADLK)
		return fail_why(ST_FILE_IO, WHY_INTO_COPY);
	return r == -EXDEV ? fail_why(ST_MISSING, WHY_LINK_OUTSIDE) : fail_errno(r);
}

/* What a link at w->path leads to. */
static int stat_through(const struct walk *w, const char *name, struct stat *st)
{
	if (!w->o.beneath && !w->o.hide_through)
		return fstatat(w->dir_fd, name, st, 0) < 0 ? -errno : 0;
	CLEAN_FD int fd = w->o.beneath ? path_open(w->o.base, w->path, O_PATH, true) : open_below(w->dir_fd, name, O_PATH, 0);
	if (fd < 0)
		return fd;
	if (w->o.hide_through && w->o.hide_through(w->o.hide_arg, fd))
		return w->o.beneath ? -ENOENT : -EDEADLK;       /* which no system call here says */
	return fstat(fd, st) < 0 ? -errno : 0;
}

static bool hidden(const struct walk *w, const struct stat *st)
{
	return w->o.hide && w->o.hide(w->o.hide_arg, st->st_dev, st->st_ino);
}

static bool is_ancestor(const struct node *n, const struct stat *st)
{
	for (; n; n = n->up)
		if (n->dev == st->st_dev && n->ino == st->st_ino)
			return true;
	return false;
}

static int read_link(struct walk *w, int dir, const char *name)
{
	ssize_t n = readlinkat(dir, name, w->link, WIRE_LINK_MAX + 1);

	if (n < 0)
		return -errno;
	if (n > WIRE_LINK_MAX)
		return -ENAMETOOLONG;
	w->link[n] = '\0';
	return 0;
}

/* --- directories ------------------------------------------------------------------------------------------------- */

/* A directory that was found gets its number, and a place among those to be read. */
static int add_dir(struct walk *w, const struct stat *st, const char *name, size_t path_len, bool read)
{
	size_t len = strlen(name);
	struct node *n;

	w->next_id++;
	if (!read)
		return 0;
	n = malloc(sizeof *n + len + 1);
	if (!n)
		return -ENOMEM;
	*n = (struct node){ .up = w->dir, .refs = 1, .id = w->next_id, .depth = w->dir ? w->dir->depth + 1 : 1,
	                    .dev = st->st_dev, .ino = st->st_ino, .path_len = path_len, .name_len = len };
	memcpy(n->name, name, len + 1);
	if (w->dir)
		w->dir->refs++;
	n->next = *w->last;
	*w->last = n;
	w->added = w->last;
	w->last = &n->next;
	return 0;
}

static void put_path(struct walk *w, const struct node *n)
{
	w->path[n->path_len] = '\0';
	for (; n; n = n->up) {
		memcpy(w->path + n->path_len - n->name_len, n->name, n->name_len);
		if (n->up && n->path_len - n->name_len > n->up->path_len)
			w->path[n->up->path_len] = '/';
	}
}

static void leave_dir(struct walk *w)
{
	close_fd(&w->dir_fd);
	node_drop(w->dir);
	w->dir = NULL;
	w->at = w->len = 0;
}

/* Opens the next directory. 1: it is open. 0: none is left. -errno: it cannot be read (w->dir is set). */
static int next_dir(struct walk *w)
{
	struct node *n = w->pending;
	struct stat st;

	if (!n)
		return 0;
	w->pending = n->next;
	w->last = &w->pending;
	w->dir = n;
	put_path(w, n);
	w->prefix = n->path_len;
	w->dir_fd = open_dir(w);
	if (w->dir_fd < 0)
		return w->dir_fd;
	if (fstat(w->dir_fd, &st) < 0)
		return -errno;
	if (st.st_dev != n->dev || st.st_ino != n->ino) {       /* another one by now, or an automount */
		if (hidden(w, &st) || is_ancestor(n->up, &st))
			return -ENOENT;
		n->dev = st.st_dev;
		n->ino = st.st_ino;
	}
	if (w->prefix && w->path[w->prefix - 1] != '/')
		w->path[w->prefix++] = '/';
	return 1;
}

/* The next name of the open directory. 1, 0 = end, -errno */
static int next_name(struct walk *w, const char **name)
{
	for (;;) {
		const struct dirent64 *d = (const struct dirent64 *)(const void *)(w->bytes + w->at);

		if (w->at >= w->len) {
			ssize_t n = getdents64(w->dir_fd, w->bytes, DIR_BYTES);

			if (n <= 0)             /* ENOENT: the directory was removed, and so was all in it */
				return n == 0 || errno == ENOENT ? 0 : -errno;
			w->at = 0;
			w->len = (size_t)n;
			continue;
		}
		w->at += d->d_reclen;
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || path_is_aside(d->d_name))
			continue;
		*name = d->d_name;
		return 1;
	}
}

/* --- entries ----------------------------------------------------------------------------------------------------- */

static void entry_init(struct walk *w, struct walk_entry *e, const char *name)
{
	*e = (struct walk_entry){ .parent = w->dir ? w->dir->id : 0, .path = w->path, .name = name, .meta.type = 'o' };
}

/* Name and path of a directory's entry; false: too long for a message, cut to what fits. */
static bool entry_name(struct walk *w, struct walk_entry *e, const char *name)
{
	size_t len = strlen(name), kept = len > WIRE_NAME_MAX ? WIRE_NAME_MAX : len;
	bool fits = kept == len && w->prefix + len <= WIRE_PATH_MAX;

	memcpy(w->name, name, kept);
	w->name[kept] = '\0';
	memcpy(w->path + w->prefix, w->name, kept + 1);
	if (w->prefix + kept > WIRE_PATH_MAX)
		w->path[WIRE_PATH_MAX] = '\0';
	entry_init(w, e, w->name);
	return fits;
}

/* Meta, link, number. 1 = an entry, -ENOMEM */
static int entry_fill(struct walk *w, struct walk_entry *e, const struct stat *st, const char *node_name, bool read)
{
	e->meta = meta_from_stat(st);
	e->dev = st->st_dev;
	e->ino = st->st_ino;
	e->links = st->st_nlink;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	if (e->meta.type == 'l')
		e->link = w->link;
	if (e->meta.type != 'd')
		return 1;
	if (w->dir && is_ancestor(w->dir, st))
		e->fail = fail_why(ST_FILE_IO, WHY_LINK_LOOP);
	else if (w->dir && w->dir->depth >= WIRE_DEPTH_MAX)
		e->fail = fail_why(ST_FILE_IO, WHY_TOO_DEEP);
	if (e->fail.status != ST_OK) {
		e->meta.type = 'o';             /* no directory of the listing: it has no number */
		return 1;
	}
	e->mounted = w->o.one_fs && st->st_dev != w->root_st.st_dev;
	int r = add_dir(w, st, node_name, strlen(w->path), read && !e->mounted);
	e->id = w->next_id;
	return r < 0 ? r : 1;
}

/* 1 = an entry, 0 = hidden, -ENOMEM */
static int entry_of(struct walk *w, struct walk_entry *e, const char *name)
{
	struct stat st;
	int r;

	if (!entry_name(w, e, name)) {
		e->fail = fail_why(ST_FILE_IO, WHY_TOO_LONG);
		return 1;
	}
	if (fstatat(w->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		e->fail = fail_found(-errno);
		return 1;
	}
	if (hidden(w, &st))
		return 0;
	if (S_ISLNK(st.st_mode) && !w->o.follow) {
		r = read_link(w, w->dir_fd, name);
		if (r < 0)
			e->fail = fail_found(r);
	} else if (S_ISLNK(st.st_mode)) {
		r = stat_through(w, name, &st);
		if (r < 0)
			e->fail = fail_through(r);
		else if (hidden(w, &st))
			return 0;
	}
	if (e->fail.status != ST_OK)
		return 1;
	return entry_fill(w, e, &st, w->name, w->o.recurse);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int entry_root(struct walk *w, struct walk_entry *e)
{
	w->begun = true;
	entry_init(w, e, last_part(w->path));
	return entry_fill(w, e, &w->root_st, w->path, !w->o.root_only);
}

/* The directory itself again, with what keeps it from being read (to its end). */
static int entry_unread(struct walk *w, struct walk_entry *e, int minus_errno)
{
	const struct node *n = w->dir;

	w->path[n->path_len] = '\0';
	memcpy(w->name, "", 1);
	if (n->up)
		memcpy(w->name, n->name, n->name_len + 1);
	entry_init(w, e, n->up ? w->name : last_part(w->path));
	e->parent = n->up ? n->up->id : 0;
	e->dev = n->dev;
	e->ino = n->ino;
	e->fail = fail_found(minus_errno);
	leave_dir(w);
	return 1;
}

int walk_next(struct walk *w, struct walk_entry *e)
{
	const char *name = "";
	int r;

	w->added = NULL;
	if (!w->begun)
		return entry_root(w, e);
	for (;;) {
		if (!w->dir) {
			r = next_dir(w);
			if (r < 0)
				return entry_unread(w, e, r);
			if (r == 0)
				return 0;
		}
		r = next_name(w, &name);
		if (r < 0)
			return entry_unread(w, e, r);
		if (r == 0) {
			leave_dir(w);
			continue;
		}
		r = entry_of(w, e, name);
		if (r != 0)
			return r;
	}
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static int walk_begin(struct walk *w, const char *root)
{
	size_t len = strlen(root);

	if (len > WIRE_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(w->path, root, len + 1);
	w->root_len = len;
	w->bytes = malloc(DIR_BYTES);
	if (!w->bytes)
		return -ENOMEM;
	w->root_fd = open_root(w, root);
	if (w->root_fd < 0)
		return w->root_fd;
	if (fstat(w->root_fd, &w->root_st) < 0)
		return -errno;
	if (hidden(w, &w->root_st))
		return -ENOENT;
	return S_ISLNK(w->root_st.st_mode) ? read_link(w, w->root_fd, "") : 0;
}

int walk_open(struct walk **out, const struct walk_options *o, const char *root)
{
	struct walk *w = calloc(1, sizeof *w);
	int r;

	if (!w)
		return -ENOMEM;
	w->o = *o;
	w->root_fd = w->dir_fd = -1;
	w->last = &w->pending;
	r = walk_begin(w, root);
	if (r < 0)
		walk_close(w);
	else
		*out = w;
	return r;
}

void walk_leave_out(struct walk *w)
{
	struct node *n = w->added ? *w->added : NULL;

	if (!n)
		return;
	*w->added = n->next;
	w->last = w->added;
	w->added = NULL;
	node_drop(n);
}

void walk_close(struct walk *w)
{
	if (!w)
		return;
	leave_dir(w);
	while (w->pending) {
		struct node *n = w->pending;

		w->pending = n->next;
		node_drop(n);
	}
	close_fd(&w->root_fd);
	free(w->bytes);
	free(w);
}
