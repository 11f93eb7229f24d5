/*
 * stream.c - records over a real socket pair: order, forgery, cuts, and no deadlock with 4 KiB sockets and 4,095-byte names both ways.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/io.h"
#include "common/stream.h"
#include "tests/unit/tap.h"

static void seals(const struct suite *suite, struct seal *one, struct seal *two, uint8_t seed)
{
	uint8_t h[64], k1[32], k2[32];

	memset(h, 9, sizeof h);
	memset(k1, seed, sizeof k1);
	memset(k2, seed, sizeof k2);
	seal_init(one, suite, k1, h);
	seal_init(two, suite, k2, h);
}

static void pair_of(const struct suite *suite, struct stream *client, struct stream *daemon, int small)
{
	int         fds[2];
	struct seal ct, cr, dt, dr;

	socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	for (int i = 0; i < 2 && small; i++) {
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	}
	seals(suite, &ct, &dr, 1);
	seals(suite, &dt, &cr, 2);
	stream_init(client, fds[0], FROM_DAEMON, &ct, &cr, 60000);
	stream_init(daemon, fds[1], FROM_CLIENT, &dt, &dr, 60000);
}

struct second_half { int from, to; uint8_t bytes[64]; size_t n; };

/* When the daemon has taken all that has come. */
static void *send_second_half(void *p)
{
	struct second_half *h = p;
	int                 waiting;

	do
		sched_yield();
	while (ioctl(h->from, FIONREAD, &waiting) == 0 && waiting > 0);
	ok(write(h->to, h->bytes, h->n) == (ssize_t)h->n, "the second half of the message behind it is sent");
	return NULL;
}

/* A WAIT that came in two pieces long ago is no reason to end the message that comes in two pieces now. */
static void wait_has_its_own_time(const struct suite *suite)
{
	struct stream      c, d;
	struct record      rec;
	union wire_body    b = { .id = { 7 } };
	struct second_half h;
	uint8_t            bytes[128];
	pthread_t          t;

	pair_of(suite, &c, &d, 0);
	stream_put(&c, WIRE_WAIT, &b, true);
	stream_put(&c, WIRE_NEXT, &b, true);
	stream_flush(&c, false);
	ssize_t n = read(d.sock, bytes, sizeof bytes);
	if (!ok(n > 8 && n < (ssize_t)sizeof bytes && write(c.sock, bytes, (size_t)n - 5) == n - 5, "a WAIT, and all but 5 bytes of a message"))
		return;
	d.message_ms = 1000;
	d.began_ms = (int64_t)(clock_ns() / 1000000) - 100000;   /* when the WAIT's first piece came */
	h = (struct second_half){ .from = d.sock, .to = c.sock, .n = 5 };
	memcpy(h.bytes, bytes + n - 5, 5);
	pthread_create(&t, NULL, send_second_half, &h);
	int r = stream_get(&d, &rec);
	pthread_join(t, NULL);
	ok(r == 0 && rec.type == WIRE_NEXT, "the time of a WAIT is not the next message's (%d)", r);
	stream_clear(&c);
	stream_clear(&d);
}

/* The first record's descriptor is here, the rest of it is not, and the next one is right behind: the read for that rest may not reach into it. */
static void split_before_another(const struct suite *suite)
{
	struct stream   c, d;
	struct record   rec;
	union wire_body b = { .file = { .id = 1, .flags = SENT_HANDED, .meta = { .type = 'f' } } };
	uint8_t         bytes[1024];
	size_t          len[2] = { 0 };
	int             got = 0;

	pair_of(suite, &c, &d, 0);
	c.hands = true;
	for (int i = 0; i < 2; i++) {
		stream_put(&d, WIRE_FILE, &b, true);
		len[i] = stream_waiting(&d);
		stream_flush(&d, false);
		if (!ok(read(c.sock, bytes + len[0] * (size_t)i, len[i]) == (ssize_t)len[i], "the record of descriptor %d", i))
			return;
	}
	io_send_with(d.sock, bytes, 5, STDIN_FILENO);
	io_send_full(d.sock, bytes + 5, len[0] - 5, false);
	io_send_with(d.sock, bytes + len[0], len[1], STDIN_FILENO);
	for (int i = 0; i < 2 && stream_get(&c, &rec) == 0; i++) {
		int fd = stream_descriptor(&c);

		got += rec.type == WIRE_FILE && fd >= 0;
		close(fd);
	}
	ok(got == 2, "%s: a record that is split before another descriptor: both come (%d, %d)", suite->name, got, c.broken);
	stream_clear(&c);
	stream_clear(&d);
}

