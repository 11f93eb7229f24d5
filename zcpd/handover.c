/*
 * handover.c - which file's descriptor a client of this machine may have instead of its contents: one that lets it read this file, and no more.
 *
 * Reopened /proc/self/fd/N opens the file anew, with the rights of who asks and past the directories above it. So nobody else may be able to write it (mode & 022: an ACL's
 *          mask stands there, too), its owner is another user, and the peer is not root, who overrides modes, also in a container that sees nothing of this file; or the
 *          mount is read-only, which stops all of them: where zcpd was started as root, each export has such a mount that nobody else sees (export.h), and all is opened there. No set-id bits, no file capabilities: they would be had by executing it.
 * Files    that the kernel itself keeps: handed.h.
 * Small    files ride inside records, many in one write: 20,000 of 2,000 bytes take 1.1 to 1.8 s so, and 2.9 to 3.6 s as descriptors; of 20,000 bytes 2.8 to 3.3 and 3.4 to 5.2 s.
 * Rate     a descriptor has none: where an export has one, bytes are sent.
 * Kept     what has been handed over stays open: a key that is taken away later, or a file that is hidden later, changes nothing for it (zcpd(8), UNIX SOCKETS).
 * Source   unix(7), proc_pid_fd(5), acl(5), open_tree(2), mount_setattr(2), SECURITY.md. Proof tests/unix-socket.bats.
 */
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "common/handed.h"
#include "common/throttle.h"
#include "zcpd/session.h"

enum { MODE_SET_ID = 06000, MODE_EXECUTE = 0111, MODE_OTHERS_WRITE = 022 };

static bool runs_as_another(int fd, const struct stat *st)
{
	return (st->st_mode & MODE_SET_ID) || ((st->st_mode & MODE_EXECUTE) && fgetxattr(fd, "security.capability", NULL, 0) >= 0);
}

/* Could the peer open it for writing, were it on this mount? */
static bool others_write(const struct session *s, const struct stat *st)
{
	return (st->st_mode & MODE_OTHERS_WRITE) || st->st_uid == s->peer_uid || s->peer_uid == 0;
}

static bool mounted_read_only(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_flags & ST_RDONLY;
}

/* The same file where nobody can write it; -1: there is no such mount, or another file has the name in it. */
static int open_still(const struct target *t, bool follow, const struct stat *st)
{
	struct stat now;

	if (t->export->still < 0)
		return -1;
	int fd = path_open(t->export->still, t->rest, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, follow);
	if (fd >= 0 && fstat(fd, &now) == 0 && now.st_dev == st->st_dev && now.st_ino == st->st_ino && mounted_read_only(fd))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int handover_fd(const struct session *s, const struct target *t, bool follow, int fd, const struct stat *st, int *still)
{
	const struct export *e = t->export;

	*still = -1;
	if (!s->hands || s->send_only || !e->raw || throttle_rate(e->rate) || st->st_size <= WIRE_INLINE_MAX || !S_ISREG(st->st_mode))
		return -1;
	if (!handed_local(fd) || runs_as_another(fd, st))
		return -1;
	*still = open_still(t, follow, st);
	return *still < 0 && (!others_write(s, st) || mounted_read_only(fd)) ? fd : *still;
}
