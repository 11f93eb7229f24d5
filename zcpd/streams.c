/* streams.c - the private table: who is let in, one process each, how each ended and what that costs. See listener.h */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/handshake.h"
#include "common/log.h"
#include "zcpd/descriptors.h"
#include "zcpd/listener_parts.h"

enum { LINGER_MS = 1000, SAY_EVERY_MS = 10000 };

static struct stream_slot *slot_of(struct listener *l, pid_t pid)
{
	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		if (l->k.slot[i].pid == pid)
			return &l->k.slot[i];
	return NULL;
}

static size_t index_of(const struct listener *l, const struct stream_slot *s)
{
	return (size_t)(s - l->k.slot);
}

unsigned streams_strangers(const struct listener *l)
{
	unsigned n = 0;

	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		n += l->k.slot[i].pid > 0 && !l->k.slot[i].known;
	return n;
}

static unsigned of_source(const struct listener *l, const struct source *source)
{
	unsigned n = 0;

	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		n += l->k.slot[i].pid > 0 && limits_same(&l->k.slot[i].source, source);
	return n;
}

/* --- how they end ------------------------------------------------------------------------------------------------ */

static void log_killed(const struct listener *l, const struct stream_slot *s, int sig)
{
	char        peer[64];
	const char *name = sigabbrev_np(sig);

	net_text(&s->peer, peer);
	if (sig == SIGALRM || s->overdue)
		log_info("%s: closed, no handshake and no key within %u s", peer, l->service->settings.limits.greeting_s);
	else if (sig == SIGSYS)
		log_error("%s: its process made a system call that it may not make and was ended; please report this", peer);
	else if (sig != SIGTERM)
		log_error("%s: its process was ended by signal %d (SIG%s)", peer, sig, name ? name : "?");
}

/* By us, by an administrator, by the kernel when memory is short: no fault of the code. */
static bool is_crash(int sig)
{
	return sig != SIGALRM && sig != SIGTERM && sig != SIGKILL && sig != SIGINT && sig != SIGHUP && sig != SIGQUIT;
}

static enum board_cause cause_of(const struct stream_slot *s, int status)
{
	if (WIFSIGNALED(status)) {
		if (is_crash(WTERMSIG(status)))
			return CAUSE_CRASH;
		return WTERMSIG(status) == SIGALRM || s->overdue ? CAUSE_DEADLINE : CAUSE_NONE;
	}
	switch (WEXITSTATUS(status)) {
	case CHILD_DONE: case CHILD_SANDBOX:
		return CAUSE_NONE;
	case CHILD_NO_ZCP:
		return CAUSE_NO_ZCP;
	case CHILD_STRANGER: case CHILD_WENT_AWAY:
		return CAUSE_HANDSHAKE;
	case CHILD_KEY:
		return CAUSE_KEY;
	default:
		return CAUSE_CRASH;     /* a sanitizer's, or one that code of a peer's chose */
	}
}

/* A peer that went away by itself has cost little: one that looked at the host key and asks its user, a probe of a monitor. */
static void punish(struct listener *l, const struct stream_slot *s, enum board_cause cause, int status)
{
	char    peer[64];
	int64_t wait;
	bool    crash = cause == CAUSE_CRASH;

	if (cause == CAUSE_NONE || (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_WENT_AWAY))
		return;
	wait = limits_offend(&l->service->settings.limits, &l->k.penalties, &s->peer, crash ? OFFENCE_CRASH : OFFENCE_REFUSED, clock_ms());
	if (wait > 0)
		log_info("%s: its network is not let in for %lld s", net_text(&s->peer, peer), (long long)((wait + 999) / 1000));
}

static void ended(struct listener *l, struct stream_slot *s, int status)
{
	char             peer[64];
	enum board_cause cause = cause_of(s, status);

	if (WIFSIGNALED(status))
		log_killed(l, s, WTERMSIG(status));
	else if (cause == CAUSE_CRASH)
		log_error("%s: its process ended with status %d", net_text(&s->peer, peer), WEXITSTATUS(status));
	punish(l, s, cause, status);
	board_end(&l->board, index_of(l, s), cause);
	l->crashed |= cause == CAUSE_CRASH;
	close_fd(&s->verdict);
	*s = (struct stream_slot){ .verdict = -1 };
	l->k.live--;
	l->paused_until_ms = 0;         /* its descriptors are free again */
}

