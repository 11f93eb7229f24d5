/* path.c - spellings; links that climb, leave, loop; a directory swapped for a link between two calls. */
#include "common/path.h"

#include <errno.h>

#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static char out[WIRE_PATH_MAX + 1];

static int check(const char *s)
{
	return path_check(wire_cstr(s), false, out);
}

static void spellings(void)
{
	static const char *const bad[] = {
		"", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "a/./b", "../a", "a/..", "a/../b", "..\0",
		".zcp-0123456789abcdef0123456789abcdef", "a/.zcp-0123456789ABCDEF0123456789abcdef/b", ".zcp-0123456789abcdef0123456789abcdef.j",
	};
	static const char *const good[] = {
		"a", "a/b", "...", "..a", ".a", "a..", "a/.../b", " ", "\n", "\xff\xfe/\x01", "\\", "a:b",
		".zcp-", ".zcp-0123456789abcdef0123456789abcde", ".zcp-0123456789abcdef0123456789abcdef0",
		".zcp-0123456789abcdef0123456789abcdeg", ".zcp-0123456789abcdef0123456789abcdef.k", "x.zcp-0123456789abcdef0123456789abcdef",
	};
	char name[WIRE_NAME_MAX + 1], big[WIRE_PATH_MAX + 3];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(check(bad[i]) == -EINVAL, "refused: \"%s\"", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ok(check(good[i]) == 0 && strcmp(out, good[i]) == 0, "accepted: row %zu", i);
	ok(path_check(wire_cstr(""), true, out) == 0 && out[0] == '\0', "\"\" where it stands for the base");
	ok(path_check((struct wire_str){ (const uint8_t *)"a\0b", 3 }, false, out) == -EINVAL, "NUL inside");
	memset(big, 'a', sizeof big);
	ok(path_check((struct wire_str){ (uint8_t *)big, 256 }, false, out) == -ENAMETOOLONG, "a part of 256 bytes");
	ok(path_check((struct wire_str){ (uint8_t *)big, 255 }, false, out) == 0, "a part of 255 bytes");
	for (size_t i = 1; i < sizeof big; i += 2)
		big[i] = '/';
	ok(path_check((struct wire_str){ (uint8_t *)big, 4095 }, false, out) == 0 && strlen(out) == 4095, "4,095 bytes");
	ok(path_check((struct wire_str){ (uint8_t *)big, 4097 }, false, out) == -ENAMETOOLONG, "4,097 bytes");
	ok(path_component_check(wire_cstr("a"), name) == 0 && strcmp(name, "a") == 0, "a component");
	ok(path_component_check(wire_cstr("a/b"), name) == -EINVAL && path_component_check(wire_cstr(""), name) == -EINVAL &&
	   path_component_check(wire_cstr(".."), name) == -EINVAL && path_component_check(wire_cstr("/"), name) == -EINVAL &&
	   path_component_check(wire_cstr(bad[14]), name) == -EINVAL, "no components");
}

static bool reads(int base, const char *path, const char *want)
{
	char buf[64] = "";
	int fd = path_open(base, path, O_RDONLY, true);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof buf - 1);
	bool same = fd >= 0 && n >= 0 && strcmp(buf, want) == 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return same;
}

