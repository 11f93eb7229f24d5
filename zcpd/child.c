/* child.c - see child.h */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "common/handshake.h"
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcpd/child.h"
#include "zcpd/grant.h"
#include "zcpd/session.h"

enum { WHO = 64 + 2 * AUTHORIZED_NAME_MAX, NEAR_US = 1000 };

static volatile sig_atomic_t ending_sock = -1;  /* for on_term() alone */
static volatile sig_atomic_t asked_to_end;

static void on_term(int sig)
{
	int saved = errno;

	(void)sig;
	asked_to_end = 1;
	shutdown(ending_sock, SHUT_RDWR);       /* async-signal-safe: signal-safety(7) */
	errno = saved;
}

static void end_cleanly_on_term(int sock)
{
	struct sigaction sa = { .sa_handler = on_term };

	ending_sock = sock;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
}

/* Absolute: a peer that sends a byte now and then gains nothing. */
static void deadline(int seconds)
{
	struct itimerval t = { .it_value.tv_sec = seconds };

	setitimer(ITIMER_REAL, &t, NULL);
}

static uint8_t offer(const struct service *v, const struct net_addr *own, const struct net_addr *peer)
{
	uint8_t flags = 0;

	if (grant_may_offer_raw(&v->exports, &v->settings.plain, peer))
		flags |= OFFER_RAW_NETWORK;
	if (flags && v->settings.integrity_none)
		flags |= OFFER_INTEGRITY_NONE;
	if (v->settings.plain_auto && net_is_loopback(own) && net_is_loopback(peer))
		flags |= OFFER_RAW_ONE_MACHINE;
	return flags;
}

