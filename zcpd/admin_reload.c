/* admin_reload.c - see admin_reload.h */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/vis.h"
#include "zcpd/admin_reload.h"
#include "zcpd/status.h"

/* Who listens there: its pid; 0 of another pid namespace; -errno */
static pid_t listener_of(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct ucred       peer;
	socklen_t          len = sizeof peer;

	if (strlen(path) >= sizeof to.sun_path)
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	CLEAN_FD int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0 || connect(sock, (const struct sockaddr *)&to, sizeof to) < 0)
		return -errno;
	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? -errno : peer.pid;
}

/* One with --root has nothing to read anew: SIGHUP would end it. Who cannot be looked at is taken for a service. */
static bool has_config(pid_t pid)
{
	char    path[64], words[4096];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
	n = io_slurp(path, words, sizeof words, IO_ANYBODYS);
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(words + i) + 1)
		if (strcmp(words + i, "--root") == 0 || strncmp(words + i, "--root=", 7) == 0)
			return false;
	return true;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) < 0 ? 0 : (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* proc(5): the 22nd word of /proc/PID/stat is when it was started, in ticks after boot; the second, in brackets, may hold anything. */
int64_t admin_daemon_started(const struct settings *s)
{
	CLEAN_PTR char *path = status_path(s);
	pid_t           pid = path ? listener_of(path) : -ENOENT;
	char            name[64], text[4096];
	long            hz = sysconf(_SC_CLK_TCK);

	snprintf(name, sizeof name, "/proc/%ld/stat", (long)pid);
	if (pid <= 1 || hz <= 0 || io_slurp(name, text, sizeof text, IO_ANYBODYS) < 0)
		return 0;
	char *p = strrchr(text, ')');
	for (int word = 2; p && word < 22; word++)
		p = strchr(p + 1, ' ');
	unsigned long long ticks = p ? strtoull(p, NULL, 10) : 0;
	return ticks ? clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_BOOTTIME) + (int64_t)(ticks * 1000 / (unsigned long long)hz) : 0;
}

void admin_reload(const struct settings *s)
{
	CLEAN_PTR char *path = status_path(s);
	char            shown[512];
	pid_t           pid = path ? listener_of(path) : -ENOENT;

	if (pid == -ENOENT || pid == -ECONNREFUSED) {
		printf("zcpd reads it when it starts%s%s%s\n", path ? " (none runs now that has the status socket \"" : "; to one that runs: systemctl reload zcpd, or SIGHUP",
		       path ? vis_str(shown, sizeof shown, path) : "", path ? "\")" : "");
		return;
	}
	if (pid > 1 && !has_config(pid))
		printf("the zcpd that answers (process %ld) serves --root: it reads no configuration\n", (long)pid);
	else if (pid > 1 && kill(pid, SIGHUP) == 0)
		printf("zcpd (process %ld) was told to reload\n", (long)pid);
	else
		printf("zcpd runs, but could not be told to reload (%s); type: systemctl reload zcpd\n",
		       pid > 1 ? strerrordesc_np(errno) : pid < 0 ? strerrordesc_np(-pid) : "it is in another container");
}
