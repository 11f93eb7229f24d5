/* forbidden.c - see forbidden.h */
#include "common/forbidden.h"

#ifdef ZCP_UNSAFE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include "common/log.h"

#define PREFIX ".forbidden/"

static long by_name(const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = flags & O_CREAT ? 0600 : 0 };

	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static long t_exec(const char *a)
{
	char *argv[] = { NULL }, *envp[] = { NULL };

	(void)a;
	return syscall(SYS_execve, "/bin/true", argv, envp);
}

static long t_fork(const char *a)
{
	(void)a;
	long pid = syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
	if (pid == 0)
		_exit(0);
	return pid;
}

static long t_socket(const char *a)   { (void)a; return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }
static long t_datagram(const char *a) { (void)a; return syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0); }

static long t_mptcp(const char *a)    { (void)a; return syscall(SYS_socket, AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */); }

static long t_connect(const char *a)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)a;
	return syscall(SYS_connect, 0, &to, sizeof to);
}

/* A socket of zcp's own kind, but to another port than that of its host. */
static long t_elsewhere(const char *a)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	long               fd = t_socket(a);

	return fd < 0 ? fd : syscall(SYS_connect, fd, &to, sizeof to);
}

/* There, without connect(). */
static long t_fastopen(const char *a)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	long               fd = t_socket(a);

	return fd < 0 ? fd : syscall(SYS_sendto, fd, "", 1, MSG_FASTOPEN | MSG_NOSIGNAL | MSG_DONTWAIT, &to, sizeof to);
}

static long t_ulp(const char *a)
{
	long fd = t_socket(a);

	return fd < 0 ? fd : syscall(SYS_setsockopt, fd, IPPROTO_TCP, 31 /* TCP_ULP */, "smc", 4);
}

static long t_sendto(const char *a)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/notify" };

	(void)a;
	return syscall(SYS_sendto, 2, "", 0, MSG_DONTWAIT, &to, sizeof to);
}

static long t_sendmsg(const char *a)
{
	struct msghdr m = { .msg_namelen = 0 };

	(void)a;
	return syscall(SYS_sendmsg, 2, &m, MSG_DONTWAIT);
}

static long t_setsockopt(const char *a)
{
	int on = 1;

	(void)a;
	return syscall(SYS_setsockopt, 0, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}

static long t_vmsplice(const char *a)
{
	static char  bytes[16];
	struct iovec v = { bytes, sizeof bytes };
	int          p[2];

	(void)a;
	return pipe2(p, O_CLOEXEC) < 0 ? 0 : syscall(SYS_vmsplice, p[1], &v, 1, 0);
}

static long t_tee(const char *a)
{
	int p[2], q[2];

	(void)a;
	return pipe2(p, O_CLOEXEC) < 0 || pipe2(q, O_CLOEXEC) < 0 ? 0 : syscall(SYS_tee, p[0], q[1], 1, 2 /* SPLICE_F_NONBLOCK */);
}

static long t_mremap(const char *a)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)a;
	return p == MAP_FAILED ? 0 : syscall(SYS_mremap, p, 4096, 8192, MREMAP_MAYMOVE, 0);
}

static long t_exec_map(const char *a)
{
	(void)a;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

/* ADDRESS/WORD: does the page there hold the word? What is not mapped ends the process (SIGSEGV). */
static long t_neighbour(const char *a)
{
	char      *word;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): an address is what was asked for */
	const void *page = (const void *)(uintptr_t)strtoull(a, &word, 16);

	if (*word == '/' && memmem(page, 4096, word + 1, strlen(word + 1)))
		return 0;
	errno = ENOENT;
	return -1;
}

static long t_ptrace(const char *a)   { (void)a; return syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }
static long t_uring(const char *a)    { static char params[120]; (void)a; return syscall(425, 1, params); }
static long t_kill(const char *a)     { (void)a; return syscall(SYS_kill, getppid(), 0); }
static long t_dumpable(const char *a) { (void)a; return syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0); }
static long t_openat(const char *a)   { (void)a; return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC); }
static long t_passwd(const char *a)   { (void)a; return by_name("/etc/passwd", O_RDONLY); }
static long t_mem(const char *a)      { (void)a; return by_name("/proc/self/mem", O_RDWR); }
static long t_outside(const char *a)  { return by_name(a, O_WRONLY | O_CREAT); }
static long t_export(const char *a)   { return by_name(a, O_RDONLY); }
static long t_times(const char *a)    { (void)a; return syscall(SYS_utimensat, AT_FDCWD, "/", NULL, 0); }
static long t_landlock(const char *a) { (void)a; return syscall(444, NULL, 0, 1); }

static const struct { const char *name; long (*f)(const char *argument); } table[] = {
	{ "exec", t_exec },         { "fork", t_fork },         { "socket", t_socket },     { "connect", t_connect },
	{ "datagram", t_datagram }, { "elsewhere", t_elsewhere }, { "mptcp", t_mptcp },
	{ "fastopen", t_fastopen }, { "ulp", t_ulp },
	{ "ptrace", t_ptrace },     { "io_uring", t_uring },    { "vmsplice", t_vmsplice }, { "tee", t_tee },
	{ "mremap", t_mremap },     { "kill", t_kill },         { "dumpable", t_dumpable }, { "openat", t_openat },
	{ "passwd", t_passwd },     { "proc-mem", t_mem },      { "write-outside", t_outside }, { "export", t_export },
	{ "sendto", t_sendto },     { "sendmsg", t_sendmsg },   { "setsockopt", t_setsockopt }, { "times", t_times },
	{ "exec-map", t_exec_map }, { "neighbour", t_neighbour }, { "landlock", t_landlock },
};

void forbidden_asked(const char *name)
{
	const char *equals = name ? strchr(name, '=') : NULL;
	size_t      len = equals ? (size_t)(equals - name) : name ? strlen(name) : 0;

	for (size_t i = 0; name && i < sizeof table / sizeof *table; i++) {
		if (strlen(table[i].name) != len || memcmp(table[i].name, name, len) != 0)
			continue;
		errno = 0;
		long        r = table[i].f(equals ? equals + 1 : "");
		const char *why = strerrorname_np(errno);
		log_info("forbidden %s: %s", table[i].name, r >= 0 ? "done" : why ? why : "?");
		return;
	}
	if (name)
		log_info("forbidden: nothing of that name");
}

bool forbidden_path(const char *path)
{
	if (strncmp(path, PREFIX, sizeof PREFIX - 1) != 0)
		return false;
	forbidden_asked(path + sizeof PREFIX - 1);
	return true;
}
#endif