static int try_open(int base, const char *path, int flags, bool follow)
{
	int fd = path_open(base, path, flags, follow);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void tree(int dir)
{
	mkdirat(dir, "base", 0755);
	mkdirat(dir, "base/d", 0755);
	mkdirat(dir, "base/d/e", 0755);
	put_file(dir, "secret", "secret", 0644);
	put_file(dir, "base/f", "f", 0644);
	put_file(dir, "base/d/e/g", "g", 0644);
	put_link(dir, "base/in", "f");
	put_link(dir, "base/d/e/up-in", "../../f");
	put_link(dir, "base/out", "../secret");
	put_link(dir, "base/d/e/up-out", "../../../secret");
	put_link(dir, "base/abs", "/etc/passwd");
	put_link(dir, "base/magic", "/proc/self/root");
	put_link(dir, "base/loop", "loop");
	put_link(dir, "base/dlink", "d");
	put_link(dir, "base/dout", "..");
	put_link(dir, "base/dangling", "nothing");
}

static void opening(int base)
{
	ok(reads(base, "f", "f") && reads(base, "d/e/g", "g"), "files below, close-on-exec");
	ok(reads(base, "in", "f") && reads(base, "d/e/up-in", "f") && reads(base, "dlink/e/g", "g"), "links that stay inside");
	ok(try_open(base, "out", O_RDONLY, true) == -EXDEV, "a link out");
	ok(try_open(base, "d/e/up-out", O_RDONLY, true) == -EXDEV, "a link out, from deeper");
	ok(try_open(base, "abs", O_RDONLY, true) == -EXDEV, "an absolute link");
	ok(try_open(base, "magic", O_RDONLY, true) == -EXDEV, "an absolute link to a magic one");
	ok(try_open(base, "dout/secret", O_RDONLY, true) == -EXDEV, "through a link out");
	ok(try_open(base, "loop", O_RDONLY, true) == -ELOOP, "a link to itself");
	ok(try_open(base, "../secret", O_RDONLY, true) == -EXDEV, "climbing, had the spelling passed");
	ok(try_open(base, "/etc/passwd", O_RDONLY, true) == -EXDEV, "absolute, had the spelling passed");
	ok(try_open(base, "in", O_RDONLY, false) == -ELOOP, "no following of the last part");
	ok(try_open(base, "in", O_PATH, false) == 0 && try_open(base, "out", O_PATH, false) == 0, "the link itself, O_PATH");
	ok(try_open(base, "f", O_PATH | O_NONBLOCK | O_NOCTTY, true) == 0, "flags without a meaning for O_PATH do no harm");
	ok(try_open(base, "dangling", O_RDONLY, true) == -ENOENT, "dangling");
	ok(try_open(base, "", O_RDONLY | O_DIRECTORY, true) == 0, "\"\" is the base");
	ok(try_open(base, "f/x", O_RDONLY, true) == -ENOTDIR, "below a file");
	ok(path_supported() == 0, "openat2 is there");
}

static void magic(void)
{
	int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	ok(try_open(proc, "exe", O_RDONLY, true) == -ELOOP || try_open(proc, "exe", O_RDONLY, true) == -EXDEV, "a magic link");
	close(proc);
}

static int parent(int base, const char *path, int way, const char *want)
{
	const char *last = NULL;
	int fd = path_parent(base, path, way, &last);

	if (fd < 0)
		return fd;
	close(fd);
	return strcmp(last, want) == 0 ? 0 : 1;
}

static void parents(int base)
{
	const char *last;
	struct stat st, want;
	int fd = path_parent(base, "d/e/new", PATH_WRITE, &last);

	ok(fd >= 0 && fstat(fd, &st) == 0 && fstatat(base, "d/e", &want, 0) == 0 && st.st_ino == want.st_ino && strcmp(last, "new") == 0 &&
	   (fcntl(fd, F_GETFD) & FD_CLOEXEC), "the parent, and the last part");
	close(fd);
	ok(parent(base, "new", PATH_WRITE, "new") == 0, "of one part: the base");
	ok(parent(base, "dlink/new", PATH_READ, "new") == 0, "through a link for reading");
	ok(parent(base, "dlink/new", PATH_WRITE, "new") == -ELOOP, "never through a link for writing");
	ok(parent(base, "dout/new", PATH_READ, "new") == -EXDEV && parent(base, "dout/new", PATH_WRITE, "new") == -ELOOP, "never out");
	ok(parent(base, "f/new", PATH_WRITE, "new") == -ENOTDIR && parent(base, "no/new", PATH_WRITE, "new") == -ENOENT, "no such parent");
	ok(parent(base, "", PATH_WRITE, "") == -EINVAL && parent(base, "d/", PATH_WRITE, "") == -EINVAL &&
	   parent(base, "/d", PATH_WRITE, "d") == -EINVAL, "no last part");
}

static void cache(int base)
{
	struct path_cache c;
	const char *last;
	int a, b, below = openat(base, "d", O_PATH | O_CLOEXEC);

	path_cache_init(&c);
	a = path_cache_parent(&c, base, "d/e/x", PATH_READ, &last);
	b = path_cache_parent(&c, base, "d/e/y", PATH_READ, &last);
	ok(a >= 0 && a == b && strcmp(last, "y") == 0, "cache: the same directory, the same descriptor");
	a = path_cache_parent(&c, base, "d/x", PATH_READ, &last);
	struct stat st, want;
	ok(a >= 0 && fstat(a, &st) == 0 && fstatat(base, "d", &want, 0) == 0 && st.st_ino == want.st_ino, "cache: a shorter one");
	ok(path_cache_parent(&c, base, "d/e/x", PATH_READ, &last) >= 0 && fstat(c.fd, &st) == 0 &&
	   fstatat(base, "d/e", &want, 0) == 0 && st.st_ino == want.st_ino, "cache: a longer one with the same start");
	ok(path_cache_parent(&c, base, "x", PATH_READ, &last) >= 0 && fstat(c.fd, &st) == 0 && fstat(base, &want) == 0 &&
	   st.st_ino == want.st_ino, "cache: the base");
	ok(path_cache_parent(&c, base, "dlink/x", PATH_READ, &last) >= 0 &&
	   path_cache_parent(&c, base, "dlink/x", PATH_WRITE, &last) == -ELOOP, "cache: an answer for reading is none for writing");
	ok(c.fd == -1, "cache: a failure is not kept");
	ok(path_cache_parent(&c, base, "d/x", PATH_READ, &last) >= 0 &&
	   path_cache_parent(&c, below, "d/x", PATH_READ, &last) == -ENOENT, "cache: an answer below one base is none below another");

	/* between two calls somebody puts a link out in the place of the directory */
	ok(path_cache_parent(&c, base, "d/e/x", PATH_WRITE, &last) >= 0, "cache: before the swap");
	renameat(base, "d/e", base, "d/moved");
	put_link(base, "d/e", "../..");
	path_cache_drop(&c);
	ok(path_cache_parent(&c, base, "d/e/x", PATH_WRITE, &last) == -ELOOP, "cache: dropped, the link that took its place is seen");
	ok(path_cache_parent(&c, base, "d/e/x", PATH_READ, &last) == -EXDEV, "cache: and leads nowhere for reading");
	path_cache_drop(&c);
	path_cache_drop(&c);
	ok(c.fd == -1, "cache: dropped twice");
}

int main(void)
{
	int dir = scratch(NULL);

	spellings();
	tree(dir);
	int base = openat(dir, "base", O_PATH | O_DIRECTORY | O_CLOEXEC);
	opening(base);
	magic();
	parents(base);
	cache(base);
	return done();
}
