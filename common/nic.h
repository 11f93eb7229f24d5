/*
 * nic.h - does the network card help: which interface a connection's packets leave by, and whether it takes them in pieces.
 *
 * Asked    the kernel's routing for the address, ports and owner of the connection (RTM_GETROUTE), what that interface is (RTM_GETLINK), and its features
 *          (SIOCETHTOOL: GSSET_INFO, GSTRINGS, GFEATURES). Neither /sys nor a privilege is needed; nothing is set.
 * SG       "tx-scatter-gather": without it the kernel joins the pages of each packet before the interface has it: sendfile's copy from page cache to socket
 *          buffer, which sendfile itself does not make, is made later.
 * TSO      "tx-tcp-segmentation" (IPv6: "tx-tcp6-segmentation"): the interface cuts packets, not the CPU.
 * Kind     of what is no card, the kernel's word for it: "veth", "bond", "tun" ...; what lies behind it is not looked at.
 * Returns  0 or -errno, outputs untouched. -EAFNOSUPPORT: not of IPv4 or IPv6 (a Unix socket). The netlink socket it takes is its own.
 * Where    before a confinement that allows no netlink (zcp/confine.h).
 * Source   rtnetlink(7), netdevice(7), linux/ethtool.h. Proof tests/unit/nic.c, tests/nic.bats: switched by ethtool -K.
 */
#pragma once
#include <net/if.h>
#include <stdbool.h>
#include <sys/socket.h>

enum { NIC_WORDS = 300, NIC_KIND = 16 };

struct nic {
	char name[IF_NAMESIZE], kind[NIC_KIND];         /* kind "": a card, or what stands for one in a virtual machine */
	bool loopback;                                  /* the interface, or an address of this machine's own */
	bool known, sg, tso;                            /* known: the interface says what it offers */
};

int nic_of_socket(int sock, struct nic *);              /* connected */
/* To where, from where (NULL: not bound). */
int nic_of_route(const struct sockaddr *to, const struct sockaddr *from, struct nic *);
/* "eth0: scatter-gather on, TSO on" */
const char *nic_features(const struct nic *, char buf[static NIC_WORDS]);
/* The same, and what becomes of sendfile's last copy. NIC_RECEIVES: this side's interface does not tell. NIC_SEALED: sendfile is not what sends. */
enum nic_way { NIC_SENDS, NIC_RECEIVES, NIC_SEALED };
const char *nic_words(const struct nic *, enum nic_way, char buf[static NIC_WORDS]);
