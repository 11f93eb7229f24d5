/* admin_try.c - see admin_try.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/err.h"
#include "common/io.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/admin_try.h"
#include "zcpd/caps.h"

enum { WAY_MAX = 64, LOOKED_AT = 256 };

/* What the process that tries tells: errnos, 0 = can. */
struct findings { int become, list, write, closed_count; int way[WAY_MAX]; char closed[256]; };

/* --- the user ---------------------------------------------------------------------------------------------------- */

static int look_up(const char *name, struct service_user *u)
{
	const struct passwd *pw = getpwnam(name);       /* NOLINT(concurrency-mt-unsafe): one thread only */

	if (!pw)
		return -ENOENT;
	snprintf(u->name, sizeof u->name, "%s", pw->pw_name);
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	u->self = pw->pw_uid == geteuid() && pw->pw_uid != 0;
	return 0;
}

static void own(struct service_user *u)
{
	const struct passwd *pw = getpwuid(geteuid());  /* NOLINT(concurrency-mt-unsafe) */

	*u = (struct service_user){ .uid = geteuid(), .gid = getegid(), .self = true };
	if (pw)
		snprintf(u->name, sizeof u->name, "%s", pw->pw_name);
	else
		snprintf(u->name, sizeof u->name, "%lu", (unsigned long)u->uid);
}

int try_owner(const char *configured, const char *of_unit, struct service_user *u)
{
	const char *name = configured ? configured : of_unit && *of_unit ? of_unit : NULL;
	char        shown[300];

	if (name && look_up(name, u) < 0) {
		log_error("user \"%s\": there is no such user (systemd-sysusers makes zcpd's)", vis_str(shown, sizeof shown, name));
		return -EINVAL;
	}
	if (!name && (geteuid() != 0 || look_up("zcpd", u) < 0))
		own(u);
	return 0;
}

int try_user(const char *configured, const char *of_unit, struct service_user *u)
{
	if (try_owner(configured, of_unit, u) < 0)
		return -EINVAL;
	if (u->uid != geteuid() && geteuid() != 0) {
		log_error("what the user %s may do can be tried only as root, or as that user: type sudo before it", u->name);
		return -EINVAL;
	}
	return 0;
}

/* --- in a process of its own ------------------------------------------------------------------------------------- */

static int become(const struct service_user *u)
{
	if (!u->self && geteuid() == 0 && u->uid != 0 && (initgroups(u->name, u->gid) < 0 || setgid(u->gid) < 0 || setuid(u->uid) < 0))
		return errno;
	return -caps_drop();
}

static bool opens(int dir, const char *name)
{
	CLEAN_FD int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 || errno == ELOOP || errno == ENXIO || errno == ENOENT;  /* links, sockets: not this question */
}

static int try_list(int dir, struct findings *f)
{
	int  fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return errno;
	for (int i = 0; i < LOOKED_AT; i++) {
		const struct dirent *e = readdir(d);    /* NOLINT(concurrency-mt-unsafe): one thread */
		if (!e)
			break;
		if ((e->d_type != DT_REG && e->d_type != DT_DIR) || strcmp(e->d_name, "..") == 0 || opens(dirfd(d), e->d_name))
			continue;
		if (f->closed_count++ == 0)
			snprintf(f->closed, sizeof f->closed, "%s", e->d_name);
	}
	closedir(d);
	return 0;
}

/* As STORE does it: an aside file's name, which no client sees. */
static int try_write(int dir)
{
	char    name[64], hex[33];
	uint8_t random[16];

	randombytes_buf(random, sizeof random);
	snprintf(name, sizeof name, ".zcp-%s", sodium_bin2hex(hex, sizeof hex, random, sizeof random));
	CLEAN_FD int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	int r = write(fd, "", 1) == 1 ? 0 : errno;
	return unlinkat(dir, name, 0) < 0 && r == 0 ? errno : r;
}

static void try_all(const struct service_user *u, const int *way, int count, bool writable, struct findings *f)
{
	int dir = way[count - 1];

	f->become = become(u);
	for (int i = 0; i < count && !f->become; i++)
		f->way[i] = faccessat(way[i], ".", X_OK, AT_EACCESS) < 0 ? errno : 0;
	if (!f->become)
		f->list = try_list(dir, f);
	if (!f->become && writable)
		f->write = try_write(dir);
}

