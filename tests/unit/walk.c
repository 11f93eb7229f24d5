/* walk.c - order, numbers, links, loops, depth, what is left out, what cannot be read, and flat memory. */
#include "common/walk.h"

#include <errno.h>
#include <malloc.h>

#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

enum { MOST = 64 };

struct seen {
	struct walk_entry e;
	char path[WIRE_PATH_MAX + 1], name[WIRE_NAME_MAX + 1], link[WIRE_LINK_MAX + 1];
};
static struct seen seen[MOST];
static unsigned count;

/* The whole walk, kept: 0 or -errno. */
static int collect(const struct walk_options *o, const char *root)
{
	struct walk *w = NULL;
	struct walk_entry e;
	int r = walk_open(&w, o, root);

	count = 0;
	if (r < 0)
		return r;
	while ((r = walk_next(w, &e)) == 1 && count < MOST) {
		struct seen *s = &seen[count++];

		s->e = e;
		snprintf(s->path, sizeof s->path, "%s", e.path);
		snprintf(s->name, sizeof s->name, "%s", e.name);
		snprintf(s->link, sizeof s->link, "%s", e.link ? e.link : "");
	}
	if (r == 0)
		r = walk_next(w, &e);           /* the end stays the end */
	walk_close(w);
	return r;
}

static const struct seen *find(const char *path)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(seen[i].path, path) == 0)
			return &seen[i];
	return NULL;
}

static bool is(const char *path, char type)
{
	const struct seen *s = find(path);

	return s && s->e.meta.type == (uint8_t)type && s->e.fail.status == ST_OK;
}

static bool fails(const char *path, int status, int why, int err)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(seen[i].path, path) == 0 && seen[i].e.fail.status == status && seen[i].e.fail.why == why &&
		    seen[i].e.fail.err == err && seen[i].e.id == 0 && seen[i].e.meta.type == 'o')
			return true;
	return false;
}

/* Parents before children, runs unbroken, numbers in order, path = parent's path + name. */
static bool in_order(const char *root)
{
	const char *paths[MOST + 1] = { NULL };
	bool closed[MOST + 1] = { false };
	uint32_t next = 1, run = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct seen *s = &seen[i];
		char want[2 * WIRE_PATH_MAX];

		if (i == 0) {
			if (strcmp(s->path, root) != 0 || s->e.parent != 0)
				return false;
		} else {
			if (s->e.parent == 0 || s->e.parent >= next || closed[s->e.parent])
				return false;
			if (s->e.parent != run && run)
				closed[run] = true;
			run = s->e.parent;
			snprintf(want, sizeof want, "%s%s%s", paths[run], *paths[run] && strcmp(paths[run], "/") != 0 ? "/" : "", s->name);
			if (strcmp(want, s->path) != 0)
				return false;
		}
		if (s->e.meta.type == 'd' && s->e.fail.status == ST_OK) {
			if (s->e.id != next)
				return false;
			paths[next++] = s->path;
		} else if (s->e.id != 0) {
			return false;
		}
	}
	return count > 0;
}

static void tree(int dir)
{
	mkdirat(dir, "base", 0755);
	mkdirat(dir, "base/t", 0750);
	mkdirat(dir, "base/t/a", 0755);
	mkdirat(dir, "base/t/a/b", 0700);
	mkdirat(dir, "base/t/empty", 0755);
	put_file(dir, "base/t/f", "12345", 0640);
	put_file(dir, "base/t/a/g", "", 0600);
	put_file(dir, "base/t/a/b/new\nline", "x", 0600);
	put_file(dir, "base/t/.zcp-0123456789abcdef0123456789abcdef", "incomplete", 0600);
	put_file(dir, "base/t/a/.zcp-0123456789abcdef0123456789abcdef.j", "journal", 0600);
	put_file(dir, "base/t/.hidden", "", 0600);
	mkfifoat(dir, "base/t/fifo", 0600);
	put_file(dir, "secret", "secret", 0600);
	put_link(dir, "base/t/to-file", "f");
	put_link(dir, "base/t/to-dir", "a/b");
	put_link(dir, "base/t/dangling", "nowhere");
	put_link(dir, "base/t/out", "../../secret");
	put_link(dir, "base/t/absolute", "/etc/passwd");
	put_link(dir, "base/t/a/up", "..");
	put_link(dir, "base/t/self", "self");
	put_link(dir, "base/root-link", "t");
	put_link(dir, "base/root-out", "../secret");
}

