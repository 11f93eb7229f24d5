/* net.c - listening and connecting on loopback, deadlines, congestion control, places and networks as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/net.h"
#include "tests/unit/tap.h"

static uint16_t port_of(int fd)
{
	struct net_addr own;

	return net_addrs(fd, &own, NULL) == 0 ? own.port : 0;
}

static void close_all(int *fd, int n)
{
	while (n-- > 0)
		close(fd[n]);
}

static int option(int fd, int level, int name)
{
	int       v = -1;
	socklen_t len = sizeof v;

	return getsockopt(fd, level, name, &v, &len) < 0 ? -1 : v;
}

static void listening(void)
{
	int  fd[4], again[4];
	char spec[64];
	int  n = net_listen("127.0.0.1:0", fd, 4);

	if (!ok(n == 1, "listen on 127.0.0.1:0"))
		return;
	ok(port_of(fd[0]) > 0, "port 0 becomes a port");
	ok((fcntl(fd[0], F_GETFL) & O_NONBLOCK) && (fcntl(fd[0], F_GETFD) & FD_CLOEXEC), "non-blocking, close-on-exec");
	ok(option(fd[0], SOL_SOCKET, SO_REUSEADDR) == 1 && option(fd[0], SOL_SOCKET, SO_ACCEPTCONN) == 1, "SO_REUSEADDR, listening");
	snprintf(spec, sizeof spec, "127.0.0.1:%u", port_of(fd[0]));
	ok(net_listen(spec, again, 4) == -EADDRINUSE, "a port that is taken");
	close_all(fd, n);
	n = net_listen(":0", fd, 4);
	ok(n >= 1 && n <= 2, "every address: %d sockets", n);
	if (n == 2) {
		ok(port_of(fd[0]) && port_of(fd[0]) == port_of(fd[1]), "both families have one port");
		ok(option(fd[0], IPPROTO_IPV6, IPV6_V6ONLY) == 1, "IPV6_V6ONLY");
	} else {
		skip(2, "no IPv6 here");
	}
	uint16_t port = n > 0 ? port_of(fd[0]) : 1;
	int gai = 99, c = net_connect("127.0.0.1", port, AF_UNSPEC, 5000, &gai);
	ok(c >= 0 && gai == 0, "connect over IPv4");
	close(c);
	c = net_connect("::1", port, AF_UNSPEC, 5000, &gai);
	if (c >= 0 || n == 2)
		ok(c >= 0, "connect over IPv6");
	else
		skip(1, "no IPv6 here");
	if (c >= 0)
		close(c);
	close_all(fd, n);
	ok(net_listen(":0", fd, 1) == 1, "no more sockets than there is room for");
	close(fd[0]);
	static const char *const bad[] = { "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:0", "[::1]",
	                                   "[::1:0", "[]:0", "[::1]0", "::1]:0", "[::1]x:0", "127.0.0.1: 0", ":", "[:0" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(net_listen(bad[i], fd, 4) == -EINVAL, "no address to listen on: \"%s\"", bad[i]);
	ok(net_listen("192.0.2.1:0", fd, 4) == -EADDRNOTAVAIL, "an address this machine does not have");
	ok(net_listen("no-such-name.invalid:0", fd, 4) < 0, "a name that is none");
}

static void connecting(void)
{
	int fd[2], gai = 0, r;
	int n = net_listen("127.0.0.1:0", fd, 2);

	if (!ok(n == 1, "listen"))
		return;
	uint16_t port = port_of(fd[0]);
	int c = net_connect("127.0.0.1", port, AF_INET, 5000, NULL);
	ok(c >= 0 && !(fcntl(c, F_GETFL) & O_NONBLOCK) && (fcntl(c, F_GETFD) & FD_CLOEXEC), "connected: blocking, close-on-exec");
	struct net_addr own, peer;
	char text[64], want[64];
	snprintf(want, sizeof want, "127.0.0.1:%u", port);
	ok(net_addrs(c, &own, &peer) == 0 && net_is_loopback(&own) && net_is_loopback(&peer) && own.port && !strcmp(net_text(&peer, text), want),
	   "addresses of both ends");
	close(c);
	r = net_connect("localhost", port, AF_UNSPEC, 5000, &gai);
	if (gai == 0)
		ok(r >= 0, "a name: each of its addresses in turn");
	else
		skip(1, "no localhost here");
	if (r >= 0)
		close(r);
	ok(net_connect("::1", port, AF_INET, 5000, &gai) == -EHOSTUNREACH && gai != 0, "an address of the other family");
	ok(net_connect("", port, AF_UNSPEC, 5000, &gai) == -EHOSTUNREACH && gai != 0, "no name at all");
	close_all(fd, n);
	ok(net_connect("127.0.0.1", port, AF_UNSPEC, 5000, &gai) == -ECONNREFUSED && gai == 0, "nobody listens");
	ok(net_connect("127.0.0.1", port, AF_UNSPEC, 0, &gai) == -ETIMEDOUT, "a deadline that has passed");
}

/* A queue that is full answers nothing: SYNs are dropped. */
static void silent(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int       l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[16], n = 0, r = 0;

	if (bind(l, (struct sockaddr *)&a, len) < 0 || listen(l, 0) < 0)
		return;
	uint16_t port = port_of(l);
	while (n < 16 && (r = net_connect("127.0.0.1", port, AF_INET, 100, NULL)) >= 0)
		fill[n++] = r;
	ok(n < 16 && r == -ETIMEDOUT, "a peer that does not answer: the deadline ends it");
	close_all(fill, n);
	close(l);
}

