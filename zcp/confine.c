/* confine.c - see confine.h */
#include "zcp/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/filter.h"
#include "common/landlock.h"
#include "common/log.h"
#include "zcp/joblog.h"
#ifdef ZCP_UNSAFE
#include "common/forbidden.h"
#endif

static const char *const base[] = {
	/* contents, the socket, the terminal */
	"read", "write", "readv", "writev", "pread64", "preadv", "preadv2", "sendfile", "splice", "pipe2", "lseek", "fadvise64", "dup", "close",
	"connect", "recvfrom", "shutdown", "getsockopt", "getsockname", "getpeername", "poll", "ppoll",
	/* names; Landlock says which */
	"openat2", "openat", "fstat", "newfstatat", "statx", "fstatfs", "getdents64", "readlinkat", "readlink", "faccessat", "faccessat2",
	/* further streams, and their threads */
	"set_robust_list", "rseq",
	/* memory, time, signals, the end */
	"munmap", "madvise", "mlock", "munlock", "brk", "futex", "sched_yield", "getrandom", "clock_gettime", "gettimeofday",
	"clock_nanosleep", "nanosleep", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
	"getrusage", "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "exit", "exit_group", NULL,
};
static const char *const storing[] = {
	"pwrite64", "pwritev", "fallocate", "ftruncate", "flock", "fsync", "fdatasync", "renameat", "renameat2", "unlinkat", "mkdirat", "symlinkat", "linkat",
	"fchmod", "fchown", "utimensat", "fgetxattr", "fsetxattr", "fremovexattr", "umask", NULL,
};
/* Of what is copied, or replaced, with -X or -A. */
static const char *const attributes[] = { "flistxattr", "fgetxattr", NULL };
/* the job log, and the names of what failed */
static const char *const noting[] = { "ftruncate", NULL };
/* The owner of a link, by its descriptor; of files and directories fchown sets it. */
static const struct filter_narrow narrow_owners[] = { { "fchownat", { 4, ~0ULL, AT_EMPTY_PATH }, { 0 } }, { NULL, { 0 }, { 0 } } };
enum { THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD };
#define ANY(n, v) { (n), ~0ULL, (v) }
static const struct filter_narrow narrow[] = {
	{ "mmap", { 2, PROT_EXEC, 0 }, { 0 } },         { "mprotect", { 2, PROT_EXEC, 0 }, { 0 } },
	{ "fcntl", ANY(1, F_GETFL), { 0 } },            { "fcntl", ANY(1, F_SETFL), { 0 } },
	{ "fcntl", ANY(1, F_GETFD), { 0 } },            { "fcntl", ANY(1, F_SETFD), { 0 } },
	{ "fcntl", ANY(1, F_DUPFD_CLOEXEC), { 0 } },    { "fcntl", ANY(1, F_SETPIPE_SZ), { 0 } },
	{ "fcntl", ANY(1, F_GETPIPE_SZ), { 0 } },
	/* to who is connected: MSG_FASTOPEN connects past Landlock's port (and sendmsg, whose address no filter sees, is in no list) */
	{ "sendto", ANY(4, 0), { 3, MSG_FASTOPEN, 0 } },
	/* no TCP_ULP, which makes another kind of socket of it */
	{ "setsockopt", ANY(1, SOL_SOCKET), { 0 } },
	{ "setsockopt", ANY(1, IPPROTO_TCP), ANY(2, TCP_NODELAY) },       { "setsockopt", ANY(1, IPPROTO_TCP), ANY(2, TCP_USER_TIMEOUT) },
	{ "setsockopt", ANY(1, IPPROTO_TCP), ANY(2, TCP_KEEPIDLE) },      { "setsockopt", ANY(1, IPPROTO_TCP), ANY(2, TCP_KEEPINTVL) },
	{ "setsockopt", ANY(1, IPPROTO_TCP), ANY(2, TCP_KEEPCNT) },       { "setsockopt", ANY(1, IPPROTO_TCP), ANY(2, TCP_CONGESTION) },
	/* how wide the terminal is, and whether it is one: nothing that types into it */
	{ "ioctl", ANY(1, TIOCGWINSZ), { 0 } },         { "ioctl", ANY(1, TCGETS), { 0 } },
	/* threads, no processes */
	{ "clone", { 0, THREAD, THREAD }, { 0 } },
	{ NULL, { 0 }, { 0 } },
};
/* Of copies on this machine: local/copy.h */
static const char *const copying[] = { "copy_file_range", NULL };
static const struct filter_narrow narrow_copying[] = { { "ioctl", ANY(1, FICLONE), { 0 } }, { NULL, { 0 }, { 0 } } };
/* Streams to the port Landlock says (from its ABI 4 on; before that: anywhere). TCP only: it holds no other protocol, MPTCP, SMC and SCTP among them. */
static const struct filter_narrower narrower[] = {
	{ "socket", { ANY(0, AF_INET),  { 1, 0xf, SOCK_STREAM }, ANY(2, 0) } },
	{ "socket", { ANY(0, AF_INET6), { 1, 0xf, SOCK_STREAM }, ANY(2, 0) } },
	{ NULL, { { 0 } } },
};
/* Over a Unix socket: what comes may bring descriptors, and these are copied from. */
static const char *const over_unix[] = { "recvmsg", "copy_file_range", NULL };
static const struct filter_narrow narrow_unix[] = { { "ioctl", ANY(1, FICLONE), { 0 } }, { NULL, { 0 }, { 0 } } };
/* No filter sees which path is connected to, and before its ABI says so Landlock does not either: only where a further stream, or another attempt, was asked for. */
static const struct filter_narrower narrower_unix[] = {
	{ "socket", { ANY(0, AF_UNIX), { 1, 0xf, SOCK_STREAM }, ANY(2, 0) } },
	{ NULL, { { 0 } } },
};
static const struct filter_narrower no_sockets[] = { { NULL, { { 0 } } } };
/* realloc() copies when it may not mremap */
static const struct filter_fail failing[] = { { "mremap", ENOMEM }, { NULL, 0 } };

