/* net.c - see net.h */
#include "common/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/io.h"
#include "common/num.h"
#include "common/unix_socket.h"

enum { BACKLOG = 512, CC_NAME = 16, PORT_TRIES = 16, NEAR_US = 1000, KEEPALIVE_MAX = 32767 /* tcp(7) */ };

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool is_v4(const uint8_t ip[static 16])
{
	return !memcmp(ip, v4_prefix, sizeof v4_prefix);
}

/* A name's addresses. The resolver keeps its own time (resolv.conf(5)): a deadline is looked at again afterwards. */
static int resolve(const char *host, uint16_t port, int family, int flags, struct addrinfo **out)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags };
	char            service[8];

	snprintf(service, sizeof service, "%u", port);
	return getaddrinfo(host, service, &hints, out);
}

/* A port of our own asked at a port nobody listens on may be answered by itself (RFC 9293, simultaneous open). */
static bool is_self(int sock)
{
	struct net_addr own = { 0 }, peer = { 0 };

	return net_addrs(sock, &own, &peer) == 0 && !own.local && own.port == peer.port && !memcmp(own.ip, peer.ip, sizeof own.ip);
}

static int finish_connect(int fd, int ms)
{
	int       error = 0;
	socklen_t len = sizeof error;
	int       r = io_wait(fd, POLLOUT, ms);

	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

/* A connected, blocking socket, or -errno. */
static int connect_one(const struct addrinfo *a, int ms)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		r = errno == EINPROGRESS || errno == EINTR ? finish_connect(fd, ms) : -errno;
	if (r == 0 && is_self(fd))
		r = -ECONNREFUSED;
	if (r == 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
		r = -errno;
	if (r < 0)
		close_fd(&fd);
	return r < 0 ? r : fd;
}

/* Of several addresses' failures, the one that says most: somebody answered, nobody did, there was no way. */
static int telling(int a, int b)
{
	static const int order[] = { -ECONNREFUSED, -ECONNRESET, -ETIMEDOUT, -EHOSTUNREACH };

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a ? a : b;
}

static int connect_any(const struct addrinfo *list, int64_t end)
{
	int left = 0, worst = 0;

	for (const struct addrinfo *a = list; a; a = a->ai_next)
		left++;
	for (const struct addrinfo *a = list; a; a = a->ai_next, left--) {
		int64_t ms = end - clock_ms();

		if (ms <= 0)
			return telling(worst, -ETIMEDOUT);
		/* a silent address leaves their share of the time to those behind it */
		int fd = connect_one(a, (int)((ms + left - 1) / left));
		if (fd >= 0)
			return fd;
		worst = telling(worst, fd);
	}
	return worst ? worst : -EHOSTUNREACH;
}

int net_connect(const char *host, uint16_t port, int family, int timeout_ms, int *gai)
{
	int64_t          end = clock_ms() + timeout_ms;
	struct addrinfo *list = NULL;
	int              g = resolve(host, port, family, 0, &list);

	if (gai)
		*gai = g;
	if (g == EAI_SYSTEM && errno)
		return -errno;
	if (g)
		return -EHOSTUNREACH;
	int r = connect_any(list, end);
	freeaddrinfo(list);
	return r;
}

int net_connect_to(const struct sockaddr *to, socklen_t len, int timeout_ms)
{
	struct sockaddr_storage at;
	struct addrinfo         a = { .ai_family = to->sa_family, .ai_addr = (struct sockaddr *)&at, .ai_addrlen = len };

	if (len > sizeof at)
		return -EINVAL;
	memcpy(&at, to, len);
	return connect_one(&a, timeout_ms);
}

static int listen_one(const struct addrinfo *a, uint16_t port)
{
	struct sockaddr_storage ss = { 0 };
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, r = 0;

	if (fd < 0)
		return -errno;
	memcpy(&ss, a->ai_addr, a->ai_addrlen);
	if (a->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&ss)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&ss)->sin_port = htons(port);
	/* a restart must not wait for the old connections' TIME_WAIT */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	/* each family has its own socket, whatever net.ipv6.bindv6only says */
	if (a->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		r = -errno;
	if (r == 0 && (bind(fd, (struct sockaddr *)&ss, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0))
		r = -errno;
	if (r < 0)
		close_fd(&fd);
	return r < 0 ? r : fd;
}

static uint16_t port_of(int fd)
{
	struct net_addr own = { 0 };

	return net_addrs(fd, &own, NULL) < 0 ? 0 : own.port;
}

static bool seen(const struct addrinfo *list, const struct addrinfo *a)
{
	for (; list != a; list = list->ai_next)
		if (list->ai_addrlen == a->ai_addrlen && !memcmp(list->ai_addr, a->ai_addr, a->ai_addrlen))
			return true;
	return false;
}

/* A machine without this family, or without this address of several. */
static bool not_here(int error)
{
	return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL;
}

static int close_all(int fds[], int n, int error)
{
	while (n > 0)
		close_fd(&fds[--n]);
	return error;
}

/* Port 0: the first socket's port is everybody's. */
static int listen_all(const struct addrinfo *list, uint16_t port, int fds[], int max)
{
	int n = 0, absent = 0;

	for (const struct addrinfo *a = list; a && n < max; a = a->ai_next) {
		if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) || seen(list, a))
			continue;
		int fd = listen_one(a, port);
		if (fd < 0 && !not_here(fd))
			return close_all(fds, n, fd);
		if (fd < 0) {
			absent = fd;
			continue;
		}
		fds[n++] = fd;
		if (!port)
			port = port_of(fd);
	}
	return n ? n : absent ? absent : -EADDRNOTAVAIL;
}

