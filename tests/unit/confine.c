/* links: zcp */
/* confine.c - from inside zcp, confined: what its command line named, and what it did not. Each case is a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "common/filter.h"
#include "common/landlock.h"
#include "common/log.h"
#include "common/walk.h"
#include "tests/unit/tap.h"
#include "zcp/confine.h"

static struct options opt;
static struct job     job = { .opt = &opt };

/* How zcp is confined in a case. */
static int  base_of = -1;
static char *sources[3];
static const char *pour;

static void confine(void)
{
	struct source      v[3];
	struct plan        p = { .v = v, .room = 3 };
	struct destination d = { .base = base_of, .given = -1, .pour = pour != NULL, .path = pour };

	memset(v, 0, sizeof v);
	for (int i = 0; i < 3 && sources[i]; i++) {
		struct stat st;
		if ((opt.keep_links ? lstat(sources[i], &st) : stat(sources[i], &st)) < 0)
			_exit(254);
		v[p.count++] = (struct source){ .path = sources[i], .meta = meta_from_stat(&st), .identity = identity_from_stat(&st) };
	}
	if (job.local)
		confine_local(&job, &p, &d);
	else if (p.count)
		confine_upload(&job, &p);
	else
		confine_download(&job, &d);
}

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600);

	return fd < 0 ? errno : 0;
}