static void in_order(const struct suite *suite)
{
	struct stream c, d;
	struct record rec;
	int           good = 0;

	pair_of(suite, &c, &d, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		union wire_body b = { .id = { i } };
		stream_put(&c, WIRE_NEXT, &b, true);
		if (i % 7 == 0)
			stream_put(&c, WIRE_WAIT, &b, true);
	}
	stream_flush(&c, false);
	for (uint32_t i = 0; i < 1000; i++)
		good += stream_get(&d, &rec) == 0 && rec.type == WIRE_NEXT && rec.body.id.id == i;
	ok(good == 1000, "%s: 1,000 records in order, WAITs are swallowed", suite->name);
	ok(stream_try(&d, &rec) == 0, "%s: and nothing more is there", suite->name);
	stream_clear(&c);
	ok(stream_get(&d, &rec) == -ENODATA, "%s: an end without BYE is -ENODATA", suite->name);
	stream_clear(&d);
}

static void cancel_ahead(const struct suite *suite)
{
	struct stream   c, d;
	struct record   rec;
	union wire_body b = { .look = { 1, 0, wire_cstr("first") } };

	pair_of(suite, &c, &d, 0);
	stream_put(&c, WIRE_STAT, &b, true);
	b.look.path = wire_cstr("second");
	stream_put(&c, WIRE_STAT, &b, true);
	b.id.id = 77;
	stream_put(&c, WIRE_CANCEL, &b, true);
	stream_flush(&c, false);
	stream_get(&d, &rec);
	ok(stream_cancelled(&d, 77) == 1 && stream_cancelled(&d, 78) == 0, "%s: a CANCEL behind other requests is seen", suite->name);
	ok(rec.body.look.path.len == 5 && memcmp(rec.body.look.path.p, "first", 5) == 0, "%s: the body at hand stays", suite->name);
	ok(stream_get(&d, &rec) == 0 && rec.type == WIRE_STAT && rec.body.look.path.len == 6, "%s: what was opened ahead comes in order", suite->name);
	stream_clear(&c);
	stream_clear(&d);
}

static int forged(const struct suite *suite, size_t at, uint8_t bit)
{
	struct stream   c, d;
	struct record   rec;
	union wire_body b = { .look = { 1, 0, wire_cstr("name") } };

	pair_of(suite, &c, &d, 0);
	stream_put(&c, WIRE_STAT, &b, true);
	size_t len = stream_waiting(&c);
	if (at >= len) {
		stream_clear(&c);
		stream_clear(&d);
		return 1;
	}
	c.out[c.out_from + at] ^= bit;
	stream_flush(&c, false);
	shutdown(c.sock, SHUT_WR);
	int r = stream_get(&d, &rec);
	stream_clear(&c);
	stream_clear(&d);
	return r < 0 ? 0 : -1;
}

static void forgeries(const struct suite *suite)
{
	int bad = 0, tried = 0;

	for (size_t at = 0; ; at++, tried++) {
		int r = forged(suite, at, (uint8_t)(1u << (at % 8)));
		if (r > 0)
			break;
		bad += r;
	}
	ok(bad == 0 && tried > 30, "%s: no flipped bit of a record passes (%d tried)", suite->name, tried);
}

static void contents(const struct suite *suite)
{
	struct stream c, d;
	uint8_t      *big = malloc(WIRE_CONTENTS_MAX), *got = malloc(WIRE_CONTENTS_MAX);
	struct record rec;

	randombytes_buf(big, WIRE_CONTENTS_MAX);
	pair_of(suite, &c, &d, 0);
	ok(stream_contents_room(&c, 100000) == 0 && stream_contents_seal(&c, big, 100000) == 0, "%s: contents are sealed", suite->name);
	stream_skipped(&c);
	seal_skip(&c.tx);
	stream_contents_seal(&c, big, 5);
	stream_flush(&c, false);
	ok(stream_contents_in(&d, got, 100000) == 0 && memcmp(big, got, 100000) == 0, "%s: and opened", suite->name);
	ok(stream_contents_in(&d, got, 5) == 0, "%s: a nonce spent in vain is skipped on both sides", suite->name);
	stream_contents_seal(&c, big, 10);
	stream_flush(&c, false);
	shutdown(c.sock, SHUT_WR);
	ok(stream_contents_in(&d, got, 11) < 0, "%s: contents of another length are refused", suite->name);
	stream_clear(&c);
	stream_clear(&d);
	pair_of(suite, &c, &d, 0);
	stream_contents_seal(&c, big, 10);
	stream_flush(&c, false);
	ok(stream_get(&d, &rec) == -EPROTO, "%s: contents nobody announced are refused", suite->name);
	stream_clear(&c);
	stream_clear(&d);
	free(big);
	free(got);
}