static int in_a_process(const struct service_user *u, const int *way, int count, bool writable, struct findings *f)
{
	int pipes[2], status;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		try_all(u, way, count, writable, f);
		_exit(io_write_full(pipes[1], f, sizeof *f) == (ssize_t)sizeof *f ? 0 : 1);
	}
	int r = pid < 0 ? -errno : 0;
	close(pipes[1]);
	size_t got = 0;
	while (r == 0 && got < sizeof *f) {
		ssize_t n = read(pipes[0], (char *)f + got, sizeof *f - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			r = -EIO;
		else
			got += (size_t)n;
	}
	close(pipes[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return r;
}

/* --- what it means ----------------------------------------------------------------------------------------------- */

/* 'path' as a shell takes it. */
static const char *shell(const char *path, char *out, size_t len)
{
	size_t n = 0;

	out[n++] = '\'';
	for (; *path && n + 6 < len; path++) {
		if (*path == '\'') {
			memcpy(out + n, "'\\''", 4);
			n += 4;
		} else {
			out[n++] = *path;
		}
	}
	out[n++] = '\'';
	out[n] = '\0';
	return out;
}

/* To be typed: as it is, every byte can be printed. */
static void type_line(const char *command, const char *path)
{
	char quoted[4 * PATH_MAX + 8];

	log_error("    %s %s", command, shell(path, quoted, sizeof quoted));
}

/* A directory on the way, or a file at its end: to its owner the mode counts, and no list. */
static void one_line(const struct service_user *u, const struct stat *st, const char *right, const char *path)
{
	char command[256];

	if (st->st_uid == u->uid)
		snprintf(command, sizeof command, "chmod u+%s", right);
	else
		snprintf(command, sizeof command, "setfacl -m u:%s:%s", u->name, right);
	type_line(command, path);
}

static bool is_home(const char *path, const struct stat *st)
{
	const struct passwd *pw = getpwuid(st->st_uid);         /* NOLINT(concurrency-mt-unsafe): one thread only */

	return strcmp(path, "/") == 0 || strcmp(path, "/root") == 0 || strcmp(path, "/home") == 0 ||
	       (strncmp(path, "/home/", 6) == 0 && !strchr(path + 6, '/')) || (pw && pw->pw_dir && strcmp(pw->pw_dir, path) == 0);
}

/* The directory with all in it. */
static void whole_line(const struct service_user *u, int dir, const char *path, bool writable)
{
	const char *right = writable ? "rwX" : "rX";
	struct stat st = { 0 };
	char        command[256];

	if (fstat(dir, &st) == 0 && is_home(path, &st))
		log_error("this opens everything in it, also what is private in there; better is a directory of its own below it:");
	if (st.st_uid == u->uid)
		snprintf(command, sizeof command, "chmod -R u+%s", right);
	else
		snprintf(command, sizeof command, "setfacl -R -m u:%s:%s -m d:u:%s:%s", u->name, right, u->name, right);
	type_line(command, path);
}

struct way { int fd[WAY_MAX]; char *path[WAY_MAX]; int count; };

/* "/", "/srv", "/srv/data": what has to be passed through, opened by whoever asks. */
static int open_way(const char *path, struct way *w)
{
	for (const char *p = path; w->count < WAY_MAX; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char *part = p == path ? strdup("/") : strndup(path, (size_t)(p - path));
		if (!part)
			return -ENOMEM;
		w->path[w->count] = part;
		w->fd[w->count] = open(part, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (w->fd[w->count++] < 0)
			return -errno;
		if (!*p || !p[1])
			return 0;
	}
	return -ENAMETOOLONG;
}

static void close_way(struct way *w)
{
	for (int i = 0; i < w->count; i++) {
		close_fd(&w->fd[i]);
		free(w->path[i]);
	}
}

static void say_lines(const struct service_user *u, const struct way *w, const struct findings *f, bool writable)
{
	struct stat st = { 0 };
	int         end = w->count - 1;

	for (int i = 0; i < end; i++)
		if (f->way[i] && fstat(w->fd[i], &st) == 0)
			one_line(u, &st, "x", w->path[i]);
	if (f->way[end] || f->list || f->write)
		whole_line(u, w->fd[end], w->path[end], writable);
}

static bool by_rights(int e)
{
	return e == 0 || e == EACCES || e == EPERM;
}

static int judge(const struct service_user *u, const struct way *w, const struct findings *f, bool writable)
{
	char        shown[1024], words[128];
	const char *path = vis_str(shown, sizeof shown, w->path[w->count - 1]);
	int         stuck = f->become, denied = f->list | f->write;

	for (int i = 0; i < w->count; i++)
		denied |= f->way[i];
	stuck = stuck ? stuck : !by_rights(f->list) ? f->list : !by_rights(f->write) ? f->write : 0;
	if (stuck)
		log_error("\"%s\", tried as the user %s: %s; nothing was changed", path, u->name,
		          fail_words(fail_errno(stuck), words, sizeof words));
	if (stuck)
		return -EINVAL;
	if (denied) {
		log_error("the user %s cannot %s \"%s\"; nothing was changed. These lines change that:", u->name,
		          f->write && !f->list ? "store files in" : "read", path);
		say_lines(u, w, f, writable);
		return -EINVAL;
	}
	if (f->closed_count) {
		log_warn("the user %s cannot read \"%s\"%s in \"%s\": clients will get an error for it. This line changes that:", u->name,
		         vis_str(words, sizeof words, f->closed), f->closed_count > 1 ? " and others" : "", path);
		whole_line(u, w->fd[w->count - 1], w->path[w->count - 1], writable);
	}
	return 0;
}

int try_export(const struct service_user *u, const char *path, bool writable)
{
	struct way      w = { .count = 0 };
	struct findings f = { 0 };
	char            shown[512], words[128];
	int             r = open_way(path, &w);

	if (r == 0)
		r = in_a_process(u, w.fd, w.count, writable, &f);
	if (r < 0)
		log_error("\"%s\": %s", vis_str(shown, sizeof shown, path), fail_words(fail_errno(r), words, sizeof words));
	else
		r = judge(u, &w, &f, writable);
	close_way(&w);
	return r < 0 ? -EINVAL : 0;
}

/* --- for who looks at it himself --------------------------------------------------------------------------------- */

/* The directory, or the one that the file lies in; *file: the file, else -1. */
static int open_place(const char *path, struct way *w, int *file)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	*file = -1;
	if (!slash || stat(path, &st) < 0)
		return slash ? open_way(path, w) : -EINVAL;
	if (S_ISDIR(st.st_mode))
		return open_way(path, w);
	*file = open(path, O_PATH | O_CLOEXEC);
	char dir[PATH_MAX];
	int  n = snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return n < (int)sizeof dir ? open_way(dir, w) : -ENAMETOOLONG;
}

static bool closed(int fd, int how)
{
	return fd >= 0 && faccessat(fd, "", how, AT_EACCESS | AT_EMPTY_PATH) < 0 && errno == EACCES;
}

/* With the user's eyes again: what is closed to them, of what was opened. */
static void say_closed(const struct service_user *u, const struct way *w, int file, const char *path, bool writable)
{
	int         way = file >= 0 ? w->count : w->count - 1;
	struct stat st;

	for (int i = 0; i < way; i++)
		if (closed(w->fd[i], X_OK) && fstat(w->fd[i], &st) == 0)
			one_line(u, &st, "x", w->path[i]);
	if (closed(file, R_OK) && fstat(file, &st) == 0)
		one_line(u, &st, "r", path);
	if (file < 0 && w->count && closed(w->fd[way], R_OK | X_OK | (writable ? W_OK : 0)))
		whole_line(u, w->fd[way], w->path[way], writable);
}

void try_way(const char *name, const char *path, bool writable)
{
	struct way          w = { .count = 0 };
	struct service_user u;
	uid_t               eyes = geteuid();
	int                 file = -1;

	if (look_up(name, &u) < 0)
		own(&u);
	/* root opens it with its own eyes: else what lies behind the first closed door could not be told */
	if (getuid() != 0 || seteuid(0) == 0)
		open_place(path, &w, &file);
	if (geteuid() == eyes || seteuid(eyes) == 0)
		say_closed(&u, &w, file, path, writable);
	close_fd(&file);
	close_way(&w);
}
