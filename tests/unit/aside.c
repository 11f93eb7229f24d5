/* aside.c - what stands at the destination before, while and after: files, modes, owners, ACLs, links, directories, FIFOs. */
#include "common/aside.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

enum { BIG = 8 << 20 };
static const char acl_name[] = "system.posix_acl_access";

static unsigned asides(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	unsigned n = 0;

	for (struct dirent *e; (e = readdir(d)); )
		n += path_is_aside(e->d_name);
	closedir(d);
	return n;
}

static unsigned mode_of(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode & 07777;
}

static bool has(int dir, const char *name, const char *want)
{
	char buf[100];

	return strcmp(get_file(dir, name, buf, sizeof buf), want) == 0;
}

static struct publish plain(mode_t mode)
{
	return (struct publish){ .meta = { .type = 'f', .mode = mode, .mtime = 1000000000, .mtime_ns = 123456789 } };
}

/* The long way: open, write, publish. */
static int put_long(int dir, const char *final, const char *text, const struct publish *p)
{
	struct aside a;
	int r = aside_open(&a, dir, final, strlen(text));

	if (r < 0)
		return r;
	if (write(a.fd, text, strlen(text)) < 0)
		return -errno;
	r = aside_publish(&a, p);
	return a.fd == -1 && a.dir == -1 && !a.name[0] ? r : 1;
}

static int put_whole(int dir, const char *final, const char *text, const struct publish *p)
{
	return aside_whole(dir, final, text, strlen(text), p);
}

/* Said to be a directory of this run's own, which it is not: something may stand there all the same. */
static int put_fresh(int dir, const char *final, const char *text, const struct publish *p)
{
	struct publish fresh = *p;

	fresh.fresh_dir = true;
	return aside_whole(dir, final, text, strlen(text), &fresh);
}

static bool mtime_is(int dir, const char *name, const struct publish *p)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtim.tv_sec == p->meta.mtime &&
	       st.st_mtim.tv_nsec == (long)p->meta.mtime_ns;
}

