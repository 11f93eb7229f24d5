/* sweep.c - what stands in the place of an aside file or its journal is left alone; what nobody goes on with is swept, and nothing else. */
#include "tests/unit/resume.h"

#include <linux/magic.h>
#include <sys/file.h>
#include <sys/vfs.h>

/* --- what stands there instead ------------------------------------------------------------------------------------- */

static bool left_alone(int dir, const char *name, mode_t type, mode_t mode, const char *text)
{
	struct stat st;
	char buf[100];

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == type && (!mode || (st.st_mode & 07777) == mode) &&
	       (!text || strcmp(get_file(dir, name, buf, sizeof buf), text) == 0);
}

/* tmpfs is not asked for space beforehand. */
static bool in_memory(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* In the place of the one or the other: -EPERM, and nothing is made of it, nor left beside it. */
static void strange(int dir)
{
	char name[2][ASIDE_NAME + 2];
	struct both b;

	names(dir, "s", me, name[0], name[1]);
	for (int i = 0; i < 2; i++) {
		const char *n = name[i], *what = i ? "journal" : "aside file";

		unlinkat(dir, name[0], 0);
		unlinkat(dir, name[1], 0);
		put_file(dir, "victim", "precious", 0600);
		put_link(dir, n, "victim");
		ok(open_as(&b, dir, "s", me, id_of(SIZE), true) == -EPERM && left_alone(dir, n, S_IFLNK, 0, "precious"), "a link for the %s is not followed", what);
		unlinkat(dir, n, 0);
		put_link(dir, n, "nowhere");
		ok(open_as(&b, dir, "s", me, id_of(SIZE), true) == -EPERM && !files(dir, "nowhere"), "nor a dangling one");
		unlinkat(dir, n, 0);
		ok(linkat(dir, "victim", dir, n, 0) == 0 && open_as(&b, dir, "s", me, id_of(SIZE), true) == -EPERM && left_alone(dir, "victim", S_IFREG, 0600, "precious"), "a hard link for the %s is not written", what);
		unlinkat(dir, n, 0);
		for (int k = 0; k < 4; k++) {
			put_file(dir, n, "strange", (mode_t[]){ 0640, 0604, 0700, 04600 }[k]);
			ok(open_as(&b, dir, "s", me, id_of(SIZE), true) == -EPERM && left_alone(dir, n, S_IFREG, (mode_t[]){ 0640, 0604, 0700, 04600 }[k], "strange"),
			   "nor one of mode %o", (unsigned[]){ 0640, 0604, 0700, 04600 }[k]);
			unlinkat(dir, n, 0);
		}
		mkdirat(dir, n, 0600);
		ok(open_as(&b, dir, "s", me, id_of(SIZE), true) == -EPERM && left_alone(dir, n, S_IFDIR, 0600, NULL), "a directory for the %s", what);
		unlinkat(dir, n, AT_REMOVEDIR);
		mkfifoat(dir, n, 0600);
		ok(open_as(&b, dir, "s", me, id_of(SIZE), true) == -EPERM && left_alone(dir, n, S_IFIFO, 0600, NULL), "a FIFO for the %s", what);
		unlinkat(dir, n, 0);
		if (geteuid() == 0) {
			put_file(dir, n, "theirs", 0600);
			ok(fchownat(dir, n, 1234, 1234, 0) == 0 && open_as(&b, dir, "s", me, id_of(SIZE), true) == -EPERM && left_alone(dir, n, S_IFREG, 0600, "theirs"), "somebody else's for the %s", what);
			unlinkat(dir, n, 0);
		} else {
			skip(1, "only root can give a file away");
		}
		ok(!files(dir, name[0]) && !files(dir, name[1]), "and nothing was made beside it");
	}
	mkdirat(dir, "d", 0700);
	ok(open_as(&b, dir, "d", me, id_of(SIZE), false) == -EEXIST && b.a.fd == -1 && b.r.fd == -1, "a directory has the final name");
	names(dir, "s", me, name[0], name[1]);
	unlinkat(dir, name[0], 0);
	put_link(dir, name[0], "victim");
	uint8_t run[WIRE_RUN] = { 0 };
	ok(resume_join(&b.a, &b.r, dir, "s", me, run) == -EPERM, "join: a link for the aside file");
	unlinkat(dir, name[0], 0);
	unlinkat(dir, name[1], 0);
	unlinkat(dir, "victim", 0);

	struct resume_id most = id_of(UINT64_MAX), much = id_of(UINT64_C(1) << 62);
	int r = resume_open(&b.a, &b.r, dir, "s", me, &most, false, b.gaps, &b.count);
	ok(r == -EFBIG, "more than a file can have: %d", r);
	names(dir, "s", me, name[0], name[1]);          /* there is a part of it already */
	if (in_memory(dir))
		unlinkat(dir, name[0], 0), unlinkat(dir, name[1], 0);
	r = in_memory(dir) ? -EFBIG : resume_open(&b.a, &b.r, dir, "s", me, &much, false, b.gaps, &b.count);
	ok((r == -EFBIG || r == -ENOSPC) && !files(dir, name[0]) && !files(dir, name[1]), "more than there is space for: %d, and neither file is left", r);
	char longest[WIRE_NAME_MAX + 2];
	memset(longest, 'n', sizeof longest);
	longest[WIRE_NAME_MAX + 1] = '\0';
	ok(open_as(&b, dir, longest, me, id_of(1), false) == -ENAMETOOLONG && resume_join(&b.a, &b.r, dir, longest, me, run) == -ENAMETOOLONG, "a name of 256 bytes");
	longest[WIRE_NAME_MAX] = '\0';
	ok(open_as(&b, dir, longest, me, id_of(1), false) == 0, "a name of 255 bytes");
	drop(&b);
	umask(0277);
	r = open_as(&b, dir, "s", me, id_of(SIZE), false);
	keep(&b);
	umask(022);
	ok(r == 0 && open_as(&b, dir, "s", me, id_of(SIZE), false) == 0 && b.r.why == RESUME_GOES_ON, "whatever the umask, they are known again");
	drop(&b);
}

/* --- sweeping ------------------------------------------------------------------------------------------------------ */

static void plant(int dir, const char *name, long age)
{
	struct timespec t[2] = { { .tv_sec = time(NULL) - age }, { .tv_sec = time(NULL) - age } };

	put_file(dir, name, "x", 0600);
	utimensat(dir, name, t, 0);
}

#define D32 "0123456789abcdef0123456789abcde"
enum { OLD = SWEEP_AGE_S + 60, YOUNG = SWEEP_AGE_S - 60 };

static void sweeping(int top)
{
	struct { const char *name; long age; bool goes; } const plan[] = {
		{ ".zcp-" D32 "0", OLD, true },                                         /* alone, old */
		{ ".zcp-" D32 "1.j", OLD, true },
		{ ".zcp-" D32 "2", OLD, true },       { ".zcp-" D32 "2.j", OLD, true },   /* a pair, old */
		{ ".zcp-" D32 "3", YOUNG, false },    { ".zcp-" D32 "4.j", YOUNG, false },
		{ ".zcp-" D32 "5", OLD, false },      { ".zcp-" D32 "5.j", YOUNG, false },
		{ ".zcp-" D32 "6", YOUNG, false },    { ".zcp-" D32 "6.j", OLD, false },
		{ ".zcp-" D32 "7", -60, false },      { ".zcp-" D32 "7.j", OLD, false }, /* from the future */
		{ ".zcp-" D32, OLD, false },          { ".zcp-" D32 "00", OLD, false },
		{ ".zcp-" D32 "g", OLD, false },      { "zcp-" D32 "0", OLD, false },
		{ ".zcp-" D32 "0.k", OLD, false },    { ".ZCP-" D32 "0", OLD, false },   { "plain", OLD, false },
	};
	size_t n = sizeof plan / sizeof *plan;
	int goes = 0, right = 0;

	mkdirat(top, "sweep", 0700);
	int dir = openat(top, "sweep", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < n; i++) {
		plant(dir, plan[i].name, plan[i].age);
		goes += plan[i].goes;
	}
	ok(resume_sweep(dir, 0) == 0 && files(dir, plan[0].name), "sweep: it looks at no more entries than it may");
	int r = resume_sweep(dir, 1000);
	for (size_t i = 0; i < n; i++) {
		bool good = files(dir, plan[i].name) == !plan[i].goes;
		if (!good)
			note("%s, %ld s old", plan[i].name, plan[i].age);
		right += good;
	}
	ok(r == goes && right == (int)n, "sweep: %d of %zu go, by name, age and pair (%d went)", goes, n, r);
	ok(resume_sweep(dir, 1000) == 0, "sweep: nothing is left to go");
	close(dir);
	ok(resume_sweep(dir, 1000) == -EBADF, "sweep: what is no directory");
}

static int lock_and_hold(int dir, const void *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 || flock(fd, LOCK_SH) < 0 ? -1 : 0;
}

static void sweeping_strange(int top)
{
	const char *a = ".zcp-" D32 "0", *j = ".zcp-" D32 "0.j";
	struct timespec old[2] = { { .tv_sec = time(NULL) - OLD }, { .tv_sec = time(NULL) - OLD } };
	struct both b;
	int pipes[2];

	mkdirat(top, "swept", 0700);
	int dir = openat(top, "swept", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		plant(dir, a, OLD);
		plant(dir, j, OLD);
		pid_t pid = in_child(lock_and_hold, dir, i ? j : a, pipes);
		ok(resume_sweep(dir, 1000) == 0 && files(dir, a) && files(dir, j), "sweep: both stay while the %s is locked", i ? "journal" : "aside file");
		end_child(pid, pipes);
	}
	ok(resume_sweep(dir, 1000) == 2, "sweep: and go when it is not");
	plant(dir, "mine", OLD);
	ok(linkat(dir, "mine", dir, a, 0) == 0 && resume_sweep(dir, 1000) == 0 && files(dir, a), "sweep: never what has another link");
	unlinkat(dir, a, 0);
	plant(dir, j, OLD);
	put_link(dir, a, "mine");
	utimensat(dir, a, old, AT_SYMLINK_NOFOLLOW);
	ok(resume_sweep(dir, 1000) == 0 && files(dir, a) && files(dir, j) && files(dir, "mine"), "sweep: never a link, nor the journal beside it");
	unlinkat(dir, a, 0);
	mkfifoat(dir, a, 0600);
	utimensat(dir, a, old, 0);
	ok(resume_sweep(dir, 1000) == 0 && files(dir, a), "sweep: never a FIFO, and it does not wait for one");
	unlinkat(dir, a, 0);
	mkdirat(dir, a, 0700);
	utimensat(dir, a, old, 0);
	ok(resume_sweep(dir, 1000) == 0 && files(dir, a), "sweep: never a directory");
	unlinkat(dir, a, AT_REMOVEDIR);
	if (geteuid() == 0) {
		plant(dir, a, OLD);
		ok(fchownat(dir, a, 1234, 1234, 0) == 0 && resume_sweep(dir, 1000) == 0 && files(dir, a) && files(dir, j), "sweep: never somebody else's");
		unlinkat(dir, a, 0);
	} else {
		skip(1, "only root can give a file away");
	}
	ok(resume_sweep(dir, 1000) == 1 && !files(dir, j), "sweep: a journal alone goes");

	/* real ones */
	open_it(&b, dir);
	come(&b, 0, KIB256);
	futimens(b.a.fd, old);
	futimens(b.r.fd, old);
	char name[ASIDE_NAME];
	memcpy(name, b.a.name, sizeof name);
	ok(resume_sweep(dir, 1000) == 0 && files(dir, name), "sweep: what is held stays, however old");
	keep(&b);
	ok(resume_sweep(dir, 1000) == 2 && !files(dir, name), "sweep: and goes when nobody holds it");
	struct aside filling;
	struct publish p = { .meta = { .type = 'f', .mode = 0600, .mtime = 1 }, .keep_times = true };
	aside_open(&filling, dir, "old", 1);
	futimens(filling.fd, old);
	ok(resume_sweep(dir, 1000) == 0 && aside_publish(&filling, &p) == 0, "sweep: never what is being filled with a file of long ago");
	close(dir);
}

int main(int argc, char **argv)
{
	umask(022);
	if (sodium_init() < 0)
		return 1;
	int dir = scratch(argc > 1 ? argv[1] : NULL);
	strange(dir);
	sweeping(dir);
	sweeping_strange(dir);
	return done();
}
