/* links: zcpd */
/* sandbox.c - from inside: what a stream's process can still do, and what ends it. Each case is a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "common/log.h"
#include "common/path.h"
#include "tests/unit/tap.h"
#include "zcpd/caps.h"
#include "zcpd/sandbox.h"

enum { KILLED = 1000 };
static int dir, outside;

/* openat2 without anything that holds it beneath. */
static int by_name(const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };

	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how) < 0 ? errno : 0;
}

static int put(int at, const char *name, const char *text)
{
	int fd = path_one(at, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return fd;
	ssize_t n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

static int reads(void)          { int fd = path_open(dir, "file", O_RDONLY, false); return fd < 0 ? -fd : 0; }
static int lists(void)          { return path_open(dir, "", O_RDONLY | O_DIRECTORY, false) < 0 ? errno : 0; }
static int writes(void)         { return -put(dir, "new", "x"); }
static int renames(void)        { return put(dir, "a", "x") || renameat(dir, "a", dir, "b") ? errno : 0; }
static int makes_dir(void)      { return mkdirat(dir, "d", 0700) ? errno : 0; }
static int makes_link(void)     { return symlinkat("file", dir, "l") ? errno : 0; }
static int hard_link(void)      { return linkat(dir, "file", dir, "second", 0) ? errno : 0; }
static int gives_away(void)     { return fchownat(dir, "file", 0, 0, AT_SYMLINK_NOFOLLOW) ? errno : 0; }
static int removes(void)        { return unlinkat(dir, "b", 0) ? errno : 0; }
static int opens_outside(void)  { return by_name("/etc/passwd"); }
static int opens_proc(void)     { return by_name("/proc/self/mem"); }
static int writes_outside(void) { return -put(outside, "f", "x"); }
static int makes_fifo(void)     { return mkfifoat(dir, "fifo", 0600) ? errno : 0; }
static int opens_socket(void)   { return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; }
static int forks(void)          { pid_t p = fork(); if (p == 0) _exit(0); return p < 0 ? errno : 0; }
static int runs(void)           { execl("/bin/true", "true", (char *)NULL); return errno; }
static int signals(void)        { return kill(getppid(), 0) ? errno : 0; }
static int executes_memory(void) { return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0; }
static int gets_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) ? errno : 0; }
static int asks_for_signals(void) { int p[2]; return pipe2(p, 0) || fcntl(p[0], F_SETOWN, getpid()) ? errno : 0; }

static int grows(void)                  /* realloc would like to mremap, and can do without */
{
	char *p = NULL;

	for (size_t n = 1 << 16; n <= 1 << 24; n *= 2) {
		char *more = realloc(p, n);
		if (!more)
			return ENOMEM;
		p = more;
		memset(p + n / 2, 7, n / 2);
	}
	int bad = p[1 << 23] != 7;
	free(p);
	return bad;
}

static int many_files(void)
{
	int n = 0;

	while (n < 1000 && fcntl(dir, F_DUPFD_CLOEXEC, 0) >= 0)
		n++;
	return n < 290 && errno == EMFILE ? 0 : n;
}

static int seen_from_inside(void)
{
	struct rlimit core;

	return getrlimit(RLIMIT_CORE, &core) ? errno : 0;
}

