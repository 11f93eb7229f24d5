/* extras.c - attributes, ACLs and owners: read of one file, set on another; bounds, and values that nobody should believe. */
#include "common/aside.h"

#include <errno.h>
#include <linux/posix_acl.h>
#include <sys/xattr.h>

#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static const char access_acl[] = "system.posix_acl_access", default_acl[] = "system.posix_acl_default";

/* An ext in the making. */
struct made { uint8_t bytes[WIRE_EXT_MAX]; size_t used; };

static struct wire_str str(const struct made *m)
{
	return (struct wire_str){ m->bytes, m->used };
}

static void attribute(struct made *m, const char *name, const void *value, size_t len)
{
	wire_xattr_add(m->bytes, sizeof m->bytes, &m->used, name, (struct wire_str){ value, len });
}

static void entry(uint8_t *p, size_t *n, unsigned tag, unsigned perm, uint32_t id)
{
	const uint8_t e[8] = { (uint8_t)tag, (uint8_t)(tag >> 8), (uint8_t)perm, 0, (uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16), (uint8_t)(id >> 24) };

	memcpy(p + *n, e, sizeof e);
	*n += sizeof e;
}

/* rwx for the owner, `group` for the group, user 7 with 7, mask 7, nothing for others. */
static size_t acl_of(uint8_t *p, unsigned group)
{
	size_t n = 4;

	memcpy(p, "\2\0\0\0", 4);
	entry(p, &n, ACL_USER_OBJ, 7, UINT32_MAX);
	entry(p, &n, ACL_USER, 7, 7);
	entry(p, &n, ACL_GROUP_OBJ, group, UINT32_MAX);
	entry(p, &n, ACL_MASK, 7, UINT32_MAX);
	entry(p, &n, ACL_OTHER, 0, UINT32_MAX);
	return n;
}

static int file(int dir, const char *name, mode_t mode)
{
	put_file(dir, name, "x", mode);
	return openat(dir, name, O_RDWR | O_CLOEXEC);
}

static bool value_is(int fd, const char *name, const void *want, size_t len)
{
	char    buf[4096];
	ssize_t n = fgetxattr(fd, name, buf, sizeof buf);

	return n == (ssize_t)len && memcmp(buf, want, len) == 0;
}

static bool has_no(int fd, const char *name)
{
	return fgetxattr(fd, name, NULL, 0) < 0 && errno == ENODATA;
}

static mode_t mode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_mode & 07777;
}

static mode_t set(int fd, bool directory, unsigned kinds, const struct made *m, unsigned *missed)
{
	struct extras e = { .kinds = kinds, .ext = str(m), .missed = 77 };
	mode_t        mode = extras_set(fd, directory, &e, 06770);

	*missed = e.missed;
	return mode;
}

/* --- attributes ----------------------------------------------------------------------------------------------------------- */

static void attributes(int dir)
{
	struct made m = { .used = 0 }, again = { .used = 0 }, none = { .used = 0 };
	int         a = file(dir, "a", 0600), b = file(dir, "b", 0600);
	unsigned    missed;

	fsetxattr(a, "user.one", "1", 1, 0);
	fsetxattr(a, "user.\xff\n\x1b[31m =", "\0\xff\0", 3, 0);
	fsetxattr(a, "user.empty", "", 0, 0);
	ok(extras_read(a, false, 0, m.bytes, &m.used) == 0 && m.used == 0, "nothing is wanted, nothing is read");
	ok(extras_read(a, false, EXTRAS_ACLS | EXTRAS_OWNER, m.bytes, &m.used) == 0 && m.used == 0, "a file without an ACL has none to tell");
	ok(extras_read(a, false, EXTRAS_XATTRS, m.bytes, &m.used) == 0 && m.used > 0, "attributes are read");

	fsetxattr(b, "user.old", "x", 1, 0);
	fsetxattr(b, "user.one", "another", 7, 0);
	set(b, false, EXTRAS_ACLS, &m, &missed);
	ok(missed == 0 && value_is(b, "user.old", "x", 1), "attributes are not wanted: they stay as they are");
	set(b, false, EXTRAS_XATTRS, &m, &missed);
	ok(missed == 0 && value_is(b, "user.one", "1", 1) && value_is(b, "user.\xff\n\x1b[31m =", "\0\xff\0", 3) && value_is(b, "user.empty", "", 0),
	   "attributes are set, whatever bytes");
	ok(has_no(b, "user.old"), "others are removed");
	ok(extras_read(b, false, EXTRAS_XATTRS, again.bytes, &again.used) == 0 && again.used == m.used, "and the two are the same");
	set(b, false, EXTRAS_XATTRS, &none, &missed);
	ok(missed == 0 && flistxattr(b, NULL, 0) == 0, "none at the source, none here");
	close(a);
	close(b);
}

