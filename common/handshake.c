/* handshake.c - see handshake.h */
#include "common/handshake.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "common/handshake_tlv.h"
#include "common/io.h"
#include "common/unix_socket.h"
#include "common/noise.h"

enum { FRAME = 2, E_BYTES = 32, MESSAGE_2_LEAST = 32 + 48 + 16, MESSAGE_3_LEAST = 48 + 16 };
enum { ALWAYS = CAPABILITY_USAGE };       /* whatever the carry: what was not there from the start, and this one understands */

const uint8_t handshake_preface_xx[HANDSHAKE_PREFACE] = { 'z', 'c', 'p', '\r', '\n', 0x1a, '\n', 0, HANDSHAKE_VERSION, 1 };
const uint8_t handshake_busy[HANDSHAKE_PREFACE] = { 'z', 'c', 'p', ' ', 'b', 'u', 's', 'y', '\r', '\n' };

static const uint8_t versions[] = { PROTOCOL_VERSION };

static int recv_exact(int sock, uint8_t *p, size_t len)
{
	ssize_t n = io_recv_full(sock, p, len);

	if (n < 0)
		return (int)n;
	return (size_t)n < len ? -ENODATA : 0;
}

static size_t frame_length(const uint8_t p[static FRAME])
{
	return (size_t)p[0] | (size_t)p[1] << 8;
}

/* One Noise message behind its length, in one write, after what already stands in buf. */
static int send_message(const struct handshake *h, struct noise *x, const uint8_t *payload, size_t len, uint8_t *buf, size_t before)
{
	ssize_t n = noise_write(x, payload, len, buf + before + FRAME, NOISE_MESSAGE_MAX);

	if (n < 0)
		return (int)n;
	buf[before] = (uint8_t)n;
	buf[before + 1] = (uint8_t)(n >> 8);
	n = io_send_full(h->sock, buf, before + FRAME + (size_t)n, false);
	return n < 0 ? (int)n : 0;
}

/* Payload bytes, or -errno */
static ssize_t open_message(struct noise *x, const uint8_t *message, size_t len, uint8_t payload[static NOISE_MESSAGE_MAX])
{
	ssize_t n = noise_read(x, message, len, payload, NOISE_MESSAGE_MAX);

	return n == -EMSGSIZE ? -EPROTO : n;
}

/* Where this end believes to be. Whatever stands in the way: nothing is proved, and contents stay sealed. */
static bool find_place(const struct handshake *h, const struct noise *x, struct place *here)
{
	char        read_now[PLACE_BOOT_ID];
	const char *id = h->boot_id;

	if (!id && place_boot_id(read_now) == 0)
		id = read_now;
	if (!id)
		return false;
	/* a relay can be bound to the daemon's own path in its mount namespace, but there the client does not find it */
	if (h->path && !unix_peer_at(h->sock, h->path))
		return false;
	return place_here(here, h->sock, id, x->initiator ? x->e_pk : x->re, x->initiator ? x->re : x->e_pk) == 0;
}

/* Three messages are done: the keys of both directions. */
static int make_seals(struct handshake *h, struct noise *x, const struct suite *suite)
{
	bool    initiator = x->initiator;
	uint8_t i2r[32], r2i[32], hash[NOISE_HASH];
	int     r = noise_split(x, i2r, r2i, hash);

	if (r == 0)
		r = seal_init(&h->tx, suite, initiator ? i2r : r2i, hash);
	if (r == 0) {
		r = seal_init(&h->rx, suite, initiator ? r2i : i2r, hash);
		if (r < 0)
			seal_clear(&h->tx);
		else
			h->suite = suite;
	}
	sodium_memzero(i2r, sizeof i2r);
	sodium_memzero(r2i, sizeof r2i);
	sodium_memzero(hash, sizeof hash);
	return r;
}

