/* sandbox.c - the lists of calls, and the order in which everything is set. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/landlock.h"
#include "common/log.h"
#include "zcpd/sandbox.h"

enum { DESCRIPTORS = 290 };     /* 16 held files of 4, 16 open ones of 4, a pipe, a walk, the exports twice: about 275 at the very most */
_Static_assert((int)SANDBOX_SOCKET >= (int)DESCRIPTORS, "another descriptor could be called so");
#define HELD_BY "streams are held to their directories by openat2 and seccomp alone"

/* By name, so that a call one architecture lacks (poll on arm64) is left out there. */
static const char *const base[] = {
	/* an open socket */
	"read", "write", "readv", "writev", "recvfrom", "shutdown", "getsockopt", "poll", "ppoll", "close",
	/* memory, time, signals, the end */
	"munmap", "madvise", "mlock", "munlock", "brk", "futex", "sched_yield", "getrandom", "clock_gettime", "gettimeofday",
	"clock_nanosleep", "nanosleep", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
	"getrusage", "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "exit", "exit_group", NULL,
};
static const char *const reading[] = {
	"pread64", "preadv", "preadv2", "sendfile", "splice", "pipe2", "lseek", "fadvise64", "dup",
	/* names, below a directory descriptor; Landlock says which. No plain openat: what opens here says RESOLVE_BENEATH */
	"openat2", "fstat", "newfstatat", "statx", "fstatfs", "getdents64", "readlinkat", "flistxattr", "fgetxattr",
	/* over a Unix socket: are there descriptors with it? */
	"recvmsg", NULL,
};
static const char *const changing[] = {
	"pwrite64", "pwritev", "fallocate", "ftruncate", "fsync", "fdatasync", "renameat", "renameat2", "unlinkat", "mkdirat", "symlinkat", "linkat", "flock",
	"fchmod", "fchown", "fsetxattr", "fremovexattr", "umask", NULL,
};
static const char *const opening[] = {
	"getsockname", "getpeername", "setitimer", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", NULL,
};
static const char *const serving[] = { "accept4", "fstat", NULL };

#define ANY(n, v) { (n), ~0ULL, (v) }
/*
 * Only with these values of one argument, or two. fcntl: nothing that sends signals. setsockopt: what is set after the first byte. No memory that can be
 * executed. sendto: to who is connected, nobody else (the journal's socket could reach every Unix datagram socket of the machine; sendmsg, whose
 * address no filter sees, is for the stream's own Unix socket alone, which is connected).
 */
static const struct filter_narrow narrow[] = {
	{ "mmap", { 2, PROT_EXEC, 0 }, { 0 } },                 { "mprotect", { 2, PROT_EXEC, 0 }, { 0 } },
	{ "fcntl", ANY(1, F_GETFL), { 0 } },                    { "fcntl", ANY(1, F_SETFL), { 0 } },
	{ "fcntl", ANY(1, F_GETFD), { 0 } },                    { "fcntl", ANY(1, F_SETFD), { 0 } },
	{ "fcntl", ANY(1, F_DUPFD_CLOEXEC), { 0 } },            { "fcntl", ANY(1, F_SETPIPE_SZ), { 0 } },
	{ "fcntl", ANY(1, F_GETPIPE_SZ), { 0 } },
	{ "setsockopt", ANY(1, SOL_SOCKET), ANY(2, SO_LINGER) }, { "setsockopt", ANY(1, IPPROTO_TCP), ANY(2, TCP_CONGESTION) },
	{ "sendto", ANY(4, 0), { 0 } },                         { "sendmsg", ANY(0, SANDBOX_SOCKET), { 0 } },
	{ NULL, { 0 }, { 0 } },
};
/* Times are set on a descriptor: Landlock would let a name lead anywhere. */
static const struct filter_narrow narrow_changing[] = {
	{ "utimensat", ANY(1, 0), { 0 } },
	{ NULL, { 0 }, { 0 } },
};
static const struct filter_narrow narrow_opening[] = {
	{ "seccomp", ANY(0, SECCOMP_SET_MODE_FILTER), ANY(1, 0) },
	{ NULL, { 0 }, { 0 } },
};

/* libc tries these and can do without: realloc() copies, raise() gives up and the signal's cause comes again. */
static const struct filter_fail failing[] = { { "mremap", ENOMEM }, { "tgkill", EPERM }, { NULL, 0 } };

static int in_force;            /* the ABI that was said: once, not again at each reload. 0: nothing was */

static void say(const struct sandbox *s)
{
	if (in_force)
		return;
	in_force = s->abi;
	if (FILTER_SANITIZED)
		log_warn("this build has a sanitizer: streams run without the system call filter");
	if (s->abi > 0)
		log_info("streams are confined: Landlock ABI %d%s", s->abi, FILTER_SANITIZED ? "" : ", system calls filtered");
	else if (s->abi == -EPERM)
		log_warn("Landlock is forbidden by a filter around zcpd: the unit's SystemCallFilter= (or the container's list) has to name "
		         "landlock_create_ruleset landlock_add_rule landlock_restrict_self. Until then " HELD_BY);
	else
		log_warn("this kernel has no Landlock: " HELD_BY);
}

/* --- in the listener --------------------------------------------------------------------------------------------- */

static bool writes(const struct exports *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->list[i].writable && !e->list[i].denied)
			return true;
	return false;
}