static void more_attributes(int dir)
{
	enum { NAMES = 60 };            /* their list is longer than a small buffer, and they fit what ext4 keeps */
	struct made m = { .used = 0 };
	char        name[256];
	int         a = file(dir, "many", 0600), b = file(dir, "many2", 0600);
	unsigned    missed;

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof name, "user.%028d", i);
		fsetxattr(a, name, "", 0, 0);
	}
	ok(extras_read(a, false, EXTRAS_XATTRS, m.bytes, &m.used) == 0 && m.used >= NAMES * 30, "a long list of names");
	set(b, false, EXTRAS_XATTRS, &m, &missed);
	ok(missed == 0 && flistxattr(b, NULL, 0) == flistxattr(a, NULL, 0), "all of them arrive");
	if (geteuid() == 0 && fsetxattr(b, "trusted.kept", "t", 1, 0) == 0) {
		m.used = 0;
		set(b, false, EXTRAS_XATTRS, &m, &missed);
		ok(value_is(b, "trusted.kept", "t", 1) && extras_read(b, false, EXTRAS_XATTRS, m.bytes, &m.used) == 0 && m.used == 0,
		   "what is not the user's neither travels nor is removed");
	} else {
		skip(1, "trusted attributes are root's");
	}
	close(a);
	close(b);
}

/* Every length around the last byte of an ext. */
static void bounds(int dir)
{
	struct made m = { .used = 0 };
	int         a = file(dir, "full", 0600);
	uint8_t     acl[44];
	size_t      len = acl_of(acl, 5);

	fsetxattr(a, "user.x", "12345", 5, 0);
	m.used = WIRE_EXT_MAX - (3 + 1 + 6 + 5);
	ok(extras_read(a, false, EXTRAS_XATTRS, m.bytes, &m.used) == 0 && m.used == WIRE_EXT_MAX, "60,000 bytes are not too many");
	for (size_t left = 0; left < 3 + 1 + 6 + 5; left++) {
		m.used = WIRE_EXT_MAX - left;
		if (extras_read(a, false, EXTRAS_XATTRS, m.bytes, &m.used) != -EMSGSIZE || m.used != WIRE_EXT_MAX - left)
			break;
		if (left == 3 + 1 + 6 + 4)
			ok(true, "one more is, however little room there is");
	}
	fsetxattr(a, "user.x", "", 0, 0);
	m.used = WIRE_EXT_MAX - (3 + 1 + 6);
	ok(extras_read(a, false, EXTRAS_XATTRS, m.bytes, &m.used) == 0 && m.used == WIRE_EXT_MAX, "an empty value needs none");
	if (fsetxattr(a, access_acl, acl, len, 0) == 0) {
		m.used = WIRE_EXT_MAX - 3 - len;
		ok(extras_read(a, false, EXTRAS_ACLS, m.bytes, &m.used) == 0 && m.used == WIRE_EXT_MAX, "an ACL that just fits");
		m.used = WIRE_EXT_MAX - 2 - len;
		ok(extras_read(a, false, EXTRAS_ACLS, m.bytes, &m.used) == -EMSGSIZE, "and one that does not");
	} else {
		skip(2, "no ACLs here");
	}
	close(a);
}