static void as_links(int base)
{
	struct walk_options o = { .base = base, .beneath = true, .recurse = true };
	struct stat st;

	ok(collect(&o, "t") == 0 && count == 16, "links as links: everything once, no aside file");
	ok(in_order("t"), "runs, numbers, parents, paths");
	ok(is("t", 'd') && is("t/a", 'd') && is("t/a/b", 'd') && is("t/empty", 'd') && is("t/f", 'f') && is("t/a/g", 'f') &&
	   is("t/a/b/new\nline", 'f') && is("t/.hidden", 'f') && is("t/fifo", 'o'), "types");
	ok(is("t/to-file", 'l') && strcmp(find("t/to-file")->link, "f") == 0 && is("t/out", 'l') && is("t/dangling", 'l') &&
	   is("t/a/up", 'l') && strcmp(find("t/absolute")->link, "/etc/passwd") == 0, "links and their targets");
	const struct seen *f = find("t/f");
	ok(f && fstatat(base, "t/f", &st, 0) == 0 && f->e.meta.size == 5 && f->e.meta.mode == 0640 && f->e.ino == st.st_ino &&
	   f->e.dev == st.st_dev && f->e.meta.mtime == st.st_mtim.tv_sec && f->e.meta.mtime_ns == (uint32_t)st.st_mtim.tv_nsec, "a file's meta");
	ok(collect(&o, "") == 0 && in_order("") && seen[0].name[0] == '\0' && is("t/a/b", 'd') && is("root-link", 'l'), "\"\" is the base");
	ok(collect(&o, "t/f") == 0 && count == 1 && is("t/f", 'f') && strcmp(seen[0].name, "f") == 0, "a file as the root");
	ok(collect(&o, "t/to-dir") == 0 && count == 1 && is("t/to-dir", 'l') && strcmp(seen[0].link, "a/b") == 0, "a link as the root");
	o.recurse = false;
	ok(collect(&o, "t") == 0 && count == 12 && is("t/a", 'd') && !find("t/a/g") && in_order("t"), "not recursive: the root and its entries");
	o.root_only = true;
	ok(collect(&o, "t") == 0 && count == 1 && is("t", 'd') && seen[0].e.id == 1, "only the root");
	ok(collect(&o, "no") == -ENOENT && collect(&o, "t/f/x") == -ENOTDIR && collect(&o, "../secret") == -EXDEV, "no such root");
}

static void following(int base)
{
	struct walk_options o = { .base = base, .beneath = true, .recurse = true, .follow = true };

	ok(collect(&o, "t") == 0 && in_order("t"), "following, beneath");
	ok(is("t/to-file", 'f') && find("t/to-file")->e.meta.size == 5 && is("t/to-dir", 'd') && is("t/to-dir/new\nline", 'f'), "links that stay inside are what they lead to");
	ok(fails("t/out", ST_MISSING, WHY_LINK_OUTSIDE, 0) && fails("t/absolute", ST_MISSING, WHY_LINK_OUTSIDE, 0), "links that leave are failures");
	ok(fails("t/dangling", ST_MISSING, WHY_ERRNO, ENOENT), "a dangling link");
	ok(fails("t/self", ST_FILE_IO, WHY_ERRNO, ELOOP), "a link to itself");
	ok(fails("t/a/up", ST_FILE_IO, WHY_LINK_LOOP, 0), "a link to a directory above");
	ok(collect(&o, "root-link") == 0 && in_order("root-link") && is("root-link", 'd') && is("root-link/f", 'f'), "a link as the root");
	ok(collect(&o, "root-out") == -EXDEV, "a link out as the root");
}

static void on_the_client(int dir)
{
	struct walk_options o = { .base = dir, .recurse = true, .follow = true };
	char root[5000];

	ok(collect(&o, "base/t") == 0 && in_order("base/t") && is("base/t/out", 'f') && is("base/t/absolute", 'f') &&
	   fails("base/t/a/up", ST_FILE_IO, WHY_LINK_LOOP, 0) && fails("base/t/dangling", ST_MISSING, WHY_ERRNO, ENOENT), "client: links may leave");
	ok(collect(&o, "base/root-link") == 0 && is("base/root-link/a/g", 'f'), "client: the root ends in a link");
	ok(collect(&o, "base/t/a/..") == 0 && in_order("base/t/a/..") && is("base/t/a/../f", 'f'), "client: the root has ..");
	snprintf(root, sizeof root, "%s/base/t", scratch_path());
	o.follow = false;
	o.base = AT_FDCWD;
	ok(collect(&o, root) == 0 && in_order(root) && count == 16, "client: an absolute root, links as links");
	o.base = dir;
	ok(collect(&o, "base/root-link") == 0 && count == 1 && is("base/root-link", 'l'), "client: a link as the root, as a link");
	ok(collect(&o, "base/root-link/") == 0 && count == 16 && is("base/root-link/f", 'f'), "client: a slash behind it");
	o.recurse = false;
	ok(collect(&o, "/") == 0 && in_order("/") && find("/proc"), "client: / has no double slash");
}

