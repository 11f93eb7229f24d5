/* handshake.c - both sides: every suite, plaintext granted and not, a key refused, and a relay that flips, cuts, drops, doubles and
 * exchanges each message. */
#include <arpa/inet.h>
#include "tests/unit/sides.h"
#include "tests/unit/tap.h"

enum { HELLO = HANDSHAKE_PREFACE + 2 + 32, UNIT_MAX = 1200 };

static void meet(struct side *c, struct side *d)
{
	side_start(c);
	side_start(d);
	side_end(c);
	side_end(d);
}

static void init_pair(struct side *c, struct side *d)
{
	int fd[2];

	pair_unix(fd);
	side_init(c, true, fd[0]);
	side_init(d, false, fd[1]);
}

static void clear_pair(struct side *c, struct side *d)
{
	side_clear(c);
	side_clear(d);
}

static void each_suite(void)
{
	struct side c, d;

	for (const struct suite *const *row = suites; *row; row++) {
		const struct suite *s = *row;

		if (!suite_usable(s))
			continue;
		init_pair(&c, &d);
		memset(c.h.suites, 0, sizeof c.h.suites);
		c.h.suites[0] = s->id;
		meet(&c, &d);
		ok(c.r == 0 && d.r == 0 && c.h.suite == s && sides_talk(&c, &d), "%s: a handshake, and records both ways", s->name);
		ok(!memcmp(c.h.peer_key, d.key.pk, KEY_BYTES) && !memcmp(d.h.peer_key, c.key.pk, KEY_BYTES) && !memcmp(c.seen, d.key.pk, KEY_BYTES),
		   "%s: each knows the other's key, and the client was asked about it", s->name);
		ok(c.h.carry == CARRY_SEALED && d.h.carry == CARRY_SEALED && c.h.capabilities == CAPABILITY_USAGE && c.h.first_len == 0 && d.h.first_len == 0,
		   "%s: sealed", s->name);
		clear_pair(&c, &d);
	}
}

static void preference(void)
{
	struct side c, d;

	if (!suite_by_id(SUITE_AES256GCM)) {
		skip(2, "one suite here");
		return;
	}
	init_pair(&c, &d);
	memcpy(c.h.suites, (uint8_t[5]){ SUITE_CHACHA20POLY1305, SUITE_AES256GCM }, 5);
	meet(&c, &d);
	ok(c.r == 0 && d.r == 0 && d.h.suite->id == SUITE_CHACHA20POLY1305, "the client's order decides");
	clear_pair(&c, &d);
	init_pair(&c, &d);
	memcpy(c.h.suites, (uint8_t[5]){ SUITE_AES256GCM }, 5);
	memcpy(d.h.suites, (uint8_t[5]){ SUITE_CHACHA20POLY1305 }, 5);
	meet(&c, &d);
	ok(c.r == -EOPNOTSUPP && d.r == -ENODATA, "no suite in common");
	clear_pair(&c, &d);
}

static void refused(void)
{
	struct side c, d;
	int         up[2], down[2];
	uint8_t     buf[UNIT_MAX];

	for (int forgot = 0; forgot < 2; forgot++) {
		pair_unix(up);
		pair_unix(down);
		side_init(&c, true, up[0]);
		side_init(&d, false, down[1]);
		c.refuse = 1;
		if (forgot)
			c.h.check_key = NULL;
		side_start(&c);
		side_start(&d);
		size_t n = recv(up[1], buf, HELLO, MSG_WAITALL) == HELLO && send(down[0], buf, HELLO, 0) == HELLO ? HELLO : 0;
		ssize_t two = recv(down[0], buf, sizeof buf, 0);
		if (two > 0)
			n += (size_t)(send(up[1], buf, (size_t)two, 0) < 0);
		n += drain(up[1], buf, sizeof buf);
		shutdown(down[0], SHUT_WR);
		side_end(&c);
		side_end(&d);
		ok(c.r == -ENOKEY && d.r == -ENODATA && n == HELLO, "%s: the client sends not one byte after message 2",
		   forgot ? "nobody to ask about the key" : "the server's key refused");
		ok(!memcmp(c.h.peer_key, d.key.pk, KEY_BYTES) && c.h.carry == CARRY_NONE, "the key is told, nothing else");
		clear_pair(&c, &d);
		close(up[1]);
		close(down[0]);
	}
}

/* ---- a relay on the way */

enum trick { HONEST, FLIP, CUT, DROP, DOUBLE, OTHER };

