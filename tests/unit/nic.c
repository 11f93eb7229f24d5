/* nic.c - what is said of an interface, and what the kernel is asked: loopback in each spelling, no route, what is no socket of a network. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "common/net.h"
#include "common/nic.h"
#include "tests/unit/tap.h"

static bool says(const struct nic *n, enum nic_way way, const char *want)
{
	char buf[NIC_WORDS];

	nic_words(n, way, buf);
	if (strcmp(buf, want) == 0)
		return true;
	note("'%s', not '%s'", buf, want);
	return false;
}

static void words(void)
{
	struct nic card = { .name = "eth0", .known = true, .sg = true, .tso = true }, plain = { .name = "eth0", .known = true }, mute = { .name = "eth0" };
	struct nic bond = { .name = "bond0", .kind = "bond", .known = true, .sg = true }, tun = { .name = "tun0", .kind = "tun", .known = true, .sg = true };
	struct nic lo = { .name = "lo", .loopback = true, .known = true, .sg = true, .tso = true };

	ok(says(&card, NIC_SENDS, "eth0: scatter-gather on, TSO on; sendfile's last copy is gone: the card takes the page cache's pages"), "a card that takes pieces");
	ok(says(&plain, NIC_SENDS, "eth0: scatter-gather off, TSO off; sendfile's last copy is only moved: the kernel joins each packet's pages before the interface has it"),
	   "one that takes none");
	ok(says(&mute, NIC_SENDS, "eth0: its features are not known; whether sendfile's last copy is gone is not known"), "one that does not say");
	ok(says(&bond, NIC_SENDS, "bond0 (bond): scatter-gather on, TSO off; sendfile's last copy is gone as far as this interface; what lies behind it is not known here"),
	   "what is no card");
	ok(says(&tun, NIC_SENDS, "tun0 (tun): scatter-gather on, TSO off; sendfile's last copy is only moved: a program or a cipher reads each packet"), "a tunnel");
	ok(says(&lo, NIC_SENDS, "lo: scatter-gather on, TSO on; this machine itself: with sendfile the receiver's copy is the only one"), "loopback");
	ok(says(&card, NIC_RECEIVES, "eth0: scatter-gather on, TSO on; this side receives: whether sendfile's last copy is gone, the sender's interface says, which is not known here"),
	   "receiving");
	ok(says(&lo, NIC_SEALED, "lo: scatter-gather on, TSO on; what is encrypted is copied into the socket, whatever the interface offers"), "encrypted");
	struct nic longest = { .kind = "wireguard-more", .known = true };
	char       buf[NIC_WORDS];
	memset(longest.name, 'n', sizeof longest.name - 1);
	for (enum nic_way way = NIC_SENDS; way <= NIC_SEALED; way++)
		ok(strlen(nic_words(&longest, way, buf)) < NIC_WORDS - 1, "the longest names are not cut, way %d", (int)way);
}

static int route(const char *to, struct nic *n)
{
	struct sockaddr_in  v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, to, &v4.sin_addr) == 1)
		return nic_of_route((struct sockaddr *)&v4, NULL, n);
	return inet_pton(AF_INET6, to, &v6.sin6_addr) == 1 ? nic_of_route((struct sockaddr *)&v6, NULL, n) : -EINVAL;
}

static void routes(void)
{
	static const char *const own[] = { "127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1" };
	struct nic               n;

	for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
		memset(&n, 0, sizeof n);
		int r = route(own[i], &n);
		ok(r == 0 && n.loopback && n.known && n.sg && !*n.kind && strcmp(n.name, "lo") == 0, "%s is lo, with its features: %d", own[i], r);
	}
	memset(&n, 0, sizeof n);
	int r = route("::1", &n);
	if (r == -ENETUNREACH)
		skip(1, "no IPv6 here");
	else
		ok(r == 0 && n.loopback && strcmp(n.name, "lo") == 0, "::1 is lo: %d", r);
}

static void sockets(void)
{
	int        l[1], pair[2];
	struct nic n = { .name = "kept" };

	if (!ok(net_listen("127.0.0.1:0", l, 1) == 1 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "sockets"))
		return;
	ok(nic_of_socket(pair[0], &n) == -EAFNOSUPPORT, "a Unix socket goes by no interface");
	ok(nic_of_socket(l[0], &n) == -ENOTCONN, "a socket that is not connected");
	ok(nic_of_socket(-1, &n) == -EBADF, "no socket");
	ok(strcmp(n.name, "kept") == 0, "what failed leaves the output alone");
	struct net_addr own;
	int             c = net_addrs(l[0], &own, NULL) == 0 ? net_connect("127.0.0.1", own.port, AF_INET, 5000, NULL) : -1;
	ok(c >= 0 && nic_of_socket(c, &n) == 0 && n.loopback && n.known, "a connection on loopback");
	close(c);
	close(l[0]);
	close(pair[0]);
	close(pair[1]);
}

static void nowhere(void)
{
	struct nic n = { .name = "kept" };

	if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET) < 0) {
		skip(2, "no network namespace: %s", strerror(errno));
		return;
	}
	int r = route("192.0.2.1", &n);
	ok(r == -ENETUNREACH && strcmp(n.name, "kept") == 0, "no route: %d", r);
	r = route("2001:db8::1", &n);
	ok(r == -ENETUNREACH || r == -EAFNOSUPPORT || r == -EOPNOTSUPP, "nor for IPv6: %d", r);
}

int main(void)
{
	words();
	routes();
	sockets();
	nowhere();
	return done();
}