static void broken_attributes(int dir)
{
	static const char *const names[] = { "security.selinux", "trusted.x", "system.posix_acl_access", "user.", "user", "x", "USER.x" };
	int      a = file(dir, "broken", 0600);
	unsigned missed;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct made m = { .used = 0 };
		attribute(&m, "user.before", "1", 1);
		attribute(&m, names[i], "\2\0\0\0", 4);
		attribute(&m, "user.after", "2", 1);
		set(a, false, EXTRAS_XATTRS, &m, &missed);
		ok(missed == EXTRAS_XATTRS && value_is(a, "user.before", "1", 1) && value_is(a, "user.after", "2", 1) && fgetxattr(a, names[i], NULL, 0) < 0,
		   "an attribute named %s is left out, those beside it are not", names[i]);
	}
	const struct { const char *what; const uint8_t value[8]; size_t len; } values[] = {
		{ "without a byte", "", 0 }, { "with a name of no bytes", { 0, 'x' }, 2 }, { "with a name longer than it", { 200, 'u', 's' }, 3 },
		{ "with a NUL in its name", { 7, 'u', 's', 'e', 'r', '.', 0, 'x' }, 8 },
	};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct made m = { .used = 0 };
		wire_extra_add(m.bytes, sizeof m.bytes, &m.used, EXTRA_XATTR, (struct wire_str){ values[i].value, values[i].len });
		attribute(&m, "user.after", "3", 1);
		set(a, false, EXTRAS_XATTRS, &m, &missed);
		ok(missed == EXTRAS_XATTRS && value_is(a, "user.after", "3", 1), "an attribute %s", values[i].what);
	}
	struct made m = { .used = 0 };
	attribute(&m, "user.twice", "1", 1);
	attribute(&m, "user.twice", "2", 1);
	wire_extra_add(m.bytes, sizeof m.bytes, &m.used, 99, (struct wire_str){ (const uint8_t *)"later", 5 });
	set(a, false, EXTRAS_XATTRS, &m, &missed);
	ok(missed == 0 && value_is(a, "user.twice", "2", 1), "one that comes twice; a tag of a later version");
	close(a);
}

/* --- access control lists --------------------------------------------------------------------------------------------------- */