/* What came cannot be a zcpd: keep what is there of it, without waiting for more. */
static int no_zcp(struct handshake *h, size_t have)
{
	ssize_t n = io_recv_some(h->sock, h->first + have, sizeof h->first - have, false);

	h->first_len = have + (n > 0 ? (size_t)n : 0);
	return -EPROTO;
}

static int is_busy(struct handshake *h)
{
	int r = recv_exact(h->sock, h->first + FRAME, sizeof h->first - FRAME);

	if (r < 0)
		return r;
	if (memcmp(h->first, handshake_busy, sizeof handshake_busy) == 0)
		return -EBUSY;
	h->first_len = sizeof h->first;
	return -EPROTO;
}

/* The first two bytes of every TLS record would do as a length, and what follows is no message 2 then: short, or with a wrong tag. */
static int unless_tls(struct handshake *h, const uint8_t *message, size_t len, int error)
{
	if (h->first[0] < 0x14 || h->first[0] > 0x17 || h->first[1] != 3)
		return error;
	if (len > sizeof h->first - FRAME)
		len = sizeof h->first - FRAME;
	memcpy(h->first + FRAME, message, len);
	h->first_len = FRAME + len;
	return -EPROTO;
}

/* Message 2, or what stands in its place. Its length, or -errno */
static ssize_t read_answer(struct handshake *h, uint8_t message[static NOISE_MESSAGE_MAX])
{
	int r = recv_exact(h->sock, h->first, FRAME);

	if (r < 0)
		return r;
	if (memcmp(h->first, handshake_busy, FRAME) == 0)
		return is_busy(h);
	size_t len = frame_length(h->first);
	if (len < MESSAGE_2_LEAST || len > NOISE_MESSAGE_MAX)
		return no_zcp(h, FRAME);
	ssize_t n = io_recv_full(h->sock, message, len);
	if (n < 0)
		return n;
	return (size_t)n < len ? unless_tls(h, message, (size_t)n, -ENODATA) : n;
}

static const struct suite *common_suite(const struct handshake *h, const struct offer *o)
{
	for (const uint8_t *id = h->suites; *id; id++)
		if (memchr(o->suites.p, *id, o->suites.len) && suite_by_id(*id))
			return suite_by_id(*id);
	return NULL;
}

static int choose(struct handshake *h, const struct noise *x, const struct offer *o, struct choice *c)
{
	const struct suite *suite = common_suite(h, o);
	struct carry_facts  facts = { .wish = h->wish, .network_named = o->flags & OFFER_RAW_NETWORK,
	                              .daemon_allows_auto = o->flags & OFFER_RAW_ONE_MACHINE };
	struct place        here;

	if (!suite || !memchr(o->versions.p, PROTOCOL_VERSION, o->versions.len))
		return -EOPNOTSUPP;
	*c = (struct choice){ .version = PROTOCOL_VERSION, .suite = suite->id, .capabilities = ALWAYS & o->capabilities };
	if (h->wish != WISH_SEALED && facts.daemon_allows_auto && o->placed && find_place(h, x, &here))
		facts.one_machine = place_mirrors(&here, &o->place);
	h->carry = carry_decide(&facts, &h->reason);
	if (h->carry == CARRY_RAW && facts.one_machine)
		c->capabilities |= h->capable & o->capabilities;
	if (h->carry == CARRY_RAW && (h->reason == BECAUSE_NETWORK || h->reason == BECAUSE_CONFIGURED)) {
		c->raw = CHOICE_NETWORK;
	} else if (h->carry == CARRY_RAW) {
		c->raw = CHOICE_ONE_MACHINE;
		c->placed = true;
		c->place = here;
	}
	/* only where plaintext was granted by name, never by proof or by a file alone */
	if (h->integrity == INTEGRITY_NONE && h->wish == WISH_PLAIN && c->raw == CHOICE_NETWORK && o->flags & OFFER_INTEGRITY_NONE)
		c->integrity = INTEGRITY_NONE;
	return 0;
}