enum { ROUNDS = 400 };
static char long_name[WIRE_PATH_MAX + 1];

/* The daemon of this test answers every STAT with a long ATTR: replies as large as the requests. */
static void *answering(void *arg)
{
	struct stream *d = arg;
	struct record  rec;

	for (int i = 0; i < ROUNDS; i++) {
		if (stream_get(d, &rec) < 0)
			return NULL;
		union wire_body b = { .attr = { .id = rec.body.look.id, .meta = { .type = 'l' }, .link = wire_cstr(long_name) } };
		if (stream_put(d, WIRE_ATTR, &b, true) < 0)
			return NULL;
	}
	return stream_flush(d, false) == 0 ? d : NULL;
}

/* Requests leave only as far as the socket takes them; answers are read meanwhile. */
static int asking(struct stream *c)
{
	struct record rec;
	int           asked = 0, answered = 0;

	while (answered < ROUNDS) {
		size_t unanswered = (size_t)(asked - answered) * WIRE_PATH_MAX;
		if (asked < ROUNDS && unanswered < WIRE_REQUESTS_MAX) {
			union wire_body b = { .look = { (uint32_t)asked, 0, wire_cstr(long_name) } };
			if (stream_put(c, WIRE_STAT, &b, false) == 0)
				asked++;
			stream_try_flush(c);
			continue;
		}
		if (stream_get(c, &rec) < 0 || rec.body.attr.id != (uint32_t)answered)
			return 0;
		answered++;
	}
	return 1;
}

static void no_deadlock(const struct suite *suite)
{
	struct stream c, d;
	pthread_t     t;
	void         *there = NULL;

	memset(long_name, 'n', WIRE_PATH_MAX);
	pair_of(suite, &c, &d, 4096);
	pthread_create(&t, NULL, answering, &d);
	int here = asking(&c);
	pthread_join(t, &there);
	ok(here && there, "%s: 4 KiB sockets full both ways with 4,095-byte names do not lock", suite->name);
	stream_clear(&c);
	stream_clear(&d);
}

/* Uploads: the client blocks writing contents and reads nothing; replies within WIRE_REPLIES_MAX must never block the daemon. */
static void *storing(void *arg)
{
	struct stream *d = arg;
	struct record  rec;

	for (;;) {
		if (stream_get(d, &rec) < 0)
			return NULL;
		union wire_body b = { .ok = { rec.type == WIRE_STORE ? rec.body.store.id : 0, 0, 0 } };
		if (stream_put(d, rec.type == WIRE_BYE ? WIRE_BYE : WIRE_OK, &b, false) < 0)
			return NULL;
		if (rec.type == WIRE_BYE)
			return stream_flush(d, false) == 0 ? d : NULL;
	}
}

static void uploads_do_not_lock(const struct suite *suite)
{
	struct stream   c, d;
	pthread_t       t;
	void           *there = NULL;
	static uint8_t  contents_of[WIRE_INLINE_MAX];
	uint32_t        sent = 0, answered = 0;
	struct record   rec;
	int             good = 1;
	const uint32_t  most = WIRE_REPLIES_MAX / wire_row(WIRE_STORE)->reply_max;

	pair_of(suite, &c, &d, 4096);
	pthread_create(&t, NULL, storing, &d);
	for (int round = 0; round < 3 && good; round++) {
		for (; sent - answered < most && good; sent++) {
			union wire_body b = { .store = { .id = sent, .meta = { .type = 'f', .size = 3000 }, .path = wire_cstr(long_name), .contents = { contents_of, 3000 } } };
			good = stream_put(&c, WIRE_STORE, &b, true) == 0;
		}
		good = good && stream_flush(&c, false) == 0;
		for (; answered < sent && good; answered++)
			good = stream_get(&c, &rec) == 0 && rec.type == WIRE_OK && rec.body.ok.id == answered;
	}
	union wire_body none = { 0 };
	stream_put(&c, WIRE_BYE, &none, true);
	stream_flush(&c, false);
	pthread_join(t, &there);
	ok(good && there && most > 100, "%s: %u unanswered STOREs, written blocking, do not lock", suite->name, most);
	stream_clear(&c);
	stream_clear(&d);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	for (size_t i = 0; suites[i]; i++) {
		if (!suite_usable(suites[i]))
			continue;
		in_order(suites[i]);
		wait_has_its_own_time(suites[i]);
		split_before_another(suites[i]);
		cancel_ahead(suites[i]);
		forgeries(suites[i]);
		contents(suites[i]);
		no_deadlock(suites[i]);
		uploads_do_not_lock(suites[i]);
	}
	return done();
}
