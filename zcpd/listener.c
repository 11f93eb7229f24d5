/* listener.c - the loop: who has something to say, and what is due. See listener.h */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/log.h"
#include "zcpd/listener_parts.h"
#include "zcpd/status.h"

enum { PAUSE_MS = 100, ACCEPTS = 16 /* at a time, so that signals are seen */, STATUS_MS = 2000, CHECK_MS = 10000 };
enum what { A_SIGNAL, A_VIEWER, A_CLIENT, A_VERDICT };
enum { POLLED = 2 + LISTENER_SOCKETS + LISTENER_STREAMS };
struct polled { struct pollfd p[POLLED]; struct { enum what what; size_t i; } of[POLLED]; nfds_t count; };

bool listener_pause(struct listener *l, int e)
{
	if (e != EMFILE && e != ENFILE && e != ENOBUFS && e != ENOMEM)
		return false;
	if (!l->pause_said)
		log_warn("cannot accept for a moment: %s", strerrordesc_np(e));
	l->pause_said = true;
	l->paused_until_ms = clock_ms() + PAUSE_MS;
	return true;
}

static void accept_some(struct listener *l, int sock)
{
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			l->pause_said = false;
			streams_accept(l, fd);
			continue;
		}
		/* else the peer is gone already, or there is a network error of its own: accept(2) */
		if (errno == EAGAIN || listener_pause(l, errno))
			return;
	}
}

/* Under --config SIGHUP is a reload; under --root there is nothing to read again, and it ends zcpd as it ends any program. */
static void take_signals(struct listener *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof info) == sizeof info) {
		int sig = (int)info.ssi_signo;
		if (sig == SIGHUP && l->service->settings.config)
			reload(l);
		else if (sig != SIGCHLD)
			ending_begin(l, sig);
	}
	streams_reap(l);
}

/* --- what is due ------------------------------------------------------------------------------------------------- */

static void say_status(struct listener *l)
{
	char text[128], whole[sizeof l->status];

	if (l->phase != PHASE_SERVING)
		return;                         /* ending.c has the word */
	snprintf(whole, sizeof whole, "%s%s%s", status_line(&l->board, text), l->note[0] ? "; " : "", l->note);
	if (strcmp(whole, l->status) == 0)
		return;
	memcpy(l->status, whole, sizeof whole);
	notify_status(&l->k.notify, whole);
}

static void tick(struct listener *l, int64_t now)
{
	if (l->k.notify.watchdog_ms > 0 && l->alive_ms <= now) {
		notify_alive(&l->k.notify);
		l->alive_ms = now + l->k.notify.watchdog_ms;
	}
	if (l->k.notify.sock >= 0 && l->status_ms <= now) {
		say_status(l);
		l->status_ms = now + STATUS_MS;
	}
	if (l->check_ms <= now) {               /* keys expire, and are taken out while nobody connects */
		if (l->k.live > 0)
			verdict_refresh(l, true);
		l->check_ms = now + CHECK_MS;
	}
	linger_sweep(l, now);
	streams_overdue(l, now);
	watchers_tick(l, now);
	if (reexec_due(l) <= now)
		reexec(l);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* How long poll may sleep: -1 = until something happens. A quiet listener is woken up by nothing but the watchdog's period. */
static int sleep_ms(const struct listener *l, int64_t now)
{
	int64_t first = l->paused_until_ms > now ? l->paused_until_ms : INT64_MAX;

	if (l->k.notify.watchdog_ms > 0)
		first = earlier(first, l->alive_ms);
	if (l->k.live > 0 && l->k.notify.sock >= 0)
		first = earlier(first, l->status_ms);
	if (l->k.live > 0)
		first = earlier(first, l->check_ms);
	first = earlier(first, streams_due(l));
	first = earlier(first, watchers_due(l));
	first = earlier(first, ending_due(l));
	first = earlier(first, reexec_due(l));
	if (first == INT64_MAX)
		return -1;
	return first <= now ? 0 : first - now > 60000 ? 60000 : (int)(first - now);
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

static void want(struct polled *w, int fd, enum what what, size_t i)
{
	if (fd < 0)
		return;
	w->p[w->count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	w->of[w->count].what = what;
	w->of[w->count++].i = i;
}

/* Verdicts first: a process that asks is waiting. Signals last: what they do changes the tables that this is made from. */
static void gather(const struct listener *l, struct polled *w, int64_t now)
{
	bool paused = l->paused_until_ms > now, accepts = l->phase == PHASE_SERVING && !paused;

	w->count = 0;
	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		if (l->k.slot[i].pid > 0)
			want(w, l->k.slot[i].verdict, A_VERDICT, i);
	for (int i = 0; i < l->k.count && accepts; i++)
		want(w, l->k.sock[i].fd, A_CLIENT, (size_t)i);
	if (!paused)
		want(w, l->k.viewers.sock, A_VIEWER, 0);
	want(w, l->signals, A_SIGNAL, 0);
}

static void answer(struct listener *l, const struct polled *w)
{
	for (nfds_t n = 0; n < w->count; n++) {
		if (!w->p[n].revents)
			continue;
		switch (w->of[n].what) {
		case A_VERDICT: verdict_answer(l, &l->k.slot[w->of[n].i]); break;
		case A_CLIENT:  accept_some(l, w->p[n].fd);                break;
		case A_VIEWER:  watchers_answer(l);                        break;
		case A_SIGNAL:  take_signals(l);                           break;
		}
	}
}

int listener_run(struct listener *l)
{
	struct polled w;
	int64_t       now = clock_ms();

	streams_reap(l);                        /* a listener that was executed anew: what ended meanwhile */
	l->status_ms = l->alive_ms = now;
	l->check_ms = now + CHECK_MS;
	while (!ending_tick(l, now)) {
		tick(l, now);
		gather(l, &w, now);
		if (poll(w.p, w.count, sleep_ms(l, now)) >= 0)
			answer(l, &w);
		else if (errno != EINTR)
			return -errno;
		now = clock_ms();
	}
	return 0;
}
