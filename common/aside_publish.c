/* aside_publish.c - extras, mode, times, close, rename: see aside.h */
#include "common/aside_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/umask.h"

enum { ACL_MAX = 4096, RACE_TRIES = 4 };
static const char acl_name[] = "system.posix_acl_access";

/* The ACL of the file that stands there, or the lack of one, where the file system has ACLs and we may read it. */
static void take_acl(int fd, int dir, const char *final)
{
	char acl[ACL_MAX];
	CLEAN_FD int old = path_one(dir, final, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	ssize_t n;

	if (old < 0)
		return;
	n = fgetxattr(old, acl_name, acl, sizeof acl);
	if (n > 0)
		fsetxattr(fd, acl_name, acl, (size_t)n, 0);
	else if (n < 0 && errno == ENODATA)
		fremovexattr(fd, acl_name);             /* one that the directory's default ACL gave */
}

/* The new bytes get owner, group, mode and ACL of the file they replace. Who may not give them away keeps them. */
static int take_over(int fd, int dir, const char *final, const struct stat *old)
{
	mode_t mode = old->st_mode & 0777;
	struct stat own;
	bool group_kept;

	if (fstat(fd, &own) < 0)
		return -errno;
	group_kept = own.st_gid == old->st_gid;
	if (own.st_uid != old->st_uid || !group_kept) {
		if (fchown(fd, old->st_uid, old->st_gid) == 0 || (!group_kept && fchown(fd, (uid_t)-1, old->st_gid) == 0))
			group_kept = true;
	}
	if (!group_kept)                                /* another group: no more than everybody was allowed */
		mode &= (mode_t)(0707 | (mode & 0007) << 3);
	if (fchmod(fd, mode) < 0)
		return -errno;
	if (group_kept)
		take_acl(fd, dir, final);
	return 0;
}

static int set_times(int fd, const struct meta *m)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = m->mtime, .tv_nsec = (long)m->mtime_ns } };

	return futimens(fd, t) < 0 ? -errno : 0;
}

static bool keeps_mode(const struct publish *p)
{
	return p->keep_mode || (p->extras && p->extras->kinds & EXTRAS_ACLS);
}

/* After the last byte: the descriptor gets what the file is to have. `old` NULL: nothing stands there. */
static int dress(int fd, int dir, const char *final, const struct stat *old, const struct publish *p)
{
	mode_t mode = p->meta.mode & 0777;
	bool keep = keeps_mode(p);
	int r;

	if (p->extras)
		mode = extras_set(fd, false, p->extras, p->meta.mode & 07777);
	if (old && !keep)
		r = take_over(fd, dir, final, old);
	else
		r = fchmod(fd, keep ? mode : mode & ~own_umask()) < 0 ? -errno : 0;
	if (r == 0 && p->keep_times)
		r = set_times(fd, &p->meta);
	if (r == 0 && p->fsync && fsync(fd) < 0)
		r = -errno;
	return r;
}

static int close_checked(int fd)
{
	if (close(fd) == 0)
		return 0;
	return errno == EINTR ? -EIO : -errno;          /* the descriptor is gone either way; what was written is not known */
}

