/* admin_edit.c - see admin_edit.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/err.h"
#include "common/io.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/admin_edit.h"

enum { ACL_MAX = 64 * 1024 };
static const char acl_name[] = "system.posix_acl_access";

static int say(const char *path, const char *what)
{
	char shown[512];

	log_error("\"%s\": %s; nothing was changed", vis_str(shown, sizeof shown, path), what);
	return -EINVAL;
}

static int say_errno(const char *path, int e)
{
	char words[128];

	return say(path, fail_words(fail_errno(e), words, sizeof words));
}

/* The real directory and the name in it; the last part may be missing. */
static int resolve(struct edit *e)
{
	struct stat     st;
	char            copy[PATH_MAX];
	CLEAN_PTR char *real = realpath(e->path, NULL);

	if (!real && errno != ENOENT)
		return -errno;
	if (!real && lstat(e->path, &st) == 0)
		return -EXDEV;          /* a link that leads nowhere */
	if (snprintf(copy, sizeof copy, "%s", real ? real : e->path) >= (int)sizeof copy)
		return -ENAMETOOLONG;
	char *slash = strrchr(copy, '/');
	e->name = strdup(slash ? slash + 1 : copy);
	if (slash)
		slash[slash == copy] = '\0';
	e->dir = realpath(slash ? copy : ".", NULL);
	return e->dir && e->name ? 0 : -errno;
}

static const char *untrusted(const struct stat *st, uid_t owner)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_uid != geteuid() && st->st_uid != 0 && st->st_uid != owner)
		return "belongs to another user";
	if (st->st_mode & 022)
		return "can be written by others (chmod go-w)";
	return st->st_size >= EDIT_MAX ? "1 MiB or larger" : NULL;
}

static int read_text(struct edit *e)
{
	e->text = malloc((size_t)e->st.st_size + 2);
	if (!e->text)
		return say_errno(e->path, ENOMEM);
	ssize_t n = e->file < 0 ? 0 : io_pread_full(e->file, e->text, (size_t)e->st.st_size + 1, 0);
	if (n < 0)
		return say_errno(e->path, (int)n);
	if (n > e->st.st_size)
		return say(e->path, "is being written by somebody else");
	e->text[n] = '\0';
	e->len = (size_t)n;
	return strlen(e->text) == e->len ? 0 : say(e->path, "a NUL byte in it");
}

int edit_open(struct edit *e, const char *path, uid_t owner)
{
	*e = (struct edit){ .path = strdup(path), .lock = -1, .file = -1 };
	int r = e->path ? resolve(e) : -ENOMEM;

	if (r == -EXDEV)
		return say(path, "a symbolic link that leads nowhere");
	if (r < 0)
		return say_errno(path, r);
	e->lock = open(e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->lock < 0)
		return say_errno(e->dir, errno);
	while (flock(e->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return say_errno(e->dir, errno);
	e->file = openat(e->lock, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (e->file < 0 && errno != ENOENT)
		return say_errno(path, errno);
	if (e->file >= 0 && fstat(e->file, &e->st) < 0)
		return say_errno(path, errno);
	const char *what = e->file < 0 ? NULL : untrusted(&e->st, owner);
	return what ? say(path, what) : read_text(e);
}

char *edit_append(const struct edit *e, const char *more)
{
	bool  whole = e->len == 0 || e->text[e->len - 1] == '\n';
	char *text = NULL;

	return asprintf(&text, "%s%s%s", e->text, whole ? "" : "\n", more) < 0 ? NULL : text;
}

static int copy_acl(const struct edit *e, int fd)
{
	char    acl[ACL_MAX];
	ssize_t n = fgetxattr(e->file, acl_name, acl, sizeof acl);

	if (n < 0)
		return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
	return fsetxattr(fd, acl_name, acl, (size_t)n, 0) < 0 ? -errno : 0;
}

static int dress(const struct edit *e, int fd, const struct edit_new *fresh)
{
	uid_t  uid = e->file >= 0 ? e->st.st_uid : fresh->uid;
	gid_t  gid = e->file >= 0 ? e->st.st_gid : fresh->gid;
	mode_t mode = e->file >= 0 ? e->st.st_mode & 07777 : fresh->mode;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	bool own = (uid == (uid_t)-1 || uid == st.st_uid) && (gid == (gid_t)-1 || gid == st.st_gid);
	if (!own && fchown(fd, uid, gid) < 0)
		return -errno;
	if (fchmod(fd, mode) < 0)
		return -errno;
	return e->file >= 0 ? copy_acl(e, fd) : 0;
}

/* Is what was read still what is there? An editor knows nothing of the lock. */
static bool unchanged(const struct edit *e)
{
	struct stat now;

	if (fstatat(e->lock, e->name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && e->file < 0;
	return e->file >= 0 && now.st_dev == e->st.st_dev && now.st_ino == e->st.st_ino && now.st_size == e->st.st_size
	    && now.st_mtim.tv_sec == e->st.st_mtim.tv_sec && now.st_mtim.tv_nsec == e->st.st_mtim.tv_nsec;
}

static int replace(const struct edit *e, const char *text, const struct edit_new *fresh)
{
	char    aside[64], hex[17];
	uint8_t random[8];

	randombytes_buf(random, sizeof random);
	snprintf(aside, sizeof aside, ".zcpd-%s.new", sodium_bin2hex(hex, sizeof hex, random, sizeof random));
	CLEAN_FD int fd = openat(e->lock, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ssize_t n = io_write_full(fd, text, strlen(text));
	int     r = n < 0 ? (int)n : dress(e, fd, fresh);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && !unchanged(e))
		r = -EAGAIN;
	if (r == 0 && renameat(e->lock, aside, e->lock, e->name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(e->lock, aside, 0);
	else
		fsync(e->lock);         /* it is there already; a crash may still bring the old one back */
	return r;
}

int edit_commit(struct edit *e, const char *text, const struct edit_new *fresh)
{
	sigset_t all, before;

	if (strlen(text) > EDIT_MAX)
		return say(e->path, "it would become larger than 1 MiB");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	int r = replace(e, text, fresh);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (r == -EAGAIN)
		return say(e->path, "somebody else has changed it meanwhile: try again");
	return r < 0 ? say_errno(e->path, r) : 0;
}

void edit_clear(struct edit *e)
{
	close_fd(&e->file);
	close_fd(&e->lock);             /* and so the lock */
	free(e->path);
	free(e->dir);
	free(e->name);
	free(e->text);
	*e = (struct edit){ .lock = -1, .file = -1 };
}