static void lists(int dir)
{
	struct made m = { .used = 0 }, none = { .used = 0 };
	int         a = file(dir, "acl", 0600), b = file(dir, "acl2", 0600), d;
	uint8_t     acl[44], other[44];
	size_t      len = acl_of(acl, 5), n = acl_of(other, 0);
	unsigned    missed;

	mkdirat(dir, "acl-dir", 0700);
	d = openat(dir, "acl-dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fsetxattr(a, access_acl, acl, len, 0);
	ok(extras_read(a, true, EXTRAS_ACLS, m.bytes, &m.used) == 0 && m.used == 3 + len, "an ACL is read");
	ok(set(b, false, EXTRAS_ACLS, &m, &missed) == 0770 && missed == 0 && value_is(b, access_acl, acl, len) && mode_of(b) == 0770, "and set; the mode goes with it");
	set(b, false, EXTRAS_XATTRS, &none, &missed);
	ok(value_is(b, access_acl, acl, len), "ACLs are not wanted: they stay");
	set(b, false, EXTRAS_ACLS, &none, &missed);
	ok(missed == 0 && has_no(b, access_acl), "none at the source, none here");
	wire_extra_add(m.bytes, sizeof m.bytes, &m.used, EXTRA_DEFAULT_ACL, (struct wire_str){ other, n });
	set(d, true, EXTRAS_ACLS, &m, &missed);
	ok(missed == 0 && value_is(d, access_acl, acl, len) && value_is(d, default_acl, other, n), "a directory has two");
	none.used = 0;
	ok(extras_read(d, true, EXTRAS_ACLS, none.bytes, &none.used) == 0 && none.used == m.used, "both are read");
	none.used = 0;
	set(d, true, EXTRAS_ACLS, &none, &missed);
	ok(missed == 0 && has_no(d, access_acl) && has_no(d, default_acl), "both are removed");
	close(a);
	close(b);
	close(d);
}

struct broken { const char *what; size_t (*make)(uint8_t *p); };

static size_t version(uint8_t *p)    { size_t n = acl_of(p, 5); p[0] = 1; return n; }
static size_t high(uint8_t *p)       { size_t n = acl_of(p, 5); p[3] = 1; return n; }
static size_t head_alone(uint8_t *p) { acl_of(p, 5); return 4; }
static size_t nothing(uint8_t *p)    { (void)p; return 0; }
static size_t cut(uint8_t *p)        { return acl_of(p, 5) - 1; }
static size_t no_others(uint8_t *p)  { return acl_of(p, 5) - 8; }
static size_t unknown(uint8_t *p)    { size_t n = acl_of(p, 5); entry(p, &n, 0x40, 7, UINT32_MAX); return n; }
static size_t two_tags(uint8_t *p)   { size_t n = acl_of(p, 5); p[n - 8] = ACL_MASK | ACL_OTHER; return n; }
static size_t no_tag(uint8_t *p)     { size_t n = acl_of(p, 5); p[4] = 0; return n; }
static size_t order(uint8_t *p)      { size_t n = acl_of(p, 5); entry(p, &n, ACL_GROUP, 7, 5); return n; }
static size_t doubled(uint8_t *p)    { size_t n = acl_of(p, 5); entry(p, &n, ACL_OTHER, 7, UINT32_MAX); return n; }
static size_t perm(uint8_t *p)       { size_t n = acl_of(p, 5); p[6] = 8; return n; }
static size_t perm_high(uint8_t *p)  { size_t n = acl_of(p, 5); p[7] = 1; return n; }
static size_t nobody(uint8_t *p)     { size_t n = acl_of(p, 5); memset(p + 16, 0xff, 4); return n; }
static size_t too_many(uint8_t *p)
{
	size_t n = 4;

	memcpy(p, "\2\0\0\0", 4);
	entry(p, &n, ACL_USER_OBJ, 7, 0);
	while (n < 4 + 8 * 5500)
		entry(p, &n, ACL_USER, 7, (uint32_t)n);
	entry(p, &n, ACL_GROUP_OBJ, 5, 0);
	entry(p, &n, ACL_MASK, 7, 0);
	entry(p, &n, ACL_OTHER, 0, 0);
	return n;
}

static size_t no_mask(uint8_t *p)
{
	size_t n = 4;

	memcpy(p, "\2\0\0\0", 4);
	entry(p, &n, ACL_USER_OBJ, 7, 0);
	entry(p, &n, ACL_USER, 7, 7);
	entry(p, &n, ACL_GROUP_OBJ, 7, 0);
	entry(p, &n, ACL_OTHER, 7, 0);
	return n;
}

static void broken_lists(int dir)
{
	static const struct broken all[] = {
		{ "of version 1", version }, { "of a version above 65,536", high }, { "of a head alone", head_alone }, { "of no bytes", nothing }, { "that is cut", cut },
		{ "without the others", no_others }, { "with an unknown tag", unknown }, { "with two tags in one", two_tags }, { "with no tag", no_tag },
		{ "out of order", order }, { "with others twice", doubled }, { "with permission 8", perm }, { "with permission 256", perm_high },
		{ "for user -1", nobody }, { "of 5,500 entries", too_many }, { "without a mask", no_mask },
	};
	static uint8_t bytes[WIRE_EXT_MAX];
	int            a = file(dir, "acl3", 0600);
	unsigned       missed;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct made m = { .used = 0 };
		wire_extra_add(m.bytes, sizeof m.bytes, &m.used, EXTRA_ACL, (struct wire_str){ bytes, all[i].make(bytes) });
		attribute(&m, "user.beside", "1", 1);
		mode_t mode = set(a, false, EXTRAS_ACLS | EXTRAS_XATTRS, &m, &missed);
		ok(missed == EXTRAS_ACLS && has_no(a, access_acl) && value_is(a, "user.beside", "1", 1) && (mode & 077) == 0,
		   "an ACL %s: left out, and the group gets no more than everybody", all[i].what);
	}
	struct made m = { .used = 0 };
	uint8_t     acl[44];
	wire_extra_add(m.bytes, sizeof m.bytes, &m.used, EXTRA_DEFAULT_ACL, (struct wire_str){ acl, acl_of(acl, 5) });
	set(a, true, EXTRAS_ACLS, &m, &missed);
	ok(missed == EXTRAS_ACLS, "a default ACL on what is no directory is refused by the kernel");
	close(a);
	int pipes[2];
	if (pipe(pipes) < 0)
		return;
	m.used = 0;
	wire_extra_add(m.bytes, sizeof m.bytes, &m.used, EXTRA_ACL, (struct wire_str){ acl, acl_of(acl, 4) });
	ok(set(pipes[0], false, EXTRAS_ACLS, &m, &missed) == 0740 && missed == EXTRAS_ACLS, "where there are no ACLs the group gets what the ACL gave it, not its mask");
	m.used = 0;
	ok(set(pipes[0], false, EXTRAS_ACLS | EXTRAS_XATTRS, &m, &missed) == 0770 && missed == 0, "where there are none, none is as it should be");
	close(pipes[0]);
	close(pipes[1]);
}