struct relay {
	int        client, daemon;      /* its own ends */
	enum trick trick;
	int        unit;                /* 0: preface and message 1; 1: message 2; 2: message 3 */
	size_t     at;
	uint8_t    mask;
	uint8_t    kept[3][UNIT_MAX];   /* what was sent, and for OTHER what is sent instead */
	size_t     len[3];
};

static size_t read_unit(int sock, int unit, uint8_t *p)
{
	if (unit == 0)
		return recv(sock, p, HELLO, MSG_WAITALL) == HELLO ? HELLO : 0;
	if (recv(sock, p, 2, MSG_WAITALL) != 2)
		return 0;
	size_t len = (size_t)p[0] | (size_t)p[1] << 8;
	return len <= 1024 && recv(sock, p + 2, len, MSG_WAITALL) == (ssize_t)len ? 2 + len : 0;
}

static void pass(struct relay *r, int to, int unit, uint8_t *p, size_t n)
{
	if (r->trick == HONEST || r->unit != unit) {
		memcpy(r->kept[unit], p, n);
		r->len[unit] = n;
		send(to, p, n, MSG_NOSIGNAL);
		return;
	}
	if (r->trick == FLIP)
		p[r->at] ^= r->mask;
	if (r->trick == OTHER)
		send(to, r->kept[unit], r->len[unit], MSG_NOSIGNAL);
	else
		send(to, p, r->trick == CUT ? r->at : r->trick == DROP ? 0 : n, MSG_NOSIGNAL);
	if (r->trick == DOUBLE)
		send(to, p, n, MSG_NOSIGNAL);
	shutdown(to, SHUT_WR);          /* nothing that could be right follows: nobody waits for it */
}

static void relay_run(struct relay *r)
{
	uint8_t buf[UNIT_MAX];

	for (int unit = 0; unit < 3; unit++) {
		size_t n = read_unit(unit == 1 ? r->daemon : r->client, unit, buf);

		if (!n)
			break;
		pass(r, unit == 1 ? r->client : r->daemon, unit, buf, n);
	}
	shutdown(r->client, SHUT_WR);
	shutdown(r->daemon, SHUT_WR);
}

static void through(struct relay *r, struct side *c, struct side *d)
{
	int up[2], down[2];

	pair_unix(up);
	pair_unix(down);
	side_init(c, true, up[0]);
	side_init(d, false, down[1]);
	r->client = up[1];
	r->daemon = down[0];
	side_start(c);
	side_start(d);
	relay_run(r);
	side_end(c);
	side_end(d);
	close(up[1]);
	close(down[0]);
}

/* Who must notice: the daemon a changed message 1 or 3, the client message 2 and, one message later, message 1. */
static bool noticed(const struct relay *r, const struct side *c, const struct side *d)
{
	return r->unit == 2 ? d->r < 0 : c->r < 0 && d->r < 0;
}

static void flips(const struct relay *honest)
{
	for (int unit = 0; unit < 3; unit++) {
		unsigned missed = 0, untagged = 0;

		for (size_t at = 0; at < honest->len[unit]; at++) {
			for (int full = 0; full < 2; full++) {
				struct relay r = { .trick = FLIP, .unit = unit, .at = at, .mask = full ? 0xff : (uint8_t)(1u << at % 8) };
				struct side  c, d;

				through(&r, &c, &d);
				missed += !noticed(&r, &c, &d);
				/* behind preface and length, a change is found by a tag and by nothing else */
				const struct side *who = unit == 2 ? &d : &c;
				untagged += at >= (unit ? 2 : HANDSHAKE_PREFACE + 2) && who->r != -EBADMSG;
				clear_pair(&c, &d);
			}
		}
		ok(missed == 0, "message %d: every one of %zu bytes flipped, nobody goes on", unit + 1, honest->len[unit]);
		ok(untagged == 0, "message %d: found by its tag", unit + 1);
	}
}

static void cuts(const struct relay *honest)
{
	for (int unit = 0; unit < 3; unit++) {
		unsigned missed = 0;

		for (size_t at = 0; at < honest->len[unit]; at++) {
			struct relay r = { .trick = CUT, .unit = unit, .at = at };
			struct side  c, d;

			through(&r, &c, &d);
			missed += !noticed(&r, &c, &d) || (unit == 1 ? c.r : d.r) != -ENODATA;
			clear_pair(&c, &d);
		}
		ok(missed == 0, "message %d: cut at every length is the end of the stream", unit + 1);
		struct relay r = { .trick = DROP, .unit = unit };
		struct side  c, d;
		through(&r, &c, &d);
		ok(noticed(&r, &c, &d), "message %d: dropped", unit + 1);
		clear_pair(&c, &d);
	}
}

