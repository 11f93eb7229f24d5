/* nic.c - see nic.h; what is said of it is at the end */
#include "common/nic.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include "common/cleanup.h"

enum { ANSWER = 16 * 1024, ASKED_ATTRS = 128, FEATURES_MAX = 1024, LOOPBACK_INDEX = 1 /* LOOPBACK_IFINDEX of linux/net_namespace */ };

struct address { sa_family_t family; const void *ip; size_t len; uint16_t port; uint32_t scope; };

struct question {
	struct nlmsghdr head;
	union { struct rtmsg route; struct ifinfomsg link; } of;
	char            attrs[ASKED_ATTRS];
};

/* --- netlink ---------------------------------------------------------------------------------------------------------- */

/* An IPv4 address in IPv6's clothes is routed as IPv4. */
static int address_of(const struct sockaddr *sa, struct address *a)
{
	const struct sockaddr_in  *v4 = (const struct sockaddr_in *)(const void *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)sa;

	if (sa->sa_family == AF_INET)
		*a = (struct address){ .family = AF_INET, .ip = &v4->sin_addr, .len = 4, .port = v4->sin_port };
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		*a = (struct address){ .family = AF_INET, .ip = v6->sin6_addr.s6_addr + 12, .len = 4, .port = v6->sin6_port };
	else if (sa->sa_family == AF_INET6)
		*a = (struct address){ .family = AF_INET6, .ip = &v6->sin6_addr, .len = 16, .port = v6->sin6_port, .scope = v6->sin6_scope_id };
	else
		return -EAFNOSUPPORT;
	return 0;
}

static void begin(struct question *q, uint16_t type, size_t body)
{
	memset(q, 0, sizeof *q);
	q->head = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH((uint32_t)body), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST };
}

static void add(struct question *q, uint16_t type, const void *value, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)q + NLMSG_ALIGN(q->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), value, len);
	q->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->head.nlmsg_len) + RTA_ALIGN(RTA_LENGTH(len)));
}

/* The kernel has answered when send() is back. 0: buf begins with a message of this type, and a body of that size at least. */
static int ask(int fd, const struct question *q, char buf[static ANSWER], uint16_t type, size_t body)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)buf;

	if (send(fd, q, q->head.nlmsg_len, 0) < 0)
		return -errno;
	ssize_t n = recv(fd, buf, ANSWER, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return -errno;
	if (n > ANSWER || !NLMSG_OK(h, (size_t)n))
		return -EMSGSIZE;
	if (h->nlmsg_type == type)
		return h->nlmsg_len >= NLMSG_LENGTH(body) ? 0 : -EPROTO;
	const struct nlmsgerr *e = (const struct nlmsgerr *)(const void *)(buf + NLMSG_HDRLEN);
	return h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof *e) && e->error < 0 ? e->error : -EPROTO;
}

/* An attribute among `len` bytes of them; NULL: it is not there, or shorter than `least`. */
static struct rtattr *find(struct rtattr *a, size_t len, unsigned short type, size_t least)
{
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return RTA_PAYLOAD(a) >= least ? a : NULL;
	return NULL;
}

static int interface_of(int fd, const struct address *to, const struct address *from, char buf[static ANSWER])
{
	const uint8_t    tcp = IPPROTO_TCP;
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;
	struct question  q;
	int              index;

	begin(&q, RTM_GETROUTE, sizeof q.of.route);
	q.of.route = (struct rtmsg){ .rtm_family = (unsigned char)to->family, .rtm_dst_len = (unsigned char)(to->len * 8) };
	add(&q, RTA_DST, to->ip, to->len);
	if (from && from->family == to->family) {
		q.of.route.rtm_src_len = (unsigned char)(from->len * 8);
		add(&q, RTA_SRC, from->ip, from->len);
		add(&q, RTA_IP_PROTO, &tcp, sizeof tcp);
		add(&q, RTA_SPORT, &from->port, sizeof from->port);
		add(&q, RTA_DPORT, &to->port, sizeof to->port);
	}
	if (to->scope)
		add(&q, RTA_OIF, &to->scope, sizeof to->scope);
	int r = ask(fd, &q, buf, RTM_NEWROUTE, sizeof(struct rtmsg));
	if (r < 0)
		return r;
	struct rtmsg *m = NLMSG_DATA(h);
	if (m->rtm_type == RTN_LOCAL)           /* IPv6 names the interface that has the address: its packets go through lo all the same */
		return LOOPBACK_INDEX;
	struct rtattr *oif = find(RTM_RTA(m), RTM_PAYLOAD(h), RTA_OIF, sizeof index);
	if (!oif)
		return -ENODEV;
	memcpy(&index, RTA_DATA(oif), sizeof index);
	return index;
}

