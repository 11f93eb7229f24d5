/* handshake_peers.c - peers that are no zcp, that are busy, and that know the keys but not the rules: wrong offers, wrong choices. */
#include "common/handshake_tlv.h"
#include "common/noise.h"
#include "tests/unit/hex.h"
#include "tests/unit/sides.h"
#include "tests/unit/tap.h"

enum { HELLO = HANDSHAKE_PREFACE + 2 + 32 };

/* ---- the client, and a server of another kind: what it says, and then the end of the stream */

struct stranger { const char *words, *says; size_t len; int r; size_t first; };

#define TEXT(s) (s), sizeof(s) - 1

static const char long_hello[900] = "\x16\x03\x03\x03\x7a\x02";

static const struct stranger servers[] = {
	{ "HTTP", TEXT("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), -EPROTO, 16 },
	{ "SSH", TEXT("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"), -EPROTO, 16 },
	{ "TLS, an alert", TEXT("\x15\x03\x01\x00\x02\x02\x46"), -EPROTO, 7 },
	{ "TLS, a hello", TEXT("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03 and random bytes"), -EPROTO, 16 },
	{ "TLS, a long hello", long_hello, sizeof long_hello, -EPROTO, 16 },
	{ "SMTP", TEXT("220 mail ESMTP\r\n"), -EPROTO, 16 },
	{ "three letters", TEXT("no\n"), -EPROTO, 3 },
	{ "a length that is too small", TEXT("\x5f\x00 and more than that"), -EPROTO, 16 },
	{ "a length that is too large", TEXT("\x01\x04 and more than that"), -EPROTO, 16 },
	{ "nothing", TEXT(""), -ENODATA, 0 },
	{ "one byte", TEXT("z"), -ENODATA, 0 },
	{ "a message cut short", TEXT("\x60\x00 and less than that"), -ENODATA, 0 },
	{ "busy", TEXT("zcp busy\r\n\0\0\0\0\0\0"), -EBUSY, 0 },
	{ "busy, and more", TEXT("zcp busy\r\n\0\0\0\0\0\0more"), -EBUSY, 0 },
	{ "half of busy", TEXT("zcp busy"), -ENODATA, 0 },
	{ "something like busy", TEXT("zcp busy\r\n\0\0\0\0\0\1"), -EPROTO, 16 },
	{ "the preface sent back", TEXT("zcp\r\n\x1a\n\0\1\1\0\0\0\0\0\0"), -EPROTO, 16 },
};

static void client_meets(const struct stranger *s)
{
	struct side c;
	int         fd[2];
	uint8_t     buf[256];

	pair_unix(fd);
	if (s->len)
		send(fd[1], s->says, s->len, 0);
	shutdown(fd[1], SHUT_WR);
	side_init(&c, true, fd[0]);
	side_run(&c);
	size_t n = drain(fd[1], buf, sizeof buf);
	ok(c.r == s->r && c.h.first_len == s->first && !memcmp(c.h.first, s->says, s->first) && n == HELLO && sodium_is_zero(c.seen, KEY_BYTES),
	   "a server that says %s", s->words);
	side_clear(&c);
	close(fd[1]);
}

static void client_waits(void)
{
	struct timeval t = { .tv_usec = 20000 };
	struct side    c;
	int            fd[2];

	for (int n = 0; n < 4; n++) {
		static const uint8_t begun[] = { 0x70, 0, 1 };

		pair_unix(fd);
		side_init(&c, true, fd[0]);
		setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
		send(fd[1], begun, (size_t)n, 0);
		side_run(&c);
		ok(c.r == -ETIMEDOUT && c.h.first_len == 0, "a server that is silent after %d bytes", n);
		side_clear(&c);
		close(fd[1]);
	}
	pair_unix(fd);
	side_init(&c, true, fd[0]);
	memset(c.h.suites, 0, sizeof c.h.suites);
	side_run(&c);
	uint8_t buf[64];
	ok(c.r == -EOPNOTSUPP && drain(fd[1], buf, sizeof buf) == 0, "a client without a suite says nothing");
	side_clear(&c);
	close(fd[1]);
}

/* ---- the daemon, and a client of another kind */

static const struct stranger clients[] = {
	{ "HTTP", TEXT("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), -EPROTO, 16 },
	{ "SSH", TEXT("SSH-2.0-OpenSSH_9.2p1\r\n"), -EPROTO, 16 },
	{ "TLS", TEXT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), -EPROTO, 11 },
	{ "one wrong byte", TEXT("G"), -EPROTO, 1 },
	{ "nothing", TEXT(""), -ENODATA, 0 },
	{ "half a preface", TEXT("zcp\r\n\x1a\n\0"), -ENODATA, 0 },
	{ "a preface changed by a text mode", TEXT("zcp\n\x1a\n\0\1\1\0\0\0\0\0\0\0"), -EPROTO, 16 },
	{ "another handshake version", TEXT("zcp\r\n\x1a\n\0\2\1\0\0\0\0\0\0"), -EPROTO, 16 },
	{ "another pattern", TEXT("zcp\r\n\x1a\n\0\1\2\0\0\0\0\0\0"), -EPROTO, 16 },
	{ "something in the preface's reserve", TEXT("zcp\r\n\x1a\n\0\1\1\0\0\0\0\0\1"), -EPROTO, 16 },
	{ "only a preface", TEXT("zcp\r\n\x1a\n\0\1\1\0\0\0\0\0\0"), -ENODATA, 0 },
	{ "a message 1 with a payload", TEXT("zcp\r\n\x1a\n\0\1\1\0\0\0\0\0\0\x21\0012345678901234567890123456789012"), -EPROTO, 0 },
	{ "a message 1 that is too short", TEXT("zcp\r\n\x1a\n\0\1\1\0\0\0\0\0\0\x1f\0001234567890123456789012345678901"), -EPROTO, 0 },
	{ "a message 1 cut short", TEXT("zcp\r\n\x1a\n\0\1\1\0\0\0\0\0\0\x20\0001234567890123456789012345678901"), -ENODATA, 0 },
	{ "a point of low order", TEXT("zcp\r\n\x1a\n\0\1\1\0\0\0\0\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), -EBADMSG, 0 },
};

static void daemon_meets(const struct stranger *s)
{
	struct side d;
	int         fd[2];
	uint8_t     buf[256];

	pair_unix(fd);
	if (s->len)
		send(fd[1], s->says, s->len, 0);
	shutdown(fd[1], SHUT_WR);
	side_init(&d, false, fd[0]);
	side_run(&d);
	size_t n = drain(fd[1], buf, sizeof buf);
	ok(d.r == s->r && d.h.first_len == s->first && n == 0 && (!s->first || !memcmp(d.h.first, s->says, s->first)), "a client that says %s gets no answer", s->words);
	side_clear(&d);
	close(fd[1]);
}

/* A byte at a time, and the peer stays: the daemon is done at the first byte that is wrong. */
static void daemon_at_once(void)
{
	struct side d;
	int         fd[2];

	pair_unix(fd);
	send(fd[1], "zcp\r\nX", 6, 0);
	side_init(&d, false, fd[0]);
	side_run(&d);
	ok(d.r == -EPROTO && d.h.first_len == 6, "a wrong byte ends it, without waiting for sixteen");
	side_clear(&d);
	close(fd[1]);
}

/* ---- a peer that knows the keys: one side in full, the other by hand */

static void frame(int sock, struct noise *x, const uint8_t *payload, size_t len, const uint8_t *before, size_t before_len)
{
	uint8_t buf[1200];
	ssize_t n = noise_write(x, payload, len, buf + before_len + 2, NOISE_MESSAGE_MAX);

	if (n < 0)
		return;
	if (before_len)
		memcpy(buf, before, before_len);
	buf[before_len] = (uint8_t)n;
	buf[before_len + 1] = (uint8_t)(n >> 8);
	send(sock, buf, before_len + 2 + (size_t)n, MSG_NOSIGNAL);
}

static ssize_t take(int sock, struct noise *x, uint8_t *payload, size_t max)
{
	uint8_t buf[1200];

	if (recv(sock, buf, 2, MSG_WAITALL) != 2)
		return -1;
	size_t len = (size_t)buf[0] | (size_t)buf[1] << 8;
	if (len > 1024 || recv(sock, buf, len, MSG_WAITALL) != (ssize_t)len)
		return -1;
	return noise_read(x, buf, len, payload, max);
}

static void noise_start(struct noise *x, bool initiator)
{
	uint8_t sk[32], pk[32];

	memset(sk, 0x33, sizeof sk);
	crypto_scalarmult_base(pk, sk);
	noise_init(x, initiator, handshake_preface_xx, HANDSHAKE_PREFACE, pk, sk);
}

struct payload { const char *words, *hex; int r; uint8_t flags; enum carry carry; };

#define V "010101"
#define C4 "020104"
#define R0 "030100"
#define R1 "030101"
#define R2 "030102"
#define I0 "040100"
#define I1 "040101"
#define ALL (OFFER_RAW_NETWORK | OFFER_RAW_ONE_MACHINE | OFFER_INTEGRITY_NONE)
#define ZERO_PLACE "0544" "0000000000000000000000000000000000000000000000000000000000000000" \
                          "0000000000000000000000000000000000000000000000000000000000000000" "00000000"

static const struct payload choices[] = {
	{ "a fair choice", V C4 R0 I0, 0, 0, CARRY_SEALED },
	{ "a fair choice with capabilities nobody has", V C4 R0 I0 "0604ffffffff", 0, 0, CARRY_SEALED },
	{ "tags of a later version", V C4 R0 I0 "0700" "c803010203", 0, 0, CARRY_SEALED },
	{ "raw by name", V C4 R1 I0, 0, OFFER_RAW_NETWORK, CARRY_RAW },
	{ "raw by name, no tags", V C4 R1 I1, 0, OFFER_RAW_NETWORK | OFFER_INTEGRITY_NONE, CARRY_RAW },
	{ "raw as one machine that was not offered: sealed", V C4 R2 I0, 0, 0, CARRY_SEALED },
	{ "raw as one machine without a place: sealed", V C4 R2 I0, 0, ALL, CARRY_SEALED },
	{ "raw as one machine with a wrong place: sealed", V C4 R2 I0 ZERO_PLACE, 0, ALL, CARRY_SEALED },
	{ "sealed, with a place", V C4 R0 I0 ZERO_PLACE, 0, ALL, CARRY_SEALED },
	{ "version 0", "010100" C4 R0 I0, -EOPNOTSUPP, 0, 0 },
	{ "version 2", "010102" C4 R0 I0, -EOPNOTSUPP, 0, 0 },
	{ "a suite that was not offered", V "020103" R0 I0, -EOPNOTSUPP, 0, 0 },
	{ "suite 0", V "020100" R0 I0, -EOPNOTSUPP, 0, 0 },
	{ "suite 9", V "020109" R0 I0, -EOPNOTSUPP, 0, 0 },
	{ "raw by name that was not offered", V C4 R1 I0, -EOPNOTSUPP, OFFER_RAW_ONE_MACHINE, 0 },
	{ "raw 3", V C4 "030103" I0, -EOPNOTSUPP, ALL, 0 },
	{ "raw 255", V C4 "0301ff" I0, -EOPNOTSUPP, ALL, 0 },
	{ "no tags that was not offered", V C4 R1 I1, -EOPNOTSUPP, OFFER_RAW_NETWORK, 0 },
	{ "no tags, sealed", V C4 R0 I1, -EOPNOTSUPP, ALL, 0 },
	{ "no tags, as one machine", V C4 R2 I1, -EOPNOTSUPP, ALL, 0 },
	{ "integrity 2", V C4 R1 "040102", -EOPNOTSUPP, ALL, 0 },
	{ "nothing", "", -EPROTO, ALL, 0 },
	{ "no version", C4 R0 I0, -EPROTO, ALL, 0 },
	{ "no suite", V R0 I0, -EPROTO, ALL, 0 },
	{ "no raw", V C4 I0, -EPROTO, ALL, 0 },
	{ "no integrity", V C4 R0, -EPROTO, ALL, 0 },
	{ "a tag twice", V C4 C4 R0 I0, -EPROTO, ALL, 0 },
	{ "tags out of order", V R0 C4 I0, -EPROTO, ALL, 0 },
	{ "tag 0", "0000" V C4 R0 I0, -EPROTO, ALL, 0 },
	{ "a suite of two bytes", V "02020404" R0 I0, -EPROTO, ALL, 0 },
	{ "a suite of none", V "0200" R0 I0, -EPROTO, ALL, 0 },
	{ "a place that is short", V C4 R2 I0 "0503010203", -EPROTO, ALL, 0 },
	{ "capabilities of three bytes", V C4 R0 I0 "0603000000", -EPROTO, ALL, 0 },
	{ "a value that is cut", V C4 R0 I0 "070500", -EPROTO, ALL, 0 },
	{ "a tag without a length", V C4 R0 I0 "07", -EPROTO, ALL, 0 },
};

static void choice_is(const struct payload *p)
{
	struct side  d;
	struct noise x;
	int          fd[2];
	uint8_t      buf[NOISE_MESSAGE_MAX], bytes[256];
	size_t       len = unhex(bytes, sizeof bytes, p->hex);

	pair_unix(fd);
	side_init(&d, false, fd[0]);
	memcpy(d.h.suites, (uint8_t[5]){ SUITE_CHACHA20POLY1305 }, 5);
	d.h.offer_flags = p->flags;
	side_start(&d);
	noise_start(&x, true);
	frame(fd[1], &x, NULL, 0, handshake_preface_xx, HANDSHAKE_PREFACE);
	ssize_t n = take(fd[1], &x, buf, sizeof buf);
	frame(fd[1], &x, bytes, len, NULL, 0);
	side_end(&d);
	ok(n > 0 && d.r == p->r && d.h.carry == p->carry && drain(fd[1], buf, sizeof buf) == 0 && !memcmp(d.h.peer_key, x.s_pk, 32),
	   "choice: %s", p->words);
	ok(p->r == 0 || (!d.h.tx.secret && !d.h.rx.secret), "and nothing is left of it");
	noise_clear(&x);
	side_clear(&d);
	close(fd[1]);
}

#define OV "010101"
#define OS "020104"
#define OR "030107"
#define OC "040400000000"

static const struct payload offers[] = {
	{ "a fair offer", OV OS OR OC, 0, 0, CARRY_SEALED },
	{ "a later daemon's offer", "0103030201" "020509080704c8" "0301ff" "0404ffffffff" ZERO_PLACE "060101" "c800", 0, 0, CARRY_SEALED },
	{ "a place that mirrors nothing", OV OS OR OC ZERO_PLACE, 0, 0, CARRY_SEALED },
	{ "only other versions", "01020203" OS OR OC, -EOPNOTSUPP, 0, 0 },
	{ "only other suites", OV "02020905" OR OC, -EOPNOTSUPP, 0, 0 },
	{ "suite 0", OV "020100" OR OC, -EOPNOTSUPP, 0, 0 },
	{ "nothing", "", -EPROTO, 0, 0 },
	{ "no versions", OS OR OC, -EPROTO, 0, 0 },
	{ "an empty list of versions", "0100" OS OR OC, -EPROTO, 0, 0 },
	{ "no suites", OV OR OC, -EPROTO, 0, 0 },
	{ "an empty list of suites", OV "0200" OR OC, -EPROTO, 0, 0 },
	{ "no flags", OV OS OC, -EPROTO, 0, 0 },
	{ "flags of two bytes", OV OS "03020000" OC, -EPROTO, 0, 0 },
	{ "no capabilities", OV OS OR, -EPROTO, 0, 0 },
	{ "a tag twice", OV OV OS OR OC, -EPROTO, 0, 0 },
	{ "tags out of order", OV OR OS OC, -EPROTO, 0, 0 },
	{ "a place that is long", OV OS OR OC "0545" "0000000000000000000000000000000000000000000000000000000000000000"
	                                      "0000000000000000000000000000000000000000000000000000000000000000" "0000000000", -EPROTO, 0, 0 },
	{ "a value that is cut", OV OS OR OC "06ff00", -EPROTO, 0, 0 },
};

static void offer_is(const struct payload *p)
{
	struct side  c;
	struct noise x;
	int          fd[2];
	uint8_t      buf[NOISE_MESSAGE_MAX], bytes[512];
	size_t       len = unhex(bytes, sizeof bytes, p->hex);

	pair_unix(fd);
	side_init(&c, true, fd[0]);
	memcpy(c.h.suites, (uint8_t[5]){ SUITE_CHACHA20POLY1305 }, 5);
	side_start(&c);
	noise_start(&x, false);
	ssize_t n = recv(fd[1], buf, HANDSHAKE_PREFACE, MSG_WAITALL) == HANDSHAKE_PREFACE ? take(fd[1], &x, buf, sizeof buf) : -1;
	frame(fd[1], &x, bytes, len, NULL, 0);
	side_end(&c);
	bool asked = !memcmp(c.seen, x.s_pk, 32);
	size_t more = drain(fd[1], buf, sizeof buf);
	ok(n == 0 && c.r == p->r && asked && c.h.first_len == 0 && (p->r == 0) == (more > 0), "offer: %s", p->words);
	noise_clear(&x);
	side_clear(&c);
	close(fd[1]);
}

/* What one side writes the other reads, at full length; and every shorter piece of it is refused. */
static void payloads(void)
{
	static const uint8_t one[] = { 1 }, all[] = { 1, 2, 3, 4 };
	struct offer  o = { .versions = { one, 1 }, .suites = { all, 4 }, .flags = 7, .capabilities = 0x01020304, .placed = true }, got;
	struct choice c = { .version = 1, .suite = 4, .raw = 2, .integrity = 0, .placed = true, .capabilities = 9 }, chosen;
	uint8_t       p[512];
	unsigned      cut = 0;

	memset(&o.place, 0x5a, sizeof o.place);
	c.place = o.place;
	ssize_t n = offer_put(&o, p, sizeof p);
	ok(n == 3 + 6 + 3 + 6 + 70 && offer_get(&got, p, (size_t)n) == 0 && got.flags == 7 && got.capabilities == 0x01020304 && got.suites.len == 4 &&
	   got.placed && got.place.own.port == 0x5a5a && !memcmp(got.place.proof, o.place.proof, PLACE_PROOF), "an offer and back");
	for (size_t i = 0; i < (size_t)n; i++)
		cut += offer_get(&got, p, i) == 0;
	ok(cut == 1, "cut short, it is an offer only where the place begins");
	ok(offer_put(&o, p, (size_t)n - 1) == -EMSGSIZE, "no room");
	o.suites.len = 0;
	ok(offer_put(&o, p, sizeof p) == -EMSGSIZE, "nothing to offer");
	n = choice_put(&c, p, sizeof p);
	ok(n == 4 * 3 + 70 + 6 && choice_get(&chosen, p, (size_t)n) == 0 && chosen.raw == 2 && chosen.placed && chosen.capabilities == 9, "a choice and back");
	cut = 0;
	for (size_t i = 0; i < (size_t)n; i++)
		cut += choice_get(&chosen, p, i) == 0;
	ok(cut == 2, "cut short, it is a choice only where the place or the capabilities begin");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
		client_meets(&servers[i]);
	client_waits();
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++)
		daemon_meets(&clients[i]);
	daemon_at_once();
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
		choice_is(&choices[i]);
	for (size_t i = 0; i < sizeof offers / sizeof *offers; i++)
		offer_is(&offers[i]);
	payloads();
	return done();
}
