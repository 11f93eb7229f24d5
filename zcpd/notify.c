/* notify.c - see notify.h */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcpd/notify.h"

enum { NOTIFY_BYTES = 512, TAKEN = 128, FULL_TRIES = 10, FULL_MS = 10 };

/* The variable's value, and out of the environment with it: the children of ours have no business with it. One that is too long is cut, and
 * so one byte too long for where it goes. */
static const char *take(const char *variable, char out[static TAKEN])
{
	const char *v = getenv(variable);       /* NOLINT(concurrency-mt-unsafe): before anything is started */

	snprintf(out, TAKEN, "%s", v ? v : "");
	v = v ? out : NULL;
	unsetenv(variable);                     /* NOLINT(concurrency-mt-unsafe) */
	return v;
}

static int half_period_ms(void)
{
	char        kept[2][TAKEN];
	const char *usec = take("WATCHDOG_USEC", kept[0]), *pid = take("WATCHDOG_PID", kept[1]);
	uint64_t    us, whose;

	if (!usec || num_parse(usec, 1, (uint64_t)INT32_MAX * 1000, &us) < 0)
		return 0;
	if (pid && (num_parse(pid, 1, INT32_MAX, &whose) < 0 || whose != (uint64_t)getpid()))
		return 0;
	us /= 2000;
	return us ? (int)us : 1;
}

static int address(const char *where, struct notify *n)
{
	size_t len = strlen(where);

	if (len < 2 || len > sizeof n->to.sun_path - (where[0] != '@') || (where[0] != '/' && where[0] != '@'))
		return -EINVAL;
	n->to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(n->to.sun_path, where, len);
	if (where[0] == '@')
		n->to.sun_path[0] = '\0';
	n->to_len = (unsigned)(offsetof(struct sockaddr_un, sun_path) + len + (where[0] == '/'));
	return 0;
}

static void give_up(struct notify *n, int err)
{
	log_warn("$NOTIFY_SOCKET cannot be told anything: %s", strerrordesc_np(err));
	notify_close(n);
}

/* A full queue is waited for a tenth of a second at most: READY should not get lost, and no stream should wait for a service manager. */
static void tell(struct notify *n, const char *text)
{
	for (int i = 0; n->sock >= 0; i++) {
		if (sendto(n->sock, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&n->to, n->to_len) >= 0)
			return;
		if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			give_up(n, errno);
		else if (i == FULL_TRIES)
			return;
		else
			poll(NULL, 0, FULL_MS);
	}
}

/* One line: what a newline would begin is another message to systemd. */
static const char *one_line(const char *status, char out[static NOTIFY_BYTES - 64])
{
	size_t n = 0;

	for (; n < NOTIFY_BYTES - 65 && status[n]; n++)
		out[n] = (unsigned char)status[n] < ' ' || status[n] == 0x7f ? ' ' : status[n];
	while (n > 0 && status[n] && ((unsigned char)status[n] & 0xc0) == 0x80)
		n--;                    /* not in the middle of a character */
	out[n] = '\0';
	return out;
}

void notify_open(struct notify *n)
{
	char        kept[TAKEN], shown[128];
	const char *where = take("NOTIFY_SOCKET", kept);

	*n = (struct notify){ .sock = -1, .watchdog_ms = half_period_ms() };
	if (!where || !*where) {
		n->watchdog_ms = 0;
		return;
	}
	if (address(where, n) < 0)
		log_warn("$NOTIFY_SOCKET is \"%s\", neither a path nor @name of a Unix socket: nobody is told", vis_str(shown, sizeof shown, where));
	else if ((n->sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		log_warn("$NOTIFY_SOCKET cannot be told anything: %s", strerrordesc_np(errno));
	if (n->sock < 0)
		n->watchdog_ms = 0;
}

void notify_ready(struct notify *n, const char *status)
{
	char line[NOTIFY_BYTES - 64], text[NOTIFY_BYTES];

	snprintf(text, sizeof text, "READY=1\nSTATUS=%s\nMAINPID=%ld", one_line(status, line), (long)getpid());
	tell(n, text);
}

void notify_status(struct notify *n, const char *status)
{
	char line[NOTIFY_BYTES - 64], text[NOTIFY_BYTES];

	snprintf(text, sizeof text, "STATUS=%s", one_line(status, line));
	tell(n, text);
}

void notify_reloading(struct notify *n)
{
	struct timespec t;
	char            text[NOTIFY_BYTES];

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	tell(n, text);
}

void notify_stopping(struct notify *n)
{
	tell(n, "STOPPING=1");
}

void notify_alive(struct notify *n)
{
	tell(n, "WATCHDOG=1");
}

void notify_close(struct notify *n)
{
	close_fd(&n->sock);
	n->sock = -1;
	n->watchdog_ms = 0;
}
