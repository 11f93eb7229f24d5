/* wire_extras.c - what not every file has: tags and values of ext. See wire.h */
#include <errno.h>
#include "common/cursor.h"

int wire_extra_next(struct wire_str *ext, uint8_t *tag, struct wire_str *value)
{
	struct reader r = { ext->p, ext->p + ext->len, false };

	if (!ext->len)
		return 0;
	*tag = (uint8_t)get(&r, 1);
	*value = get_bytes(&r, get(&r, 2));
	if (r.bad)
		return -EBADMSG;
	ext->len = (size_t)(r.end - r.p);
	ext->p = r.p;
	return 1;
}

/* tag and length, then what follows is the value, written by the caller. */
static struct writer begin(uint8_t *p, size_t max, size_t used, uint8_t tag, size_t len)
{
	struct writer w = { p + used, p + (max < WIRE_EXT_MAX ? max : WIRE_EXT_MAX), used > max };

	w.bad |= len > UINT16_MAX || used > WIRE_EXT_MAX;
	put(&w, tag, 1);
	put(&w, len, 2);
	return w;
}

static int end(const uint8_t *p, size_t *used, const struct writer *w)
{
	if (w->bad)
		return -EMSGSIZE;
	*used = (size_t)(w->p - p);
	return 0;
}

int wire_extra_add(uint8_t *p, size_t max, size_t *used, uint8_t tag, struct wire_str value)
{
	struct writer w = begin(p, max, *used, tag, value.len);

	put_bytes(&w, value);
	return end(p, used, &w);
}

/* --- owner ------------------------------------------------------------------------------------------------------------- */

static void get_name(struct reader *r, char name[static 33])
{
	struct wire_str s = get_bytes(r, get(r, 1));

	if (s.len > 32 || (s.len && memchr(s.p, 0, s.len)))
		r->bad = true;
	else if (s.len)
		memcpy(name, s.p, s.len);
	name[r->bad ? 0 : s.len] = '\0';
}

int wire_owner_get(struct wire_str value, struct owner *o)
{
	struct reader r = { value.p, value.p ? value.p + value.len : value.p, false };

	o->uid = (uint32_t)get(&r, 4);
	o->gid = (uint32_t)get(&r, 4);
	get_name(&r, o->user);
	get_name(&r, o->group);
	/* -1 is chown's "leave it" */
	return r.bad || r.p != r.end || o->uid == UINT32_MAX || o->gid == UINT32_MAX ? -EBADMSG : 0;
}

static void put_name(struct writer *w, const char *name)
{
	struct wire_str s = wire_cstr(name);

	put(w, s.len, 1);
	put_bytes(w, s);
}

int wire_owner_add(uint8_t *p, size_t max, size_t *used, const struct owner *o)
{
	struct writer w = begin(p, max, *used, EXTRA_OWNER, 8 + 1 + strlen(o->user) + 1 + strlen(o->group));

	put(&w, o->uid, 4);
	put(&w, o->gid, 4);
	put_name(&w, o->user);
	put_name(&w, o->group);
	return end(p, used, &w);
}

/* --- links, attributes -------------------------------------------------------------------------------------------------- */

int wire_links_get(struct wire_str value, struct hard_links *l)
{
	struct reader r = { value.p, value.p ? value.p + value.len : value.p, false };

	l->dev = get(&r, 8);
	l->ino = get(&r, 8);
	l->count = (uint32_t)get(&r, 4);
	return r.bad || r.p != r.end ? -EBADMSG : 0;
}

int wire_links_add(uint8_t *p, size_t max, size_t *used, const struct hard_links *l)
{
	struct writer w = begin(p, max, *used, EXTRA_LINKS, 20);

	put(&w, l->dev, 8);
	put(&w, l->ino, 8);
	put(&w, l->count, 4);
	return end(p, used, &w);
}

int wire_xattr_get(struct wire_str value, char name[static 256], struct wire_str *bytes)
{
	struct reader   r = { value.p, value.p ? value.p + value.len : value.p, false };
	struct wire_str s = get_bytes(&r, get(&r, 1));

	if (r.bad || !s.len || memchr(s.p, 0, s.len))
		return -EBADMSG;
	memcpy(name, s.p, s.len);
	name[s.len] = '\0';
	*bytes = get_rest(&r);
	return 0;
}

int wire_xattr_add(uint8_t *p, size_t max, size_t *used, const char *name, struct wire_str bytes)
{
	size_t        n = strlen(name);
	struct writer w = begin(p, max, *used, EXTRA_XATTR, 1 + n + bytes.len);

	w.bad |= n == 0 || n > 255;
	put(&w, n, 1);
	put_bytes(&w, wire_cstr(name));
	put_bytes(&w, bytes);
	return end(p, used, &w);
}