static bool hide_ino(void *arg, uint64_t dev, uint64_t ino)
{
	const struct stat *st = arg;

	return st->st_dev == dev && st->st_ino == ino;
}

static void masked(int base)
{
	struct stat st;
	struct walk_options o = { .base = base, .beneath = true, .recurse = true, .follow = true, .hide = hide_ino, .hide_arg = &st };

	fstatat(base, "t/a/b", &st, 0);
	ok(collect(&o, "t") == 0 && !find("t/a/b") && !find("t/to-dir") && !find("t/a/b/new\nline") && is("t/a", 'd') && in_order("t"), "hidden: as if not there, also through a link");
	ok(collect(&o, "t/a/b") == -ENOENT, "hidden: not as the root either");
}

static void changing(int base)
{
	struct walk_options o = { .base = base, .beneath = true, .recurse = true };
	struct walk *w;
	struct walk_entry e;
	unsigned gone = 0;

	mkdirat(base, "c", 0755);
	mkdirat(base, "c/1", 0755);
	mkdirat(base, "c/2", 0755);
	put_file(base, "c/1/x", "", 0600);
	ok(walk_open(&w, &o, "c") == 0 && walk_next(w, &e) == 1 && walk_next(w, &e) == 1 && walk_next(w, &e) == 1, "a directory with two");
	/* both are known by now: one is removed, a link takes the other's place */
	unlinkat(base, "c/2", AT_REMOVEDIR);
	renameat(base, "c/1", base, "c-1");
	put_link(base, "c/1", "../t");
	bool link_refused = false;
	while (walk_next(w, &e) == 1) {
		gone += e.fail.status == ST_CHANGED && e.fail.why == WHY_VANISHED && strcmp(e.path, "c/2") == 0 && strcmp(e.name, "2") == 0 && e.parent == 1 && e.id == 0;
		link_refused |= strcmp(e.path, "c/1") == 0 && e.fail.err == ELOOP;
	}
	ok(gone == 1, "a directory that vanished");
	ok(link_refused, "a link that took a directory's place is not followed");
	walk_close(w);
	ok(walk_open(&w, &o, "t") == 0 && walk_next(w, &e) == 1 && walk_next(w, &e) == 1, "half a walk");
	walk_close(w);
	ok(true, "closed early");
}

static void unreadable(int base)
{
	struct walk_options o = { .base = base, .beneath = true, .recurse = true };

	if (geteuid() == 0 && (setegid(65534) < 0 || seteuid(65534) < 0)) {
		skip(2, "cannot become an ordinary user");
		return;
	}
	ok(collect(&o, "u") == 0 && is("u/closed", 'd') && find("u/closed")->e.id != 0 && fails("u/closed", ST_FILE_IO, WHY_ERRNO, EACCES) &&
	   is("u/open", 'd') && is("u/open/x", 'f'), "a directory that cannot be read: its entry, a failure, and on it goes");
	ok(collect(&o, "u/closed") == 0 && count == 2 && seen[1].e.parent == 0 && fails("u/closed", ST_FILE_IO, WHY_ERRNO, EACCES) &&
	   strcmp(seen[1].name, "closed") == 0, "as the root");
	if (getuid() == 0 && (seteuid(0) < 0 || setegid(0) < 0))
		exit(2);
}

static unsigned walk_all(const struct walk_options *o, const char *root, unsigned *failed, struct fail *last, size_t *longest)
{
	struct walk *w;
	struct walk_entry e;
	unsigned n = 0;

	*failed = 0;
	*longest = 0;
	if (walk_open(&w, o, root) < 0)
		return 0;
	for (; walk_next(w, &e) == 1; n++) {
		if (strlen(e.path) > *longest)
			*longest = strlen(e.path);
		if (e.fail.status != ST_OK) {
			(*failed)++;
			*last = e.fail;
		}
	}
	walk_close(w);
	return n;
}

/* depth directories below each other, each with a name of `len` bytes, below base/name; removed again by clear_chain() */
static int make_chain(int base, const char *name, unsigned depth, size_t len)
{
	char part[WIRE_NAME_MAX + 1];
	int at;

	mkdirat(base, name, 0755);
	at = openat(base, name, O_PATH | O_CLOEXEC);
	memset(part, 'p', len);
	part[len] = '\0';
	for (unsigned i = 0; i < depth; i++) {
		mkdirat(at, part, 0755);
		int next = openat(at, part, O_PATH | O_CLOEXEC);
		close(at);
		at = next;
	}
	return at;
}

