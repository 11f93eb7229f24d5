/* links: zcpd */
/* sandbox.c - from inside: what a stream's process can still do, and what ends it. Each case is a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/log.h"
#include "common/path.h"
#include "tests/unit/tap.h"
#include "zcpd/caps.h"
#include "zcpd/sandbox.h"

enum { KILLED = 1000 };
static int dir, outside;

static int put(int at, const char *name, const char *text)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
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
static int opens_outside(void)  { return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0; }
static int opens_proc(void)     { return open("/proc/self/mem", O_RDONLY) < 0 ? errno : 0; }
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
	return n < 128 && errno == EMFILE ? 0 : n;
}

static int seen_from_inside(void)
{
	struct rlimit core;

	return getrlimit(RLIMIT_CORE, &core) ? errno : 0;
}

/* The value f returned inside, KILLED + signal, or -1. */
static int inside(const struct sandbox *s, int (*f)(void))
{
	int   status;
	pid_t pid = fork();

	if (pid == 0) {
		if (caps_drop() < 0 || sandbox_enter(s) < 0)
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
	IS(s, grows, 0, "memory grows");
	IS(s, many_files, 0, "no more than 128 descriptors");
	denied(s, opens_outside, "opens nothing outside");
	denied(s, opens_proc, "not its own memory");
	denied(s, writes_outside, "writes nothing beside the export, with a descriptor in hand");
	if (!s->filter) {
		skip(9, "no filter in a sanitizer's build");
		return;
	}
	IS(s, makes_fifo, KILLED + SIGSYS, "a FIFO ends it");
	IS(s, opens_socket, KILLED + SIGSYS, "a socket ends it");
	IS(s, forks, KILLED + SIGSYS, "a fork ends it");
	IS(s, runs, KILLED + SIGSYS, "a program ends it");
	IS(s, signals, KILLED + SIGSYS, "a signal to another process ends it");
	IS(s, executes_memory, KILLED + SIGSYS, "memory to be executed ends it");
	IS(s, gets_privileges, KILLED + SIGSYS, "prctl ends it");
	IS(s, asks_for_signals, KILLED + SIGSYS, "F_SETOWN ends it");
	IS(s, hard_link, KILLED + SIGSYS, "a second name for a file ends it");
	IS(s, gives_away, KILLED + SIGSYS, "an owner given by name ends it");
	IS(s, seen_from_inside, KILLED + SIGSYS, "a call nobody needs ends it");
}

static void change(const struct sandbox *s, bool writable)
{
	if (!writable) {
		denied(s, writes, "read-only: makes no file");
		denied(s, makes_dir, "read-only: makes no directory");
		denied(s, makes_link, "read-only: makes no link");
		return;
	}
	IS(s, writes, 0, "writable: makes a file");
	IS(s, renames, 0, "renames one");
	IS(s, makes_dir, 0, "makes a directory");
	IS(s, makes_link, 0, "makes a link");
	IS(s, removes, 0, "removes a file");
}

static void run(bool writable)
{
	struct exports e = { .count = 0 };
	struct sandbox s = { .ruleset = -1 };

	char prefix[] = "", path[] = "export";
	struct settings_export from = { .prefix = prefix, .path = path, .writable = writable };
	if (!ok(export_add(&e, &from) == 0 && sandbox_prepare(&s, &e) == 0, "prepared, %s", writable ? "writable" : "read-only"))
		return;
	landlock = s.ruleset >= 0;
	both(&s);
	change(&s, writable);
	sandbox_clear(&s);
	exports_clear(&e);
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
	run(false);
	run(true);
	static const char *const made[] = {
		"export/l", "export/d", "export/new", "export/file", "export/fifo", "export/a", "export/b", "export", "outside/f", "outside",
	};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		remove(made[i]);
	rmdir(top);
	return done();
}