static int send_welcome(struct session *s, enum carry_reason reason)
{
	uint8_t         list[WIRE_EXPORTS_MAX * (3 + WIRE_NAME_MAX)];
	size_t          used = 0;
	union wire_body b = { .welcome = { .carry = (uint8_t)s->stream.carry, .reason = (uint8_t)reason } };

	for (size_t i = 0; i < s->exports->count; i++) {
		const struct export *e = &s->exports->list[i];
		uint8_t              flags = (e->writable ? EXPORT_WRITE : 0) | (e->raw ? EXPORT_RAW : 0);
		if (e->denied)
			continue;
		int r = wire_export_add(list, sizeof list, &used, wire_cstr(e->prefix), flags);
		if (r < 0)
			return r;
		b.welcome.count++;
	}
	b.welcome.exports = (struct wire_str){ list, used };
	return stream_put(&s->stream, WIRE_WELCOME, &b, false);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* REFUSED, then what the peer has sent already is read and thrown away: closing over unread input would be a reset and lose the answer. */
static void refuse(struct session *s, struct fail f)
{
	union wire_body b = { .refused = { f } };
	uint8_t         nowhere[4096];
	int64_t         until = now_ms() + REFUSED_S * 1000, left;
	int             sock = s->stream.sock;

	if (stream_put(&s->stream, WIRE_REFUSED, &b, true) < 0 || stream_flush(&s->stream, false) < 0)
		return;
	shutdown(sock, SHUT_WR);
	while ((left = until - now_ms()) > 0 && io_wait(sock, POLLIN, (int)left) > 0)
		if (io_recv_some(sock, nowhere, sizeof nowhere, false) <= 0)
			break;
}

/* "sent 3 files, 50 MiB, sendfile; ", or nothing when nothing went that way. */
static const char *tally_words(const char *verb, const struct tally *t, char *buf, size_t len)
{
	char size[16];

	buf[0] = '\0';
	if (t->files || t->bytes)
		snprintf(buf, len, "%s %llu file%s, %s, %s; ", verb, (unsigned long long)t->files, t->files == 1 ? "" : "s",
		         num_size(t->bytes, size), t->engine ? t->engine->name : "inline");
	return buf;
}

static void log_end(const struct session *s, int r)
{
	char        sent[96], got[96], failed[48] = "";
	bool        raw = s->stream.carry == CARRY_RAW;
	const char *end = r == 0 ? "complete" : asked_to_end ? "zcpd is ending" : stream_words(r);

	if (s->failed)
		snprintf(failed, sizeof failed, "%llu failed; ", (unsigned long long)s->failed);
	log_info("%s: %s%s%s%s, %s%s: %s", s->who, tally_words("sent", &s->sent, sent, sizeof sent),
	         tally_words("received", &s->received, got, sizeof got), failed, s->stream.tx.suite->name, raw ? "plaintext" : "encrypted",
	         raw && s->stream.integrity == INTEGRITY_NONE ? ", not verified" : "", end);
}

/* A client that is blocked in sending would notice an orderly end only at its stall timeout: a reset wakes it. */
static void reset_on_close(int sock)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(sock, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static int64_t today(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec;
}

/* What this key may see and do from here. Raw was chosen before the key was known: it may still become sealed, never the reverse. */
static void narrow(const struct service *v, struct session *s, struct handshake *hs, const struct authorized_key *key,
                   const struct net_addr *from, struct exports *granted)
{
	struct granting g = {
		.config = v->settings.config, .raw = hs->carry == CARRY_RAW, .one_machine = hs->reason == BECAUSE_ONE_MACHINE, .peer = from,
		.plain = &v->settings.plain,
	};
	bool raw = false;

	grant_exports(&v->exports, key, &g, granted);
	for (size_t i = 0; i < granted->count; i++)
		raw |= granted->list[i].raw;
	if (g.raw && !raw) {
		s->stream.carry = CARRY_SEALED;
		hs->carry = CARRY_SEALED;
		hs->reason = BECAUSE_DAEMON_SEALS;
	}
	s->exports = granted;
}

static void serve(struct service *v, struct session *s, struct handshake *hs, const struct net_addr *from, const char *peer)
{
	char        who[WHO], shown[2 * AUTHORIZED_NAME_MAX], print[KEY_FINGERPRINT], words[256];
	struct fail f;
	struct exports               granted;
	struct authorized_key        any;
	const struct authorized_key *key = authorized_find(&v->authorized, hs->peer_key, from, today(), &any, &f);

	if (!key) {
		keys_fingerprint(hs->peer_key, print);
		log_warn("%s: refused, key %s: %s", peer, print, fail_words(f, words, sizeof words));
		refuse(s, f);
		return;
	}
	snprintf(who, sizeof who, "%s %s", peer, vis_str(shown, sizeof shown, key->name));
	s->who = who;
	narrow(v, s, hs, key, from, &granted);
	end_cleanly_on_term(s->stream.sock);
	deadline(0);
	log_debug("%s: let in, %s, %s", who, hs->suite->name, carry_words(hs->carry, hs->reason));
	int r = send_welcome(s, hs->reason);
	if (r == 0)
		r = session_run(s);
	session_clear(s);
	if (r < 0 && asked_to_end)
		reset_on_close(s->stream.sock);
	log_end(s, r);
}

static void log_stranger(const struct handshake *hs, const char *peer, int r)
{
	char shown[80];

	if (r == -EPROTO && hs->first_len)
		log_info("%s: not a zcp, it began with \"%s\"", peer, vis(shown, sizeof shown, hs->first, hs->first_len));
	else
		log_info("%s: no handshake: %s", peer, stream_words(r));
}

/* The listening sockets carry what is best nearby (listener.c); a peer further away gets the system's own choice. */
static void choose_cc(const struct service *v, int sock, const struct net_addr *peer)
{
	struct tcp_info info = { 0 };
	socklen_t       len = sizeof info;

	if (!v->cc[0]) {
		net_cc(sock, NULL);
		return;
	}
	if (net_is_loopback(peer))
		return;
	if (getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 || info.tcpi_rtt >= NEAR_US)
		net_cc(sock, v->cc);
}

static void talk(struct service *v, int sock, const struct net_addr *own, const struct net_addr *peer, const char *shown)
{
	struct session   s;
	struct handshake hs = {
		.sock = sock, .own = &v->host, .offer_flags = offer(v, own, peer), .boot_id = v->boot_id_known ? v->boot_id : NULL,
	};

	memcpy(hs.suites, v->settings.suites, sizeof hs.suites);
	int r = handshake_daemon(&hs);
	keys_wipe(&v->host);
	if (r < 0) {
		log_stranger(&hs, shown, r);
		close(sock);
		return;
	}
	choose_cc(v, sock, peer);
	session_init(&s);
	r = stream_init(&s.stream, sock, FROM_CLIENT, &hs.tx, &hs.rx, (int)v->settings.limits.stall_s * 1000);
	if (r < 0) {
		log_error("%s: %s", shown, stream_words(r));
		return;
	}
	s.stream.carry = hs.carry;
	s.stream.integrity = (uint8_t)hs.integrity;
	s.mask = &v->mask;
	serve(v, &s, &hs, peer, shown);
	stream_clear(&s.stream);
}

int child_run(struct service *v, const struct stream_ends *ends, const struct net_addr *own, const struct net_addr *peer)
{
	char shown[64], words[128];
	int  sock = ends->sock;

	deadline((int)v->settings.limits.greeting_s);
	/* Ctrl-C reaches the whole foreground group: the listener decides, and tells by SIGTERM */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	int r = net_setup(sock, (int)v->settings.limits.stall_s * 1000);
	if (r < 0) {
		close(sock);            /* gone before it was looked at */
		return 0;
	}
	net_text(peer, shown);
	r = sandbox_enter(&v->sandbox);
	if (r < 0) {
		log_error("%s: closed, its process could not be confined: %s", shown, fail_words(fail_errno(r), words, sizeof words));
		return 1;
	}
	talk(v, sock, own, peer, shown);
	return 0;
}
