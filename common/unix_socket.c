/* unix_socket.c - see unix_socket.h */
#include "common/unix_socket.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { BACKLOG = 512 };

const char *unix_spec(const char *text)
{
	return strncmp(text, "unix:/", 6) == 0 ? text + 5 : NULL;
}

bool unix_path_ok(const char *path)
{
	size_t n = strlen(path);

	for (const char *p = path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == ':')
			return false;
	return *path == '/' && n <= UNIX_PATH_BYTES && path[n - 1] != '/';
}

static int address(const char *path, struct sockaddr_un *to)
{
	size_t len = strlen(path);

	if (len == 0 || len > UNIX_PATH_BYTES)
		return -ENAMETOOLONG;
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(to->sun_path, path, len);
	return 0;
}

int unix_connect(const char *path, int timeout_ms)
{
	struct timeval     t = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
	struct sockaddr_un to;
	int                r = address(path, &to), flags = SOCK_STREAM | SOCK_CLOEXEC | (timeout_ms ? 0 : SOCK_NONBLOCK);
	CLEAN_FD int       fd = r < 0 ? -1 : socket(AF_UNIX, flags, 0);

	if (r < 0)
		return r;
	/* a Unix socket connects at once, or, where too many wait already, after SO_SNDTIMEO says EAGAIN */
	if (fd < 0 || (timeout_ms && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) < 0))
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		return errno == EAGAIN && timeout_ms ? -ETIMEDOUT : -errno;
	return keep_fd(&fd);
}

static int make_room(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int fd = unix_connect(path, 0);
	if (fd >= 0)
		close(fd);
	if (fd != -ECONNREFUSED)
		return fd >= 0 || fd == -EAGAIN ? -EADDRINUSE : fd;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* The name gets the socket's mode less the umask (unix(7), Linux). Nothing is done by the path afterwards: somebody else's link may stand there by then. */
static int bind_as(int fd, const struct sockaddr_un *at, mode_t mode)
{
	if (fchmod(fd, mode) < 0)
		return -errno;
	mode_t mask = umask(0);                 /* of a process without threads: the listener's */
	int    r = bind(fd, (const struct sockaddr *)at, sizeof *at) < 0 ? -errno : 0;
	umask(mask);
	return r;
}

int unix_listen(const char *path, mode_t mode)
{
	struct sockaddr_un at;
	int                r = address(path, &at);

	if (r == 0)
		r = make_room(path);
	if (r < 0)
		return r;
	CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -errno : bind_as(fd, &at, mode);
	if (r < 0)
		return r;
	if (listen(fd, BACKLOG) < 0) {
		r = -errno;
		unlink(path);
		return r;
	}
	return keep_fd(&fd);
}

int unix_listen_at(const char *path, int fds[], int max)
{
	int fd = !unix_path_ok(path) ? -EINVAL : max > 0 ? unix_listen(path, 0666) : -EMFILE;

	if (fd < 0)
		return fd;
	fds[0] = fd;
	return 1;
}

bool unix_is(int sock)
{
	int       domain = 0;
	socklen_t len = sizeof domain;

	return getsockopt(sock, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

size_t unix_name(int sock, bool of_peer, char out[static UNIX_PATH_BYTES + 1])
{
	struct sockaddr_un at = { .sun_family = AF_UNSPEC };
	socklen_t          len = sizeof at;
	size_t             head = offsetof(struct sockaddr_un, sun_path), n = 0;
	int                r = of_peer ? getpeername(sock, (struct sockaddr *)&at, &len) : getsockname(sock, (struct sockaddr *)&at, &len);

	/* abstract names begin with a NUL: they are none here */
	if (r == 0 && at.sun_family == AF_UNIX && len > head)
		n = strnlen(at.sun_path, len - head < UNIX_PATH_BYTES ? len - head : UNIX_PATH_BYTES);
	memcpy(out, at.sun_path, n);
	out[n] = '\0';
	return n;
}

bool unix_peer_at(int sock, const char *path)
{
	char name[UNIX_PATH_BYTES + 1];

	return unix_name(sock, true, name) && !strcmp(name, path);
}

int unix_peer_uid(int sock, uint32_t *uid)
{
	struct ucred who;
	socklen_t    len = sizeof who;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return -errno;
	*uid = who.uid;
	return 0;
}
