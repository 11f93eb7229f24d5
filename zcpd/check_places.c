/*
 * check_places.c - the part of --check-config that looks at what the daemon opens for writing or binds: transfer log, status socket, metrics.
 *
 * Nothing is made: a file is opened for appending when it is there, else its directory is looked at; an address is bound for a moment, without
 * listening. What the daemon that runs holds itself is no mistake: a socket that answers, and an address at which a zcpd's metrics are served.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/admin_unit.h"
#include "zcpd/check.h"
#include "zcpd/place.h"
#include "zcpd/status_wire.h"

enum { ANSWER_MS = 1000 };

struct places { const struct settings *s; const char *state; bool bad; };

static void wrong(struct places *p, const char *key, const char *value, const char *what)
{
	char shown[512];

	log_error("%s = \"%s\": %s", key, vis_str(shown, sizeof shown, value), what);
	p->bad = true;
}

static void wrong_errno(struct places *p, const char *key, const char *value, int e)
{
	char words[128];

	wrong(p, key, value, fail_words(fail_errno(e), words, sizeof words));
}

/* --- files ------------------------------------------------------------------------------------------------------- */

/* Made at the start, when it is missing: the state directory by zcpd, the runtime directory by the service manager. */
static bool comes_with_start(const struct places *p, const char *dir)
{
	struct unit u;

	if (p->state && strcmp(dir, p->state) == 0)
		return true;
	if (!unit_find(unit_dirs, &u) || !unit_reads(&u, p->s->config_file) || !*u.runtime)
		return false;
	CLEAN_PTR char *run = place_in("/run", u.runtime);
	return run && strcmp(dir, run) == 0;
}

/* A name that is missing in its directory: could it be made? 0 or an errno */
static int could_make(const struct places *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	char        dir[PATH_MAX];
	size_t      n = slash == path ? 1 : (size_t)(slash - path);

	if (n >= sizeof dir)
		return ENAMETOOLONG;
	memcpy(dir, path, n);
	dir[n] = '\0';
	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return errno == ENOENT && comes_with_start(p, dir) ? 0 : errno;
}

static void check_log(struct places *p)
{
	const char *path = p->s->transfer_log;
	struct stat st;

	if (!path || strcmp(path, "log") == 0)
		return;
	CLEAN_FD int fd = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int          r = fd < 0 ? errno : fstat(fd, &st) < 0 ? errno : 0;
	if (fd < 0 && r == ENOENT)
		r = could_make(p, path);
	if (r)
		wrong_errno(p, "transfer-log", path, r);
	else if (fd >= 0 && !S_ISREG(st.st_mode))
		wrong(p, "transfer-log", path, "not a regular file");
}

static void check_socket(struct places *p, const char *key, const char *value, const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		wrong(p, key, value, "something that is no socket stands there");
		return;
	}
	CLEAN_FD int fd = status_connect(path);
	int          r = fd >= 0 || fd == -EAGAIN ? 0 : could_make(p, path);    /* one that answers is the daemon's that runs */
	if (r)
		wrong_errno(p, key, value, r);
}

/* --- an address -------------------------------------------------------------------------------------------------- */

/* ADDR:PORT, as config_values.c takes it: a number. 0 or an errno */
static int address(const char *spec, struct sockaddr_storage *to, socklen_t *len)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	const char           *colon = strrchr(spec, ':');
	bool                  v6 = *spec == '[';
	struct addrinfo      *list = NULL;
	char                  host[64];

	if (!colon)
		return EINVAL;
	snprintf(host, sizeof host, "%.*s", (int)(colon - spec) - 2 * v6, spec + v6);
	if (getaddrinfo(host, colon + 1, &hints, &list) != 0 || !list)
		return EINVAL;
	memcpy(to, list->ai_addr, list->ai_addrlen);
	*len = list->ai_addrlen;
	freeaddrinfo(list);
	return 0;
}

static int try_bind(const struct sockaddr_storage *at, socklen_t len)
{
	int          on = 1;
	CLEAN_FD int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return errno;
	return bind(fd, (const struct sockaddr *)at, len) < 0 ? errno : 0;
}

static int left_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	long long ms = (now.tv_sec - since->tv_sec) * 1000LL + (now.tv_nsec - since->tv_nsec) / 1000000;
	return ms < ANSWER_MS ? (int)(ANSWER_MS - ms) : 0;
}

/* What stands in text is a zcpd's metrics: 1. It is not: 0. -1: no answer in time. */
static int read_answer(int fd)
{
	struct timespec began;
	char            text[16384];
	size_t          got = 0;

	clock_gettime(CLOCK_MONOTONIC, &began);
	while (got < sizeof text - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int           left = left_ms(&began);
		if (left == 0 || poll(&p, 1, left) == 0)
			return -1;
		ssize_t n = recv(fd, text + got, sizeof text - 1 - got, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return 0;
		got += (size_t)n;
		if (memmem(text, got, "zcp_", 4))
			return 1;
	}
	return 0;
}

static int who_answers(const struct sockaddr_storage *at, socklen_t len)
{
	static const char ask[] = "GET /metrics HTTP/1.0\r\n\r\n";
	CLEAN_FD int      fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd     p = { .fd = fd, .events = POLLOUT };

	if (fd < 0 || (connect(fd, (const struct sockaddr *)at, len) < 0 && errno != EINPROGRESS) || poll(&p, 1, ANSWER_MS) != 1)
		return -1;
	if (send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) != (ssize_t)sizeof ask - 1)
		return 0;
	return read_answer(fd);
}

static void check_metrics(struct places *p)
{
	struct sockaddr_storage at = { 0 };
	socklen_t               len = 0;
	const char             *where = p->s->metrics;
	char                    shown[256];

	if (!where || strcmp(where, "none") == 0)
		return;
	if (strncmp(where, "unix:", 5) == 0) {
		check_socket(p, "metrics", where, where + 5);
		return;
	}
	int r = address(where, &at, &len);
	if (r == 0)
		r = try_bind(&at, len);
	int who = r == EADDRINUSE ? who_answers(&at, len) : 0;
	if (who < 0)
		log_warn("metrics = \"%s\": somebody has this address and does not answer: if it is not the zcpd that runs, zcpd will not start",
		         vis_str(shown, sizeof shown, where));
	else if (r == EADDRINUSE && who == 0)
		wrong(p, "metrics", where, "address already in use, by something that is no zcpd");
	else if (r && r != EADDRINUSE)
		wrong_errno(p, "metrics", where, r);
}

bool check_places(const struct settings *s, const char *state)
{
	struct places p = { .s = s, .state = state };
	const char   *status = s->status_socket;

	check_log(&p);
	if (status && strcmp(status, "none") != 0)              /* without the default one it starts all the same */
		check_socket(&p, "status-socket", status, status);
	check_metrics(&p);
	return !p.bad;
}