/* --- owners ------------------------------------------------------------------------------------------------------------------- */

static void owned(struct made *m, uint32_t uid, uint32_t gid, const char *user)
{
	struct owner o = { .uid = uid, .gid = gid };

	snprintf(o.user, sizeof o.user, "%s", user);
	m->used = 0;
	wire_owner_add(m->bytes, sizeof m->bytes, &m->used, &o);
}

static bool is_owned(int fd, uid_t uid, gid_t gid)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == uid && st.st_gid == gid;
}

static void of_whom(int dir)
{
	struct made m = { .used = 0 };
	int         a = file(dir, "owned", 0600);
	unsigned    missed;
	bool        root = geteuid() == 0;

	ok(set(a, false, EXTRAS_OWNER, &m, &missed) == 0770 && missed == EXTRAS_OWNER, "an owner was wanted and none came: no set-id bits");
	owned(&m, UINT32_MAX, UINT32_MAX, "");
	ok(set(a, false, EXTRAS_OWNER, &m, &missed) == 0770 && missed == EXTRAS_OWNER && is_owned(a, geteuid(), getegid()), "owner -1 is none");
	owned(&m, geteuid(), getegid(), "");
	ok(set(a, false, EXTRAS_OWNER, &m, &missed) == 06770 && missed == 0, "with its owner a file keeps its set-id bits");
	ok(set(a, false, EXTRAS_XATTRS, &m, &missed) == 0770 && missed == 0, "owners are not wanted: no set-id bits");
	owned(&m, 12345, 54321, "nobody-of-this-name");
	ok(set(a, false, EXTRAS_OWNER, &m, &missed) == (root ? 06770 : 0770) && missed == (root ? 0 : EXTRAS_OWNER) &&
	   is_owned(a, root ? 12345 : geteuid(), root ? 54321 : getegid()), "somebody else: root can, others cannot");
	close(a);
}

static void links(int dir)
{
	struct made   m = { .used = 0 };
	struct extras e = { .kinds = EXTRAS_OWNER };
	struct stat   st;
	bool          root = geteuid() == 0;

	put_link(dir, "link", "owned");
	owned(&m, root ? 99 : geteuid(), root ? 98 : getegid(), "");
	e.ext = str(&m);
	ok(aside_set_link(dir, "link", &e) == 0 && e.missed == 0 && fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == (root ? 99 : geteuid()),
	   "the owner of a link");
	ok(fstatat(dir, "owned", &st, 0) == 0 && st.st_uid != 99, "what it leads to keeps its own");
	ok(aside_set_link(dir, "owned", &e) == -EEXIST && fstatat(dir, "owned", &st, 0) == 0 && st.st_uid != 99, "a file in a link's place is left alone");
	e.ext.len = 0;
	ok(aside_set_link(dir, "link", &e) == 0 && e.missed == EXTRAS_OWNER, "no owner came");
}

/* --- what is there already ------------------------------------------------------------------------------------------------------ */

static void standing(int dir)
{
	struct made    m = { .used = 0 };
	struct extras  e = { .kinds = EXTRAS_XATTRS };
	struct publish p = { .meta = { .type = 'f', .mode = 0440, .mtime = 1000000000 }, .extras = &e };
	struct stat    st;
	int            a;

	attribute(&m, "user.new", "1", 1);
	e.ext = str(&m);
	close(file(dir, "ro", 0444));
	a = openat(dir, "ro", O_RDONLY | O_CLOEXEC);
	ok(aside_set_meta(dir, "ro", &p) == 0 && e.missed == 0 && value_is(a, "user.new", "1", 1) && mode_of(a) == 0444,
	   "attributes of a file that its owner may not write; its mode is as it was");
	p.keep_mode = p.keep_times = true;
	ok(aside_set_meta(dir, "ro", &p) == 0 && mode_of(a) == 0440 && fstat(a, &st) == 0 && st.st_mtim.tv_sec == 1000000000, "and mode and times");
	mkdirat(dir, "d", 0500);
	put_link(dir, "to-ro", "ro");
	if (mkfifoat(dir, "fifo", 0600) < 0)
		note("no FIFO");
	ok(aside_set_meta(dir, "d", &p) == -EEXIST && aside_set_meta(dir, "to-ro", &p) == -EEXIST && aside_set_meta(dir, "fifo", &p) == -EEXIST &&
	   aside_set_meta(dir, "none", &p) == -ENOENT, "a directory, a link, a FIFO and nothing are no file");
	p = (struct publish){ .meta.type = 'd', .extras = &e };
	ok(aside_set_meta(dir, "d", &p) == 0 && e.missed == 0, "attributes of a directory that its owner may not write");
	ok(aside_set_meta(dir, "ro", &p) == -ENOTDIR && aside_set_meta(dir, "to-ro", &p) == -ENOTDIR, "a file and a link are no directory");
	close(a);
}

