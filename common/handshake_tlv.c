/* handshake_tlv.c - see handshake_tlv.h */
#include "common/handshake_tlv.h"

#include <errno.h>

#include "common/cursor.h"

enum { TAG_VERSION = 1, TAG_SUITE, TAG_RAW, OFFER_CAPABILITIES, CHOICE_INTEGRITY = 4, TAG_PLACE, CHOICE_CAPABILITIES, TAGS };
enum { PLACE_BYTES = 2 * (16 + 2) + PLACE_PROOF };

static void put_number(struct writer *w, unsigned tag, uint64_t v, unsigned bytes)
{
	put(w, tag, 1);
	put(w, bytes, 1);
	put(w, v, bytes);
}

static void put_list(struct writer *w, unsigned tag, struct wire_str list)
{
	if (list.len < 1 || list.len > UINT8_MAX)
		w->bad = true;
	put(w, tag, 1);
	put(w, list.len, 1);
	put_bytes(w, list);
}

static void put_addr(struct writer *w, const struct net_addr *a)
{
	put_bytes(w, (struct wire_str){ a->ip, sizeof a->ip });
	put(w, a->port, 2);
}

static void put_place(struct writer *w, const struct place *p)
{
	put(w, TAG_PLACE, 1);
	put(w, PLACE_BYTES, 1);
	put_addr(w, &p->own);
	put_addr(w, &p->peer);
	put_bytes(w, (struct wire_str){ p->proof, sizeof p->proof });
}

/* Each known tag's value; p is NULL where it is not there. */
static int get_tags(const uint8_t *p, size_t len, struct wire_str out[static TAGS])
{
	struct reader r = { p, p + len, false };
	unsigned      last = 0;

	memset(out, 0, TAGS * sizeof *out);
	while (r.p != r.end) {
		unsigned        tag = (unsigned)get(&r, 1);
		struct wire_str value = get_bytes(&r, get(&r, 1));

		if (r.bad || tag <= last)
			return -EPROTO;
		last = tag;
		if (tag < TAGS)
			out[tag] = value;
	}
	return 0;
}

static uint64_t get_number(struct wire_str s, unsigned bytes, bool *bad)
{
	struct reader r = { s.p, s.p ? s.p + s.len : s.p, s.len != bytes };
	uint64_t      v = get(&r, bytes);

	*bad |= r.bad;
	return v;
}

static void get_addr(struct reader *r, struct net_addr *a)
{
	struct wire_str ip = get_bytes(r, sizeof a->ip);

	if (ip.p)
		memcpy(a->ip, ip.p, ip.len);
	a->port = (uint16_t)get(r, 2);
}

/* True where a place is. */
static bool get_place(struct wire_str s, struct place *out, bool *bad)
{
	struct reader r = { s.p, s.p ? s.p + s.len : s.p, s.len != PLACE_BYTES };

	if (!s.p)
		return false;
	get_addr(&r, &out->own);
	get_addr(&r, &out->peer);
	struct wire_str proof = get_bytes(&r, sizeof out->proof);
	if (proof.p)
		memcpy(out->proof, proof.p, proof.len);
	*bad |= r.bad;
	return true;
}

ssize_t offer_put(const struct offer *o, uint8_t *p, size_t max)
{
	struct writer w = { p, p + max, false };

	put_list(&w, TAG_VERSION, o->versions);
	put_list(&w, TAG_SUITE, o->suites);
	put_number(&w, TAG_RAW, o->flags, 1);
	put_number(&w, OFFER_CAPABILITIES, o->capabilities, 4);
	if (o->placed)
		put_place(&w, &o->place);
	return w.bad ? -EMSGSIZE : w.p - p;
}

int offer_get(struct offer *out, const uint8_t *p, size_t len)
{
	struct wire_str tags[TAGS];
	struct offer    o = { 0 };
	bool            bad = false;

	if (get_tags(p, len, tags) < 0)
		return -EPROTO;
	o.versions = tags[TAG_VERSION];
	o.suites = tags[TAG_SUITE];
	o.flags = (uint8_t)get_number(tags[TAG_RAW], 1, &bad);
	o.capabilities = (uint32_t)get_number(tags[OFFER_CAPABILITIES], 4, &bad);
	o.placed = get_place(tags[TAG_PLACE], &o.place, &bad);
	if (bad || !o.versions.len || !o.suites.len)
		return -EPROTO;
	*out = o;
	return 0;
}

ssize_t choice_put(const struct choice *c, uint8_t *p, size_t max)
{
	struct writer w = { p, p + max, false };

	put_number(&w, TAG_VERSION, c->version, 1);
	put_number(&w, TAG_SUITE, c->suite, 1);
	put_number(&w, TAG_RAW, c->raw, 1);
	put_number(&w, CHOICE_INTEGRITY, c->integrity, 1);
	if (c->placed)
		put_place(&w, &c->place);
	put_number(&w, CHOICE_CAPABILITIES, c->capabilities, 4);
	return w.bad ? -EMSGSIZE : w.p - p;
}

int choice_get(struct choice *out, const uint8_t *p, size_t len)
{
	struct wire_str tags[TAGS];
	struct choice   c = { 0 };
	bool            bad = false;

	if (get_tags(p, len, tags) < 0)
		return -EPROTO;
	c.version = (uint8_t)get_number(tags[TAG_VERSION], 1, &bad);
	c.suite = (uint8_t)get_number(tags[TAG_SUITE], 1, &bad);
	c.raw = (uint8_t)get_number(tags[TAG_RAW], 1, &bad);
	c.integrity = (uint8_t)get_number(tags[CHOICE_INTEGRITY], 1, &bad);
	c.placed = get_place(tags[TAG_PLACE], &c.place, &bad);
	if (tags[CHOICE_CAPABILITIES].p)
		c.capabilities = (uint32_t)get_number(tags[CHOICE_CAPABILITIES], 4, &bad);
	if (bad)
		return -EPROTO;
	*out = c;
	return 0;
}
