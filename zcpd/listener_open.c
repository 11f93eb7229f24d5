/* listener_open.c - the sockets and signals, before the listener gives up its capabilities. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/listener.h"

void listener_init(struct listener *l, struct service *service)
{
	*l = (struct listener){ .service = service, .signals = -1, .null = -1, .loopback_only = true };
	for (size_t i = 0; i < LISTENER_LINGER; i++)
		l->linger[i].fd = -1;
}

/* bbr's pacing is slow nearby, and who has dropped CAP_NET_ADMIN may not ask for another than the permitted ones. Accepted sockets
 * inherit the listening one's; a stream whose peer is far away goes back to the system's choice, which is always permitted. */
static void prefer_near(struct listener *l, int sock)
{
	char cc[16];

	net_cc_name(sock, cc);
	if (strcmp(cc, "bbr") == 0 && net_cc(sock, "cubic") == 0)
		memcpy(l->service->cc, cc, sizeof cc);
}

int listener_open(struct listener *l, const char *spec)
{
	char            shown[128], words[128];
	struct net_addr own = { .port = 0 };
	int             n = net_listen(spec, l->sock + l->count, LISTENER_SOCKETS - l->count);

	if (n <= 0) {
		n = n ? n : -EADDRNOTAVAIL;
		vis_str(shown, sizeof shown, spec);
		if (n == -EINVAL)
			log_error("--listen=%s: write ADDR:PORT, [V6ADDR]:PORT or :PORT", shown);
		else
			log_error("cannot listen on %s: %s", shown, fail_words(fail_errno(n), words, sizeof words));
		return n;
	}
	for (int i = 0; i < n; i++) {
		int sock = l->sock[l->count++];
		prefer_near(l, sock);
		if (net_addrs(sock, &own, NULL) < 0 || !net_is_loopback(&own))
			l->loopback_only = false;
	}
	return 0;
}

uint16_t listener_port(const struct listener *l)
{
	struct net_addr own = { .port = 0 };

	if (l->count)
		net_addrs(l->sock[0], &own, NULL);
	return own.port;
}

void listener_announce(const struct listener *l)
{
	struct net_addr own = { .port = 0 };
	char            text[64];

	for (int i = 0; i < l->count; i++)
		if (net_addrs(l->sock[i], &own, NULL) == 0)
			log_info("listening on %s", net_text(&own, text));
}

int listener_signals(struct listener *l)
{
	sigset_t all;

	sigemptyset(&all);
	sigaddset(&all, SIGTERM);
	sigaddset(&all, SIGINT);
	sigaddset(&all, SIGHUP);
	sigaddset(&all, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -errno;
	l->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	l->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return l->signals < 0 || l->null < 0 ? -errno : 0;
}

void listener_clear(struct listener *l)
{
	for (int i = 0; i < l->count; i++)
		close_fd(&l->sock[i]);
	for (size_t i = 0; i < LISTENER_LINGER; i++)
		close_fd(&l->linger[i].fd);
	close_fd(&l->signals);
	close_fd(&l->null);
}
