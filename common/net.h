/*
 * net.h - addresses, connections, socket options with the reason for each.
 *
 * Options  TCP_NODELAY always (records are written whole; MSG_MORE joins what belongs together). SO_RCVBUF never (it turns
 *          autotuning off). SO_RCVTIMEO/SO_SNDTIMEO = the stall timeout, so blocking calls, sendfile and splice too, end.
 *          TCP_USER_TIMEOUT three times that, keepalive at a quarter of it, so that a peer that is gone is noticed.
 *          Congestion control: net_cc(): `cubic` where the peer is loopback or its RTT is below a millisecond and the system's
 *          default is `bbr` (bbr's pacing caps loopback); --cc overrides.
 * Place    where a stream's two ends believe to be: {own, peer, proof}; see carry.h. Proof = SHA-512/256-cut hash of
 *          (boot id || e_i || e_r), so equal only on one booted kernel and one handshake.
 * Unix     a peer of a Unix socket is "unix:uid=N" in words. It is loopback, and lies in the networks that 127.0.0.1 or ::1 lies in.
 * Source   tcp(7), socket(7), ip(7). Proof tests/unit/net.c, tests/cli.bats, tests/status.bats.
 */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* IPv4 as ::ffff:a.b.c.d; port in host order. local: 1 of a Unix socket, ip and port are zeros (no bool: --status reads these bytes from whoever answers); uid: of who
 * connected, where it is the peer. */
struct net_addr { uint8_t ip[16]; uint16_t port; uint8_t local; uint32_t uid; };

/* Resolve and connect, each address in turn, at most timeout_ms in all. family AF_UNSPEC/AF_INET/AF_INET6.
 * fd >= 0 or -errno (-ETIMEDOUT; -EHOSTUNREACH + *gai = EAI_... when the name has no address). */
int  net_connect(const char *host, uint16_t port, int family, int timeout_ms, int *gai);
/* To an address that is known already. fd >= 0 or -errno */
int  net_connect_to(const struct sockaddr *to, socklen_t len, int timeout_ms);
/* "ADDR:PORT", "[v6]:PORT", ":PORT" (every address), "unix:/path" (unix_socket.h, 0666) -> listening sockets, close-on-exec, non-blocking. Count or -errno. */
int  net_listen(const char *spec, int fds[], int max);
bool net_spec_ok(const char *spec);                     /* spelt so; whether it can be listened on is another matter */
int  net_setup(int sock, int stall_ms);                 /* options above; -errno */
int  net_cc(int sock, const char *wanted);              /* wanted NULL or "": the rule above. -ENOENT: not to be had */
void net_cc_name(int sock, char out[static 16]);
int  net_addrs(int sock, struct net_addr *own, struct net_addr *peer);
bool net_is_loopback(const struct net_addr *);
const char *net_text(const struct net_addr *, char buf[static 64]);     /* "127.0.0.1:7722", "[::1]:7722", "unix:uid=1000" */

struct net_cidr { uint8_t ip[16]; uint8_t bits; };      /* bits of the 128 */
int  net_cidr_parse(const char *text, struct net_cidr *);       /* "10.0.0.0/8", "fe80::/10", "::1"; -EINVAL */
bool net_cidr_host_bits(const char *text);     /* "10.0.0.1/8": a network but for the bits behind its length */
bool net_cidr_has(const struct net_cidr *, const struct net_addr *);