/* All ways must do the same. */
static void both_ways(int top, const char *way, int (*put)(int, const char *, const char *, const struct publish *))
{
	struct publish p = plain(06755), keep = plain(06751);
	struct stat before, after;
	int r, dir;

	mkdirat(top, way, 0755);
	dir = openat(top, way, O_PATH | O_DIRECTORY | O_CLOEXEC);
	keep.keep_mode = keep.keep_times = true;

	umask(027);
	ok(put(dir, "new", "one", &p) == 0 && has(dir, "new", "one") && mode_of(dir, "new") == 0750, "%s: a new file, mode & 0777 & ~umask", way);
	ok(!mtime_is(dir, "new", &p), "%s: its time is now", way);
	ok(put(dir, "kept", "one", &keep) == 0 && mode_of(dir, "kept") == 0751 && mtime_is(dir, "kept", &keep), "%s: -p: mode as sent & 0777, time", way);
	umask(022);

	put_file(dir, "old", "before", 0606);
	ok(linkat(dir, "old", dir, "other-link", 0) == 0, "%s: a second hard link", way);
	ok(put(dir, "old", "after", &p) == 0 && has(dir, "old", "after") && mode_of(dir, "old") == 0606, "%s: a file replaced keeps its mode", way);
	ok(has(dir, "other-link", "before"), "%s: its other hard link keeps the old bytes", way);
	put_file(dir, "old", "before", 04644);
	ok(put(dir, "old", "after", &p) == 0 && mode_of(dir, "old") == 0644, "%s: but no set-id bit", way);
	ok(put(dir, "old", "again", &keep) == 0 && mode_of(dir, "old") == 0751 && mtime_is(dir, "old", &keep), "%s: -p over a file", way);
	put_file(dir, "ro", "before", 0400);
	ok(put(dir, "ro", "after", &p) == 0 && has(dir, "ro", "after") && mode_of(dir, "ro") == 0400, "%s: over a read-only file", way);
	ok(put(dir, "empty", "", &p) == 0 && has(dir, "empty", ""), "%s: an empty file", way);

	keep.fsync = p.fsync = true;
	ok(put(dir, "synced", "one", &p) == 0 && put(dir, "synced", "two", &keep) == 0 && has(dir, "synced", "two"), "%s: with fsync", way);
	p.fsync = false;

	mkdirat(dir, "d", 0755);
	put_file(dir, "d/inside", "x", 0644);
	put_link(dir, "link", "new");
	put_link(dir, "dangling", "nowhere");
	mkfifoat(dir, "fifo", 0600);
	ok(put(dir, "d", "x", &p) == -EEXIST && has(dir, "d/inside", "x"), "%s: a directory is in the way", way);
	ok(put(dir, "link", "x", &p) == 0 && has(dir, "new", "one") && has(dir, "link", "x"),
	   "%s: a link is replaced, and not followed", way);
	ok(put(dir, "dangling", "x", &p) == 0 && has(dir, "nowhere", "(none)") && has(dir, "dangling", "x"), "%s: so is a dangling link", way);
	ok(put(dir, "fifo", "x", &p) == -EEXIST && fstatat(dir, "fifo", &before, 0) == 0 && S_ISFIFO(before.st_mode), "%s: a FIFO is in the way", way);
	if (geteuid() == 0 && mknodat(dir, "null", S_IFCHR | 0666, makedev(1, 3)) == 0)
		ok(put(dir, "null", "x", &p) == -EEXIST && fstatat(dir, "null", &before, 0) == 0 && S_ISCHR(before.st_mode), "%s: a device is in the way", way);
	else
		skip(1, "needs root");

	if (geteuid() == 0) {
		put_file(dir, "theirs", "before", 0640);
		ok(fchownat(dir, "theirs", 1234, 5678, 0) == 0 && put(dir, "theirs", "after", &p) == 0 &&
		   fstatat(dir, "theirs", &after, 0) == 0 && after.st_uid == 1234 && after.st_gid == 5678 && mode_of(dir, "theirs") == 0640,
		   "%s: owner and group of the file replaced are kept", way);
	} else {
		skip(1, "needs root");
	}
	r = put(dir, "no/such", "x", &p);
	ok(r == -ENOENT, "%s: no directory there: %d", way, r);
	ok(asides(dir) == 0, "%s: no aside file is left", way);
	close(dir);
}

static void acls(int dir)
{
	/* version 2; user::rw-, user:1:r--, group::r--, mask::r--, other::--- : acl(5), linux/posix_acl_xattr.h */
	static const uint8_t acl[] = {
		2, 0, 0, 0,  1, 0, 6, 0, 255, 255, 255, 255,  2, 0, 4, 0, 1, 0, 0, 0,  4, 0, 4, 0, 255, 255, 255, 255,
		16, 0, 4, 0, 255, 255, 255, 255,  32, 0, 0, 0, 255, 255, 255, 255,
	};
	struct publish p = plain(0777);
	char buf[200];
	ssize_t n;

	put_file(dir, "acl", "before", 0600);
	int fd = openat(dir, "acl", O_RDWR | O_CLOEXEC);
	if (fsetxattr(fd, acl_name, acl, sizeof acl, 0) < 0) {
		skip(3, "this file system has no ACLs");
		return;
	}
	close(fd);
	for (int whole = 0; whole < 2; whole++) {
		int r = whole ? put_whole(dir, "acl", "after", &p) : put_long(dir, "acl", "after", &p);

		fd = openat(dir, "acl", O_RDONLY | O_CLOEXEC);
		n = fgetxattr(fd, acl_name, buf, sizeof buf);
		ok(r == 0 && has(dir, "acl", "after") && n == sizeof acl && memcmp(buf, acl, sizeof acl) == 0, "the ACL of a file replaced is kept");
		close(fd);
	}
	/* and the directory's default ACL gives none to what replaces a file without one */
	mkdirat(dir, "dacl", 0755);
	put_file(dir, "dacl/f", "before", 0640);
	fd = openat(dir, "dacl", O_RDONLY | O_CLOEXEC);
	ok(fsetxattr(fd, "system.posix_acl_default", acl, sizeof acl, 0) == 0 && put_whole(fd, "f", "after", &p) == 0 &&
	   mode_of(fd, "f") == 0640, "a default ACL does not widen a file replaced");
	close(fd);
}

