/* extras.c - attributes, ACLs and owners: read of one file, set on another; bounds, and values that nobody should believe. */
#include "tests/unit/extras.h"

static const char default_acl[] = "system.posix_acl_default";

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
	size_t n = acl_head(p);

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
	size_t n = acl_head(p);

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

/* --- the same ----------------------------------------------------------------------------------------------------------------- */

static bool digests_meet(const struct made *a, const struct made *b, unsigned kinds)
{
	static const uint8_t key[WIRE_KEY_BYTES] = "k";
	uint8_t              x[WIRE_DIGEST_BYTES], y[WIRE_DIGEST_BYTES];

	return extras_digest(str(a), kinds, key, x) == 0 && extras_digest(str(b), kinds, key, y) == 0 && memcmp(x, y, sizeof x) == 0;
}

static void compared(int dir)
{
	static const uint8_t other[WIRE_KEY_BYTES] = "l", key[WIRE_KEY_BYTES] = "k";
	uint8_t              x[WIRE_DIGEST_BYTES], y[WIRE_DIGEST_BYTES];
	struct made          a = { .used = 0 }, b = { .used = 0 }, none = { .used = 0 };
	struct wire_str      one = wire_cstr("1"), two = wire_cstr("2");
	int                  f = file(dir, "compared", 0600);

	wire_xattr_add(a.bytes, sizeof a.bytes, &a.used, "user.a", one);
	wire_xattr_add(a.bytes, sizeof a.bytes, &a.used, "user.b", two);
	wire_xattr_add(b.bytes, sizeof b.bytes, &b.used, "user.b", two);
	wire_xattr_add(b.bytes, sizeof b.bytes, &b.used, "user.a", one);
	ok(digests_meet(&a, &b, EXTRAS_ALL), "in another order they are the same");
	ok(extras_digest(str(&a), EXTRAS_ALL, key, x) == 0 && extras_digest(str(&a), EXTRAS_ALL, other, y) == 0 && memcmp(x, y, sizeof x) != 0, "another key, another digest");
	ok(digests_meet(&a, &none, EXTRAS_ACLS) && !digests_meet(&a, &none, EXTRAS_XATTRS), "what is not of a kind that counts does not count");
	owned(&b, 1, 1, "");
	wire_xattr_add(b.bytes, sizeof b.bytes, &b.used, "user.b", two);
	ok(digests_meet(&b, &b, EXTRAS_ALL) && !digests_meet(&a, &b, EXTRAS_ALL), "one more is another");

	struct extras e = { .kinds = EXTRAS_XATTRS, .ext = str(&a) };
	ok(extras_same(f, &e) == 0, "a file without them has not the same");
	fsetxattr(f, "user.b", "2", 1, 0);
	fsetxattr(f, "user.a", "1", 1, 0);
	ok(extras_same(f, &e) == 1, "now it has");
	fsetxattr(f, "user.c", "", 0, 0);
	ok(extras_same(f, &e) == 0, "and one more: not any more");
	e.kinds = EXTRAS_ACLS;
	ok(extras_same(f, &e) == 1, "nobody asked");
	owned(&none, geteuid(), getegid(), "");
	e = (struct extras){ .kinds = EXTRAS_OWNER, .ext = str(&none) };
	ok(extras_same(f, &e) == 1, "it belongs to whom it should");
	owned(&none, 12345, getegid(), "");
	e.ext = str(&none);
	ok(extras_same(f, &e) == 0, "it belongs to somebody else");
	e.ext = (struct wire_str){ NULL, 0 };
	ok(extras_same(f, &e) == 0, "whom it should belong to was not said");
	close(f);
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
	compared(dir);
}

int main(void)
{
	return run_twice(all);
}