/* The second copy stands where the first record should: it is none. */
static void doubled(void)
{
	for (int unit = 0; unit < 3; unit++) {
		struct relay r = { .trick = DOUBLE, .unit = unit };
		struct side  c, d;
		uint8_t      rest[UNIT_MAX], out[UNIT_MAX];

		through(&r, &c, &d);
		struct side *to = unit == 1 ? &c : &d;
		if (to->r == 0) {
			size_t n = drain(to->h.sock, rest, sizeof rest);
			ok(n > 4 && open_record(&to->h.rx, out, rest + 4, n - 4, rest) == -EBADMSG, "message %d doubled: the copy is no record", unit + 1);
		} else {
			ok(noticed(&r, &c, &d) || d.r == -EPROTO, "message %d doubled: the daemon closes", unit + 1);
		}
		clear_pair(&c, &d);
	}
}

static void exchanged(const struct relay *honest)
{
	struct side c, d;

	for (int unit = 0; unit < 3; unit++) {
		struct relay r = *honest;               /* what another handshake of the same two said there */
		r.trick = OTHER;
		r.unit = unit;
		through(&r, &c, &d);
		ok(noticed(&r, &c, &d), "message %d of another handshake", unit + 1);
		clear_pair(&c, &d);
	}
	struct relay r = *honest;
	r.trick = OTHER;
	r.unit = 1;
	memcpy(r.kept[1], r.kept[2], r.len[1] = r.len[2]);
	through(&r, &c, &d);
	ok(c.r < 0 && d.r < 0, "message 3 in the place of message 2");
	clear_pair(&c, &d);
	r = *honest;
	r.trick = OTHER;
	r.unit = 2;
	memcpy(r.kept[2], r.kept[1], r.len[2] = r.len[1]);
	through(&r, &c, &d);
	ok(d.r < 0, "message 2 in the place of message 3");
	clear_pair(&c, &d);
	r = *honest;
	r.trick = OTHER;
	r.unit = 1;
	memcpy(r.kept[1], r.kept[0], r.len[1] = r.len[0]);
	through(&r, &c, &d);
	ok(c.r == -EPROTO && c.h.first_len == 16 && !memcmp(c.h.first, handshake_preface_xx, 16) && d.r < 0, "the client's own words sent back");
	clear_pair(&c, &d);
}

static void tampered(void)
{
	struct relay honest = { .trick = HONEST };
	struct side  c, d;

	through(&honest, &c, &d);
	ok(c.r == 0 && d.r == 0 && sides_talk(&c, &d), "through an honest relay");
	clear_pair(&c, &d);
	flips(&honest);
	cuts(&honest);
	doubled();
	exchanged(&honest);
}

/* ---- places and plaintext, over real connections */

static int tcp_listen(struct sockaddr_in *a)
{
	socklen_t len = sizeof *a;
	int       l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(l, (struct sockaddr *)a, len) < 0 || listen(l, 4) < 0 || getsockname(l, (struct sockaddr *)a, &len) < 0)
		_exit(3);
	return l;
}

static void tcp_pair(int fd[2])
{
	struct sockaddr_in a;
	int                l = tcp_listen(&a);

	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd[0], (struct sockaddr *)&a, sizeof a) < 0 || (fd[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC)) < 0)
		_exit(3);
	close(l);
}

struct want {
	const char       *words;
	enum carry_wish   wish;
	enum integrity    integrity;
	uint8_t           flags;
	bool              relayed;
	const char       *client_boot;          /* NULL: the kernel's */
	enum carry        carry;
	enum carry_reason client_why, daemon_why;
	enum integrity    chosen;
};

#define ANOTHER "00000000-0000-4000-8000-000000000000"
#define AUTO OFFER_RAW_ONE_MACHINE
#define NET OFFER_RAW_NETWORK
#define NONE OFFER_INTEGRITY_NONE