static int enter_landlock(const struct landlock_rule *rules, size_t n)
{
	int ruleset = landlock_ruleset(rules, n), r = ruleset < 0 ? ruleset : landlock_enter(ruleset);

	if (ruleset >= 0)
		close(ruleset);
	return r;
}

static const struct filter_narrower *sockets(const struct job *j)
{
	if (!job_socket(j))
		return narrower;
	return j->opt->streams > 1 || j->opt->retries > 0 ? narrower_unix : no_sockets;
}

static int enter_filter(const struct job *j, bool stores)
{
	bool                reads = j->extras & (EXTRAS_XATTRS | EXTRAS_ACLS), owners = j->extras & EXTRAS_OWNER;
	struct filter_lists l = {
		.allowed = { base, stores ? storing : NULL, j->log ? noting : NULL, reads ? attributes : NULL, j->local ? copying : job_socket(j) ? over_unix : NULL },
		.narrow = { narrow, owners ? narrow_owners : NULL, j->local ? narrow_copying : job_socket(j) ? narrow_unix : NULL },
		.narrower = j->local ? NULL : sockets(j), .failing = failing, .otherwise = ENOSYS,
	};
	struct filter f = { 0 };
	int           r = FILTER_SANITIZED ? -EOPNOTSUPP : filter_supported();

	if (r == 0)
		r = filter_make(&l, &f);
	if (r == 0)
		r = filter_enter(&f);
	filter_clear(&f);
	return r;
}

static void confine(struct job *j, const struct landlock_rule *rules, size_t n, bool stores)
{
	char files[64];
	int  abi = landlock_abi();

	if (j->confined)                /* a further attempt */
		return;
	j->confined = true;
	int lock = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : enter_landlock(rules, n);
	int calls = enter_filter(j, stores);
	snprintf(files, sizeof files, "Landlock ABI %d", abi);
	log_info("%s: %s, %s", lock < 0 && calls < 0 ? "not confined" : "confined",
	         lock == 0 ? files : lock == -EPERM ? "Landlock is forbidden by a filter around zcp" : "this kernel has no Landlock",
	         calls == 0 ? "system calls filtered" : FILTER_SANITIZED ? "a sanitizer's build filters no system calls" : "no system call filter");
#ifdef ZCP_UNSAFE
	forbidden_asked(getenv("ZCP_TRY"));
#endif
}

/* What every job needs besides its files: the host's port. */
enum { OF_ALL = 1 };
static size_t of_all(const struct job *j, struct landlock_rule rules[static OF_ALL])
{
	const struct sockaddr_in  *v4 = (const struct sockaddr_in *)&j->address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&j->address;
	uint16_t port = j->address.ss_family == AF_INET ? ntohs(v4->sin_port) : j->address.ss_family == AF_INET6 ? ntohs(v6->sin6_port) : 0;
	size_t   n = 0;

	if (port)
		rules[n++] = (struct landlock_rule){ .fd = -1, .connect = port };
	return n;
}

/* What is written: DST, and all below it. */
enum { OF_DESTINATION = 2 };
static size_t of_destination(const struct destination *d, struct landlock_rule rules[static OF_DESTINATION])
{
	size_t n = 0;

	if (d->base >= 0)
		rules[n++] = (struct landlock_rule){ .fd = d->base, .access = LANDLOCK_READ | LANDLOCK_WRITE };
	if (d->pour && d->given < 0)
		rules[n++] = (struct landlock_rule){ .path = d->path, .fd = -1, .access = LANDLOCK_WRITE };
	return n;
}

void confine_download(struct job *j, const struct destination *d)
{
	struct landlock_rule rules[OF_DESTINATION + OF_ALL];
	size_t               n = of_all(j, rules);

	n += of_destination(d, rules + n);
	confine(j, rules, n, true);
}

/* Sources are read, what `rules` has already is added to: the caller's, with room for one more, where links may lead anywhere. */
static void confine_sources(struct job *j, const struct plan *p, struct landlock_rule *few, size_t n, bool stores)
{
	struct landlock_rule *rules = calloc(p->count + n + 1, sizeof *rules);
	size_t                all = n;
	bool                  anywhere = !rules;

	if (rules)
		memcpy(rules, few, n * sizeof *few);
	for (size_t i = 0; i < p->count && !anywhere; i++) {
		if (p->v[i].meta.type == 'l')
			continue;               /* it is read already */
		anywhere = p->v[i].meta.type == 'd' && !j->opt->keep_links;
		rules[all++] = (struct landlock_rule){ .path = p->v[i].path, .fd = -1, .access = LANDLOCK_READ };
	}
	if (anywhere)
		few[n++] = (struct landlock_rule){ .path = "/", .fd = -1, .access = LANDLOCK_READ };
	confine(j, anywhere ? few : rules, anywhere ? n : all, stores);
	free(rules);
}

void confine_upload(struct job *j, const struct plan *p)
{
	struct landlock_rule rules[OF_ALL + 1];

	confine_sources(j, p, rules, of_all(j, rules), false);
}

void confine_local(struct job *j, const struct plan *p, const struct destination *d)
{
	struct landlock_rule rules[OF_DESTINATION + 1];

	confine_sources(j, p, rules, of_destination(d, rules), true);
}

bool confine_replaced(const struct source *s)
{
	struct stat st;

	return stat(s->path, &st) == 0 && (st.st_dev != s->identity.dev || st.st_ino != s->identity.ino);
}
