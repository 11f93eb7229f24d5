/* extras.c - see extras.h */
#include "common/extras.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { XATTR_HEAD = 3 + 1, EXTRA_HEAD = 3, ACL_HEAD = 4, ACL_ENTRY = 8, ACL_ENTRIES_MOST = 5461 /* xfs keeps so many, others fewer */ };
static const char of_users[] = "user.", access_acl[] = "system.posix_acl_access", default_acl[] = "system.posix_acl_default";

int ext_keep(struct kept_ext *k, struct wire_str ext)
{
	ext_drop(k);
	if (!ext.len)
		return 0;
	k->p = malloc(ext.len);
	if (!k->p)
		return -ENOMEM;
	memcpy(k->p, ext.p, ext.len);
	k->len = ext.len;
	return 0;
}

void ext_drop(struct kept_ext *k)
{
	free(k->p);
	*k = (struct kept_ext){ NULL, 0 };
}

struct wire_str ext_kept(const struct kept_ext *k)
{
	return (struct wire_str){ k->p, k->len };
}

static bool travels(const char *name)
{
	return strncmp(name, of_users, sizeof of_users - 1) == 0 && name[sizeof of_users - 1];
}

/* This file system has nothing of the kind, or this file has not. */
static bool has_none(int err)
{
	return err == ENODATA || err == EOPNOTSUPP;
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

/* A value straight to where it is to stand in p. Bytes, -ENODATA: there is none, -EMSGSIZE, -errno */
static ssize_t value_at(int fd, const char *name, uint8_t *p, size_t at)
{
	size_t  room = at < WIRE_EXT_MAX ? WIRE_EXT_MAX - at : 0;
	ssize_t n = at <= WIRE_EXT_MAX ? fgetxattr(fd, name, room ? p + at : NULL, room) : -1;

	if (at > WIRE_EXT_MAX || (n < 0 && errno == ERANGE) || n > (ssize_t)room)
		return -EMSGSIZE;               /* without room the kernel tells the size alone */
	if (n < 0)
		return has_none(errno) ? -ENODATA : -errno;
	return n;
}

static int read_acl(int fd, const char *name, uint8_t tag, uint8_t *p, size_t *used)
{
	size_t  at = *used + EXTRA_HEAD;
	ssize_t n = value_at(fd, name, p, at);

	if (n == -ENODATA)
		return 0;
	return n < 0 ? (int)n : wire_extra_add(p, WIRE_EXT_MAX, used, tag, (struct wire_str){ p + at, (size_t)n });
}

static int read_xattr(int fd, const char *name, uint8_t *p, size_t *used)
{
	size_t  at = *used + XATTR_HEAD + strlen(name);
	ssize_t n = value_at(fd, name, p, at);

	if (n == -ENODATA)              /* removed since it was listed */
		return 0;
	return n < 0 ? (int)n : wire_xattr_add(p, WIRE_EXT_MAX, used, name, (struct wire_str){ p + at, (size_t)n });
}

/* All names, one behind the other, each terminated, into XATTR_LIST_MAX bytes (NULL: there was no memory for them). The kernel lists no more than that, so a
 * list that grows meanwhile needs no second attempt. */
static ssize_t list_names(int fd, char *names)
{
	ssize_t n = names ? flistxattr(fd, names, XATTR_LIST_MAX) : -1;

	if (!names)
		return -ENOMEM;
	if (n < 0)
		return has_none(errno) ? 0 : errno == E2BIG || errno == ERANGE ? -EMSGSIZE : -errno;
	return n;
}

static int read_xattrs(int fd, uint8_t *p, size_t *used)
{
	char   *names = malloc(XATTR_LIST_MAX);
	ssize_t len = list_names(fd, names);
	int     r = len < 0 ? (int)len : 0;

	for (const char *name = names; r == 0 && name < names + len; name += strlen(name) + 1)
		if (travels(name))
			r = read_xattr(fd, name, p, used);
	free(names);
	return r;
}

int extras_read(int fd, bool directory, unsigned kinds, uint8_t *p, size_t *used)
{
	int r = 0;

	if (kinds & EXTRAS_ACLS)
		r = read_acl(fd, access_acl, EXTRA_ACL, p, used);
	if (r == 0 && directory && kinds & EXTRAS_ACLS)
		r = read_acl(fd, default_acl, EXTRA_DEFAULT_ACL, p, used);
	if (r == 0 && kinds & EXTRAS_XATTRS)
		r = read_xattrs(fd, p, used);
	return r;
}

int extras_tell(int fd, const struct stat *st, unsigned kinds, const struct owners *owners, uint8_t *p, struct wire_str *ext, struct fail *f)
{
	size_t used = 0;
	int    r = 0;

	*ext = (struct wire_str){ NULL, 0 };
	if (!kinds)
		return 0;
	if (kinds & EXTRAS_OWNER) {
		struct owner o = owners_describe(owners, st->st_uid, st->st_gid);
		r = wire_owner_add(p, WIRE_EXT_MAX, &used, &o);
	}
	if (r == 0 && fd >= 0)
		r = extras_read(fd, S_ISDIR(st->st_mode), kinds, p, &used);
	*f = r == -EMSGSIZE ? fail_why(ST_FILE_IO, WHY_EXTRAS_MANY) : fail_errno(r);
	*ext = (struct wire_str){ p, used };
	return r < 0 ? -1 : 0;
}

/* --- attributes --------------------------------------------------------------------------------------------------------- */

static bool named(struct wire_str ext, const char *want)
{
	struct wire_str value, bytes;
	char            name[256];
	uint8_t         tag;

	while (wire_extra_next(&ext, &tag, &value) > 0)
		if (tag == EXTRA_XATTR && wire_xattr_get(value, name, &bytes) == 0 && strcmp(name, want) == 0)
			return true;
	return false;
}

/* Before others are set: there may be room for no more. */
static bool remove_others(int fd, struct wire_str ext)
{
	char   *names = malloc(XATTR_LIST_MAX);
	ssize_t len = list_names(fd, names);
	bool    good = len >= 0;

	for (const char *name = names; good && name < names + len; name += strlen(name) + 1)
		if (travels(name) && !named(ext, name) && fremovexattr(fd, name) < 0 && errno != ENODATA)
			good = false;
	free(names);
	return good;
}

static bool set_xattrs(int fd, struct wire_str ext)
{
	struct wire_str value, bytes, rest = ext;
	char            name[256];
	uint8_t         tag;
	bool            good = remove_others(fd, ext);

	while (wire_extra_next(&rest, &tag, &value) > 0) {
		if (tag != EXTRA_XATTR)
			continue;
		if (wire_xattr_get(value, name, &bytes) < 0 || !travels(name)) {
			good = false;
		} else if (fsetxattr(fd, name, bytes.p, bytes.len, 0) < 0) {
			good = false;
			if (errno == EOPNOTSUPP)
				break;          /* nor any other */
		}
	}
	return good;
}

/* --- access control lists ------------------------------------------------------------------------------------------------- */

struct acl_entry { unsigned tag, perm; uint32_t id; };

static unsigned little(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static struct acl_entry acl_entry(struct wire_str acl, size_t i)
{
	const uint8_t *p = acl.p + ACL_HEAD + i * ACL_ENTRY;

	return (struct acl_entry){ little(p), little(p + 2), little(p + 4) | (uint32_t)little(p + 6) << 16 };
}

static size_t acl_count(struct wire_str acl)
{
	return (acl.len - ACL_HEAD) / ACL_ENTRY;
}

/* Owner, users, group, groups, mask, others: each in its turn, one of those that are no list, and a mask where there is a list. The kernel checks as much. */
static bool acl_is_sound(struct wire_str acl)
{
	unsigned seen = 0, last = 0;

	if (acl.len < ACL_HEAD || (acl.len - ACL_HEAD) % ACL_ENTRY || little(acl.p) != POSIX_ACL_XATTR_VERSION || little(acl.p + 2) != 0 ||
	    acl_count(acl) > ACL_ENTRIES_MOST)
		return false;
	for (size_t i = 0; i < acl_count(acl); i++) {
		struct acl_entry e = acl_entry(acl, i);
		bool             list = e.tag == ACL_USER || e.tag == ACL_GROUP;
		if (!e.tag || (e.tag & (e.tag - 1)) || e.tag > ACL_OTHER || e.tag < last || (e.tag == last && !list) || e.perm > 7 || (list && e.id == UINT32_MAX))
			return false;
		last = e.tag;
		seen |= e.tag;
	}
	unsigned must = ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER | (seen & (ACL_USER | ACL_GROUP) ? ACL_MASK : 0);
	return (seen & must) == must;
}

/* False: the ext has none. */
static bool find(struct wire_str ext, uint8_t want, struct wire_str *value)
{
	uint8_t tag;

	while (wire_extra_next(&ext, &tag, value) > 0)
		if (tag == want)
			return true;
	return false;
}

static bool set_acl(int fd, const char *name, struct wire_str ext, uint8_t tag)
{
	struct wire_str acl;

	if (find(ext, tag, &acl))
		return acl_is_sound(acl) && fsetxattr(fd, name, acl.p, acl.len, 0) == 0;
	return fremovexattr(fd, name) == 0 || has_none(errno);
}

/* What the owning group may have of the mode's group bits, where these were the mask of an ACL that is not there. */
static mode_t group_share(struct wire_str ext, mode_t mode)
{
	struct wire_str acl;
	unsigned        most = mode & 7;        /* of a broken one nothing is known: as much as everybody */

	if (!find(ext, EXTRA_ACL, &acl))
		return mode;
	for (size_t i = 0; acl_is_sound(acl) && i < acl_count(acl); i++)
		if (acl_entry(acl, i).tag == ACL_GROUP_OBJ)
			most = acl_entry(acl, i).perm;
	return mode & (mode_t)(07707 | most << 3);
}

/* --- owners --------------------------------------------------------------------------------------------------------------- */

bool extras_owner(const struct extras *e, uint32_t *uid, uint32_t *gid)
{
	struct wire_str value;
	struct owner    o;

	if (!find(e->ext, EXTRA_OWNER, &value) || wire_owner_get(value, &o) < 0)
		return false;
	owners_resolve(e->owners, &o, uid, gid);
	return true;
}

void extras_set_link(int link, struct extras *e)
{
	uint32_t uid, gid;

	e->missed = 0;
	if (e->kinds & EXTRAS_OWNER && (!extras_owner(e, &uid, &gid) || fchownat(link, "", uid, gid, AT_EMPTY_PATH) < 0))
		e->missed = EXTRAS_OWNER;
}

/* --- all of it -------------------------------------------------------------------------------------------------------------- */

mode_t extras_set(int fd, bool directory, struct extras *e, mode_t mode)
{
	uint32_t uid, gid;

	e->missed = 0;
	if (e->kinds & EXTRAS_XATTRS && !set_xattrs(fd, e->ext))
		e->missed |= EXTRAS_XATTRS;
	if (e->kinds & EXTRAS_OWNER && (!extras_owner(e, &uid, &gid) || fchown(fd, uid, gid) < 0))
		e->missed |= EXTRAS_OWNER;
	mode &= (e->kinds & ~e->missed) & EXTRAS_OWNER ? 07777 : 0777;
	if (!(e->kinds & EXTRAS_ACLS))
		return mode;
	if (directory && !set_acl(fd, default_acl, e->ext, EXTRA_DEFAULT_ACL))
		e->missed |= EXTRAS_ACLS;
	if (set_acl(fd, access_acl, e->ext, EXTRA_ACL))
		return mode;
	e->missed |= EXTRAS_ACLS;
	return group_share(e->ext, mode);
}