static const struct want wants[] = {
	{ "auto on one machine", WISH_AUTO, 0, AUTO, false, NULL, CARRY_RAW, BECAUSE_ONE_MACHINE, BECAUSE_ONE_MACHINE, 0 },
	{ "--plaintext on one machine", WISH_PLAIN, 0, AUTO, false, NULL, CARRY_RAW, BECAUSE_ONE_MACHINE, BECAUSE_ONE_MACHINE, 0 },
	{ "--plaintext, network named", WISH_PLAIN, 0, AUTO | NET, false, NULL, CARRY_RAW, BECAUSE_NETWORK, BECAUSE_NETWORK, 0 },
	{ "--encrypt", WISH_SEALED, 0, AUTO | NET | NONE, false, NULL, CARRY_SEALED, BECAUSE_ENCRYPT, BECAUSE_NOTHING, 0 },
	{ "auto, the daemon always seals", WISH_AUTO, 0, 0, false, NULL, CARRY_SEALED, BECAUSE_DAEMON_SEALS, BECAUSE_NOTHING, 0 },
	{ "--plaintext, the daemon always seals", WISH_PLAIN, 0, 0, false, NULL, CARRY_SEALED, BECAUSE_DAEMON_SEALS, BECAUSE_NOTHING, 0 },
	{ "auto, only the network named", WISH_AUTO, 0, NET, false, NULL, CARRY_SEALED, BECAUSE_NOT_ONE_MACHINE, BECAUSE_NOTHING, 0 },
	{ "auto, another boot id", WISH_AUTO, 0, AUTO, false, ANOTHER, CARRY_SEALED, BECAUSE_NOT_ONE_MACHINE, BECAUSE_NOTHING, 0 },
	{ "auto through a relay", WISH_AUTO, 0, AUTO, true, NULL, CARRY_SEALED, BECAUSE_NOT_ONE_MACHINE, BECAUSE_NOTHING, 0 },
	{ "--plaintext through a relay", WISH_PLAIN, 0, AUTO, true, NULL, CARRY_SEALED, BECAUSE_DAEMON_SEALS, BECAUSE_NOTHING, 0 },
	{ "--plaintext through a relay, network named", WISH_PLAIN, 0, AUTO | NET, true, NULL, CARRY_RAW, BECAUSE_NETWORK, BECAUSE_NETWORK, 0 },
	{ "--integrity=none, network named", WISH_PLAIN, INTEGRITY_NONE, NET | NONE, false, NULL, CARRY_RAW, BECAUSE_INTEGRITY_NONE, BECAUSE_INTEGRITY_NONE, INTEGRITY_NONE },
	{ "--integrity=none, not offered", WISH_PLAIN, INTEGRITY_NONE, NET, false, NULL, CARRY_RAW, BECAUSE_NETWORK, BECAUSE_NETWORK, 0 },
	{ "--integrity=none on one machine", WISH_AUTO, INTEGRITY_NONE, AUTO | NONE, false, NULL, CARRY_RAW, BECAUSE_ONE_MACHINE, BECAUSE_ONE_MACHINE, 0 },
	{ "the configuration, network named", WISH_NETWORK, 0, AUTO | NET, true, NULL, CARRY_RAW, BECAUSE_CONFIGURED, BECAUSE_NETWORK, 0 },
	{ "the configuration on one machine", WISH_NETWORK, 0, AUTO | NET, false, NULL, CARRY_RAW, BECAUSE_ONE_MACHINE, BECAUSE_ONE_MACHINE, 0 },
	{ "the configuration, network not named", WISH_NETWORK, 0, AUTO, true, NULL, CARRY_SEALED, BECAUSE_DAEMON_SEALS, BECAUSE_NOTHING, 0 },
	{ "the configuration never leaves the tags away", WISH_NETWORK, INTEGRITY_NONE, NET | NONE, true, NULL, CARRY_RAW, BECAUSE_CONFIGURED, BECAUSE_NETWORK, 0 },
	{ "--integrity=none, encrypted", WISH_SEALED, INTEGRITY_NONE, AUTO | NET | NONE, false, NULL, CARRY_SEALED, BECAUSE_ENCRYPT, BECAUSE_NOTHING, 0 },
};

static void wanted(const struct want *w)
{
	struct relay hop = { .trick = HONEST };
	struct side  c, d;
	int          fd[2], second[2];

	tcp_pair(fd);
	if (w->relayed) {
		tcp_pair(second);
		hop.client = fd[1];
		hop.daemon = second[0];
		fd[1] = second[1];
	}
	side_init(&c, true, fd[0]);
	side_init(&d, false, fd[1]);
	c.h.wish = w->wish;
	c.h.integrity = w->integrity;
	c.h.boot_id = w->client_boot;
	d.h.offer_flags = w->flags;
	side_start(&c);
	side_start(&d);
	if (w->relayed)
		relay_run(&hop);
	side_end(&c);
	side_end(&d);
	ok(c.r == 0 && d.r == 0 && c.h.carry == w->carry && d.h.carry == w->carry && c.h.reason == w->client_why && d.h.reason == w->daemon_why &&
	   c.h.integrity == w->chosen && d.h.integrity == w->chosen && sides_talk(&c, &d), "%s: %s", w->words, carry_words(c.h.carry, c.h.reason));
	clear_pair(&c, &d);
	if (w->relayed) {
		close(hop.client);
		close(hop.daemon);
	}
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	each_suite();
	preference();
	refused();
	tampered();
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
		wanted(&wants[i]);
	return done();
}
