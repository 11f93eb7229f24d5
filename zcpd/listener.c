/* listener.c - see listener.h; the sockets are opened in listener_open.c */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/handshake.h"
#include "common/log.h"
#include "zcpd/listener.h"

enum { PAUSE_MS = 100, LINGER_MS = 1000, ACCEPTS = 16 /* at a time, so that signals are seen */ };

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct stream_slot *slot_of(struct listener *l, pid_t pid)
{
	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		if (l->slot[i].pid == pid)
			return &l->slot[i];
	return NULL;
}

/* --- children ---------------------------------------------------------------------------------------------------- */

static void log_killed(const struct listener *l, const struct net_addr *addr, int sig)
{
	char        peer[64];
	const char *name = sigabbrev_np(sig);

	net_text(addr, peer);
	if (sig == SIGALRM)
		log_info("%s: closed, no handshake and no key within %u s", peer, l->service->settings.limits.greeting_s);
	else if (sig == SIGSYS)
		log_error("%s: its process made a system call that it may not make and was ended; please report this", peer);
	else if (sig != SIGTERM)
		log_error("%s: its process was ended by signal %d (SIG%s)", peer, sig, name ? name : "?");
}

static void reap(struct listener *l)
{
	int   status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct stream_slot *s = slot_of(l, pid);
		if (pid == l->port_writer)
			l->port_writer = 0;
		if (!s)
			continue;
		if (WIFSIGNALED(status))
			log_killed(l, &s->peer, WTERMSIG(status));
		*s = (struct stream_slot){ 0 };
		l->live--;
		l->paused_until_ms = 0;         /* its descriptors are free again */
	}
}

void listener_leave(struct listener *l)
{
	sigset_t none;

	for (int i = 0; i < l->count; i++)
		close_fd(&l->sock[i]);
	for (size_t i = 0; i < LISTENER_LINGER; i++)
		close_fd(&l->linger[i].fd);
	close_fd(&l->signals);
	dup2(l->null, STDIN_FILENO);
	dup2(l->null, STDOUT_FILENO);
	close_fd(&l->null);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void linger_sweep(struct listener *l, int64_t now)
{
	for (size_t i = 0; i < LISTENER_LINGER; i++)
		if (l->linger[i].fd >= 0 && l->linger[i].until_ms <= now)
			close_fd(&l->linger[i].fd);
}

/* The peer has sent its first message by now; closing over it would be a reset, and the peer would never read "busy". */
static bool say_busy(struct listener *l, int sock)
{
	struct lingering *oldest = &l->linger[0];

	for (size_t i = 1; i < LISTENER_LINGER && oldest->fd >= 0; i++)
		if (l->linger[i].fd < 0 || l->linger[i].until_ms < oldest->until_ms)
			oldest = &l->linger[i];
	close_fd(&oldest->fd);
	if (send(sock, handshake_busy, HANDSHAKE_PREFACE, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 || shutdown(sock, SHUT_WR) < 0)
		return false;
	*oldest = (struct lingering){ sock, now_ms() + LINGER_MS };
	return true;
}

/* What a stream's process could not find out by itself any more. */
static int refresh(struct service *v)
{
	char words[128];
	int  r = mask_refresh(&v->mask);

	if (r < 0)
		log_error("a stream was closed, the state directory cannot be read: %s", fail_words(fail_errno(r), words, sizeof words));
	else
		authorized_refresh(&v->authorized);
	return r;
}

/* True: the peer was told to come back later, and sock is kept for as long as it takes to read that. */
static bool start_stream(struct listener *l, int sock)
{
	struct stream_slot *s = l->live < l->service->settings.limits.streams ? slot_of(l, 0) : NULL;
	struct net_addr     own, peer;

	if (net_addrs(sock, &own, &peer) < 0)
		return false;                   /* gone already */
	if (s && refresh(l->service) < 0)
		return false;
	pid_t pid = s ? fork() : -1;
	if (pid == 0) {
		listener_leave(l);
		struct stream_ends ends = { .sock = sock, .verdict = -1 };
		_exit(child_run(l->service, &ends, &own, &peer));
	}
	if (pid < 0) {
		log_warn("a stream was told to come back later: %s", s ? "no more processes can be started" : "as many as there may be are live");
		return say_busy(l, sock);
	}
	*s = (struct stream_slot){ pid, peer };
	l->live++;
	return false;
}

/* --- accept ------------------------------------------------------------------------------------------------------ */

static void accept_some(struct listener *l, int sock)
{
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			l->pause_said = false;
			if (!start_stream(l, fd))
				close(fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			if (!l->pause_said)
				log_warn("cannot accept for a moment: %s", strerrordesc_np(errno));
			l->pause_said = true;
			l->paused_until_ms = now_ms() + PAUSE_MS;
			return;
		}
		/* the peer is gone already, or there is a network error of its own: accept(2) */
		if (errno == EAGAIN)
			return;
	}
}

/* How long poll may sleep: until the pause ends or the next lingering descriptor is due; -1 = for ever. */
static int sleep_ms(const struct listener *l, int64_t now)
{
	int64_t first = l->paused_until_ms > now ? l->paused_until_ms : INT64_MAX;

	for (size_t i = 0; i < LISTENER_LINGER; i++)
		if (l->linger[i].fd >= 0 && l->linger[i].until_ms < first)
			first = l->linger[i].until_ms;
	if (first == INT64_MAX)
		return -1;
	return first > now ? (int)(first - now) : 0;
}

/* True: a signal says that this is the end. */
static bool take_signals(struct listener *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo != SIGCHLD)
			l->ending = true;
	}
	reap(l);
	return l->ending;
}

static void end_all(struct listener *l, int sig)
{
	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		if (l->slot[i].pid > 0)
			kill(l->slot[i].pid, sig);
	if (l->port_writer > 0)
		kill(l->port_writer, SIGKILL);
}

static void end_streams(struct listener *l)
{
	int64_t       until = now_ms() + END_S * 1000;
	struct pollfd p = { .fd = l->signals, .events = POLLIN };

	for (int i = 0; i < l->count; i++)
		close_fd(&l->sock[i]);
	end_all(l, SIGTERM);
	for (bool killed = false; l->live > 0 || l->port_writer > 0; take_signals(l)) {
		int64_t left = until - now_ms();
		if (left <= 0 && !killed) {
			log_warn("%u stream%s had to be killed", l->live, l->live == 1 ? "" : "s");
			end_all(l, SIGKILL);
			killed = true;
		}
		poll(&p, 1, killed || left > 1000 ? 1000 : (int)left);
	}
}

int listener_run(struct listener *l)
{
	struct pollfd p[1 + LISTENER_SOCKETS] = { { .fd = l->signals, .events = POLLIN } };
	int64_t       now = now_ms();

	for (;;) {
		for (int i = 0; i < l->count; i++)
			p[1 + i] = (struct pollfd){ .fd = l->paused_until_ms > now ? -1 : l->sock[i], .events = POLLIN };
		if (poll(p, (nfds_t)l->count + 1, sleep_ms(l, now)) < 0 && errno != EINTR)
			return -errno;
		if ((p[0].revents & POLLIN) && take_signals(l))
			break;
		for (int i = 0; i < l->count; i++)
			if (p[1 + i].revents)
				accept_some(l, l->sock[i]);
		now = now_ms();
		linger_sweep(l, now);
	}
	log_info("ending, %u stream%s live", l->live, l->live == 1 ? "" : "s");
	end_streams(l);
	return 0;
}