/* The choice is made and sent, or was offered and received. */
static void settle(struct handshake *h, const struct choice *c)
{
	h->integrity = c->integrity ? INTEGRITY_NONE : INTEGRITY_MAC;
	h->capabilities = c->capabilities & (ALWAYS | (h->carry == CARRY_RAW ? h->capable : 0));
	if (h->carry == CARRY_RAW && h->integrity == INTEGRITY_NONE)
		h->reason = BECAUSE_INTEGRITY_NONE;
}

static int client_answer(struct handshake *h, struct noise *x, const uint8_t *payload, size_t len)
{
	uint8_t       mine[NOISE_MESSAGE_MAX], buf[FRAME + NOISE_MESSAGE_MAX];
	struct offer  offer = { 0 };
	struct choice c = { 0 };
	int           r = offer_get(&offer, payload, len);

	if (r == 0)
		r = choose(h, x, &offer, &c);
	if (r < 0)
		return r;
	ssize_t n = choice_put(&c, mine, sizeof mine);
	r = n < 0 ? (int)n : send_message(h, x, mine, (size_t)n, buf, 0);
	if (r == 0)
		r = make_seals(h, x, suite_by_id(c.suite));
	if (r == 0)
		settle(h, &c);
	return r;
}

static int client(struct handshake *h, struct noise *x)
{
	uint8_t buf[HANDSHAKE_PREFACE + FRAME + NOISE_MESSAGE_MAX], payload[NOISE_MESSAGE_MAX];
	int     r;

	memcpy(buf, handshake_preface_xx, HANDSHAKE_PREFACE);
	r = send_message(h, x, NULL, 0, buf, HANDSHAKE_PREFACE);
	if (r < 0)
		return r;
	ssize_t len = read_answer(h, buf);
	if (len < 0)
		return (int)len;
	ssize_t n = open_message(x, buf, (size_t)len, payload);
	if (n < 0)
		return n == -EBADMSG ? unless_tls(h, buf, (size_t)len, -EBADMSG) : (int)n;
	memcpy(h->peer_key, x->rs, KEY_BYTES);
	/* before anything else that the server says counts; a caller who forgot to check trusts nobody */
	if (!h->check_key || h->check_key(h->check_arg, h->peer_key))
		return -ENOKEY;
	return client_answer(h, x, payload, (size_t)n);
}

/* Byte by byte the preface, or nothing: who speaks something else is not kept waiting, and gets no answer. */
static int read_preface(struct handshake *h)
{
	size_t have = 0;

	while (have < HANDSHAKE_PREFACE) {
		ssize_t n = io_recv_some(h->sock, h->first + have, HANDSHAKE_PREFACE - have, true);

		if (n <= 0)
			return n < 0 ? (int)n : -ENODATA;
		have += (size_t)n;
		if (memcmp(h->first, handshake_preface_xx, have) != 0) {
			h->first_len = have;
			return -EPROTO;
		}
	}
	return 0;
}

/* Message 1 travels in clear: 32 bytes, and no payload that somebody might think secret. */
static int read_hello(struct handshake *h, struct noise *x)
{
	uint8_t buf[FRAME + E_BYTES], none[1];
	int     r = read_preface(h);

	if (r == 0)
		r = recv_exact(h->sock, buf, FRAME);
	if (r == 0 && frame_length(buf) != E_BYTES)
		r = -EPROTO;
	if (r == 0)
		r = recv_exact(h->sock, buf + FRAME, E_BYTES);
	return r == 0 ? (int)noise_read(x, buf + FRAME, E_BYTES, none, 0) : r;
}

static int send_offer(struct handshake *h, struct noise *x, struct offer *o)
{
	uint8_t payload[NOISE_MESSAGE_MAX], buf[FRAME + NOISE_MESSAGE_MAX];

	*o = (struct offer){ .versions = { versions, sizeof versions }, .flags = h->offer_flags, .capabilities = ALWAYS | h->capable };
	o->suites = (struct wire_str){ h->suites, strnlen((const char *)h->suites, SUITE_ID_MAX) };
	o->placed = h->offer_flags & OFFER_RAW_ONE_MACHINE && find_place(h, x, &o->place);
	ssize_t n = offer_put(o, payload, sizeof payload);
	return n < 0 ? (int)n : send_message(h, x, payload, (size_t)n, buf, 0);
}

