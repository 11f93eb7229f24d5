/* ending.c - from the signal that ends zcpd to its end: drain, tell, kill. See listener.h */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "zcpd/listener_parts.h"

enum { LOOK_MS = 1000 };

/* Clients that come now are refused by the kernel, or wait in the backlog of a socket unit for the next zcpd. */
static void stop_accepting(struct listener *l)
{
	for (int i = 0; i < l->k.count; i++)
		if (!l->k.sock[i].inherited)
			close_fd(&l->k.sock[i].fd);
}

static void begin_end(struct listener *l)
{
	l->phase = PHASE_ENDING;
	l->until_ms = clock_ms() + END_S * 1000;
	log_info("ending, %u stream%s live", l->k.live, l->k.live == 1 ? "" : "s");
	streams_kill(l, SIGTERM);
	watchers_end(l, SIGTERM);
	if (l->k.port_writer > 0)
		kill(l->k.port_writer, SIGKILL);
}

/* Ctrl-C and a hangup are somebody at a terminal who does not want to wait. */
void ending_begin(struct listener *l, int sig)
{
	unsigned drain_s = sig == SIGTERM && l->phase == PHASE_SERVING && l->k.live > 0 ? l->service->settings.limits.drain_s : 0;

	if (l->phase == PHASE_SERVING) {
		notify_stopping(&l->k.notify);
		stop_accepting(l);
	}
	if (drain_s > 0) {
		int64_t now = clock_ms();
		log_info("draining, %u stream%s live, for at most %u s", l->k.live, l->k.live == 1 ? "" : "s", drain_s);
		l->phase = PHASE_DRAINING;
		l->until_ms = now + (int64_t)drain_s * 1000;
		l->look_ms = now;
		l->rested = UINT64_MAX;
	} else if (l->phase != PHASE_ENDING) {
		begin_end(l);
	}
}

/* The scoreboard decides nothing but how long is waited: a stream that lies there is cut off when the time is over. One look may fall between two
 * requests; when all of them rest at two looks, and have not been served anything between, nobody is in the middle of anything. */
static bool all_rest(struct listener *l)
{
	uint64_t served = 0, before = l->rested;

	l->rested = UINT64_MAX;
	for (size_t i = 0; i < LISTENER_STREAMS; i++) {
		struct board_slot copy;
		if (l->k.slot[i].pid <= 0)
			continue;
		board_copy(&l->board.slot[i], &copy);
		if (copy.state != BOARD_IDLE && copy.state != BOARD_GREETING)
			return false;
		if (copy.state == BOARD_GREETING && l->k.slot[i].let_in)
			return false;           /* between its verdict and its first request */
		served += copy.counts.requests;
	}
	l->rested = served;
	return before == served;
}

static bool drain_over(struct listener *l, int64_t now)
{
	char text[96];
	bool over = l->k.live == 0 || l->until_ms <= now;

	if (!over && l->look_ms <= now) {
		over = all_rest(l);
		snprintf(text, sizeof text, "draining, %u stream%s, %lld s left", l->k.live, l->k.live == 1 ? "" : "s",
		         (long long)((l->until_ms - now + 999) / 1000));
		notify_status(&l->k.notify, text);
		l->look_ms = now + LOOK_MS;
	}
	return over;
}

bool ending_tick(struct listener *l, int64_t now)
{
	if (l->phase == PHASE_DRAINING && drain_over(l, now))
		begin_end(l);
	if (l->phase != PHASE_ENDING)
		return false;
	bool live = l->k.live > 0 || l->k.port_writer > 0 || watchers_live(l);
	if (live && !l->killed && l->until_ms <= now) {
		if (l->k.live > 0)
			log_warn("%u stream%s had to be killed", l->k.live, l->k.live == 1 ? "" : "s");
		streams_kill(l, SIGKILL);
		watchers_end(l, SIGKILL);
		l->killed = true;
	}
	return !live;
}

int64_t ending_due(const struct listener *l)
{
	if (l->phase == PHASE_DRAINING)
		return l->look_ms < l->until_ms ? l->look_ms : l->until_ms;
	return l->phase == PHASE_ENDING && !l->killed ? l->until_ms : INT64_MAX;
}
