/* metrics.c - the socket and the loop; see metrics.h */
#include "zcpd/metrics.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/status.h"

enum { CONNECTIONS = 8, REQUEST_MS = 5000, YOUNG_MS = 200, HEADERS = 512, PAUSE_MS = 100 };
enum phase { READING, WRITING, DRAINING };

struct connection {
	int      fd;                    /* -1: free */
	uint64_t began_ms;
	enum phase phase;
	size_t   in_len, out_len, out_at;
	char     in[METRICS_REQUEST], out[METRICS_TEXT + HEADERS];
};

struct server {
	const struct board   *board;
	FILE                 *page;             /* writes into text */
	struct metrics_memory memory;
	uint64_t              paused_until_ms;
	char                  text[METRICS_TEXT];
	struct connection     connection[CONNECTIONS];
};

/* --- where ------------------------------------------------------------------------------------------------------- */

/* A literal loopback address or "localhost": nothing is ever listened on that the machine's neighbours reach, not for a moment. */
static bool is_loopback_spec(const char *where)
{
	const char     *colon = strrchr(where, ':');
	char            host[64];
	struct net_cidr ip;
	struct net_addr a = { .port = 0 };

	if (!colon || colon == where)
		return false;
	size_t len = (size_t)(colon - where);
	if (where[0] == '[' && where[len - 1] == ']') {
		where++;
		len -= 2;
	}
	if (len >= sizeof host || memchr(where, '/', len))
		return false;
	memcpy(host, where, len);
	host[len] = '\0';
	if (!strcmp(host, "localhost"))
		return true;
	if (net_cidr_parse(host, &ip) < 0)
		return false;
	memcpy(a.ip, ip.ip, sizeof a.ip);
	return net_is_loopback(&a);
}

static int refuse(const char *shown, int r, const char *why)
{
	log_error("metrics = \"%s\": %s", shown, why ? why : strerrordesc_np(-r));
	return r;
}

static int listen_unix(const char *shown, const char *path)
{
	int fd = path[0] == '/' ? status_listen(path) : -EINVAL;

	if (fd >= 0)
		log_info("metrics at \"%s\"", shown);
	else
		refuse(shown, fd, fd == -EINVAL ? "a Unix socket is \"unix:\" and a path that begins with /" :
		                  fd == -EEXIST ? "something that is no socket stands there" : fd == -EADDRINUSE ? "another zcpd answers there" : NULL);
	return fd;
}

static int listen_tcp(const char *shown, const char *where)
{
	struct net_addr own;
	char            at[64];
	int             fd;

	if (!is_loopback_spec(where))
		return refuse(shown, -EINVAL, "not ADDR:PORT on loopback, nor unix:/PATH: the numbers are for this machine; "
		                              "let a proxy with TLS and a password hand them on");
	int r = net_listen(where, &fd, 1);
	if (r < 0)
		return refuse(shown, r, r == -EINVAL ? "not ADDR:PORT" : NULL);
	r = net_addrs(fd, &own, NULL);
	if (r == 0 && !net_is_loopback(&own))
		r = -EINVAL;                    /* a resolver with ideas of its own about "localhost" */
	if (r < 0) {
		close(fd);
		return refuse(shown, r, "its address is not loopback");
	}
	log_info("metrics at http://%s/metrics", net_text(&own, at));
	return fd;
}

int metrics_listen(const char *where)
{
	char shown[256];

	vis_str(shown, sizeof shown, where);
	return strncmp(where, "unix:", 5) == 0 ? listen_unix(shown, where + 5) : listen_tcp(shown, where);
}

/* --- one connection ---------------------------------------------------------------------------------------------- */

static void answer(struct server *s, struct connection *c, struct metrics_request r)
{
	size_t len = 0;

	if (r.status == 200) {
		rewind(s->page);
		metrics_text(s->page, s->board, &s->memory);
		if (fflush(s->page) != 0 || ferror(s->page) || (len = (size_t)ftell(s->page)) >= sizeof s->text)
			r.status = 503;
		clearerr(s->page);
	}
	c->out_len = metrics_answer(c->out, sizeof c->out, r, s->text, len);
	c->out_at = 0;
	c->phase = WRITING;
}

static void drop(struct connection *c)
{
	close_fd(&c->fd);
}

static void read_some(struct server *s, struct connection *c)
{
	ssize_t n = io_recv_some(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, false);

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	c->in_len += (size_t)n;
	struct metrics_request r = metrics_parse(c->in, c->in_len);
	if (r.status)
		answer(s, c, r);
}

/* Closing over unread bytes would be a reset, and the answer lost: what is still coming is read and thrown away, until the end or the deadline. */
static void write_some(struct connection *c)
{
	ssize_t n = io_send_some(c->fd, c->out + c->out_at, c->out_len - c->out_at);

	if (n == -EAGAIN)
		return;
	if (n < 0) {
		drop(c);
		return;
	}
	c->out_at += (size_t)n;
	if (c->out_at < c->out_len)
		return;
	c->phase = DRAINING;
	if (shutdown(c->fd, SHUT_WR) < 0)
		drop(c);
}