static void options(void)
{
	int            l[1], pair[2];
	struct timeval t = { 0 };
	socklen_t      len = sizeof t;
	char           name[16], before[16];

	if (net_listen("127.0.0.1:0", l, 1) != 1)
		return;
	int c = net_connect("127.0.0.1", port_of(l[0]), AF_UNSPEC, 5000, NULL);
	ok(net_setup(c, 1500) == 0 && option(c, IPPROTO_TCP, TCP_NODELAY) == 1, "setup: TCP_NODELAY");
	ok(getsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &t, &len) == 0 && t.tv_sec == 1 && t.tv_usec == 500000, "setup: SO_RCVTIMEO");
	ok(getsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &t, &len) == 0 && t.tv_sec == 1 && t.tv_usec == 500000, "setup: SO_SNDTIMEO");
	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && net_setup(pair[0], 1000) == 0, "setup: a Unix socket has no delay to turn off");
	net_cc_name(pair[0], name);
	ok(!*name && net_cc(pair[0], NULL) == 0, "nor a congestion control");
	close_all(pair, 2);
	ok(net_setup(-1, 1000) == -EBADF, "setup: no socket");
	net_cc_name(c, before);
	ok(*before, "congestion control: %s", before);
	ok(net_cc(c, before) == 0, "asked for by name");
	ok(net_cc(c, "nosuch") == -ENOENT && net_cc(c, "a-name-of-16-byte") == -ENOENT && net_cc(c, "reno reno") == -ENOENT, "one that is not to be had");
	net_cc_name(c, name);
	ok(!strcmp(name, before), "and nothing has changed");
	bool cubic = net_cc(c, "cubic") == 0, bbr = net_cc(c, "bbr") == 0;
	if (bbr && cubic)
		ok(net_cc(c, "") == 0 && (net_cc_name(c, name), !strcmp(name, "cubic")), "bbr by default, loopback: cubic");
	else
		skip(1, "no bbr or no cubic to choose between");
	if (net_cc(c, "reno") == 0)
		ok(net_cc(c, NULL) == 0 && (net_cc_name(c, name), !strcmp(name, "reno")), "any other default stays");
	else
		skip(1, "no reno");
	close(c);
	close(l[0]);
}

