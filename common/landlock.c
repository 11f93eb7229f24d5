/* landlock.c - see landlock.h */
#include "common/landlock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/path.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum {
	FS_EXECUTE = 1 << 0, FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2, FS_READ_DIR = 1 << 3, FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5, FS_MAKE_DIR = 1 << 7, FS_MAKE_REG = 1 << 8, FS_MAKE_SYM = 1 << 12, FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14, FS_IOCTL_DEV = 1 << 15,
	FS_ABI1 = (1 << 13) - 1,
	NET_BIND_AND_CONNECT = 3, SCOPE_SOCKETS_AND_SIGNALS = 3,
	NET_CONNECT = 2, VERSION_FLAG = 1, PATH_BENEATH = 1, NET_PORT = 2,
	READING = FS_READ_FILE | FS_READ_DIR,
	WRITING = FS_WRITE_FILE | FS_REMOVE_FILE | FS_REMOVE_DIR | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE,
	OF_FILES = FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE,
};

struct ruleset_attr { uint64_t fs, net, scoped; };                      /* ABI 1: 8 bytes, 4: 16, 6: 24 */
struct path_attr    { uint64_t access; int32_t fd; } __attribute__((packed));

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);

	if (abi < 0)
		return -errno;
	return abi < 1 ? -EOPNOTSUPP : abi > LANDLOCK_ABI_KNOWN ? LANDLOCK_ABI_KNOWN : (int)abi;
}

static struct ruleset_attr handled(int abi)
{
	struct ruleset_attr a = { .fs = FS_ABI1 };

	if (abi >= 2)
		a.fs |= FS_REFER;
	if (abi >= 3)
		a.fs |= FS_TRUNCATE;
	if (abi >= 4)
		a.net = NET_BIND_AND_CONNECT;
	if (abi >= 5)
		a.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		a.scoped = SCOPE_SOCKETS_AND_SIGNALS;
	return a;
}

struct port_attr { uint64_t access, port; };

static int add_port(int ruleset, uint16_t port, const struct ruleset_attr *all)
{
	struct port_attr a = { NET_CONNECT, port };

	return !all->net || syscall(SYS_landlock_add_rule, ruleset, NET_PORT, &a, 0) == 0 ? 0 : -errno;
}

/* Is path[0..at) something/NUMBER, and "/net/" next? */
static bool is_net(const char *path, size_t at)
{
	size_t digits = 0;

	while (digits < at && isdigit((unsigned char)path[at - digits - 1]))
		digits++;
	return digits && digits < at && path[at - digits - 1] == '/' && strncmp(path + at, "/net/", 5) == 0;
}

static bool on_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* The /proc/PID/net that fd is below, or -1. */
static int net_above(int fd)
{
	char path[PATH_MAX];

	if (!on_procfs(fd) || !path_name(fd, path))
		return -1;
	size_t at = strlen(path);
	while (at > 0 && !is_net(path, at))
		at--;
	if (at == 0)
		return -1;
	path[at + 4] = '\0';
	CLEAN_FD int net = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return net >= 0 && on_procfs(net) ? keep_fd(&net) : -1;
}

/* What a rule for this path names: 0 or -1, *fd the caller's. */
static int open_named(const struct landlock_rule *rule, int *fd)
{
	*fd = open(rule->path, O_PATH | O_CLOEXEC);
	int net = *fd >= 0 && rule->access == LANDLOCK_READ ? net_above(*fd) : -1;
	if (net >= 0) {
		close_fd(fd);
		*fd = net;
	}
	return *fd < 0 ? -1 : 0;
}

static int add(int ruleset, const struct landlock_rule *rule, uint64_t all)
{
	struct path_attr a = { .fd = rule->fd };
	struct stat      st;
	CLEAN_FD int     own = -1;

	if (rule->path) {
		if (open_named(rule, &own) < 0)
			return 0;               /* whoever opens it later is told why */
		a.fd = own;
	}
	if (fstat(a.fd, &st) < 0)
		return -errno;
	a.access = (uint64_t)((rule->access & LANDLOCK_READ ? READING : 0) | (rule->access & LANDLOCK_WRITE ? WRITING : 0)) & all;
	if (!S_ISDIR(st.st_mode))
		a.access &= OF_FILES;
	/* EBADFD: a pipe or its like, which Landlock never holds */
	if (!a.access || syscall(SYS_landlock_add_rule, ruleset, PATH_BENEATH, &a, 0) == 0 || errno == EBADFD)
		return 0;
	return -errno;
}

int landlock_ruleset(const struct landlock_rule *rules, size_t n)
{
	int abi = landlock_abi();

	if (abi < 0)
		return abi;
	struct ruleset_attr all = handled(abi);
	size_t              size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	int                 fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0), r = fd < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = rules[i].connect ? add_port(fd, rules[i].connect, &all) : add(fd, &rules[i], all.fs);
	if (r < 0)
		close_fd(&fd);
	return r < 0 ? r : fd;
}

int landlock_enter(int ruleset)
{
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
