/*
 * landlock.h - the parts of the file system that this process may still reach; nothing else, no signals outwards, and no TCP but to the ports that are named.
 *
 * Rules    a directory (with all that is below it) or a file, by descriptor or by path, and what may be done there. Rights that only directories
 *          have are left out for a file. A rule whose path cannot be opened, or that names no file system's object (a pipe), is left out.
 *          A rule with `connect` is about no file: to that port TCP may be connected.
 * Procfs   gives what is below /proc/PID/net (so of /proc/net) another inode whenever it is looked up: no rule for one holds the next. There a path that may only be read stands for that
 *          net directory, with all of it: the same network's tables.
 * Layers   each landlock_enter() narrows what the ones before it left. no_new_privs has to be set.
 * ABI      the best the kernel has, at most LANDLOCK_ABI_KNOWN. What an old one lacks is not handled: REFER below 2 (then renames between directories
 *          always fail), TRUNCATE below 3, TCP below 4, ioctl on devices below 5, signals and abstract sockets below 6.
 * Beyond   no ABI holds stat, readlink, chmod, chown, times or extended attributes: those are seccomp's business.
 * Returns  landlock_abi(): >= 1; -ENOSYS or -EOPNOTSUPP: the kernel has none; -EPERM: a filter around this process forbids it.
 * Source   landlock(7). Structs and rights are spelled out: the C library's headers are older than the kernel. Proof tests/unit/sandbox.c, tests/sandbox.bats, tests/vm.bats.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum landlock_access { LANDLOCK_READ = 1, LANDLOCK_WRITE = 2 };
enum { LANDLOCK_ABI_KNOWN = 7 };

struct landlock_rule { const char *path; int fd; unsigned access; uint16_t connect; };  /* path NULL: fd, borrowed */

int landlock_abi(void);
/* A ruleset's descriptor, the caller's; 0 rules: nothing is left. -errno */
int landlock_ruleset(const struct landlock_rule *, size_t n);
int landlock_enter(int ruleset);                /* 0 or -errno */