/* What open() said inside: 0 or errno. */
static int opens(const char *path, int flags)
{
	int   status;
	pid_t pid = fork();

	if (pid == 0) {
		confine();
		_exit(try_open(path, flags));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int calls(int (*f)(void))
{
	int   status;
	pid_t pid = fork();

	if (pid == 0) {
		confine();
		_exit(f());
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void name_sources(char *a, char *b, char *c)
{
	sources[0] = a;
	sources[1] = b;
	sources[2] = c;
}

#define OPENS(path, flags, words) do { int got_ = opens(path, flags); ok(got_ == 0, words " (%d)", got_); } while (0)
#define DENIED(path, flags, words) do { int got_ = opens(path, flags); ok(got_ == EACCES, words " (%d)", got_); } while (0)

static void downloads(void)
{
	name_sources(NULL, NULL, NULL);
	base_of = open("in", O_PATH | O_DIRECTORY | O_CLOEXEC);
	OPENS("in/new", O_WRONLY | O_CREAT, "download: writes in the destination");
	OPENS("in/file", O_RDONLY, "download: reads there");
	DENIED("out/new", O_WRONLY | O_CREAT, "download: writes nowhere else");
	DENIED("out/file", O_RDONLY, "download: reads nowhere else");
	DENIED("/etc/passwd", O_RDONLY, "download: not /etc/passwd");
	close(base_of);
	base_of = -1;
	pour = "fifo";
	DENIED("in/file", O_RDONLY, "into a FIFO: reads nothing");
	int reader = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	OPENS("fifo", O_WRONLY, "into a FIFO: it is opened");
	DENIED("fifo", O_RDONLY, "into a FIFO: not for reading");
	close(reader);
	pour = "/dev/null";
	OPENS("/dev/null", O_WRONLY, "into a device: it is opened");
	DENIED("/dev/zero", O_WRONLY, "into a device: no other one");
	pour = NULL;
}

static void uploads(void)
{
	char file[] = "out/file", tree[] = "in", link[] = "link", missing[] = "in/file";

	opt.keep_links = true;
	name_sources(tree, file, NULL);
	OPENS("in/file", O_RDONLY, "upload with -a: reads a tree that was named");
	OPENS("out/file", O_RDONLY, "upload with -a: and a file");
	DENIED("out/other", O_RDONLY, "upload with -a: not the file beside it");
	DENIED("in/file", O_WRONLY, "upload: writes nothing");
	DENIED("in/new2", O_WRONLY | O_CREAT, "upload: makes nothing");
	name_sources(link, NULL, NULL);
	DENIED("out/file", O_RDONLY, "upload with -a: a link's target is not read");
	opt.keep_links = false;
	OPENS("out/file", O_RDONLY, "upload of a link: its target is read");
	DENIED("out/other", O_RDONLY, "upload of a link: nothing else");
	name_sources(missing, NULL, NULL);
	DENIED("out/file", O_RDONLY, "upload of a file: nothing else");
	name_sources(tree, NULL, NULL);
	OPENS("out/other", O_RDONLY, "upload of a tree whose links are followed: reads everywhere");
	DENIED("out/other", O_WRONLY, "and writes nowhere");
}

/* A new inode at each lookup: no rule for the file would do. */
static void nets(void)
{
	char tcp[] = "/proc/net/tcp", value[] = "/proc/sys/net/ipv4/ip_forward";

	name_sources(tcp, NULL, NULL);
	OPENS("/proc/net/tcp", O_RDONLY, "a file of /proc/net: it is read");
	DENIED("/proc/version", O_RDONLY, "a file of /proc/net: nothing beside that directory");
	DENIED("/proc/self/status", O_RDONLY, "a file of /proc/net: nor of the process");
	DENIED("/proc/net/tcp", O_WRONLY, "a file of /proc/net: and nothing is written");
	name_sources(value, NULL, NULL);
	OPENS("/proc/sys/net/ipv4/ip_forward", O_RDONLY, "another net directory of procfs: its file is read");
	DENIED("/proc/sys/net/ipv4/ip_default_ttl", O_RDONLY, "another net directory of procfs: and only that one");
}

static void locals(void)
{
	char file[] = "out/file", tree[] = "out";

	job.local = opt.keep_links = true;
	base_of = open("in", O_PATH | O_DIRECTORY | O_CLOEXEC);
	name_sources(file, NULL, NULL);
	OPENS("in/new", O_WRONLY | O_CREAT, "local: writes in the destination");
	OPENS("out/file", O_RDONLY, "local: reads the source");
	DENIED("out/file", O_WRONLY, "local: and does not write it");
	DENIED("out/other", O_RDONLY, "local: nor anything beside it");
	DENIED("out/new", O_WRONLY | O_CREAT, "local: makes nothing there");
	opt.keep_links = false;
	name_sources(tree, NULL, NULL);
	OPENS("/etc/passwd", O_RDONLY, "local, a tree whose links are followed: reads everywhere");
	DENIED("out/other", O_WRONLY, "local: and still writes in one place alone");
	close(base_of);
	base_of = -1;
	job.local = false;
}

static int t_socket(void)  { return socket(AF_INET, SOCK_DGRAM, 0) < 0 ? errno : 0; }
static int t_stream(void)  { return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; }
static void *t_nothing(void *arg) { return arg; }
static int t_thread(void)  { pthread_t t; int r = pthread_create(&t, NULL, t_nothing, NULL); return r ? r : pthread_join(t, NULL); }
static int t_fork(void)    { pid_t p = fork(); if (p == 0) _exit(0); return p < 0 ? errno : 0; }
static int t_exec(void)    { execl("/bin/true", "true", (char *)NULL); return errno; }
static int t_kill(void)    { return kill(getppid(), 0) ? errno : 0; }
static int t_code(void)    { return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0; }
static int t_change(void)  { return fchmodat(AT_FDCWD, "in/file", 0644, 0) ? errno : 0; }
static int t_set(void)     { return fsetxattr(base_of, "user.x", "1", 1, 0) ? errno : 0; }
static int t_list(void)    { return flistxattr(base_of, NULL, 0) < 0 ? errno : 0; }
static int t_owner(void)   { return fchownat(-1, "", 0, 0, AT_EMPTY_PATH) ? errno : 0; }
static int t_named(void)   { return fchownat(AT_FDCWD, "in/file", 0, 0, AT_SYMLINK_NOFOLLOW) ? errno : 0; }
static int t_unlink(void)  { return unlinkat(AT_FDCWD, "in/file", 0) ? errno : 0; }
static int t_range(void)   { return copy_file_range(-1, NULL, -1, NULL, 1, 0) < 0 ? errno : 0; }
static int t_clone(void)   { return ioctl(-1, FICLONE, -1) < 0 ? errno : 0; }
static int t_type(void)    { return ioctl(-1, TIOCSTI, "x") < 0 ? errno : 0; }
static int t_privs(void)   { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : errno; }

static void filtered(void)
{
	char file[] = "in/file";

	if (FILTER_SANITIZED) {
		ok(calls(t_privs) == 0, "no new privileges");
		skip(14, "no filter in a sanitizer's build");
		return;
	}
	name_sources(file, NULL, NULL);
	ok(calls(t_socket) == ENOSYS, "no socket of another kind");
	ok(calls(t_stream) == 0, "a further stream");
	ok(calls(t_thread) == 0, "and its thread");
	ok(calls(t_fork) == ENOSYS, "no process");
	ok(calls(t_exec) == ENOSYS, "no program");
	ok(calls(t_kill) == ENOSYS, "no signal");
	ok(calls(t_code) == ENOSYS, "no memory to be executed");
	ok(calls(t_change) == ENOSYS, "an upload changes no mode");
	ok(calls(t_unlink) == ENOSYS, "an upload removes nothing");
	ok(calls(t_privs) == ENOSYS, "no prctl");
	ok(calls(t_range) == ENOSYS && calls(t_clone) == ENOSYS, "an upload copies from no file to another");
	job.local = true;
	ok(calls(t_range) == EBADF && calls(t_clone) == EBADF, "a copy on this machine does");
	ok(calls(t_stream) == ENOSYS && calls(t_socket) == ENOSYS, "local: no socket at all");
	ok(calls(t_type) == ENOSYS, "local: types into no terminal");
	ok(calls(t_thread) == 0 && calls(t_fork) == ENOSYS && calls(t_exec) == ENOSYS, "local: threads, but no process");
	job.local = false;
}

/* What is not copied needs no calls; who sends sets nothing. -1 in the place of a descriptor: allowed is EBADF. */
static void extras(void)
{
	char file[] = "in/file";

	if (FILTER_SANITIZED) {
		skip(8, "no filter in a sanitizer's build");
		return;
	}
	name_sources(file, NULL, NULL);
	ok(calls(t_list) == ENOSYS, "an upload reads no attributes");
	job.extras = EXTRAS_XATTRS;
	ok(calls(t_list) == EBADF, "with -X it does");
	ok(calls(t_set) == ENOSYS, "but sets none");
	name_sources(NULL, NULL, NULL);
	ok(calls(t_set) == EBADF, "a download does");
	ok(calls(t_owner) == ENOSYS, "and sets no link's owner");
	job.extras = EXTRAS_OWNER;
	ok(calls(t_owner) == EBADF, "where owners are copied it does");
	ok(calls(t_named) == ENOSYS, "but of nothing by its name");
	ok(calls(t_list) == ENOSYS, "and lists no attributes then");
	job.extras = 0;
}

static void replaced(void)
{
	struct stat   st;
	char          name[] = "in/file";
	struct source s = { .path = name };

	if (stat(name, &st) < 0)
		return;
	s.identity = identity_from_stat(&st);
	ok(!confine_replaced(&s), "the same file is the same");
	ok(rename("out/other", name) == 0 && confine_replaced(&s), "another one in its place is seen");
}

static int put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : close(fd);
}

int main(void)
{
	static const char *const made[] = { "in/new", "in/file", "in", "out/file", "out/other", "out", "fifo", "link" };
	char top[] = "/tmp/confine-XXXXXX";

	log_setup("test", LOG_LEVEL_ERROR, 0);
	if (!mkdtemp(top) || chdir(top) < 0 || mkdir("in", 0700) < 0 || mkdir("out", 0700) < 0 || put("in/file") < 0 || put("out/file") < 0 ||
	    put("out/other") < 0 || mkfifo("fifo", 0600) < 0 || symlink("out/file", "link") < 0)
		return 1;
	if (landlock_abi() > 0) {
		downloads();
		uploads();
		nets();
		locals();
	} else {
		skip(35, "this kernel has no Landlock");
	}
	filtered();
	extras();
	replaced();
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		remove(made[i]);
	rmdir(top);
	return done();
}
