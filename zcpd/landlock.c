/* landlock.c - the exports and nothing else. Structs and rights are spelled out: the C library's headers are older than the kernel. */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/log.h"
#include "zcpd/sandbox.h"

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
	VERSION_FLAG = 1, PATH_BENEATH = 1,
	READING = FS_READ_FILE | FS_READ_DIR,
	WRITING = FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE,
};

struct ruleset_attr { uint64_t fs, net, scoped; };                      /* ABI 1: 8 bytes, 4: 16, 6: 24 */
struct path_attr    { uint64_t access; int32_t fd; } __attribute__((packed));

static struct ruleset_attr handled(long abi)
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

int landlock_prepare(const struct exports *exports, int *ruleset)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);

	if (abi < 1) {
		log_warn("this kernel has no Landlock: streams are held to their directories by openat2 and seccomp alone");
		*ruleset = -1;
		return 0;
	}
	struct ruleset_attr all = handled(abi);
	size_t              size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	int                 fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < exports->count; i++) {
		const struct export *e = &exports->list[i];
		struct path_attr     rule = { (READING | (e->writable ? WRITING : 0)) & all.fs, e->dir };
		if (syscall(SYS_landlock_add_rule, fd, PATH_BENEATH, &rule, 0) < 0) {
			int r = -errno;
			close(fd);
			return r;
		}
	}
	log_debug("Landlock ABI %ld", abi);
	*ruleset = fd;
	return 0;
}

int landlock_enter(int ruleset)
{
	if (ruleset < 0)
		return 0;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