/* "ADDR:PORT", "[v6]:PORT", ":PORT"; host "" = every address */
static int split_spec(const char *spec, char host[static NI_MAXHOST], uint16_t *port)
{
	const char *colon = strrchr(spec, ':');
	uint64_t    number;

	if (!colon)
		return -EINVAL;
	const char *from = spec, *to = colon;
	if (*from == '[') {
		from++;
		if (to == spec || *--to != ']' || to == from)
			return -EINVAL;
	} else if (memchr(from, ':', (size_t)(to - from))) {
		return -EINVAL;                 /* is the last part of an unbracketed v6 address its port? */
	}
	if ((size_t)(to - from) >= NI_MAXHOST || num_parse(colon + 1, 0, 65535, &number) < 0)
		return -EINVAL;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	*port = (uint16_t)number;
	return 0;
}

bool net_spec_ok(const char *spec)
{
	char     host[NI_MAXHOST];
	uint16_t port;

	return unix_spec(spec) ? unix_path_ok(unix_spec(spec)) : split_spec(spec, host, &port) == 0;
}

static int listen_everywhere(uint16_t port, int fds[], int max)
{
	struct sockaddr_in  v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct addrinfo second = { .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&v4, .ai_addrlen = sizeof v4 };
	struct addrinfo first = { .ai_family = AF_INET6, .ai_addr = (struct sockaddr *)&v6, .ai_addrlen = sizeof v6,
	                          .ai_next = &second };

	return listen_all(&first, port, fds, max);
}

static int listen_host(const char *host, uint16_t port, int fds[], int max)
{
	struct addrinfo *list = NULL;
	int              g = resolve(host, port, AF_UNSPEC, AI_PASSIVE, &list);

	if (g)
		return g == EAI_SYSTEM && errno ? -errno : -EADDRNOTAVAIL;
	int r = listen_all(list, port, fds, max);
	freeaddrinfo(list);
	return r;
}