static void drain(struct connection *c)
{
	ssize_t n = io_recv_some(c->fd, c->in, sizeof c->in, false);

	if (n != -EAGAIN && n <= 0)
		drop(c);
}

static void serve(struct server *s, struct connection *c)
{
	if (c->phase == READING)
		read_some(s, c);
	if (c->fd >= 0 && c->phase == WRITING)
		write_some(c);
	else if (c->fd >= 0 && c->phase == DRAINING)
		drain(c);
}

/* Too late, or in the way: told so, if it takes that at once. */
static void end(struct connection *c, unsigned status)
{
	if (c->phase == READING) {
		size_t len = metrics_answer(c->out, sizeof c->out, (struct metrics_request){ .status = status }, NULL, 0);
		(void)!io_send_some(c->fd, c->out, len);
	}
	drop(c);
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

/* A free place, or the oldest's if it has had its moment: whoever connects and says nothing keeps nobody out. */
static struct connection *place(struct server *s, uint64_t now)
{
	struct connection *oldest = NULL;

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &s->connection[i];
		if (c->fd < 0)
			return c;
		if (!oldest || c->began_ms < oldest->began_ms)
			oldest = c;
	}
	if (now - oldest->began_ms < YOUNG_MS)
		return NULL;
	end(oldest, 503);
	return oldest;
}

/* False: nothing more can be accepted now. */
static bool take(struct server *s, int sock, uint64_t now)
{
	struct connection *c = place(s, now);

	if (!c)
		return false;
	int fd = accept4(sock, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			s->paused_until_ms = now + PAUSE_MS;
		return false;
	}
	c->fd = fd;
	c->began_ms = now;
	c->phase = READING;
	c->in_len = 0;
	return true;
}

static void sweep(struct server *s, uint64_t now)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (s->connection[i].fd >= 0 && now - s->connection[i].began_ms >= REQUEST_MS)
			end(&s->connection[i], 408);
}

/* Is there a place? If not, when will there be one (*until)? */
static bool room(const struct server *s, uint64_t now, uint64_t *until)
{
	uint64_t oldest = UINT64_MAX;

	if (s->paused_until_ms > now) {
		*until = s->paused_until_ms < *until ? s->paused_until_ms : *until;
		return false;
	}
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (s->connection[i].fd < 0)
			return true;
		oldest = s->connection[i].began_ms < oldest ? s->connection[i].began_ms : oldest;
	}
	if (now - oldest >= YOUNG_MS)
		return true;
	*until = oldest + YOUNG_MS < *until ? oldest + YOUNG_MS : *until;
	return false;
}

static int wait_for(struct server *s, struct pollfd p[static CONNECTIONS + 1], int sock, uint64_t now)
{
	uint64_t until = UINT64_MAX;

	for (size_t i = 0; i < CONNECTIONS; i++) {
		const struct connection *c = &s->connection[i];
		p[i + 1] = (struct pollfd){ .fd = c->fd, .events = c->phase == WRITING ? POLLOUT : POLLIN };
		if (c->fd >= 0 && c->began_ms + REQUEST_MS < until)
			until = c->began_ms + REQUEST_MS;
	}
	p[0] = (struct pollfd){ .fd = room(s, now, &until) ? sock : -1, .events = POLLIN };
	return poll(p, CONNECTIONS + 1, until == UINT64_MAX ? -1 : until > now ? (int)(until - now) : 0);
}

static void loop(struct server *s, int sock)
{
	struct pollfd p[CONNECTIONS + 1];
	uint64_t      now = board_now_ms();

	for (;;) {
		if (wait_for(s, p, sock, now) < 0 && errno != EINTR)
			return;
		now = board_now_ms();
		for (size_t i = 0; i < CONNECTIONS; i++)
			if (s->connection[i].fd >= 0 && s->connection[i].fd == p[i + 1].fd && p[i + 1].revents)
				serve(s, &s->connection[i]);
		sweep(s, now);
		if (p[0].fd >= 0 && (p[0].revents & ~POLLIN))
			return;                 /* the socket itself has failed */
		if (p[0].fd >= 0 && p[0].revents)
			while (take(s, sock, now))
				;
	}
}

static void run(struct server *s, int sock)
{
	s->page = fmemopen(s->text, sizeof s->text, "w");
	for (size_t i = 0; i < CONNECTIONS; i++)
		s->connection[i].fd = -1;
	if (!s->page)
		return;
	metrics_text(s->page, s->board, &s->memory);    /* stdio takes its buffers now, and the start's time is settled */
	loop(s, sock);
	fclose(s->page);
}

void metrics_run(const struct board *b, int sock)
{
	struct board   view = *b;
	struct server *s = board_view(&view) < 0 ? NULL : calloc(1, sizeof *s);

	if (!s)
		return;
	s->board = &view;
	run(s, sock);
	free(s);
}
