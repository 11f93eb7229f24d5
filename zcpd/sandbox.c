/* sandbox.c - the filter's list of calls, and the order in which everything is set. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <netinet/in.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "zcpd/sandbox.h"

#if defined __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { DESCRIPTORS = 128 };     /* 16 open files of 2, a pipe, a walk, the exports: about 110 at the very most */

/* By name, so that a call one architecture lacks (poll on arm64) is left out there. */
static const char *const allowed[] = {
	/* contents */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "sendfile", "splice", "pipe2", "lseek",
	"fadvise64", "fallocate", "ftruncate", "fsync", "fdatasync",
	/* the socket */
	"recvfrom", "recvmsg", "sendto", "sendmsg", "shutdown", "getsockopt", "getsockname", "getpeername", "poll", "ppoll",
	/* names, below a directory descriptor; Landlock says which */
	"openat2", "openat", "close", "dup", "fstat", "newfstatat", "statx", "fstatfs", "getdents64", "readlinkat", "renameat", "renameat2", "unlinkat",
	"mkdirat", "symlinkat", "fchmod", "fchown", "utimensat", "fgetxattr", "fsetxattr",
	"fremovexattr", "flistxattr", "umask",
	/* memory, time, signals, the end */
	"munmap", "madvise", "mlock", "munlock", "brk", "futex", "sched_yield", "getrandom", "clock_gettime", "gettimeofday",
	"clock_nanosleep", "nanosleep", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "alarm", "setitimer",
	"getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "exit", "exit_group",
};

/* Only with these values of one argument. fcntl: nothing that sends signals. setsockopt: these two levels. No memory that can be executed. */
static const struct { const char *name; unsigned arg; uint64_t mask, value; } narrow[] = {
	{ "mmap", 2, PROT_EXEC, 0 },            { "mprotect", 2, PROT_EXEC, 0 },
	{ "fcntl", 1, ~0ULL, F_GETFL },         { "fcntl", 1, ~0ULL, F_SETFL },        { "fcntl", 1, ~0ULL, F_GETFD },
	{ "fcntl", 1, ~0ULL, F_SETFD },         { "fcntl", 1, ~0ULL, F_DUPFD_CLOEXEC }, { "fcntl", 1, ~0ULL, F_SETPIPE_SZ },
	{ "fcntl", 1, ~0ULL, F_GETPIPE_SZ },
	{ "setsockopt", 1, ~0ULL, SOL_SOCKET }, { "setsockopt", 1, ~0ULL, IPPROTO_TCP },
};

/* libc tries these and can do without: realloc() copies, raise() gives up and the signal's cause comes again. */
static const struct { const char *name; int err; } failing[] = { { "mremap", ENOMEM }, { "tgkill", EPERM } };

#define COUNT(a) (sizeof (a) / sizeof *(a))

static int number(const char *name)
{
	int n = seccomp_syscall_resolve_name(name);

	/* a libseccomp older than the call */
	return n == __NR_SCMP_ERROR && name[0] == 'o' ? SYS_openat2 : n;
}

static int fill(scmp_filter_ctx ctx)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	for (size_t i = 0; i < COUNT(allowed) && r == 0; i++)
		if (number(allowed[i]) != __NR_SCMP_ERROR)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number(allowed[i]), 0);
	for (size_t i = 0; i < COUNT(narrow) && r == 0; i++) {
		struct scmp_arg_cmp cmp = { narrow[i].arg, SCMP_CMP_MASKED_EQ, narrow[i].mask, narrow[i].value };
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number(narrow[i].name), 1, &cmp);
	}
	for (size_t i = 0; i < COUNT(failing) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO((unsigned)failing[i].err), number(failing[i].name), 0);
	return r;
}

/* The finished program by way of a file in memory: libseccomp writes it to a descriptor. */
static int export_filter(struct sandbox *s, scmp_filter_ctx ctx)
{
	struct stat  st;
	CLEAN_FD int fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	int r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	s->filter = malloc((size_t)st.st_size);
	if (!s->filter)
		return -ENOMEM;
	s->filter_len = (unsigned short)((size_t)st.st_size / sizeof *s->filter);
	ssize_t n = io_pread_full(fd, s->filter, (size_t)st.st_size, 0);
	return n == st.st_size ? 0 : n < 0 ? (int)n : -EIO;
}

static int seccomp_prepare(struct sandbox *s)
{
	if (SANITIZED) {
		log_warn("this build has a sanitizer: streams run without the system call filter");
		return 0;
	}
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return -ENOMEM;
	int r = fill(ctx);
	if (r == 0)
		r = export_filter(s, ctx);
	seccomp_release(ctx);
	return r;
}

int sandbox_prepare(struct sandbox *s, const struct exports *exports)
{
	*s = (struct sandbox){ .ruleset = -1 };
	int r = landlock_prepare(exports, &s->ruleset);
	if (r == 0)
		r = seccomp_prepare(s);
	if (r < 0)
		sandbox_clear(s);
	return r;
}

static int limit(int which, rlim_t most)
{
	struct rlimit r = { most, most };

	return setrlimit((__rlimit_resource_t)which, &r) < 0 ? -errno : 0;
}

int sandbox_enter(const struct sandbox *s)
{
	struct sock_fprog prog = { s->filter_len, s->filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	int r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_NPROC, 0);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, DESCRIPTORS);
	if (r == 0)
		r = landlock_enter(s->ruleset);
	if (r < 0 || !s->filter)
		return r;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}

void sandbox_clear(struct sandbox *s)
{
	close_fd(&s->ruleset);
	free(s->filter);
	*s = (struct sandbox){ .ruleset = -1 };
}
