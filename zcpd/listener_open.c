/* listener_open.c - the sockets and signals, before the listener gives up its capabilities. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "common/vis.h"
#include "zcpd/inherit.h"
#include "zcpd/listener_parts.h"

void listener_init(struct listener *l, const struct options *o, char **argv)
{
	*l = (struct listener){ .options = o, .argv = argv, .signals = -1, .null = -1, .board.fd = -1 };
	l->k.loopback_only = true;
	l->k.board_fd = l->k.notify.sock = l->k.viewers.sock = l->k.metrics.sock = -1;
	/* opened now: the program's file may be replaced by an update while this one runs */
	l->k.exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < LISTENER_LINGER; i++)
		l->k.linger[i].fd = -1;
	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		l->k.slot[i].verdict = -1;
}

/* bbr's pacing is slow nearby, and who has dropped CAP_NET_ADMIN may not ask for another than the permitted ones. Accepted sockets
 * inherit the listening one's; a stream whose peer is far away goes back to the system's choice, which is always permitted. */
static void prefer_near(struct listener *l, int sock)
{
	char cc[16];

	net_cc_name(sock, cc);
	if (strcmp(cc, "bbr") == 0 && net_cc(sock, "cubic") == 0)
		memcpy(l->k.cc, cc, sizeof cc);
}

static void add(struct listener *l, int sock, const char *spec)
{
	struct listening *s = &l->k.sock[l->k.count++];
	struct net_addr   own = { .port = 0 };
	const char       *path = spec ? unix_spec(spec) : NULL;
	struct stat       st;

	*s = (struct listening){ .fd = sock, .inherited = !spec };
	if (spec)
		strncpy(s->spec, spec, sizeof s->spec - 1);
	if (path && lstat(path, &st) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	prefer_near(l, sock);
	if (net_addrs(sock, &own, NULL) < 0 || !net_is_loopback(&own))
		l->k.loopback_only = false;
}

/* Where the user that zcpd became may not remove it, it stays, and the next zcpd removes it. */
void listening_close(struct listening *s)
{
	const char *path = s->ino ? unix_spec(s->spec) : NULL;
	struct stat st;

	if (path && lstat(path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(path);
	s->ino = 0;
	close_fd(&s->fd);
}

static const char *in_the_way(const char *spec, int r)
{
	if (r == -EADDRINUSE)
		return "; another zcpd?";
	if (unix_spec(spec) && r == -EEXIST)
		return ": something that is no socket stands there";
	return "";
}

int listener_open(struct listener *l, const char *spec)
{
	char shown[128], words[128];
	int  fds[LISTENER_SOCKETS];
	int  n = strlen(spec) < LISTENER_SPEC ? net_listen(spec, fds, LISTENER_SOCKETS - l->k.count) : -EINVAL;

	if (n <= 0) {
		n = n ? n : -EADDRNOTAVAIL;
		vis_str(shown, sizeof shown, spec);
		if (n == -EINVAL)
			log_error("--listen=%s: write ADDR:PORT, [V6ADDR]:PORT, :PORT or unix:/PATH (at most 107 bytes, no ':' and no white space)", shown);
		else
			log_error("cannot listen on %s: %s%s", shown, fail_words(fail_errno(n), words, sizeof words), in_the_way(spec, n));
		return n;
	}
	for (int i = 0; i < n; i++)
		add(l, fds[i], spec);
	return 0;
}

int listener_inherit(struct listener *l)
{
	int fds[LISTENER_SOCKETS];
	int n = inherit_sockets(fds, LISTENER_SOCKETS);

	for (int i = 0; i < n; i++)
		add(l, fds[i], NULL);
	return n;
}

uint16_t listener_port(const struct listener *l)
{
	struct net_addr own = { .port = 0 };

	if (l->k.count)
		net_addrs(l->k.sock[0].fd, &own, NULL);
	return own.port;
}

void listener_announce(const struct listener *l)
{
	struct net_addr own = { .port = 0 };
	char            text[64], path[UNIX_PATH_BYTES + 1], shown[512];

	for (int i = 0; i < l->k.count; i++) {
		const struct listening *s = &l->k.sock[i];
		const char             *handed = s->inherited ? ", handed over" : "";
		if (net_addrs(s->fd, &own, NULL) < 0)
			continue;
		if (own.local)
			log_info("listening on \"unix:%s\"%s", vis_str(shown, sizeof shown, unix_name(s->fd, false, path) ? path : "?"), handed);
		else
			log_info("listening on %s%s", net_text(&own, text), handed);
	}
}

/* A descriptor or two for each stream, while it says who it is, of the listener's: what there may be is asked for. */
static void more_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* Started by nohup(1), and no service whose reload this is? */
static bool hangup_ignored(const struct listener *l)
{
	struct sigaction now;

	return !l->service->settings.config && sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int listener_ready(struct listener *l)
{
	sigset_t all;

	sigemptyset(&all);
	sigaddset(&all, SIGTERM);
	sigaddset(&all, SIGINT);
	if (!hangup_ignored(l))
		sigaddset(&all, SIGHUP);
	sigaddset(&all, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -errno;
	l->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	l->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (l->signals < 0 || l->null < 0)
		return -errno;
	more_descriptors();
	int r = board_open(&l->board, LISTENER_STREAMS, l->k.board_fd);
	l->k.board_fd = r == 0 ? l->board.fd : -1;
	return r;
}

void listener_clear(struct listener *l)
{
	for (int i = 0; i < l->k.count; i++)
		listening_close(&l->k.sock[i]);
	for (size_t i = 0; i < LISTENER_LINGER; i++)
		close_fd(&l->k.linger[i].fd);
	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		close_fd(&l->k.slot[i].verdict);
	watchers_close(l);
	notify_close(&l->k.notify);
	board_close(&l->board);
	close_fd(&l->k.exe);
	close_fd(&l->signals);
	close_fd(&l->null);
	if (l->service)
		reload_drop(l->service);
	l->service = NULL;
}