static void texts(void)
{
	static const struct { const char *ip, *text; bool loopback; } a[] = {
		{ "::ffff:127.0.0.1", "127.0.0.1:7722", true }, { "::ffff:127.255.3.4", "127.255.3.4:7722", true }, { "::1", "[::1]:7722", true },
		{ "::ffff:128.0.0.1", "128.0.0.1:7722", false }, { "::ffff:126.0.0.1", "126.0.0.1:7722", false }, { "::2", "[::2]:7722", false },
		{ "::", "[::]:7722", false }, { "fe80::1", "[fe80::1]:7722", false }, { "::ffff:0.0.0.0", "0.0.0.0:7722", false },
		{ "::127.0.0.1", "[::127.0.0.1]:7722", false }, { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:7722", false },
	};

	for (size_t i = 0; i < sizeof a / sizeof *a; i++) {
		struct net_addr n = { .port = 7722 };
		char            text[64];

		inet_pton(AF_INET6, a[i].ip, n.ip);
		ok(!strcmp(net_text(&n, text), a[i].text) && net_is_loopback(&n) == a[i].loopback, "%s%s", text, a[i].loopback ? " is loopback" : "");
	}
}

static void networks(void)
{
	static const struct { const char *cidr, *ip; bool in; } t[] = {
		{ "10.0.0.0/8", "::ffff:10.255.0.1", true }, { "10.0.0.0/8", "::ffff:11.0.0.1", false }, { "10.0.0.0/8", "a00::1", false },
		{ "192.168.4.0/22", "::ffff:192.168.7.255", true }, { "192.168.4.0/22", "::ffff:192.168.8.0", false },
		{ "192.0.2.7", "::ffff:192.0.2.7", true }, { "192.0.2.7", "::ffff:192.0.2.6", false }, { "192.0.2.7/32", "::ffff:192.0.2.7", true },
		{ "0.0.0.0/0", "::ffff:8.8.8.8", true }, { "0.0.0.0/0", "::1", false }, { "::/0", "2001:db8::1", true }, { "::/0", "::ffff:8.8.8.8", false },
		{ "fe80::/10", "febf::1", true }, { "fe80::/10", "fec0::1", false }, { "::1", "::1", true }, { "::1", "::2", false },
		{ "::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true }, { "2001:db8::/127", "2001:db8::1", true }, { "2001:db8::/127", "2001:db8::2", false },
	};
	static const char *const bad[] = { "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.1/8", "::1/127", "::/129", "10/8", "10.0.0",
	                                   "10.0.0.0 /8", "fe80::1%lo", "localhost", "10.0.0.0/8x", "256.0.0.0/8", "0x0a.0.0.0/8",
	                                   "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111" };

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct net_cidr c;
		struct net_addr a = { .port = 1 };

		inet_pton(AF_INET6, t[i].ip, a.ip);
		ok(net_cidr_parse(t[i].cidr, &c) == 0 && net_cidr_has(&c, &a) == t[i].in, "%s %s %s", t[i].ip, t[i].in ? "is in" : "is not in", t[i].cidr);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct net_cidr c = { .bits = 77 };

		ok(net_cidr_parse(bad[i], &c) == -EINVAL && c.bits == 77, "no network: \"%s\"", bad[i]);
	}
	ok(net_cidr_host_bits("10.0.0.1/8") && net_cidr_host_bits("fe80::1/10"), "a network but for the bits behind its length");
	ok(!net_cidr_host_bits("10.0.0.0/8") && !net_cidr_host_bits("10.0.0.1") && !net_cidr_host_bits("10.0.0.1/33") && !net_cidr_host_bits("ten/8"),
	   "networks, addresses and nonsense have no such bits");
}

/* The address is there when its route is: the kernel makes both later than it says so. */
static int route_seen(int s, const struct in6_addr *ip)
{
	_Alignas(16) char buf[8192];

	for (;;) {
		ssize_t n = recv(s, buf, sizeof buf, 0);

		if (n < (ssize_t)sizeof(struct nlmsghdr))
			return -1;
		struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;
		if (h->nlmsg_type == NLMSG_ERROR && ((struct nlmsgerr *)NLMSG_DATA(h))->error)
			return -1;
		if (h->nlmsg_type == RTM_NEWROUTE && ((struct rtmsg *)NLMSG_DATA(h))->rtm_dst_len == 128 &&
		    memmem(buf, (size_t)n, ip, sizeof *ip))
			return 0;
	}
}

static int fe80_on_lo(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	struct { struct nlmsghdr h; struct ifaddrmsg a; struct rtattr t; struct in6_addr ip; } m = {
		.h = { .nlmsg_len = sizeof m, .nlmsg_type = RTM_NEWADDR, .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK },
		.a = { .ifa_family = AF_INET6, .ifa_prefixlen = 64, .ifa_flags = IFA_F_NODAD, .ifa_index = if_nametoindex("lo") },
		.t = { .rta_len = RTA_LENGTH(sizeof m.ip), .rta_type = IFA_LOCAL },
	};
	struct sockaddr_nl routes = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV6_ROUTE };
	struct timeval     most = { .tv_sec = 10 };
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), six = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET6, "fe80::1", &m.ip);
	if (s < 0 || six < 0 || ioctl(six, SIOCSIFFLAGS, &up) < 0 || bind(s, (struct sockaddr *)&routes, sizeof routes) < 0)
		return -1;
	if (setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) < 0 || send(s, &m, sizeof m, 0) != sizeof m)
		return -1;
	return route_seen(s, &m.ip);
}

/* In a network of its own: 0 it works, 1 it does not, 2 it cannot be tried here. */
static int scoped_child(void)
{
	int fd[1];

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 2;
	if (fe80_on_lo() < 0)
		return 2;
	if (net_listen("[fe80::1%lo]:0", fd, 1) != 1)
		return 1;
	int c = net_connect("fe80::1%lo", port_of(fd[0]), AF_UNSPEC, 5000, NULL);
	return c >= 0 ? 0 : 1;
}

static void scoped(void)
{
	int   status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(scoped_child());
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip(1, "no network namespace of our own");
	else
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "an address with a scope: fe80::1%%lo, both to listen and to connect");
}

int main(void)
{
	listening();
	connecting();
	silent();
	options();
	texts();
	networks();
	scoped();
	return done();
}
