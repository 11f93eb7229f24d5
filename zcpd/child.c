/* child.c - see child.h */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/forbidden.h"
#include "common/handshake.h"
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcpd/child.h"
#include "zcpd/grant.h"
#include "zcpd/session.h"
#include "zcpd/verdict.h"

enum { WHO = 64 + 2 * AUTHORIZED_NAME_MAX, NEAR_US = 1000 };

/* Who is on the other end. */
struct guest {
	const struct net_addr       *from;
	const char                  *peer;      /* its address, in words */
	const struct authorized_key *key;
	struct authorized_key        any;       /* what key points at where every key is let in */
	struct exports               granted;
	char                         name[2 * AUTHORIZED_NAME_MAX], who[WHO];   /* visible text */
};

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

/* What the peer has sent already is read and thrown away: closing over unread input would be a reset and lose the last answer. */
static void drain(int sock)
{
	uint8_t nowhere[4096];
	int64_t until = clock_ms() + REFUSED_S * 1000, left;

	shutdown(sock, SHUT_WR);
	while ((left = until - clock_ms()) > 0 && io_wait(sock, POLLIN, (int)left) > 0)
		if (io_recv_some(sock, nowhere, sizeof nowhere, false) <= 0)
			break;
}

static void refuse(struct session *s, struct fail f)
{
	union wire_body b = { .refused = { f } };

	if (stream_put(&s->stream, WIRE_REFUSED, &b, true) == 0 && stream_flush(&s->stream, false) == 0)
		drain(s->stream.sock);
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

/* key: visible text */
static void log_end(const struct session *s, const char *key, int r)
{
	char        sent[96], got[96], failed[48] = "";
	bool        raw = s->raw;               /* a stream that may be raw and moved nothing so, moved all of it sealed */
	const char *carry = raw ? "plaintext" : "encrypted", *suite = s->stream.tx.suite->name, *end = stream_words(r);
	unsigned    status = r == -EKEYREVOKED ? ST_REFUSED : status_of_stream(r);
	char        number[8];

	if (r == 0)
		end = "complete";
	else if (r == -EKEYREVOKED)
		end = "its key was taken away";
	else if (asked_to_end)
		end = "zcpd is ending";
	if (s->failed)
		snprintf(failed, sizeof failed, "%llu failed; ", (unsigned long long)s->failed);
	snprintf(number, sizeof number, "%u", status);
	const struct journal_field fields[] = {
		{ "ZCP_PEER", s->transfers.peer }, { "ZCP_KEY", key }, { "ZCP_SUITE", raw ? carry : suite }, { "ZCP_STATUS", number },
	};
	log_event(LOG_LEVEL_INFO, fields, sizeof fields / sizeof *fields, "%s: %s%s%s%s, %s%s: %s", s->who,
	          tally_words("sent", &s->sent, sent, sizeof sent), tally_words("received", &s->received, got, sizeof got), failed, suite, carry,
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
	s->hands = (hs->capabilities & CAPABILITY_HAND) && s->stream.carry == CARRY_RAW;
	s->peer_uid = from->uid;
}

/* May this key have one more stream? The listener counts them. It also learns that this one is authenticated. */
static struct fail ask_listener(int verdict, const uint8_t pk[static KEY_BYTES])
{
	switch (verdict < 0 ? VERDICT_GO : verdict_ask(verdict, pk)) {
	case VERDICT_GO:
		return (struct fail){ 0 };
	case VERDICT_GONE:
		return fail_why(ST_REFUSED, WHY_KEY);
	default:                        /* too many, or a listener that is about to be another one */
		return fail_why(ST_BUSY, WHY_FULL);
	}
}

static void begin(const struct service *v, struct session *s, const struct stream_ends *ends, const struct handshake *hs, const char *name)
{
	const struct limits_set *l = &v->settings.limits;
	const char              *log = v->settings.transfer_log;

	s->slot = ends->slot;
	s->idle_ms = (int)l->idle_s * 1000;
	s->stream.message_ms = (int)l->stall_s * 1000;
	s->transfers.fd = v->transfer_fd;
	s->transfers.to_log = log && strcmp(log, "log") == 0;
	s->transfers.key = name;
	s->transfers.suite = hs->suite->name;
	board_key(s->slot, name, hs->suite->name, true);
}

/* The NAME on its line, also where that does not let it in; "" without a line. */
static const char *name_of(const struct authorized *a, const uint8_t pk[static KEY_BYTES], const struct authorized_key *key)
{
	for (size_t i = 0; !key && i < a->list.count; i++)
		if (memcmp(a->list.keys[i].pk, pk, KEY_BYTES) == 0)
			key = &a->list.keys[i];
	return key ? key->name : "";
}

/* For who keeps the keys: what a client is told ("add the line ...") is not for him. print: the key's fingerprint */
static void log_refused(const struct service *v, const struct guest *g, const char *print, struct fail f)
{
	const char *file = v->authorized.file;
	char        words[700], shown[600], number[8];
	bool        named = *g->name && strcmp(g->name, print) != 0;

	if (f.why == WHY_KEY && file)
		snprintf(words, sizeof words, "it is not in \"%s\"", vis_str(shown, sizeof shown, file));
	else if (f.why == WHY_KEY)
		snprintf(words, sizeof words, "it is not the key of the user who started zcpd, and there is no other");
	else
		fail_words(f, words, sizeof words);
	snprintf(number, sizeof number, "%u", f.status);
	const struct journal_field fields[] = {
		{ "ZCP_PEER", g->peer }, { "ZCP_KEY", named ? g->name : print }, { "ZCP_STATUS", number },
	};
	log_event(LOG_LEVEL_WARN, fields, sizeof fields / sizeof *fields, "%s: refused, %s%s%skey %s: %s", g->peer, named ? "\"" : "", named ? g->name : "",
	          named ? "\", " : "", print, words);
}

/* -1: let in. Else the exit status: refused, and told so. */
static int admit(const struct service *v, struct session *s, int verdict, const struct handshake *hs, struct guest *g)
{
	char        print[KEY_FINGERPRINT];
	struct fail f;

	keys_fingerprint(hs->peer_key, print);
	g->key = authorized_find(&v->authorized, hs->peer_key, g->from, today(), &g->any, &f);
	vis_str(g->name, sizeof g->name, name_of(&v->authorized, hs->peer_key, g->key));
	if (g->key)
		f = ask_listener(verdict, hs->peer_key);
	if (g->key && !f.status)
		return -1;
	log_refused(v, g, print, f);
	refuse(s, f);
	return f.status == ST_BUSY ? CHILD_DONE : CHILD_KEY;
}

static int serve(struct service *v, struct session *s, const struct stream_ends *ends, struct handshake *hs, struct guest *g)
{
	char words[256];
	int  refused = admit(v, s, ends->verdict, hs, g);

	if (refused >= 0)
		return refused;
	snprintf(g->who, sizeof g->who, "%s %s", g->peer, g->name);
	s->who = g->who;
	memcpy(s->key, hs->peer_key, KEY_BYTES);
	snprintf(s->transfers.peer, sizeof s->transfers.peer, "%s", g->peer);
	narrow(v, s, hs, g->key, g->from, &g->granted);
	begin(v, s, ends, hs, g->key->name);
	end_cleanly_on_term(s->stream.sock);
	deadline(0);
	int r = sandbox_narrow(&v->sandbox, &v->exports, &g->granted);
	if (r < 0) {
		log_error("%s: closed, its process could not be confined: %s", g->who, fail_words(fail_errno(r), words, sizeof words));
		return CHILD_SANDBOX;
	}
	log_debug("%s: let in, %s, %s", g->who, hs->suite->name, carry_words(hs->carry, hs->reason));
	r = send_welcome(s, hs->reason);
	if (r == 0)
		r = session_run(s);
	session_clear(s, r);
	if (r < 0 && asked_to_end)
		reset_on_close(s->stream.sock);
	else if (r == -EKEYREVOKED)
		drain(s->stream.sock);
	log_end(s, g->name, r);
	return CHILD_DONE;
}

/* One line, and what the listener is to make of it. */
static int stranger(const struct handshake *hs, const char *peer, int r)
{
	char shown[80];
	bool closed = r == -ENODATA || r == -ECONNRESET || r == -EPIPE;

	if (r == -EPROTO && hs->first_len) {
		log_info("%s: not a zcp, it began with \"%s\"", peer, vis(shown, sizeof shown, hs->first, hs->first_len));
		return CHILD_NO_ZCP;
	}
	if (closed && hs->offered)
		log_debug("%s: closed when it had seen this host's key: a client that asks its user about a new one first, or will not have it", peer);
	else
		log_info("%s: no handshake: %s", peer, stream_words(r));
	return closed ? CHILD_WENT_AWAY : CHILD_STRANGER;
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

static int talk(struct service *v, const struct stream_ends *ends, const struct net_addr *own, const struct net_addr *peer, const char *shown)
{
	int              sock = ends->sock;
	struct session   s;
	struct guest     guest = { .from = peer, .peer = shown };
	struct handshake hs = {
		.sock = sock, .own = &v->host, .offer_flags = offer(v, own, peer), .boot_id = v->boot_id_known ? v->boot_id : NULL,
		.capable = sock == SANDBOX_SOCKET ? CAPABILITY_HAND : 0,
	};

	memcpy(hs.suites, v->settings.suites, sizeof hs.suites);
	int r = handshake_daemon(&hs);
	keys_wipe(&v->host);
	if (r < 0) {
		close(sock);
		return stranger(&hs, shown, r);
	}
	choose_cc(v, sock, peer);
	session_init(&s);
	r = stream_init(&s.stream, sock, FROM_CLIENT, &hs.tx, &hs.rx, (int)v->settings.limits.stall_s * 1000);
	if (r < 0) {
		log_error("%s: %s", shown, stream_words(r));
		return CHILD_DONE;
	}
	s.stream.carry = hs.carry;
	s.stream.integrity = (uint8_t)hs.integrity;
	s.mask = &v->mask;
	s.owners = &v->owners;
	r = serve(v, &s, ends, &hs, &guest);
	stream_clear(&s.stream);
	return r;
}

/* PassCredentials= and their like of a socket unit: accepted sockets inherit them, and what comes with bytes then would be taken for descriptors. */
static void expect_bytes_alone(int sock)
{
	static const int options[] = { SO_PASSCRED, SO_PASSSEC, 76 /* SO_PASSPIDFD */ };

	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		setsockopt(sock, SOL_SOCKET, options[i], &(int){ 0 }, sizeof(int));    /* one that this kernel does not know is not set */
}

/* From where descriptors may be sent. Where that cannot be, none is offered. */
static int settle_socket(int sock, const struct net_addr *peer)
{
	if (peer->local)
		expect_bytes_alone(sock);
	if (!peer->local || fcntl(SANDBOX_SOCKET, F_GETFD) >= 0 || dup3(sock, SANDBOX_SOCKET, O_CLOEXEC) < 0)
		return sock;
	close(sock);
	return SANDBOX_SOCKET;
}

int child_run(struct service *v, const struct stream_ends *given, const struct net_addr *own, const struct net_addr *peer)
{
	struct stream_ends mine = *given, *ends = &mine;
	char               shown[64], words[128];
	int                sock = ends->sock = settle_socket(given->sock, peer);

	deadline((int)v->settings.limits.greeting_s);
	/* Ctrl-C reaches the whole foreground group: the listener decides, and tells by SIGTERM */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	int r = net_setup(sock, (int)v->settings.limits.stall_s * 1000);
	if (r < 0) {
		close(sock);            /* gone before it was looked at */
		return CHILD_WENT_AWAY;
	}
	net_text(peer, shown);
	r = sandbox_enter(&v->sandbox);
	if (r < 0) {
		log_error("%s: closed, its process could not be confined: %s", shown, fail_words(fail_errno(r), words, sizeof words));
		return CHILD_SANDBOX;
	}
#ifdef ZCP_UNSAFE
	forbidden_asked(getenv("ZCPD_TRY"));    /* NOLINT(concurrency-mt-unsafe): one thread */
#endif
	return talk(v, ends, own, peer, shown);
}