static int make_filters(struct sandbox *s, bool may_write)
{
	struct filter_lists l = { .allowed = { base, reading }, .narrow = { narrow }, .failing = failing, .otherwise = FILTER_KILL };
	int                 r = filter_supported();

	if (FILTER_SANITIZED)
		return 0;
	if (r == 0)
		r = filter_make(&l, &s->reading);
	l.allowed[2] = changing;
	l.narrow[1] = narrow_changing;
	if (r == 0)
		r = filter_make(&l, &s->changing);
	l.allowed[2] = opening;
	l.allowed[3] = may_write ? changing : NULL;
	l.narrow[1] = may_write ? narrow_changing : NULL;
	l.narrow[2] = narrow_opening;
	if (r == 0)
		r = filter_make(&l, &s->opening);
	l = (struct filter_lists){ .allowed = { base, serving }, .narrow = { narrow }, .failing = failing, .otherwise = FILTER_KILL };
	if (r == 0)
		r = filter_make(&l, &s->metrics);
	l.allowed[1] = NULL;
	return r == 0 ? filter_make(&l, &s->status) : r;
}

static int make_ruleset(const struct exports *e)
{
	struct landlock_rule rules[WIRE_EXPORTS_MAX];
	size_t               n = 0;

	for (size_t i = 0; i < e->count; i++)
		if (!e->list[i].denied)
			rules[n++] = (struct landlock_rule){ .fd = e->list[i].dir, .access = LANDLOCK_READ | (e->list[i].writable ? LANDLOCK_WRITE : 0) };
	return landlock_ruleset(rules, n);
}

/* All of it, in a process that ends with how it went. */
static int try_it(const struct sandbox *s, const struct exports *e)
{
	struct exports all = *e;
	int            status;
	pid_t          pid = fork();

	if (pid == 0) {
		int r = sandbox_enter(s);
		if (r == 0)
			r = sandbox_narrow(s, NULL, &all);
		_exit(-r);
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ENOTSUP;
}

static int try_all(struct sandbox *s, const struct exports *e)
{
	int r = try_it(s, e);

	if (r != -EPERM || s->ruleset < 0)
		return r;
	/* a filter that lets the ruleset be made and not be used? */
	close_fd(&s->ruleset);
	s->ruleset = -1;
	s->abi = -EPERM;
	return try_it(s, e);
}

static int make_landlock(struct sandbox *s, const struct exports *e)
{
	s->abi = landlock_abi();
	if (s->abi < 0)
		return 0;
	s->ruleset = make_ruleset(e);
	if (s->ruleset == -EPERM)
		s->abi = -EPERM;
	return s->ruleset < 0 && s->abi > 0 ? s->ruleset : 0;
}

int sandbox_prepare(struct sandbox *s, const struct exports *exports)
{
	*s = (struct sandbox){ .ruleset = -1 };
	tzset();                                /* else the first gmtime_r() in a stream would open /etc/localtime */
	int r = make_landlock(s, exports);
	if (r == 0)
		r = make_filters(s, writes(exports));
	if (r == 0)
		r = try_all(s, exports);
	if (r == 0 && in_force > 0 && s->abi < 0)
		r = -EPERM;                     /* a reload takes nothing of it away */
	if (r < 0)
		sandbox_clear(s);
	else
		say(s);
	return r;
}

void sandbox_clear(struct sandbox *s)
{
	if (s->ruleset >= 0)
		close(s->ruleset);
	filter_clear(&s->opening);
	filter_clear(&s->reading);
	filter_clear(&s->changing);
	filter_clear(&s->status);
	filter_clear(&s->metrics);
	*s = (struct sandbox){ .ruleset = -1 };
}

/* --- in the child ------------------------------------------------------------------------------------------------ */

/* Never more than it may have already: only root may ask for that. */
static int limit(int which, rlim_t most)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)which, &r) < 0)
		return -errno;
	r.rlim_cur = r.rlim_max = most < r.rlim_max ? most : r.rlim_max;
	return setrlimit((__rlimit_resource_t)which, &r) < 0 ? -errno : 0;
}

static int enter(int ruleset, const struct filter *f)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	int r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_NPROC, 0);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, DESCRIPTORS);
	if (r == 0 && ruleset >= 0)
		r = landlock_enter(ruleset);
	if (ruleset >= 0)
		close(ruleset);
	return r == 0 ? filter_enter(f) : r;
}

int sandbox_enter(const struct sandbox *s)
{
	return enter(s->ruleset, &s->opening);
}

static int enter_helper(const struct sandbox *s, const struct filter *f)
{
	int nothing = s->ruleset >= 0 ? landlock_ruleset(NULL, 0) : -1;

	return s->ruleset >= 0 && nothing < 0 ? nothing : enter(nothing, f);
}

int sandbox_enter_status(const struct sandbox *s)
{
	return enter_helper(s, &s->status);
}

int sandbox_enter_metrics(const struct sandbox *s)
{
	return enter_helper(s, &s->metrics);
}

/* Is what was granted all that the first layer leaves? Then a second one would only cost time at each name. */
static bool all_of_it(const struct exports *all, const struct exports *granted)
{
	for (size_t i = 0; i < granted->count; i++)
		if (!all || granted->list[i].denied || granted->list[i].writable != all->list[i].writable)
			return false;
	return all && all->count == granted->count;
}

int sandbox_narrow(const struct sandbox *s, const struct exports *all, struct exports *granted)
{
	if (s->ruleset >= 0 && !all_of_it(all, granted)) {
		int ruleset = make_ruleset(granted), r = ruleset < 0 ? ruleset : landlock_enter(ruleset);
		if (ruleset >= 0)
			close(ruleset);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < granted->count; i++) {
		if (granted->list[i].denied && granted->list[i].dir >= 0) {
			close_fd(&granted->list[i].dir);
			close_fd(&granted->list[i].still);
		}
	}
	return filter_enter(writes(granted) ? &s->changing : &s->reading);
}
