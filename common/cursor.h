/*
 * cursor.h - bounded reading and writing of wire bytes, with a flag that sticks: test it once, at the end.
 *
 * Numbers are little-endian, by shifts. A get past the end returns 0 and sets bad; a put past the end writes nothing and sets bad.
 * Used by wire*.c and handshake_tlv.c alone.
 */
#pragma once
#include <stdbool.h>
#include <string.h>
#include "common/wire.h"

struct writer { uint8_t *p, *end; bool bad; };
struct reader { const uint8_t *p, *end; bool bad; };

static inline void put(struct writer *w, uint64_t v, unsigned n)
{
	if (w->bad || (size_t)(w->end - w->p) < n) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < n; i++)
		*w->p++ = (uint8_t)(v >> (8 * i));
}

static inline uint64_t get(struct reader *r, unsigned n)
{
	uint64_t v = 0;
	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)*r->p++ << (8 * i);
	return v;
}

static inline void put_bytes(struct writer *w, struct wire_str s)
{
	if (w->bad || (size_t)(w->end - w->p) < s.len) {
		w->bad = true;
		return;
	}
	/* contents may have been read in place, right here: then there is nothing to copy */
	if (s.len && s.p != w->p)
		memcpy(w->p, s.p, s.len);
	w->p += s.len;
}

static inline struct wire_str get_bytes(struct reader *r, size_t len)
{
	if (r->bad || (size_t)(r->end - r->p) < len) {
		r->bad = true;
		return (struct wire_str){ NULL, 0 };
	}
	struct wire_str s = { r->p, len };
	r->p += len;
	return s;
}

static inline struct wire_str get_rest(struct reader *r)
{
	return get_bytes(r, (size_t)(r->end - r->p));
}

static inline void put_str(struct writer *w, struct wire_str s, size_t most)
{
	if (s.len > most || (s.len && memchr(s.p, 0, s.len)))
		w->bad = true;
	put(w, s.len, 2);
	put_bytes(w, s);
}

static inline struct wire_str get_str(struct reader *r, size_t most)
{
	size_t          len = get(r, 2);
	struct wire_str s = get_bytes(r, len);

	if (len > most || (s.len && memchr(s.p, 0, s.len)))
		r->bad = true;
	return s;
}

/* Extras, and fields of later versions: what is not known is checked for shape and skipped by who walks them. */
static inline void put_ext(struct writer *w, struct wire_str ext)
{
	w->bad |= ext.len > WIRE_EXT_MAX;
	put(w, ext.len, 2);
	put_bytes(w, ext);
}

static inline struct wire_str get_ext(struct reader *r)
{
	size_t          len = get(r, 2);
	struct wire_str s = get_bytes(r, len);
	struct reader   in = { s.p, s.p ? s.p + s.len : s.p, len > WIRE_EXT_MAX };

	while (!r->bad && in.p != in.end && !in.bad) {
		get(&in, 1);
		get_bytes(&in, get(&in, 2));
	}
	r->bad |= in.bad;
	return s;
}

/* Where this version has nothing to say. */
static inline void put_no_ext(struct writer *w)
{
	put(w, 0, 2);
}

static inline void put_meta(struct writer *w, const struct meta *m)
{
	put(w, m->type, 1);
	put(w, m->mode, 4);
	put(w, m->size, 8);
	put(w, (uint64_t)m->mtime, 8);
	put(w, m->mtime_ns, 4);
}

static inline struct meta get_meta(struct reader *r)
{
	struct meta m = { 0 };

	m.type = (uint8_t)get(r, 1);
	m.mode = (uint32_t)get(r, 4);
	m.size = get(r, 8);
	m.mtime = (int64_t)get(r, 8);
	m.mtime_ns = (uint32_t)get(r, 4);
	if (!m.type || !strchr("fdlo", m.type) || m.mode > 07777 || m.size > INT64_MAX || m.mtime_ns >= 1000000000)
		r->bad = true;
	return m;
}

static inline void put_identity(struct writer *w, const struct identity *i)
{
	put(w, i->dev, 8);
	put(w, i->ino, 8);
	put(w, (uint64_t)i->ctime, 8);
	put(w, i->ctime_ns, 4);
}

static inline struct identity get_identity(struct reader *r)
{
	struct identity i = { 0 };

	i.dev = get(r, 8);
	i.ino = get(r, 8);
	i.ctime = (int64_t)get(r, 8);
	i.ctime_ns = (uint32_t)get(r, 4);
	return i;
}

static inline void put_fail(struct writer *w, struct fail f)
{
	put(w, f.status, 1);
	put(w, f.why, 1);
	put(w, f.err, 2);
}

static inline struct fail get_fail(struct reader *r)
{
	uint8_t status = (uint8_t)get(r, 1), why = (uint8_t)get(r, 1);

	return fail_from_wire(status, why, (uint16_t)get(r, 2));
}
