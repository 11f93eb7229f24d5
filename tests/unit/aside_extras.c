/* aside_extras.c - extras of what is published, of what is there already, and of links. */
#include "tests/unit/extras.h"

static void links(int dir)
{
	struct made   m = { .used = 0 };
	struct extras e = { .kinds = EXTRAS_OWNER };
	struct stat   st;
	bool          root = geteuid() == 0;

	close(file(dir, "owned", 0600));
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

static void all(int dir)
{
	links(dir);
	standing(dir);
	publishing(dir, true);
	publishing(dir, false);
}

int main(void)
{
	return run_twice(all);
}