int net_listen(const char *spec, int fds[], int max)
{
	char     host[NI_MAXHOST];
	uint16_t port;

	if (unix_spec(spec))
		return unix_listen_at(unix_spec(spec), fds, max);
	int r = split_spec(spec, host, &port);
	if (r < 0)
		return r;
	/* port 0: the port one family was given may be taken in the other */
	for (int tries = port ? 1 : PORT_TRIES; tries > 0; tries--) {
		r = *host ? listen_host(host, port, fds, max) : listen_everywhere(port, fds, max);
		if (r != -EADDRINUSE)
			break;
	}
	return r;
}

int net_setup(int sock, int stall_ms)
{
	struct timeval t = { .tv_sec = stall_ms / 1000, .tv_usec = stall_ms % 1000 * 1000 };
	int            on = 1;

	/* a peer that is gone without a word is noticed, also while nobody sends or receives */
	int            every = stall_ms > 4000 ? stall_ms / 4000 : 1, probes = 4;
	unsigned       user = 3 * (unsigned)stall_ms;

	/* records are written whole: waiting for more would only delay them. A Unix socket has no such thing. */
	if (setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 && errno != EOPNOTSUPP && errno != ENOPROTOOPT)
		return -errno;
	/* blocking calls end, sendfile and splice too; 0 means for ever */
	if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) < 0 || setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) < 0)
		return -errno;
	if (every > KEEPALIVE_MAX)
		every = KEEPALIVE_MAX;
	/*
	 * Sent and not acknowledged for so long: also what the program has handed over already, and into a window that stays shut. Three
	 * times as long, since who waits in a call of its own is to be told -EAGAIN by that, and not -EPIPE by this; and a call that moved a part before
	 * it waited in vain is followed by one more. Best effort: a Unix socket has none of these.
	 */
	setsockopt(sock, IPPROTO_TCP, TCP_USER_TIMEOUT, &user, sizeof user);
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPIDLE, &every, sizeof every);
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
	setsockopt(sock, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	return 0;
}

void net_cc_name(int sock, char out[static 16])
{
	char      name[CC_NAME + 1] = "";
	socklen_t len = CC_NAME;

	if (getsockopt(sock, IPPROTO_TCP, TCP_CONGESTION, name, &len) < 0)
		name[0] = '\0';
	memcpy(out, name, CC_NAME);
	out[CC_NAME - 1] = '\0';
}

static bool is_near(int sock)
{
	struct net_addr peer = { 0 };
	struct tcp_info info = { 0 };
	socklen_t       len = sizeof info;

	if (net_addrs(sock, NULL, &peer) == 0 && net_is_loopback(&peer))
		return true;
	if (getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return false;
	return info.tcpi_rtt && info.tcpi_rtt < NEAR_US;        /* 0: not measured yet */
}

int net_cc(int sock, const char *wanted)
{
	static const char near[] = "cubic";
	char              now[16];

	if (wanted && *wanted) {
		/* the kernel cuts a long name and might find another */
		if (strlen(wanted) >= CC_NAME)
			return -ENOENT;
		if (setsockopt(sock, IPPROTO_TCP, TCP_CONGESTION, wanted, (socklen_t)strlen(wanted)) == 0)
			return 0;
		return errno == EPERM ? -ENOENT : -errno;       /* one that only root may have */
	}
	net_cc_name(sock, now);
	/* bbr paces: 2.5 GB/s over loopback where cubic makes 7 to 11. A machine without cubic keeps what it has. */
	if (!strcmp(now, "bbr") && is_near(sock))
		(void)setsockopt(sock, IPPROTO_TCP, TCP_CONGESTION, near, sizeof near - 1);
	return 0;
}

static int from_sockaddr(const struct sockaddr_storage *ss, struct net_addr *out)
{
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;

		memcpy(out->ip, v4_prefix, sizeof v4_prefix);
		memcpy(out->ip + 12, &v4->sin_addr, 4);
		out->port = ntohs(v4->sin_port);
		return 0;
	}
	if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;

		memcpy(out->ip, &v6->sin6_addr, 16);
		out->port = ntohs(v6->sin6_port);
		return 0;
	}
	*out = (struct net_addr){ .local = ss->ss_family == AF_UNIX };
	return out->local ? 0 : -EAFNOSUPPORT;
}