void streams_reap(struct listener *l)
{
	int   status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct stream_slot *s = slot_of(l, pid);
		if (s)
			ended(l, s, status);
		else if (pid == l->k.port_writer)
			l->k.port_writer = 0;
		else
			watchers_reaped(l, pid, status);
	}
}

void streams_kill(struct listener *l, int sig)
{
	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		if (l->k.slot[i].pid > 0)
			kill(l->k.slot[i].pid, sig);
}

/* A refused one has as long as a silent one: what it is told takes it 2 s. */
static int64_t last_ms(const struct listener *l, const struct stream_slot *s)
{
	return s->let_in ? INT64_MAX : s->began_ms + ((int64_t)l->service->settings.limits.greeting_s + GRACE_S) * 1000;
}

void streams_overdue(struct listener *l, int64_t now)
{
	for (size_t i = 0; i < LISTENER_STREAMS; i++) {
		struct stream_slot *s = &l->k.slot[i];
		if (s->pid <= 0 || s->overdue || last_ms(l, s) > now)
			continue;
		s->overdue = true;
		kill(s->pid, SIGKILL);
	}
}

int64_t streams_due(const struct listener *l)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < LISTENER_STREAMS; i++) {
		const struct stream_slot *s = &l->k.slot[i];
		int64_t                   at = s->pid > 0 && !s->overdue ? last_ms(l, s) : INT64_MAX;
		first = at < first ? at : first;
	}
	for (size_t i = 0; i < LISTENER_LINGER; i++)
		if (l->k.linger[i].fd >= 0 && l->k.linger[i].until_ms < first)
			first = l->k.linger[i].until_ms;
	return first;
}

/* --- how they are refused ---------------------------------------------------------------------------------------- */

void linger_sweep(struct listener *l, int64_t now)
{
	for (size_t i = 0; i < LISTENER_LINGER; i++)
		if (l->k.linger[i].fd >= 0 && l->k.linger[i].until_ms <= now)
			close_fd(&l->k.linger[i].fd);
}