static void take_text(char *out, size_t size, struct rtattr *a)
{
	size_t n = a ? RTA_PAYLOAD(a) : 0;

	n = n < size ? n : size - 1;
	if (n)
		memcpy(out, RTA_DATA(a), n);
	out[n] = '\0';
}

static int describe(int fd, int index, struct nic *n, char buf[static ANSWER])
{
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;
	struct question  q;

	begin(&q, RTM_GETLINK, sizeof q.of.link);
	q.of.link = (struct ifinfomsg){ .ifi_family = AF_UNSPEC, .ifi_index = index };
	int r = ask(fd, &q, buf, RTM_NEWLINK, sizeof(struct ifinfomsg));
	if (r < 0)
		return r;
	struct ifinfomsg *m = NLMSG_DATA(h);
	struct rtattr    *name = find(IFLA_RTA(m), IFLA_PAYLOAD(h), IFLA_IFNAME, 1), *info = find(IFLA_RTA(m), IFLA_PAYLOAD(h), IFLA_LINKINFO, 1);
	take_text(n->name, sizeof n->name, name);
	take_text(n->kind, sizeof n->kind, info ? find(RTA_DATA(info), RTA_PAYLOAD(info), IFLA_INFO_KIND, 1) : NULL);
	n->loopback = m->ifi_flags & IFF_LOOPBACK;
	return *n->name ? 0 : -ENODEV;
}

/* --- ethtool ---------------------------------------------------------------------------------------------------------- */

static int ethtool(int fd, const struct nic *n, void *about)
{
	struct ifreq ifr = { .ifr_data = about };

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", n->name);
	return ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

/* How many features this kernel has names for; the next two calls write that many, whatever they are told. */
static uint32_t feature_count(int fd, const struct nic *n)
{
	_Alignas(struct ethtool_sset_info) char buf[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)] = { 0 };
	struct ethtool_sset_info *s = (struct ethtool_sset_info *)(void *)buf;

	s->cmd = ETHTOOL_GSSET_INFO;
	s->sset_mask = 1ULL << ETH_SS_FEATURES;
	return ethtool(fd, n, s) == 0 && s->sset_mask && s->data[0] <= FEATURES_MAX ? s->data[0] : 0;
}

static bool is_on(const struct ethtool_gstrings *names, const struct ethtool_gfeatures *f, const char *name)
{
	for (uint32_t i = 0; i < names->len && i / 32 < f->size; i++)
		if (strncmp((const char *)names->data + (size_t)i * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN) == 0)
			return f->features[i / 32].active & 1u << i % 32;
	return false;
}

