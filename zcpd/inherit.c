/* inherit.c - see inherit.h */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcpd/inherit.h"

enum { FIRST_FD = 3, NUMBER = 32 };

/* The variable's value, and out of the environment with it. "": not set. One that is too long is no number either. */
static void take(const char *variable, char out[static NUMBER])
{
	const char *v = getenv(variable);       /* NOLINT(concurrency-mt-unsafe): before anything is started */

	snprintf(out, NUMBER, "%s", v ? v : "");
	unsetenv(variable);                     /* NOLINT(concurrency-mt-unsafe) */
}

static int option(int fd, int which, int *value)
{
	socklen_t len = sizeof *value;

	return getsockopt(fd, SOL_SOCKET, which, value, &len) < 0 ? -errno : 0;
}

/* NULL, or what is wrong with it. */
static const char *flaw(int fd)
{
	int domain, type, listening;

	if (option(fd, SO_DOMAIN, &domain) < 0 || option(fd, SO_TYPE, &type) < 0 || option(fd, SO_ACCEPTCONN, &listening) < 0)
		return errno == EBADF ? "is not open" : "is not a socket";
	if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
		return "is not a socket of IPv4, IPv6 or Unix";
	if (type != SOCK_STREAM)
		return "is not a stream socket (ListenStream=)";
	return listening ? NULL : "does not listen (Accept=no)";
}

static int take_one(int fd)
{
	const char *what = flaw(fd);
	int         flags = what ? 0 : fcntl(fd, F_GETFL);

	if (!what && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0))
		what = strerrordesc_np(errno);
	if (what)
		log_error("descriptor %d, handed over by $LISTEN_FDS, %s", fd, what);
	return what ? -EINVAL : 0;
}

int inherit_sockets(int fds[], int max)
{
	char     pid[NUMBER], count[NUMBER], shown[64];
	uint64_t whose, n;

	take("LISTEN_PID", pid);
	take("LISTEN_FDS", count);
	unsetenv("LISTEN_FDNAMES");             /* NOLINT(concurrency-mt-unsafe): every socket is served alike */
	if (num_parse(pid, 1, INT32_MAX, &whose) < 0 || whose != (uint64_t)getpid())
		return 0;
	if (num_parse(count, 1, (uint64_t)max, &n) < 0) {
		log_error("$LISTEN_PID is this process, but $LISTEN_FDS is \"%s\": no descriptors, or more than %d", vis_str(shown, sizeof shown, count), max);
		return -EINVAL;
	}
	for (int i = 0; i < (int)n; i++)
		if (take_one(FIRST_FD + i) < 0)
			return -EINVAL;
	for (int i = 0; i < (int)n; i++)
		fds[i] = FIRST_FD + i;
	return (int)n;
}