static void stages(int dir)
{
	struct publish p = plain(0644);
	struct aside a = { 0 };
	struct stat st;
	char name[ASIDE_NAME];

	aside_drop(&a);
	ok(a.fd == -1 && fcntl(0, F_GETFD) >= 0, "drop takes one that is all zeros");
	aside_drop(&a);

	ok(aside_open(&a, dir, "x", 5) == 0 && path_is_aside(a.name) && strcmp(a.final, "x") == 0 && !a.allocated, "open: its name, not allocated");
	ok(fstat(a.fd, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_size == 0 && (fcntl(a.fd, F_GETFD) & FD_CLOEXEC) &&
	   (fcntl(a.fd, F_GETFL) & O_ACCMODE) == O_RDWR, "open: 0600, empty, read and write, close-on-exec");
	memcpy(name, a.name, sizeof name);
	ok(fstatat(dir, "x", &st, 0) < 0 && asides(dir) == 1, "while incomplete nothing has the final name");
	aside_drop(&a);
	ok(asides(dir) == 0 && a.fd == -1 && a.dir == -1, "drop removes it");
	ok(aside_open(&a, dir, "x", 5) == 0 && strcmp(a.name, name) != 0, "another name each time");

	/* something takes the name while the bytes come */
	mkdirat(dir, "x", 0755);
	ok(aside_publish(&a, &p) == -EEXIST && asides(dir) == 0 && a.fd == -1, "publish: a directory came in the way; the aside is removed");
	unlinkat(dir, "x", AT_REMOVEDIR);
	ok(aside_open(&a, dir, "x", 5) == 0 && write(a.fd, "late", 4) == 4, "open once more");
	put_file(dir, "x", "early", 0600);
	ok(aside_publish(&a, &p) == 0 && has(dir, "x", "late") && mode_of(dir, "x") == 0600, "publish: a file came first; it is replaced, its mode kept");
	ok(aside_publish(&a, &p) == -EBADF, "publish: only once");
	aside_drop(&a);
	ok(has(dir, "x", "late"), "drop after publish leaves the file");

	char longest[WIRE_NAME_MAX + 2];
	memset(longest, 'n', sizeof longest);
	longest[WIRE_NAME_MAX + 1] = '\0';
	ok(aside_open(&a, dir, longest, 0) == -ENAMETOOLONG && aside_whole(dir, longest, "x", 1, &p) == -ENAMETOOLONG, "a name of 256 bytes");
	longest[WIRE_NAME_MAX] = '\0';
	ok(put_long(dir, longest, "x", &p) == 0 && put_whole(dir, longest, "y", &p) == 0 && has(dir, longest, "y"), "a name of 255 bytes");
}

static void space(int dir)
{
	struct aside a;
	struct stat st = { 0 };
	struct statfs fs;
	bool memory = fstatfs(dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC;

	if (!ok(aside_open(&a, dir, "big", BIG) == 0 && fstat(a.fd, &st) == 0, "open: 8 MiB"))
		return;
	if (memory)
		ok(!a.allocated && st.st_blocks == 0, "allocated: not on tmpfs");
	else if (a.allocated)
		ok(st.st_size == BIG && st.st_blocks * 512 >= BIG, "allocated: the whole size");
	else
		skip(1, "no fallocate here");
	aside_drop(&a);
	ok(aside_open(&a, dir, "big", BIG - 1) == 0 && !a.allocated, "not below 8 MiB");
	aside_drop(&a);
	int r = memory ? -EFBIG : aside_open(&a, dir, "big", UINT64_C(1) << 62);
	ok((r == -EFBIG || r == -ENOSPC) && asides(dir) == 0, "more than there can be: %d, nothing left behind", r);
	struct rlimit none = { 1 << 20, RLIM_INFINITY }, was;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	setrlimit(RLIMIT_FSIZE, &none);
	static char bytes[2 << 20];
	struct publish p = plain(0644);
	r = aside_whole(dir, "cut", bytes, sizeof bytes, &p);
	setrlimit(RLIMIT_FSIZE, &was);
	ok(r == -EFBIG && asides(dir) == 0 && has(dir, "cut", "(none)"), "a write that fails leaves nothing: %d", r);
}

static void named(int dir)
{
	static const char name[ASIDE_NAME] = ".zcp-00112233445566778899aabbccddeeff";
	struct publish p = plain(0644);
	struct aside a;
	struct stat st = { 0 };
	bool found = true;

	ok(aside_open_named(&a, dir, "n", 5, name, &found) == 0 && !found && strcmp(a.name, name) == 0 && strcmp(a.final, "n") == 0 && mode_of(dir, name) == 0600,
	   "named: made, 0600");
	ok(write(a.fd, "some", 4) == 4, "some of it comes");
	aside_keep(&a);
	ok(a.fd == -1 && a.dir == -1 && !a.name[0] && asides(dir) == 1, "keep: closed, and the file stays");
	aside_keep(&a);
	aside_drop(&a);
	ok(asides(dir) == 1, "keep, drop: of what was kept nothing is owned");
	ok(aside_open_named(&a, dir, "n", 5, name, &found) == 0 && found && fstat(a.fd, &st) == 0 && st.st_size == 4 && has(dir, name, "some"),
	   "named: found, as it was");
	ok((fcntl(a.fd, F_GETFL) & O_ACCMODE) == O_RDWR && (fcntl(a.fd, F_GETFD) & FD_CLOEXEC), "named: read and write, close-on-exec");
	ok(aside_publish(&a, &p) == 0 && has(dir, "n", "some") && asides(dir) == 0, "named: published");
	mkdirat(dir, "nd", 0700);
	ok(aside_open_named(&a, dir, "nd", 5, name, &found) == -EEXIST && a.fd == -1 && asides(dir) == 0, "named: a directory has the final name");
	put_file(dir, name, "open to all", 0644);
	ok(aside_open_named(&a, dir, "n", 5, name, &found) == -EPERM && a.fd == -1 && has(dir, name, "open to all") && mode_of(dir, name) == 0644,
	   "named: one that others may read is left alone");
	unlinkat(dir, name, 0);
	put_link(dir, name, "n");
	ok(aside_open_named(&a, dir, "n", 5, name, &found) == -EPERM && has(dir, "n", "some"), "named: so is a link");
	unlinkat(dir, name, 0);

	/* what it has already is not asked for again */
	struct statfs fs;
	if (fstatfs(dir, &fs) < 0 || fs.f_type == TMPFS_MAGIC) {
		skip(3, "space is not asked for on tmpfs");
		return;
	}
	ok(aside_open_named(&a, dir, "n", BIG, name, &found) == 0 && fstat(a.fd, &st) == 0, "named: 8 MiB");
	bool granted = a.allocated;
	ok(!granted || st.st_blocks * 512 >= BIG, "named: granted as any other");
	aside_keep(&a);
	ok(aside_open_named(&a, dir, "n", UINT64_C(1) << 62, name, &found) < 0 && a.fd == -1 && asides(dir) == 0, "named: no space for it: removed");
}

static void links(int dir)
{
	char buf[100] = "";

	mkdirat(dir, "l", 0755);
	int d = openat(dir, "l", O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(d, "dir", 0755);
	mkfifoat(d, "fifo", 0600);
	put_file(d, "file", "x", 0644);
	ok(aside_symlink(d, "new", "to") == 0 && readlinkat(d, "new", buf, sizeof buf) == 2, "symlink: new");
	ok(aside_symlink(d, "new", "../else") == 0 && readlinkat(d, "new", buf, sizeof buf) == 7 && memcmp(buf, "../else", 7) == 0, "symlink: over a link");
	ok(aside_symlink(d, "file", "to") == 0 && readlinkat(d, "file", buf, sizeof buf) == 2, "symlink: over a file");
	ok(aside_symlink(d, "dir", "to") == -EEXIST && aside_symlink(d, "fifo", "to") == -EEXIST && mode_of(d, "dir") == 0755,
	   "symlink: never over a directory or a FIFO");
	ok(aside_symlink(d, "no/such", "to") == -ENOENT, "symlink: no directory there");
	ok(asides(d) == 0, "symlink: nothing left behind");
	close(d);
}

static void directories(int dir)
{
	struct publish p = { .meta = { .mode = 07511, .mtime = 1000000000, .mtime_ns = 5 }, .keep_mode = true, .keep_times = true };

	ok(aside_mkdir(dir, "m", 0055) == 0 && mode_of(dir, "m") == 0755, "mkdir: 0700 | mode");
	ok(aside_mkdir(dir, "m", 0777) == 1 && mode_of(dir, "m") == 0755, "mkdir: there already, its mode stays");
	put_file(dir, "mf", "x", 0644);
	put_link(dir, "ml", "m");
	ok(aside_mkdir(dir, "mf", 0777) == -ENOTDIR && aside_mkdir(dir, "ml", 0777) == -ENOTDIR, "mkdir: a file or a link is in the way");
	ok(aside_mkdir(dir, "m/no/d", 0777) == -ENOENT, "mkdir: no directory there");
	ok(aside_set_meta(dir, "m", &p) == 0 && mode_of(dir, "m") == 0511 && mtime_is(dir, "m", &p), "set_meta: mode & 0777 and times");
	ok(aside_set_meta(dir, "mf", &p) == -ENOTDIR && aside_set_meta(dir, "ml", &p) == -ENOTDIR && mode_of(dir, "mf") == 0644,
	   "set_meta: only a directory");
	p.fsync = true;
	ok(aside_set_meta(dir, "m", &p) == 0, "set_meta: with fsync");
	p = (struct publish){ .meta.mode = 0700 };
	ok(aside_set_meta(dir, "m", &p) == 0 && mode_of(dir, "m") == 0511, "set_meta: without -p nothing changes");
}

static void everything(int dir)
{
	both_ways(dir, "long", put_long);
	both_ways(dir, "whole", put_whole);
	both_ways(dir, "fresh", put_fresh);
	acls(dir);
	stages(dir);
	space(dir);
	named(dir);
	links(dir);
	directories(dir);
}

/* On a small disk, three fifths of what is free: granted once, found again, and not granted to another. */
static void three_fifths(int dir)
{
	static const char name[ASIDE_NAME] = ".zcp-00112233445566778899aabbccddeeff";
	struct aside a, b;
	struct statfs fs;
	bool found;

	if (dir < 0 || fstatfs(dir, &fs) < 0)
		exit(2);
	uint64_t size = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize / 5 * 3;
	ok(aside_open_named(&a, dir, "f", size, name, &found) == 0 && !found && a.allocated, "space for it is granted");
	aside_keep(&a);
	int r = aside_open_named(&a, dir, "f", size, name, &found);
	ok(r == 0 && found && a.allocated, "what it has is not asked for again: %d", r);
	r = aside_open(&b, dir, "g", size);
	ok(r == -ENOSPC, "another does not fit: %d", r);
	aside_keep(&a);
	r = aside_open_named(&a, dir, "f", size * 2, name, &found);
	ok(r == -ENOSPC && asides(dir) == 0, "nor twice as much: %d, and nothing is left", r);
}

int main(int argc, char **argv)
{
	umask(022);
	if (argc > 2) {                         /* the directory is a small file system's */
		three_fifths(open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		return done();
	}
	everything(scratch(argc > 1 ? argv[1] : NULL));
	return done();
}
