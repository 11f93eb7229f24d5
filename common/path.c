/* path.c - see path.h */
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RACE_TRIES = 16 };
static const char aside_prefix[] = ".zcp-";
enum { PREFIX = sizeof aside_prefix - 1, DIGITS = 32 };

static bool hex_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool aside_form(const uint8_t *p, size_t len)
{
	if (len != PREFIX + DIGITS && !(len == PREFIX + DIGITS + 2 && memcmp(p + PREFIX + DIGITS, ".j", 2) == 0))
		return false;
	if (memcmp(p, aside_prefix, PREFIX) != 0)
		return false;
	for (size_t i = PREFIX; i < PREFIX + DIGITS; i++)
		if (!hex_digit(p[i]))
			return false;
	return true;
}

bool path_is_aside(const char *name)
{
	return aside_form((const uint8_t *)name, strlen(name));
}

static int part_check(const uint8_t *p, size_t len)
{
	if (len == 0 || (len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
		return -EINVAL;
	if (len > WIRE_NAME_MAX)
		return -ENAMETOOLONG;
	return memchr(p, '\0', len) || aside_form(p, len) ? -EINVAL : 0;
}

int path_check(struct wire_str s, bool allow_empty, char out[static WIRE_PATH_MAX + 1])
{
	const uint8_t *p = s.p, *end = s.p + s.len;

	if (s.len == 0 && allow_empty) {
		out[0] = '\0';
		return 0;
	}
	if (s.len == 0)
		return -EINVAL;
	if (s.len > WIRE_PATH_MAX)
		return -ENAMETOOLONG;
	for (;;) {
		const uint8_t *slash = memchr(p, '/', (size_t)(end - p));
		int r = part_check(p, (size_t)((slash ? slash : end) - p));

		if (r < 0)
			return r;
		if (!slash)
			break;
		p = slash + 1;
	}
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return 0;
}

int path_component_check(struct wire_str s, char out[static WIRE_NAME_MAX + 1])
{
	int r = s.len && memchr(s.p, '/', s.len) ? -EINVAL : part_check(s.p, s.len);

	if (r < 0)
		return r;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return 0;
}

/* openat2 refuses what open ignores: flags that mean nothing beside O_PATH. */
static uint64_t open_flags(int flags)
{
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
	return (uint64_t)(unsigned)(flags | O_CLOEXEC);
}

static int open_beneath(int base, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = open_flags(flags), .resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd = -1;

	/* EAGAIN: the kernel could not tell whether ".." in a link stayed beneath, for a rename was under way (openat2(2)) */
	for (int i = 0; i < RACE_TRIES; i++) {
		do
			fd = syscall(SYS_openat2, base, path, &how, sizeof how);
		while (fd < 0 && errno == EINTR);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

int path_one(int dir, const char *name, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = open_flags(flags | O_NOFOLLOW), .mode = mode, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};
	long fd;

	do
		fd = syscall(SYS_openat2, dir, name, &how, sizeof how);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : (int)fd;
}

int path_open(int base, const char *path, int flags, bool follow)
{
	return open_beneath(base, *path ? path : ".", flags | (follow ? 0 : O_NOFOLLOW), 0);
}

/* Splits a path: where its last component starts, and how long the part before it is. -EINVAL: there is no last component. */
static int split(const char *path, const char **last, size_t *dir_len)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (!*name || slash == path)
		return -EINVAL;
	if (slash && (size_t)(slash - path) > WIRE_PATH_MAX)
		return -ENAMETOOLONG;
	*last = name;
	*dir_len = slash ? (size_t)(slash - path) : 0;
	return 0;
}

static int open_parent(int base, const char *dir, int way)
{
	return open_beneath(base, *dir ? dir : ".", O_PATH | O_DIRECTORY, way == PATH_WRITE ? RESOLVE_NO_SYMLINKS : 0);
}

int path_parent(int base, const char *path, int way, const char **last)
{
	char dir[WIRE_PATH_MAX + 1];
	const char *name;
	size_t len;
	int r = split(path, &name, &len);

	if (r < 0)
		return r;
	memcpy(dir, path, len);
	dir[len] = '\0';
	r = open_parent(base, dir, way);
	if (r >= 0)
		*last = name;
	return r;
}

int path_supported(void)
{
	int fd = open_beneath(AT_FDCWD, ".", O_PATH, 0);

	if (fd >= 0)
		close(fd);
	/* EPERM: a container's filter that is older than the call. Anything else is about this directory. */
	return fd == -ENOSYS || fd == -EPERM ? fd : 0;
}

bool path_name(int fd, char name[static PATH_MAX])
{
	char own[64];

	snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
	ssize_t n = readlinkat(AT_FDCWD, own, name, PATH_MAX);
	if (n <= 0 || n == PATH_MAX)
		return false;
	name[n] = '\0';
	return name[0] == '/';
}

void path_cache_init(struct path_cache *c)
{
	c->fd = -1;
	c->base = -1;
	c->way = PATH_READ;
	c->opened = 0;
	c->dir[0] = '\0';
}

int path_cache_parent(struct path_cache *c, int base, const char *path, int way, const char **last)
{
	const char *name;
	size_t len;
	int r = split(path, &name, &len);

	if (r < 0)
		return r;
	if (c->fd < 0 || c->base != base || c->way != way || strncmp(c->dir, path, len) != 0 || c->dir[len]) {
		path_cache_drop(c);
		memcpy(c->dir, path, len);
		c->dir[len] = '\0';
		r = open_parent(base, c->dir, way);
		if (r < 0)
			return r;
		c->fd = r;
		c->opened++;
		c->base = base;
		c->way = way;
	}
	*last = name;
	return c->fd;
}

void path_cache_drop(struct path_cache *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