/* As aside.h has it: whole at once, or opened, written, published. */
static int put(int dir, bool whole, const struct publish *p)
{
	struct aside a;
	int          r;

	if (whole)
		return aside_whole(dir, "published", "new", 3, p);
	r = aside_open(&a, dir, "published", 3);
	if (r == 0 && write(a.fd, "new", 3) != 3)
		return -EIO;
	return r < 0 ? r : aside_publish(&a, p);
}

static void publishing(int dir, bool whole)
{
	struct made    m = { .used = 0 };
	struct extras  e = { .kinds = EXTRAS_XATTRS };
	struct publish p = { .meta = { .type = 'f', .mode = 06444 }, .extras = &e };
	const char    *way = whole ? "whole" : "long";
	uint8_t        acl[44];
	size_t         len = acl_of(acl, 4);
	int            a;

	unlinkat(dir, "published", 0);
	umask(077);
	attribute(&m, "user.new", "1", 1);
	e.ext = str(&m);
	ok(put(dir, whole, &p) == 0 && e.missed == 0, "%s: a new file with an attribute, which its owner may not write", way);
	a = openat(dir, "published", O_RDONLY | O_CLOEXEC);
	ok(value_is(a, "user.new", "1", 1) && mode_of(a) == 0400, "%s: it has it, and mode & 0777 & ~umask", way);
	umask(0);
	fsetxattr(a, access_acl, acl, len, 0);
	close(a);
	ok(put(dir, whole, &p) == 0, "%s: a file is replaced", way);
	a = openat(dir, "published", O_RDONLY | O_CLOEXEC);
	ok(value_is(a, access_acl, acl, len) && mode_of(a) == 0770, "%s: without ACLs among the extras it takes over the old one's", way);
	close(a);
	e.kinds = EXTRAS_ACLS;
	ok(put(dir, whole, &p) == 0 && e.missed == 0, "%s: with ACLs", way);
	a = openat(dir, "published", O_RDONLY | O_CLOEXEC);
	ok(has_no(a, access_acl) && has_no(a, "user.new") && mode_of(a) == 0444, "%s: it has the source's, which is none, and the source's mode", way);
	close(a);
	e.kinds = EXTRAS_OWNER;
	p.keep_mode = true;
	owned(&m, geteuid(), getegid(), "");
	e.ext = str(&m);
	ok(put(dir, whole, &p) == 0 && e.missed == 0, "%s: with its owner", way);
	a = openat(dir, "published", O_RDONLY | O_CLOEXEC);
	ok(is_owned(a, geteuid(), getegid()) && mode_of(a) == 06444, "%s: and its set-id bits", way);
	close(a);
	e.ext.len = 0;
	ok(put(dir, whole, &p) == 0 && e.missed == EXTRAS_OWNER, "%s: without an owner it is published all the same", way);
	a = openat(dir, "published", O_RDONLY | O_CLOEXEC);
	ok(mode_of(a) == 0444, "%s: without set-id bits", way);
	close(a);
}

static bool usable(int dir)
{
	int  a = file(dir, "try", 0600);
	bool good = fsetxattr(a, "user.try", "1", 1, 0) == 0;

	close(a);
	return good;
}

static void all(int dir)
{
	attributes(dir);
	more_attributes(dir);
	bounds(dir);
	broken_attributes(dir);
	lists(dir);
	broken_lists(dir);
	of_whom(dir);
	links(dir);
	standing(dir);
	publishing(dir, true);
	publishing(dir, false);
}

int main(void)
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
