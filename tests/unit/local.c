/* local.c - links: zcp. The techniques of local copies, each over every size around its borders, holes, sizes that lie, and sources that change between two pieces.
 * local DIR: in there (a file system of another kind), and not in $TMPDIR. */
#include "zcp/local/copy.h"

#include <errno.h>
#include "common/holes.h"
#include "common/send.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

enum { KIB = 1024, MIB = 1024 * KIB };

static int file_at(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		exit(2);
	return fd;
}

/* No block is like another one. */
static void fill(int fd, uint64_t from, uint64_t end, unsigned seed)
{
	static uint32_t words[64 * KIB / 4];

	while (from < end) {
		size_t n = end - from < sizeof words ? (size_t)(end - from) : sizeof words;
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			words[i] = (uint32_t)((from / 4 + i) * 2654435761U) ^ seed;
		if (pwrite(fd, words, n, (off_t)from) != (ssize_t)n)
			exit(2);
		from += n;
	}
}

static bool same_bytes(int a, int b, uint64_t size)
{
	static uint8_t x[64 * KIB], y[64 * KIB];
	struct stat    st;

	if (fstat(b, &st) < 0 || (uint64_t)st.st_size != size)
		return false;
	for (uint64_t at = 0; at < size; at += sizeof x) {
		ssize_t n = pread(a, x, sizeof x, (off_t)at), m = pread(b, y, sizeof y, (off_t)at);
		size_t  want = size - at < sizeof x ? (size_t)(size - at) : sizeof x;
		if (n < (ssize_t)want || m < (ssize_t)want || memcmp(x, y, want) != 0)
			return false;
	}
	return true;
}

static bool same_map(int a, int b, uint64_t size)
{
	for (uint64_t at = 0; at < size;) {
		struct extent x = holes_next(a, at, size), y = holes_next(b, at, size);
		if (x.from != y.from || x.end != y.end)
			return false;
		at = x.end;
	}
	return true;
}

/* The copy of `from` as a new file: what local_copy() says. */
static int copy_to(struct copying *c, int dir, int from, const struct copier *only)
{
	if (c->to > 0)
		close(c->to);
	c->from = from;
	c->to = file_at(dir, "to");
	if (fstat(from, &c->st) < 0)
		exit(2);
	return local_copy(c, only);
}

static bool has_reflinks(int dir)
{
	struct copying c = { 0 };
	int            from = file_at(dir, "from");

	fill(from, 0, 8192, 1);
	int r = copy_to(&c, dir, from, copier_by_name("reflink"));
	close(from);
	copying_clear(&c);
	return r == 0;
}

static void sizes(int dir, const struct copier *row, bool can)
{
	static const uint64_t all[] = {
		1, 4095, 4096, 4097, 128 * KIB - 1, 128 * KIB, 128 * KIB + 1, 4 * MIB + 1, 8 * MIB, 8 * MIB + 1, 16 * MIB + 1,
	};
	struct copying c = { 0 };
	unsigned       bad = 0, other = 0, counted = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int from = file_at(dir, "from");
		fill(from, 0, all[i], (unsigned)i);
		int r = copy_to(&c, dir, from, row);
		bad += can ? r != 0 || c.off != all[i] || c.flags || !same_bytes(from, c.to, all[i]) : r != -EOPNOTSUPP;
		other += can && c.used != row;
		counted += c.through != (row->id == COPIER_READWRITE || row->id == COPIER_MMAP ? 2 * all[i] : 0);
		close(from);
	}
	ok(!bad && !other, can ? "%s: every size has the same bytes" : "%s: cannot here, and says so", row->name);
	ok(!counted, "%s: what came through user space", row->name);
	copying_clear(&c);
}

static void holes(int dir, const struct copier *row)
{
	static const struct { uint64_t size; struct extent data[3]; } all[] = {
		{ 3 * MIB, { { 0, 0 } } }, { 3 * MIB + 1, { { MIB, 2 * MIB } } }, { 40 * MIB, { { 0, 4096 }, { 20 * MIB, 21 * MIB + 5 }, { 40 * MIB - 1, 40 * MIB } } },
		{ 20 * MIB, { { 0, 18 * MIB } } },
	};
	struct copying c = { 0 };
	unsigned       bad = 0, blocks = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int         from = file_at(dir, "from");
		struct stat is;
		if (ftruncate(from, (off_t)all[i].size) < 0)    /* first: XFS takes room beforehand for what grows, and calls it data */
			exit(2);
		for (int k = 0; k < 3; k++)
			fill(from, all[i].data[k].from, all[i].data[k].end, (unsigned)i);
		if (fsync(from) < 0)
			exit(2);
		bad += copy_to(&c, dir, from, row) != 0 || !same_bytes(from, c.to, all[i].size) || !same_map(from, c.to, all[i].size);
		fsync(c.to);
		blocks += fstat(c.to, &is) != 0 || is.st_blocks > c.st.st_blocks + 64;
		close(from);
	}
	ok(!bad, "%s: the same holes", row ? row->name : "any");
	ok(!blocks, "%s: and no more room taken", row ? row->name : "any");
	copying_clear(&c);
}