static void clear_chain(int base, const char *name, unsigned depth, size_t len)
{
	char part[WIRE_NAME_MAX + 1], hold[32];

	/* the inner part is moved up step by step, so that no path gets long */
	memset(part, 'p', len);
	part[len] = '\0';
	int top = openat(base, name, O_PATH | O_CLOEXEC);
	for (unsigned i = 0; i < depth; i++) {
		int in = openat(top, part, O_PATH | O_CLOEXEC);

		snprintf(hold, sizeof hold, "hold");
		renameat(in, part, top, hold);
		unlinkat(in, "f", 0);
		close(in);
		unlinkat(top, part, AT_REMOVEDIR);
		renameat(top, hold, top, part);
	}
	close(top);
}

static void limits(int base)
{
	struct walk_options o = { .base = base, .beneath = true, .recurse = true };
	struct fail f = { 0 };
	unsigned failed, n;
	size_t longest;
	int at = make_chain(base, "deep", 1005, 1);

	close(at);
	n = walk_all(&o, "deep", &failed, &f, &longest);
	ok(n == 1001 && failed == 1 && f.why == WHY_TOO_DEEP, "1,000 directories below each other, then a failure (%u)", n);
	clear_chain(base, "deep", 1005, 1);

	at = make_chain(base, "wide", 16, 255);         /* 4 + 16 * 256 = 4,100 */
	n = walk_all(&o, "wide", &failed, &f, &longest);
	ok(n == 17 && failed == 1 && f.why == WHY_TOO_LONG && longest == WIRE_PATH_MAX, "a path above 4,095 bytes, cut (%u, %zu)", n, longest);
	close(at);
	clear_chain(base, "wide", 16, 255);
	at = make_chain(base, "just", 15, 255);         /* 4 + 15 * 256 + 1 + 250 = 4,095 */
	char name[251];
	memset(name, 'n', 250);
	name[250] = '\0';
	put_file(at, name, "", 0600);
	n = walk_all(&o, "just", &failed, &f, &longest);
	ok(n == 17 && failed == 0 && longest == WIRE_PATH_MAX, "a path of 4,095 bytes (%u, %zu)", n, longest);
	unlinkat(at, name, 0);
	close(at);
	clear_chain(base, "just", 15, 255);
}

static void many(int base)
{
	enum { FILES = 20000, DIRS = 300 };
	struct walk_options o = { .base = base, .beneath = true, .recurse = true };
	struct walk *w;
	struct walk_entry e;
	size_t start = 0, most = 0;
	unsigned n = 0;
	uint64_t inodes = 0, want = 0;
	struct stat st;

	mkdirat(base, "many", 0755);
	int d = openat(base, "many", O_PATH | O_CLOEXEC);
	for (unsigned i = 0; i < FILES; i++) {
		char name[32];

		snprintf(name, sizeof name, "file-%06u", i);
		close(openat(d, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	for (unsigned i = 0; i < DIRS; i++) {
		char name[32];

		snprintf(name, sizeof name, "dir-%u", i);
		mkdirat(d, name, 0755);
		if (fstatat(d, name, &st, 0) == 0)
			want += st.st_ino;
	}
	if (walk_open(&w, &o, "many") < 0)
		exit(2);
	while (walk_next(w, &e) == 1) {
		size_t now = mallinfo2().uordblks;

		if (n == 1)
			start = now;
		if (now > most)
			most = now;
		if (e.meta.type == 'd' && e.parent)
			inodes += e.ino;
		n++;
	}
	walk_close(w);
	ok(n == FILES + DIRS + 1 && inodes == want, "20,000 files and 300 directories (%u)", n);
	ok(most - start < DIRS * 128 + 4096, "memory grows with the directories, not with the files (%zu bytes)", most - start);
	close(d);
}

int main(void)
{
	int dir = scratch(NULL);

	umask(022);
	fchmod(dir, 0755);
	tree(dir);
	int base = openat(dir, "base", O_PATH | O_DIRECTORY | O_CLOEXEC);
	as_links(base);
	following(base);
	on_the_client(dir);
	masked(base);
	changing(base);
	mkdirat(base, "u", 0755);
	mkdirat(base, "u/closed", 0755);
	mkdirat(base, "u/open", 0755);
	put_file(base, "u/closed/y", "", 0644);
	put_file(base, "u/open/x", "", 0644);
	if (fchmodat(base, "u/closed", 0, 0) < 0)
		return 2;
	unreadable(base);
	if (fchmodat(base, "u/closed", 0700, 0) < 0)
		return 2;
	limits(base);
	many(base);
	return done();
}