static void ask_features(int fd, bool v6, struct nic *n)
{
	uint32_t                  count = feature_count(fd, n), blocks = (count + 31) / 32;
	struct ethtool_gstrings  *names = calloc(1, sizeof *names + (size_t)count * ETH_GSTRING_LEN);
	struct ethtool_gfeatures *f = calloc(1, sizeof *f + blocks * sizeof f->features[0]);

	if (count && names && f) {
		*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = count };
		*f = (struct ethtool_gfeatures){ .cmd = ETHTOOL_GFEATURES, .size = blocks };
		n->known = ethtool(fd, n, names) == 0 && ethtool(fd, n, f) == 0;
	}
	if (n->known) {
		f->size = f->size < blocks ? f->size : blocks;          /* it says what it has, and wrote what there was room for */
		names->len = names->len < count ? names->len : count;
		n->sg = is_on(names, f, "tx-scatter-gather");
		n->tso = is_on(names, f, v6 ? "tx-tcp6-segmentation" : "tx-tcp-segmentation");
	}
	free(names);
	free(f);
}

/* ---------------------------------------------------------------------------------------------------------------------- */

int nic_of_route(const struct sockaddr *to, const struct sockaddr *from, struct nic *out)
{
	struct address a, b;
	struct nic     n = { .known = false };
	int            r = address_of(to, &a);
	_Alignas(struct nlmsghdr) char buf[ANSWER];

	if (r == 0 && from)
		r = address_of(from, &b);
	if (r < 0)
		return r;
	CLEAN_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	int index = interface_of(fd, &a, from ? &b : NULL, buf);
	r = index < 0 ? index : describe(fd, index, &n, buf);
	if (r < 0)
		return r;
	ask_features(fd, a.family == AF_INET6, &n);
	*out = n;
	return 0;
}

int nic_of_socket(int sock, struct nic *out)
{
	struct sockaddr_storage own = { 0 }, peer = { 0 };
	socklen_t               own_len = sizeof own, peer_len = sizeof peer;

	if (getsockname(sock, (struct sockaddr *)&own, &own_len) < 0 || getpeername(sock, (struct sockaddr *)&peer, &peer_len) < 0)
		return -errno;
	return nic_of_route((const struct sockaddr *)&peer, (const struct sockaddr *)&own, out);
}

/* --- words ------------------------------------------------------------------------------------------------------------ */

const char *nic_features(const struct nic *n, char buf[static NIC_WORDS])
{
	bool        kind = *n->kind && !n->loopback;
	const char *open = kind ? " (" : "", *word = kind ? n->kind : "", *shut = kind ? ")" : "";

	if (n->known)
		snprintf(buf, NIC_WORDS, "%s%s%s%s: scatter-gather %s, TSO %s", n->name, open, word, shut, n->sg ? "on" : "off", n->tso ? "on" : "off");
	else
		snprintf(buf, NIC_WORDS, "%s%s%s%s: its features are not known", n->name, open, word, shut);
	return buf;
}

/* Interfaces whose packets a program or a cipher reads, whatever they say they take. */
static bool is_read(const struct nic *n)
{
	static const char *const kinds[] = { "tun", "wireguard", "ovpn", "ovpn-dco", "macsec", "xfrm", "ppp" };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(n->kind, kinds[i]) == 0)
			return true;
	return false;
}

const char *nic_words(const struct nic *n, enum nic_way way, char buf[static NIC_WORDS])
{
	const char *what;

	if (way == NIC_SEALED)
		what = "what is encrypted is copied into the socket, whatever the interface offers";
	else if (n->loopback)
		what = "this machine itself: with sendfile the receiver's copy is the only one";
	else if (way == NIC_RECEIVES)
		what = "this side receives: whether sendfile's last copy is gone, the sender's interface says, which is not known here";
	else if (!n->known)
		what = "whether sendfile's last copy is gone is not known";
	else if (!n->sg)
		what = "sendfile's last copy is only moved: the kernel joins each packet's pages before the interface has it";
	else if (is_read(n))
		what = "sendfile's last copy is only moved: a program or a cipher reads each packet";
	else if (*n->kind)
		what = "sendfile's last copy is gone as far as this interface; what lies behind it is not known here";
	else
		what = "sendfile's last copy is gone: the card takes the page cache's pages";
	nic_features(n, buf);
	size_t at = strlen(buf);
	snprintf(buf + at, NIC_WORDS - at, "; %s", what);
	return buf;
}
