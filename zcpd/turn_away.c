/* turn_away.c - see turn_away.h */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/handshake.h"
#include "zcpd/turn_away.h"

/* The next who waits, of the ones that can be told; -1: nobody, or no descriptor for him. */
static int next(int listening)
{
	for (;;) {
		int sock = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (sock < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		return sock;
	}
}

static bool tell(int sock)
{
	return send(sock, handshake_busy, HANDSHAKE_PREFACE, MSG_DONTWAIT | MSG_NOSIGNAL) == HANDSHAKE_PREFACE && shutdown(sock, SHUT_WR) == 0;
}

/* Until all of them have gone, or the time is over. */
static void wait_for(struct pollfd *told, int count)
{
	int64_t end = clock_ms() + TURN_AWAY_MS, left;
	int     there = count;

	while (there > 0 && (left = end - clock_ms()) > 0) {
		if (poll(told, (nfds_t)count, (int)left) < 0 && errno != EINTR)
			return;
		there = 0;
		for (int i = 0; i < count; i++) {
			if (told[i].fd >= 0 && told[i].revents) {
				close(told[i].fd);
				told[i].fd = -1;
			}
			there += told[i].fd >= 0;
		}
	}
}

int turn_away(const int listening[], int count)
{
	struct pollfd *told = calloc(TURN_AWAY_MOST, sizeof *told);
	struct rlimit  r;
	int            n = 0, all = 0;

	if (!told)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	for (int i = 0; i < count; i++)
		for (int sock; all < TURN_AWAY_MOST && (sock = next(listening[i])) >= 0; all++) {
			if (tell(sock))
				told[n++] = (struct pollfd){ .fd = sock, .events = POLLRDHUP };
			else
				close(sock);
		}
	wait_for(told, n);
	for (int i = 0; i < n; i++)
		if (told[i].fd >= 0)
			close(told[i].fd);
	free(told);
	return n;
}