/* --- a source that changes after the first piece ------------------------------------------------------------------------ */

enum { CHANGING = 18 * MIB /* more than one piece of any */ };
struct change { int fd; uint64_t to; bool rewrite; int ends; unsigned pieces; };

static int change(void *arg)
{
	struct change *h = arg;

	if (h->pieces++)
		return 0;
	if (h->rewrite && pwrite(h->fd, "changed", 7, 0) != 7)
		exit(2);
	if (h->to && ftruncate(h->fd, (off_t)h->to) < 0)
		exit(2);
	return h->ends;
}

static int changed(int dir, const struct copier *row, struct change h, struct copying *c)
{
	int from = file_at(dir, "from");

	fill(from, 0, CHANGING, 3);
	h.fd = from;
	c->between = change;
	c->arg = &h;
	int r = copy_to(c, dir, from, row);
	close(from);
	return r;
}

static void changes(int dir, const struct copier *row)
{
	struct copying c = { 0 };
	struct stat    is;

	ok(changed(dir, row, (struct change){ .to = 5 * MIB + 1 }, &c) == 0 && c.flags == SENT_SHRANK, "%s: shortened while it is read", row->name);
	ok(changed(dir, row, (struct change){ .to = 1 }, &c) == 0 && c.flags == SENT_SHRANK, "%s: to almost nothing", row->name);
	ok(changed(dir, row, (struct change){ .rewrite = true }, &c) == 0 && c.flags == SENT_SHRANK, "%s: rewritten", row->name);
	ok(changed(dir, row, (struct change){ .to = 20 * MIB }, &c) == 0 && c.flags == SENT_GREW && c.off == CHANGING && fstat(c.to, &is) == 0 && is.st_size == CHANGING,
	   "%s: it grew: what there was at first", row->name);
	ok(changed(dir, row, (struct change){ .ends = -EINTR }, &c) == -EINTR && (row->whole || c.off < CHANGING), "%s: who asks it to end after a piece is heard", row->name);
	copying_clear(&c);
}

/* --- sizes that are none ------------------------------------------------------------------------------------------------ */

static void unsized(int dir, const char *path)
{
	struct copying c = { 0 };
	int            from = open(path, O_RDONLY | O_CLOEXEC);
	struct stat    is;

	if (from < 0) {
		skip(3, "no %s here", path);
		return;
	}
	ok(copy_to(&c, dir, from, NULL) == 0 && c.off > 0 && fstat(c.to, &is) == 0 && (uint64_t)is.st_size == c.off && same_bytes(from, c.to, c.off), "%s: all of it", path);
	ok(copy_to(&c, dir, from, copier_by_name("readwrite")) == 0 && c.off > 0, "%s: by readwrite", path);
	ok(copy_to(&c, dir, from, copier_by_name("reflink")) == -EOPNOTSUPP, "%s: nothing to share", path);
	close(from);
	copying_clear(&c);
}

static void empty(int dir)
{
	struct copying c = { 0 };
	unsigned       bad = 0;

	for (size_t i = 0; copiers[i]; i++) {
		int from = file_at(dir, "from");
		bad += copy_to(&c, dir, from, copiers[i]) != 0 || c.off || c.used || !same_bytes(from, c.to, 0);
		close(from);
	}
	ok(!bad, "an empty file needs no technique, so none refuses");
	copying_clear(&c);
}

/* --- the table ----------------------------------------------------------------------------------------------------------- */

static void automatic(int dir, bool reflinks)
{
	struct copying c = { 0 };
	int            from = file_at(dir, "from");

	fill(from, 0, 20 * MIB + 3, 9);
	int r = copy_to(&c, dir, from, NULL);
	ok(r == 0 && same_bytes(from, c.to, 20 * MIB + 3) && c.used == copier_by_name(reflinks ? "reflink" : "copy_file_range"), "by itself: %s", c.used ? c.used->name : "-");
	close(from);
	copying_clear(&c);
}

int main(int argc, char **argv)
{
	int  dir = scratch(argc > 1 ? argv[1] : NULL);
	bool reflinks = dir >= 0 && has_reflinks(dir);

	if (dir < 0)
		return 2;
	for (size_t i = 0; copiers[i]; i++) {
		bool can = !copiers[i]->whole || reflinks;
		ok(copier_by_name(copiers[i]->name) == copiers[i] && copier_by_id(copiers[i]->id) == copiers[i], "%s: found by name and number", copiers[i]->name);
		sizes(dir, copiers[i], can);
		if (!can)
			continue;
		holes(dir, copiers[i]);
		changes(dir, copiers[i]);
	}
	ok(!copier_by_name("sendfile") && !copier_by_id(0), "no others");
	holes(dir, NULL);
	empty(dir);
	automatic(dir, reflinks);
	unsized(dir, "/proc/version");
	unsized(dir, "/sys/kernel/mm/transparent_hugepage/enabled");
	return done();
}
