/*
 * extras.h - for the drivers of extras: an ext in the making, an ACL, a file and what it has; and all of it twice, as root and as somebody whom modes stop.
 */
#pragma once
#include <errno.h>
#include <linux/posix_acl.h>
#include <sys/xattr.h>

#include "common/aside.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static const char access_acl[] = "system.posix_acl_access";

/* An ext in the making. */
struct made { uint8_t bytes[WIRE_EXT_MAX]; size_t used; };

static inline struct wire_str str(const struct made *m)
{
	return (struct wire_str){ m->bytes, m->used };
}

static inline void attribute(struct made *m, const char *name, const void *value, size_t len)
{
	wire_xattr_add(m->bytes, sizeof m->bytes, &m->used, name, (struct wire_str){ value, len });
}

static inline void entry(uint8_t *p, size_t *n, unsigned tag, unsigned perm, uint32_t id)
{
	const uint8_t e[8] = { (uint8_t)tag, (uint8_t)(tag >> 8), (uint8_t)perm, 0, (uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16), (uint8_t)(id >> 24) };

	memcpy(p + *n, e, sizeof e);
	*n += sizeof e;
}

static inline size_t acl_head(uint8_t *p)
{
	memset(p, 0, 4);
	p[0] = 2;
	return 4;
}

/* rwx for the owner, `group` for the group, user 7 with 7, mask 7, nothing for others. */
static inline size_t acl_of(uint8_t *p, unsigned group)
{
	size_t n = acl_head(p);

	entry(p, &n, ACL_USER_OBJ, 7, UINT32_MAX);
	entry(p, &n, ACL_USER, 7, 7);
	entry(p, &n, ACL_GROUP_OBJ, group, UINT32_MAX);
	entry(p, &n, ACL_MASK, 7, UINT32_MAX);
	entry(p, &n, ACL_OTHER, 0, UINT32_MAX);
	return n;
}

static inline int file(int dir, const char *name, mode_t mode)
{
	put_file(dir, name, "x", mode);
	return openat(dir, name, O_RDWR | O_CLOEXEC);
}

static inline bool value_is(int fd, const char *name, const void *want, size_t len)
{
	char    buf[4096];
	ssize_t n = fgetxattr(fd, name, buf, sizeof buf);

	return n == (ssize_t)len && memcmp(buf, want, len) == 0;
}

static inline bool has_no(int fd, const char *name)
{
	return fgetxattr(fd, name, NULL, 0) < 0 && errno == ENODATA;
}

static inline mode_t mode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_mode & 07777;
}

static inline void owned(struct made *m, uint32_t uid, uint32_t gid, const char *user)
{
	struct owner o = { .uid = uid, .gid = gid };

	snprintf(o.user, sizeof o.user, "%s", user);
	m->used = 0;
	wire_owner_add(m->bytes, sizeof m->bytes, &m->used, &o);
}

static inline bool is_owned(int fd, uid_t uid, gid_t gid)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == uid && st.st_gid == gid;
}

static inline bool usable(int dir)
{
	int  a = file(dir, "try", 0600);
	bool good = fsetxattr(a, "user.try", "1", 1, 0) == 0;

	close(a);
	return good;
}

/* The driver: all(dir). */
static inline int run_twice(void (*all)(int dir))
{
	int dir = scratch(NULL);

	umask(0);
	if (dir < 0 || !usable(dir)) {
		skip(1, "no attributes on the file system of $TMPDIR");
		return dir < 0 ? 2 : done();
	}
	all(dir);
	if (geteuid() != 0)
		return done();
	/* ... and as somebody whom modes stop */
	if (mkdirat(dir, "user", 0700) < 0 || fchownat(dir, "user", 65534, 65534, 0) < 0)
		return 2;
	int own = openat(dir, "user", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (setegid(65534) < 0 || seteuid(65534) < 0)
		return 2;
	all(own);
	close(own);
	if (seteuid(0) < 0)
		return 2;
	return done();
}