static ssize_t read_choice(struct handshake *h, struct noise *x, uint8_t payload[static NOISE_MESSAGE_MAX])
{
	uint8_t buf[NOISE_MESSAGE_MAX];
	int     r = recv_exact(h->sock, buf, FRAME);

	if (r < 0)
		return r;
	size_t len = frame_length(buf);
	if (len < MESSAGE_3_LEAST || len > NOISE_MESSAGE_MAX)
		return -EPROTO;
	r = recv_exact(h->sock, buf, len);
	return r < 0 ? r : open_message(x, buf, len, payload);
}

static bool was_offered(const struct offer *o, const struct choice *c)
{
	if (c->version != PROTOCOL_VERSION || !memchr(o->suites.p, c->suite, o->suites.len))
		return false;
	if (c->raw > CHOICE_ONE_MACHINE || (c->raw == CHOICE_NETWORK && !(o->flags & OFFER_RAW_NETWORK)))
		return false;
	if (c->integrity > INTEGRITY_NONE)
		return false;
	return c->integrity == INTEGRITY_MAC || (c->raw == CHOICE_NETWORK && o->flags & OFFER_INTEGRITY_NONE);
}

/* Raw as one machine without its proof is no offence: contents are sealed then. */
static void grant(struct handshake *h, const struct offer *o, const struct choice *c)
{
	static const enum carry_wish wishes[] = { WISH_SEALED, WISH_PLAIN, WISH_AUTO };       /* by choice.raw */
	struct carry_facts facts = { .wish = wishes[c->raw], .network_named = o->flags & OFFER_RAW_NETWORK,
	                             .daemon_allows_auto = o->flags & OFFER_RAW_ONE_MACHINE };

	facts.one_machine = o->placed && c->placed && place_mirrors(&o->place, &c->place);
	h->carry = carry_decide(&facts, &h->reason);
	if (c->raw == CHOICE_SEALED)
		h->reason = BECAUSE_NOTHING;    /* the client knows why */
}

static int daemon_run(struct handshake *h, struct noise *x)
{
	uint8_t       payload[NOISE_MESSAGE_MAX];
	struct offer  offer = { 0 };
	struct choice c = { 0 };
	int           r = read_hello(h, x);

	if (r < 0)
		return r;
	r = send_offer(h, x, &offer);
	if (r < 0)
		return r;
	h->offered = true;
	ssize_t n = read_choice(h, x, payload);
	if (n < 0)
		return (int)n;
	memcpy(h->peer_key, x->rs, KEY_BYTES);
	r = choice_get(&c, payload, (size_t)n);
	if (r < 0)
		return r;
	const struct suite *suite = suite_by_id(c.suite);
	if (!suite || !was_offered(&offer, &c))
		return -EOPNOTSUPP;
	grant(h, &offer, &c);
	r = make_seals(h, x, suite);
	if (r == 0)
		settle(h, &c);
	return r;
}

static int run(struct handshake *h, bool initiator)
{
	struct noise x;

	h->first_len = 0;
	h->carry = CARRY_NONE;
	h->reason = BECAUSE_NOTHING;
	if (!h->suites[0])
		return -EOPNOTSUPP;
	noise_init(&x, initiator, handshake_preface_xx, HANDSHAKE_PREFACE, h->own->pk, h->own->sk);
	int r = initiator ? client(h, &x) : daemon_run(h, &x);
	noise_clear(&x);
	if (r < 0)
		h->carry = CARRY_NONE;
	return r;
}

int handshake_client(struct handshake *h)
{
	return run(h, true);
}

int handshake_daemon(struct handshake *h)
{
	return run(h, false);
}
