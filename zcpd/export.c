/* export.c - see export.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "common/cleanup.h"
#include "common/path.h"
#include "common/throttle.h"
#include "zcpd/export.h"

/* What is opened there cannot be opened anew for writing, by nobody (handover.c). Mounts below are not in it: what they cover may be. */
static int read_only(int dir)
{
	struct mount_attr how = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
	long              fd = syscall(SYS_open_tree, dir, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd >= 0 && syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &how, sizeof how) < 0) {
		close((int)fd);
		fd = -1;
	}
	return fd < 0 ? -1 : (int)fd;
}

int export_add(struct exports *all, const struct settings_export *from)
{
	size_t len = strlen(from->prefix);

	if (all->count == WIRE_EXPORTS_MAX || len > WIRE_NAME_MAX)
		return -E2BIG;
	struct export e = {
		.path = strdup(from->path), .writable = from->writable, .fsync = from->fsync, .max_bytes = from->max_bytes, .from = from,
	};
	if (!e.path)
		return -ENOMEM;
	memcpy(e.prefix, from->prefix, len + 1);
	e.dir = open(from->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (e.dir < 0) {
		int r = -errno;
		free(e.path);
		return r;
	}
	e.still = read_only(e.dir);
	e.rate = from->bwlimit ? throttle_shared(1) : NULL;
	if (from->bwlimit && !e.rate) {
		free(e.path);
		close_fd(&e.still);
		close(e.dir);
		return -ENOMEM;
	}
	if (e.rate)
		e.rate->rate = from->bwlimit;
	all->list[all->count++] = e;
	return 0;
}

/* Is path the prefix, or below it? *rest: what follows. */
static bool below(const char *path, const char *prefix, const char **rest)
{
	size_t len = strlen(prefix);

	if (len && (strncmp(path, prefix, len) != 0 || (path[len] != '/' && path[len] != '\0')))
		return false;
	*rest = len && path[len] ? path + len + 1 : path + len;
	return true;
}

const struct export *export_find(const struct exports *all, const char *path, const char **rest)
{
	const struct export *best = NULL;

	for (size_t i = 0; i < all->count; i++) {
		const struct export *e = &all->list[i];
		const char          *left;
		if (below(path, e->prefix, &left) && (!best || strlen(e->prefix) > strlen(best->prefix))) {
			best = e;
			*rest = left;
		}
	}
	/* a denied one hides what lies beneath it in the outer one: there is nothing there, for this key */
	return best && !best->denied ? best : NULL;
}

static bool has_name(const struct wire_str *names, size_t count, struct wire_str name)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].len == name.len && memcmp(names[i].p, name.p, name.len) == 0)
			return true;
	return false;
}

size_t export_names(const struct exports *all, const char *path, struct wire_str names[static WIRE_EXPORTS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++) {
		const char *left;
		if (all->list[i].denied || !below(all->list[i].prefix, path, &left) || !*left)
			continue;
		struct wire_str name = { (const uint8_t *)left, strcspn(left, "/") };
		if (!has_name(names, count, name))
			names[count++] = name;
	}
	return count;
}

/* Is `in` an export of its own below e's prefix? *left: where in e it would be. */
static bool inner(const struct export *in, const struct export *e, const char **left)
{
	return in != e && below(in->prefix, e->prefix, left) && **left;
}

size_t export_covered(const struct exports *all, const struct export *e, struct export_id ids[static WIRE_EXPORTS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++) {
		const char *left;
		struct stat st;
		if (!inner(&all->list[i], e, &left))
			continue;
		CLEAN_FD int fd = path_open(e->dir, left, O_PATH | O_CLOEXEC, false);
		if (fd >= 0 && fstat(fd, &st) == 0)
			ids[count++] = (struct export_id){ st.st_dev, st.st_ino };
	}
	return count;
}

bool export_strayed(const struct exports *all, const struct export *e, int fd)
{
	char        base[PATH_MAX], name[PATH_MAX];
	const char *left, *at, *rest;
	bool        any = false;

	for (size_t i = 0; i < all->count && !any; i++)
		any = inner(&all->list[i], e, &left);
	if (!any)
		return false;
	if (!path_name(e->dir, base) || !path_name(fd, name) || !below(name, strcmp(base, "/") == 0 ? "" : base, &at))
		return true;
	at += *at == '/';               /* base is "/" */
	for (size_t i = 0; i < all->count; i++)
		if (inner(&all->list[i], e, &left) && below(at, left, &rest))
			return true;
	return false;
}

void exports_clear(struct exports *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->list[i].path);
		close_fd(&all->list[i].dir);
		close_fd(&all->list[i].still);
		throttle_unshare(all->list[i].rate, 1);
	}
	all->count = 0;
}