/* The peer has sent its first message by now; closing over it would be a reset, and the peer would never read "busy". */
bool streams_linger(struct listener *l, int sock)
{
	struct lingering *oldest = &l->k.linger[0];

	for (size_t i = 1; i < LISTENER_LINGER && oldest->fd >= 0; i++)
		if (l->k.linger[i].fd < 0 || l->k.linger[i].until_ms < oldest->until_ms)
			oldest = &l->k.linger[i];
	close_fd(&oldest->fd);
	if (send(sock, handshake_busy, HANDSHAKE_PREFACE, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 || shutdown(sock, SHUT_WR) < 0)
		return false;
	*oldest = (struct lingering){ sock, clock_ms() + LINGER_MS };
	return true;
}

/* LIMITS_WORDS itself: no process could be started. The first of a kind is said at once, then one line in ten seconds. */
static void log_refused(struct listener *l, const struct net_addr *peer, enum limits_word word)
{
	static const char *const why[LIMITS_WORDS + 1] = {
		[LIMITS_PENALTY] = "its network failed before and has to wait",
		[LIMITS_TOTAL] = "as many as there may be are live",
		[LIMITS_SOURCE] = "as many as its network may have are live",
		[LIMITS_EARLY] = "too many have not authenticated yet",
		[LIMITS_WORDS] = "no more processes or descriptors can be had",
	};
	struct refusals *r = &l->k.refusals[word];
	int64_t          now = clock_ms();
	char             shown[64], more[48] = "";

	if (r->said_ms && now - r->said_ms < SAY_EVERY_MS) {
		r->unsaid++;
		return;
	}
	if (r->unsaid)
		snprintf(more, sizeof more, " (and %u more since this was last said)", r->unsaid);
	*r = (struct refusals){ .said_ms = now };
	log_warn("a stream was told to come back later: %s: %s%s", net_text(peer, shown), why[word], more);
}

static bool refuse(struct listener *l, int sock, const struct net_addr *peer, enum limits_word word)
{
	log_refused(l, peer, word);
	board_cause(&l->board, word == LIMITS_PENALTY ? CAUSE_PENALTY : CAUSE_BUSY);
	return streams_linger(l, sock);
}

/* --- how they begin ---------------------------------------------------------------------------------------------- */

void streams_leave(struct listener *l)
{
	sigset_t none;

	for (int i = 0; i < l->k.count; i++)
		close_fd(&l->k.sock[i].fd);
	for (size_t i = 0; i < LISTENER_LINGER; i++)
		close_fd(&l->k.linger[i].fd);
	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		if (l->k.slot[i].pid > 0)
			close_fd(&l->k.slot[i].verdict);
	watchers_leave(l);
	board_forget(&l->board);
	close_fd(&l->k.notify.sock);
	close_fd(&l->k.exe);
	close_fd(&l->signals);
	dup2(l->null, STDIN_FILENO);
	dup2(l->null, STDOUT_FILENO);
	close_fd(&l->null);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Of all that the listener has open, and of what was open when zcpd was started, a stream has use for this; for a read-only mount only one that hands over. */
static int keep_own(struct service *v, const struct stream_ends *ends, bool local)
{
	int    fds[2 * WIRE_EXPORTS_MAX + 5];
	size_t n = 0;

	for (size_t i = 0; i < v->exports.count; i++) {
		if (!local)
			close_fd(&v->exports.list[i].still);
		fds[n++] = v->exports.list[i].dir;
		fds[n++] = v->exports.list[i].still;
	}
	fds[n++] = ends->sock;
	fds[n++] = ends->verdict;
	fds[n++] = v->sandbox.ruleset;
	fds[n++] = v->transfer_fd;
	fds[n++] = log_descriptor();
	return descriptors_keep(fds, n);
}

static bool is_short(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

/* What a stream's process could not find out by itself any more. */
static int refresh(struct listener *l)
{
	char words[128];
	int  r = mask_refresh(&l->service->mask);

	if (is_short(r))
		return r;                       /* refused like one for whom there is no process */
	if (r < 0)
		log_error("a stream was closed, the state directory cannot be read: %s", fail_words(fail_errno(r), words, sizeof words));
	else
		verdict_refresh(l, false);
	return r;
}

static enum limits_word admit(const struct listener *l, const struct net_addr *peer, const struct source *source)
{
	struct limits_now now = {
		.live = l->k.live, .strangers = streams_strangers(l), .of_source = of_source(l, source), .now_ms = clock_ms(),
		.dice = randombytes_uniform(LIMITS_DICE),
	};

	return limits_admit(&l->service->settings.limits, &l->k.penalties, peer, &now);
}

static pid_t fork_stream(struct listener *l, size_t i, int sock, const struct net_addr *own, const struct net_addr *peer)
{
	int   pair[2];
	pid_t pid = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	board_begin(&l->board, i, peer);
	if (board_only(&l->board, i) == 0)
		pid = fork();
	if (pid == 0) {
		struct stream_ends ends = { .sock = sock, .verdict = pair[1], .slot = &l->board.slot[i] };
		close(pair[0]);
		streams_leave(l);
		if (keep_own(l->service, &ends, peer->local) < 0)
			_exit(CHILD_SANDBOX);
		_exit(child_run(l->service, &ends, own, peer));
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		board_end(&l->board, i, CAUSE_NONE);
		return -1;
	}
	board_pid(&l->board, i, pid);
	l->k.slot[i].verdict = pair[0];
	return pid;
}

/* True: sock is kept for as long as it takes to read "busy". */
static bool start(struct listener *l, int sock)
{
	struct net_addr own, peer;

	if (net_addrs(sock, &own, &peer) < 0)
		return false;                   /* gone already */
	struct source       source = limits_source(&peer);
	enum limits_word    word = admit(l, &peer, &source);
	struct stream_slot *s = word == LIMITS_GO ? slot_of(l, 0) : NULL;

	if (!s)
		return refuse(l, sock, &peer, word == LIMITS_GO ? LIMITS_TOTAL : word);
	int r = refresh(l);
	if (r < 0)
		return is_short(r) && refuse(l, sock, &peer, LIMITS_WORDS);
	pid_t pid = fork_stream(l, index_of(l, s), sock, &own, &peer);
	if (pid < 0)
		return refuse(l, sock, &peer, LIMITS_WORDS);
	s->pid = pid;
	s->peer = peer;
	s->source = source;
	s->began_ms = clock_ms();
	l->k.live++;
	return false;
}

void streams_accept(struct listener *l, int sock)
{
	if (!start(l, sock))
		close(sock);
}