/* Rename to where nothing stood (-EEXIST: something does by now) or to where a regular file did. */
static int rename_to(int dir, const char *name, const char *final, bool replace)
{
	struct stat st;
	int r;

	if (!replace) {
		if (renameat2(dir, name, dir, final, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
		r = aside_standing(dir, final, &st);    /* a file system without NOREPLACE */
		if (r != 0)
			return r < 0 ? r : -EEXIST;
	}
	if (renameat(dir, name, dir, final) == 0)
		return 0;
	return errno == EISDIR ? -EEXIST : -errno;
}

static int sync_dir(int dir)                            /* may be an O_PATH descriptor, which cannot be synced */
{
	CLEAN_FD int fd = path_one(dir, ".", O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? fd : fsync(fd) < 0 ? -errno : 0;
}

/* A duplicate's close tells what close() has to tell, and the descriptor stays for a second attempt. */
static int close_duplicate(int fd)
{
	int d = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return d < 0 ? -errno : close_checked(d);
}

/* What has the final name, as aside_standing() says it; -ECANCELED: the source itself. */
static int standing(int dir, const char *final, struct stat *st, const struct publish *p)
{
	int there = aside_standing(dir, final, st);
	struct stat to;

	if (there <= 0 || !p->source)
		return there;
	if (there == ASIDE_FILE)
		to = *st;
	else if (!p->source_links || fstatat(dir, final, &to, 0) < 0)
		return there;
	return to.st_dev == p->source->st_dev && to.st_ino == p->source->st_ino ? -ECANCELED : there;
}

int aside_publish(struct aside *a, const struct publish *p)
{
	struct stat st;
	int r = -EEXIST;

	if (a->fd < 0 || !a->name[0])
		return -EBADF;
	for (int i = 0; r == -EEXIST && i < RACE_TRIES; i++) {
		int there = standing(a->dir, a->final, &st, p);

		if (there < 0) {
			r = there;
			break;
		}
		r = dress(a->fd, a->dir, a->final, there == ASIDE_FILE ? &st : NULL, p);
		if (r == 0)
			r = close_duplicate(a->fd);
		if (r == 0)
			r = rename_to(a->dir, a->name, a->final, there);
	}
	if (r < 0) {
		aside_drop(a);
		return r;
	}
	a->name[0] = '\0';
	close(a->fd);
	r = p->fsync ? sync_dir(a->dir) : 0;
	close(a->dir);
	aside_drop(a);
	return r;
}

/* A new file that open(2) gives its mode, umask and default ACL applied, has only times to be set. */
static int whole_fill(int fd, int dir, const char *final, const struct stat *old, const void *p, size_t len,
                      const struct publish *pub)
{
	ssize_t n = io_write_full(fd, p, len);
	int r = n < 0 ? (int)n : 0;

	if (r == 0 && (old || pub->keep_mode || pub->extras))
		return dress(fd, dir, final, old, pub);
	if (r == 0 && pub->keep_times)
		r = set_times(fd, &pub->meta);
	return r == 0 && pub->fsync && fsync(fd) < 0 ? -errno : r;
}

/* How a new file is made: one that is private while it is filled gets its mode afterwards (whole_fill()). */
static mode_t whole_mode(const struct publish *pub, bool replaces)
{
	return replaces || pub->keep_mode || pub->extras ? 0600 : pub->meta.mode & 0777;
}

/* Where nothing stands: a file without a name, which gets its final one when it is complete. A quarter less work than a name that is changed (per file of
 * 9,000 bytes 20 us against 24 on tmpfs, 50 and 67 on ext4, 40 and 63 on XFS, 64 and 92 on btrfs), and nothing to be swept when the power fails.
 * -EEXIST: something has the name by now. -EOPNOTSUPP: not in this file system, kernel (linkat of an own descriptor: 6.10) or sandbox. */
static int whole_unnamed(int dir, const char *final, const void *p, size_t len, const struct publish *pub)
{
	CLEAN_FD int fd = path_one(dir, ".", O_TMPFILE | O_WRONLY, whole_mode(pub, false));
	int r = fd < 0 ? -EOPNOTSUPP : whole_fill(fd, dir, final, NULL, p, len, pub);

	if (r == 0)
		r = close_duplicate(fd);
	if (r == 0 && linkat(fd, "", dir, final, AT_EMPTY_PATH) < 0)
		r = errno == EEXIST ? -EEXIST : -EOPNOTSUPP;
	return r;
}

/* One attempt. -EEXIST with *there >= 0: something took the name meanwhile. */
static int whole_try(int dir, const char *final, const void *p, size_t len, const struct publish *pub, bool look, int *there)
{
	static _Thread_local bool named;        /* names are needed here; a job writes into one file system, mostly */
	char name[ASIDE_NAME];
	struct stat st;
	int fd, r = -EOPNOTSUPP, closed;

	/* Before the first byte: what replaces a private file must not be readable for a moment either. */
	*there = look ? standing(dir, final, &st, pub) : 0;
	if (*there < 0)
		return *there;
	if (!*there && !named)
		r = whole_unnamed(dir, final, p, len, pub);
	if (r != -EOPNOTSUPP)
		return r;
	fd = aside_create(dir, name, O_WRONLY, whole_mode(pub, *there == ASIDE_FILE));
	if (fd < 0)
		return fd;
	named |= !*there;
	if (pub->keep_times)
		aside_lock(fd);
	r = whole_fill(fd, dir, final, *there == ASIDE_FILE ? &st : NULL, p, len, pub);
	closed = close_checked(fd);
	if (r == 0)
		r = closed;
	if (r == 0)
		r = rename_to(dir, name, final, *there);
	if (r < 0)
		unlinkat(dir, name, 0);
	return r;
}

int aside_whole(int dirfd, const char *final, const void *p, size_t len, const struct publish *pub)
{
	int r = -EEXIST, there = 0;

	if (strlen(final) > WIRE_NAME_MAX)
		return -ENAMETOOLONG;
	for (int i = 0; r == -EEXIST && there >= 0 && i < RACE_TRIES; i++)
		r = whole_try(dirfd, final, p, len, pub, i || !pub->fresh_dir, &there);
	if (r == 0 && pub->fsync)
		r = sync_dir(dirfd);
	return r;
}

/* A regular file to be looked at and changed. Others are not opened at all: that alone can have effects. */
static int open_file(int dir, const char *name)
{
	struct stat st;
	int fd, there = aside_standing(dir, name, &st);

	if (there != ASIDE_FILE)
		return there == 0 ? -ENOENT : there == ASIDE_LINK ? -EEXIST : there;
	fd = path_one(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -EACCES)                      /* its owner may be let to write it alone */
		fd = path_one(dir, name, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	return -EEXIST;
}

/* Attributes need the right to write the file, which its owner may not have, but may take for a moment. 1: taken */
static int make_writable(int fd, const struct publish *p, mode_t *was)
{
	struct stat st;

	if (!p->extras || !(p->extras->kinds & EXTRAS_XATTRS))
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	*was = st.st_mode & 07777;
	if (*was & 0200 || st.st_uid != geteuid())
		return 0;
	return fchmod(fd, *was | 0200) < 0 ? -errno : 1;
}

void aside_widen(int fd)
{
	struct stat st;

	/* if not, what is to be made in it fails, and says why */
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 0700) != 0700 && fchmod(fd, (st.st_mode & 07777) | 0700) < 0)
		return;
}

int aside_set_meta(int dirfd, const char *final, const struct publish *p)
{
	mode_t mode = p->meta.mode & 0777, was = 0;
	bool directory = p->meta.type != 'f';
	CLEAN_FD int fd = directory ? path_one(dirfd, *final ? final : ".", O_RDONLY | O_DIRECTORY, 0) : open_file(dirfd, final);
	int r = fd < 0 ? fd : make_writable(fd, p, &was), widened = r;

	if (r < 0)
		return r;
	if (p->extras)
		mode = extras_set(fd, directory, p->extras, p->meta.mode & 07777);
	if (keeps_mode(p))
		r = fchmod(fd, mode) < 0 ? -errno : 0;
	else
		r = widened && fchmod(fd, was) < 0 ? -errno : 0;
	if (r == 0 && p->keep_times)
		r = set_times(fd, &p->meta);
	return r == 0 && p->fsync && fsync(fd) < 0 ? -errno : r;
}

int aside_set_link(int dirfd, const char *final, struct extras *e)
{
	struct stat st;
	CLEAN_FD int fd = path_one(dirfd, final, O_PATH, 0);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return -EEXIST;
	extras_set_link(fd, e);
	return 0;
}