static int alarms(void)         { struct itimerval t = { .it_value.tv_sec = 100 }; return setitimer(ITIMER_REAL, &t, NULL) ? errno : 0; }
static int changes_mode(void)   { int fd = path_open(dir, "file", O_RDONLY, false); return fd < 0 ? -fd : fchmod(fd, 0640) ? errno : 0; }
static int sets_attribute(void) { int fd = path_open(dir, "file", O_RDONLY, false); return fsetxattr(fd, "user.x", "1", 1, 0) && errno != EOPNOTSUPP ? errno : 0; }
static int gives_file(void)     { int fd = path_open(dir, "file", O_RDONLY, false); return fchown(fd, geteuid(), getegid()) ? errno : 0; }
static int reads_attributes(void)
{
	char buf[64];
	int  fd = path_open(dir, "file", O_RDONLY, false);

	return (flistxattr(fd, buf, sizeof buf) < 0 || (fgetxattr(fd, "user.none", buf, sizeof buf) < 0 && errno != ENODATA)) && errno != EOPNOTSUPP ? errno : 0;
}
static int opens_as_of_old(void) { return openat(dir, "file", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0; }
static int reads_denied(void)   { int fd = path_open(outside, "secret", O_RDONLY, false); return fd < 0 ? -fd : 0; }
static int more_rules(void)     { return (int)syscall(444, NULL, 0, 1) < 0 ? errno : 0; }
static int filters(void)        { struct sock_fprog p = { 0 }; return (int)syscall(SYS_seccomp, 1, 0, &p) < 0 ? errno : 0; }
static int notifies(void)       { struct sock_fprog p = { 0 }; return (int)syscall(SYS_seccomp, 1, 8, &p) < 0 ? errno : 0; }
static int accepts(void)        { return accept4(dir, NULL, NULL, SOCK_CLOEXEC) < 0 ? errno : 0; }

/* How a process is confined: the first step alone, narrowed to what `grants` says, or as a helper. */
enum way { OPENED, NARROWED, STATUS, METRICS };
static enum way way;
static struct exports all, grants;

static int confine(const struct sandbox *s)
{
	if (way == STATUS)
		return sandbox_enter_status(s);
	if (way == METRICS)
		return sandbox_enter_metrics(s);
	int r = sandbox_enter(s);
	return r < 0 || way == OPENED ? r : sandbox_narrow(s, &all, &grants);
}

/* The value f returned inside, KILLED + signal, or -1. */
static int inside(const struct sandbox *s, int (*f)(void))
{
	int   status;
	pid_t pid = fork();

	if (pid == 0) {
		if (caps_drop() < 0 || confine(s) < 0)
			_exit(255);
		_exit(f());
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : WEXITSTATUS(status);
}

#define IS(s, f, want, words) do { int got_ = inside(s, f); ok(got_ == (want), words " (%d)", got_); } while (0)

static bool landlock;

static void denied(const struct sandbox *s, int (*f)(void), const char *words)
{
	int got = inside(s, f);

	if (landlock)
		ok(got == EACCES, "%s (%d)", words, got);
	else
		skip(1, "this kernel has no Landlock");
}

static void both(const struct sandbox *s)
{
	IS(s, reads, 0, "reads a file of the export");
	IS(s, lists, 0, "reads its directory");
	IS(s, reads_attributes, 0, "reads what a file has besides");
	IS(s, grows, 0, "memory grows");
	IS(s, many_files, 0, "no more than 290 descriptors");
	denied(s, opens_outside, "opens nothing outside");
	denied(s, opens_proc, "not its own memory");
	denied(s, writes_outside, "writes nothing beside the export, with a descriptor in hand");
	if (!s->opening.code) {
		skip(11, "no filter in a sanitizer's build");
		return;
	}
	IS(s, opens_as_of_old, KILLED + SIGSYS, "plain openat ends it");
	IS(s, makes_fifo, KILLED + SIGSYS, "a FIFO ends it");
	IS(s, opens_socket, KILLED + SIGSYS, "a socket ends it");
	IS(s, forks, KILLED + SIGSYS, "a fork ends it");
	IS(s, runs, KILLED + SIGSYS, "a program ends it");
	IS(s, signals, KILLED + SIGSYS, "a signal to another process ends it");
	IS(s, executes_memory, KILLED + SIGSYS, "memory to be executed ends it");
	IS(s, gets_privileges, KILLED + SIGSYS, "prctl ends it");
	IS(s, asks_for_signals, KILLED + SIGSYS, "F_SETOWN ends it");
	IS(s, gives_away, KILLED + SIGSYS, "an owner given by name ends it");
	IS(s, notifies, KILLED + SIGSYS, "seccomp's other uses end it");
	IS(s, accepts, KILLED + SIGSYS, "accept ends it");
	IS(s, seen_from_inside, KILLED + SIGSYS, "a call nobody needs ends it");
}

static void change(const struct sandbox *s, bool writable)
{
	unlinkat(dir, "d", AT_REMOVEDIR);
	unlinkat(dir, "l", 0);
	unlinkat(dir, "second", 0);
	if (!writable) {
		denied(s, writes, "read-only: makes no file");
		if (s->opening.code) {
			IS(s, makes_dir, KILLED + SIGSYS, "read-only: a directory ends it");
			IS(s, makes_link, KILLED + SIGSYS, "read-only: a link ends it");
			IS(s, hard_link, KILLED + SIGSYS, "read-only: a second name for a file ends it");
			IS(s, changes_mode, KILLED + SIGSYS, "read-only: a mode ends it");
			IS(s, sets_attribute, KILLED + SIGSYS, "read-only: an attribute ends it");
			IS(s, gives_file, KILLED + SIGSYS, "read-only: an owner ends it");
		} else {
			skip(6, "no filter in a sanitizer's build");
		}
		return;
	}
	IS(s, writes, 0, "writable: makes a file");
	IS(s, renames, 0, "renames one");
	IS(s, makes_dir, 0, "makes a directory");
	IS(s, makes_link, 0, "makes a link");
	IS(s, hard_link, 0, "gives a file a second name");
	IS(s, removes, 0, "removes a file");
	IS(s, changes_mode, 0, "changes a mode");
	IS(s, sets_attribute, 0, "sets an attribute");
}

static void opening(const struct sandbox *s)
{
	way = OPENED;
	IS(s, alarms, 0, "before the key is known: a timer");
	if (landlock)
		IS(s, more_rules, 0, "and Landlock's calls");
	else
		skip(1, "this kernel has no Landlock");
	IS(s, filters, EINVAL, "and seccomp's one");
}

static void narrowed(const struct sandbox *s, bool writable)
{
	way = NARROWED;
	IS(s, reads, 0, "narrowed: reads a file that was granted");
	if (!s->opening.code) {
		skip(3, "no filter in a sanitizer's build");
		return;
	}
	IS(s, alarms, KILLED + SIGSYS, "narrowed: a timer ends it");
	IS(s, more_rules, KILLED + SIGSYS, "narrowed: Landlock's calls end it");
	IS(s, filters, KILLED + SIGSYS, "narrowed: seccomp's call ends it");
	change(s, writable);
}

/* Two exports, the second one not this key's. */
static void denies(void)
{
	struct sandbox s = { .ruleset = -1 };
	char           p1[] = "a", p2[] = "b", d1[] = "export", d2[] = "outside";
	struct settings_export one = { .prefix = p1, .path = d1, .writable = true }, two = { .prefix = p2, .path = d2, .writable = true };

	all = (struct exports){ .count = 0 };
	if (!ok(export_add(&all, &one) == 0 && export_add(&all, &two) == 0 && sandbox_prepare(&s, &all) == 0, "prepared, two exports"))
		return;
	grants = all;
	way = OPENED;
	IS(&s, reads_denied, 0, "before the key is known: every export");
	way = NARROWED;
	IS(&s, reads_denied, 0, "all of them granted: still");
	grants.list[1].denied = true;
	IS(&s, reads, 0, "one granted: that one");
	denied(&s, reads_denied, "the other one is closed, with a descriptor in hand");
	grants.list[0].writable = false;
	denied(&s, writes, "granted for reading: makes no file");
	if (s.opening.code) {
		IS(&s, changes_mode, KILLED + SIGSYS, "granted for reading: a mode ends it");
		IS(&s, makes_dir, KILLED + SIGSYS, "granted for reading: a directory ends it");
	} else {
		skip(2, "no filter in a sanitizer's build");
	}
	sandbox_clear(&s);
	exports_clear(&all);
}

static void helper(const struct sandbox *s, enum way which, const char *name)
{
	way = which;
	if (!s->opening.code) {
		skip(6, "no filter in a sanitizer's build");
		return;
	}
	printf("# %s\n", name);
	IS(s, grows, 0, "memory grows");
	IS(s, reads, KILLED + SIGSYS, "an open ends it");
	IS(s, opens_socket, KILLED + SIGSYS, "a socket ends it");
	IS(s, forks, KILLED + SIGSYS, "a fork ends it");
	IS(s, runs, KILLED + SIGSYS, "a program ends it");
	IS(s, accepts, which == METRICS ? EBADF : KILLED + SIGSYS, "accept is the metrics' alone");
}

static void run(bool writable)
{
	struct sandbox s = { .ruleset = -1 };

	all = (struct exports){ .count = 0 };
	char prefix[] = "", path[] = "export";
	struct settings_export from = { .prefix = prefix, .path = path, .writable = writable };
	if (!ok(export_add(&all, &from) == 0 && sandbox_prepare(&s, &all) == 0, "prepared, %s", writable ? "writable" : "read-only"))
		return;
	grants = all;
	landlock = s.ruleset >= 0;
	way = OPENED;
	both(&s);
	change(&s, writable);
	if (s.opening.code)
		opening(&s);
	narrowed(&s, writable);
	helper(&s, STATUS, "status");
	helper(&s, METRICS, "metrics");
	sandbox_clear(&s);
	exports_clear(&all);
}

int main(void)
{
	char top[] = "/tmp/sandbox-XXXXXX";

	log_setup("test", LOG_LEVEL_ERROR, 0);
	if (!mkdtemp(top) || chdir(top) < 0 || mkdir("export", 0700) < 0 || mkdir("outside", 0700) < 0)
		return 1;
	dir = open("export", O_PATH | O_DIRECTORY | O_CLOEXEC);
	outside = open("outside", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || outside < 0 || put(dir, "file", "hello") != 0)
		return 1;
	if (put(outside, "secret", "x") != 0)
		return 1;
	run(false);
	run(true);
	denies();
	static const char *const made[] = {
		"export/l", "export/d", "export/new", "export/file", "export/fifo", "export/a", "export/b", "export", "outside/f", "outside/secret", "outside",
	};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		remove(made[i]);
	rmdir(top);
	return done();
}