int net_addrs(int sock, struct net_addr *own, struct net_addr *peer)
{
	struct sockaddr_storage ss = { 0 };
	struct net_addr         o = { .port = 0 }, p = { .port = 0 };
	socklen_t               len = sizeof ss;
	int                     r;

	if (own) {
		if (getsockname(sock, (struct sockaddr *)&ss, &len) < 0)
			return -errno;
		if ((r = from_sockaddr(&ss, &o)) < 0)
			return r;
	}
	if (peer) {
		len = sizeof ss;
		if (getpeername(sock, (struct sockaddr *)&ss, &len) < 0)
			return -errno;
		if ((r = from_sockaddr(&ss, &p)) < 0 || (p.local && (r = unix_peer_uid(sock, &p.uid)) < 0))
			return r;
		*peer = p;
	}
	if (own)
		*own = o;
	return 0;
}

bool net_is_loopback(const struct net_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->local || (is_v4(a->ip) ? a->ip[12] == 127 : !memcmp(a->ip, one, 16));
}

const char *net_text(const struct net_addr *a, char buf[static 64])
{
	char ip[INET6_ADDRSTRLEN];
	bool v4 = is_v4(a->ip);

	if (a->local)
		return snprintf(buf, 64, "unix:uid=%u", a->uid) < 0 ? "" : buf;
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->ip + 12 : a->ip, ip, sizeof ip);
	snprintf(buf, 64, v4 ? "%s:%u" : "[%s]:%u", ip, a->port);
	return buf;
}

/* "127.0.0.1" -> ::ffff:127.0.0.1 and 32; "::1" and 128: how many bits a mask may have. 0: no address */
static unsigned parse_ip(const char *text, uint8_t ip[static 16])
{
	if (inet_pton(AF_INET6, text, ip) == 1)
		return 128;
	memcpy(ip, v4_prefix, sizeof v4_prefix);
	return inet_pton(AF_INET, text, ip + 12) == 1 ? 32 : 0;
}

static bool bit(const uint8_t ip[static 16], unsigned i)
{
	return ip[i / 8] >> (7 - i % 8) & 1;
}

/* Whatever the bits behind its length are. */
static int parse_cidr(const char *text, struct net_cidr *c)
{
	char        ip[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t      n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof ip)
		return -EINVAL;
	memcpy(ip, text, n);
	ip[n] = '\0';
	unsigned all = parse_ip(ip, c->ip);
	uint64_t bits = all;
	if (!all || (slash && num_parse(slash + 1, 0, all, &bits) < 0))
		return -EINVAL;
	c->bits = (uint8_t)(128 - all + bits);
	return 0;
}

static bool host_bits(const struct net_cidr *c)
{
	for (unsigned i = c->bits; i < 128; i++)
		if (bit(c->ip, i))
			return true;
	return false;
}

int net_cidr_parse(const char *text, struct net_cidr *out)
{
	struct net_cidr c;

	/* "10.0.0.1/8" opens a network where one host may have been meant */
	if (parse_cidr(text, &c) < 0 || host_bits(&c))
		return -EINVAL;
	*out = c;
	return 0;
}

bool net_cidr_host_bits(const char *text)
{
	struct net_cidr c;

	return parse_cidr(text, &c) == 0 && host_bits(&c);
}

bool net_cidr_has(const struct net_cidr *c, const struct net_addr *a)
{
	static const struct net_addr here[] = { { .ip = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 } }, { .ip = { [15] = 1 } } };

	if (a->local)
		return net_cidr_has(c, &here[0]) || net_cidr_has(c, &here[1]);
	/* "::/0" means every IPv6 address: those of IPv4 only look like some */
	if (is_v4(a->ip) && c->bits < 96)
		return false;
	for (unsigned i = 0; i < c->bits; i++)
		if (bit(c->ip, i) != bit(a->ip, i))
			return false;
	return true;
}
