/* wire_list.c - the items of FETCH, ENTRIES, WELCOME and ASIDE: one off the front, or one more at the end. */
#include <errno.h>
#include "common/cursor.h"

enum { ENTRY_EXT = 2 /* of `what`, on the wire alone: ext follows */, ENTRY_UNREAD = 4 };

/* What was read leaves the list; a broken item leaves it as it is. */
static int took(struct wire_str *items, const struct reader *r)
{
	if (r->bad)
		return -EBADMSG;
	items->len = (size_t)(r->end - r->p);
	items->p = r->p;
	return 1;
}

static int added(size_t *used, const struct writer *w, const uint8_t *p)
{
	if (w->bad)
		return -EMSGSIZE;
	*used = (size_t)(w->p - p);
	return 0;
}

int wire_fetch_next(struct wire_str *items, struct wire_fetch_item *i)
{
	struct reader r = { items->p, items->p + items->len, false };

	if (!items->len)
		return 0;
	*i = (struct wire_fetch_item){ .flags = (uint8_t)get(&r, 1), .length = UINT64_MAX };
	if (i->flags & FETCH_RANGE) {
		i->offset = get(&r, 8);
		i->length = get(&r, 8);
		r.bad |= i->offset > INT64_MAX || i->length > INT64_MAX;
	}
	i->path = get_str(&r, WIRE_PATH_MAX);
	return took(items, &r);
}

int wire_fetch_add(uint8_t *p, size_t max, size_t *used, const struct wire_fetch_item *i)
{
	struct writer w = { p + *used, p + max, false };

	put(&w, i->flags, 1);
	if (i->flags & FETCH_RANGE) {
		put(&w, i->offset, 8);
		put(&w, i->length, 8);
	}
	put_str(&w, i->path, WIRE_PATH_MAX);
	return added(used, &w, p);
}

int wire_entry_next(struct wire_str *items, struct wire_entry *e)
{
	struct reader r = { items->p, items->p + items->len, false };

	if (!items->len)
		return 0;
	*e = (struct wire_entry){ .what = (uint8_t)get(&r, 1) };
	e->parent = (uint32_t)get(&r, 4);
	e->meta = get_meta(&r);
	e->name = get_str(&r, WIRE_NAME_MAX);
	e->link = get_str(&r, WIRE_LINK_MAX);
	e->fail = get_fail(&r);
	if (e->what & ENTRY_EXT)
		e->ext = get_ext(&r);
	e->unread = e->what & ENTRY_UNREAD;
	e->what &= (uint8_t)~(ENTRY_EXT | ENTRY_UNREAD);
	r.bad |= e->what > ENTRY_FAILED || (e->unread && e->meta.type != 'd') || (e->what == ENTRY_FAILED) != (e->fail.status != ST_OK);
	return took(items, &r);
}

int wire_entry_add(uint8_t *p, size_t max, size_t *used, const struct wire_entry *e)
{
	struct writer w = { p + *used, p + max, false };

	put(&w, e->what | (e->ext.len ? ENTRY_EXT : 0) | (e->unread ? ENTRY_UNREAD : 0), 1);
	put(&w, e->parent, 4);
	put_meta(&w, &e->meta);
	put_str(&w, e->name, WIRE_NAME_MAX);
	put_str(&w, e->link, WIRE_LINK_MAX);
	put_fail(&w, e->fail);
	if (e->ext.len)
		put_ext(&w, e->ext);
	return added(used, &w, p);
}

int wire_export_next(struct wire_str *items, struct wire_str *prefix, uint8_t *flags)
{
	struct reader r = { items->p, items->p + items->len, false };

	if (!items->len)
		return 0;
	*prefix = get_str(&r, WIRE_NAME_MAX);
	*flags = (uint8_t)get(&r, 1);
	return took(items, &r);
}

int wire_export_add(uint8_t *p, size_t max, size_t *used, struct wire_str prefix, uint8_t flags)
{
	struct writer w = { p + *used, p + max, false };

	put_str(&w, prefix, WIRE_NAME_MAX);
	put(&w, flags, 1);
	return added(used, &w, p);
}

int wire_gap_next(struct wire_str *gaps, uint64_t *offset, uint64_t *length)
{
	struct reader r = { gaps->p, gaps->p + gaps->len, false };

	if (!gaps->len)
		return 0;
	*offset = get(&r, 8);
	*length = get(&r, 8);
	r.bad |= *length == 0 || *length > INT64_MAX || *offset > INT64_MAX - *length;
	return took(gaps, &r);
}

int wire_gap_add(uint8_t *p, size_t max, size_t *used, uint64_t offset, uint64_t length)
{
	struct writer w = { p + *used, p + max, false };

	put(&w, offset, 8);
	put(&w, length, 8);
	return added(used, &w, p);
}

size_t wire_file_head(size_t ext_len)
{
	return 4 + 1 + 25 + 28 + 2 + ext_len;
}

size_t wire_store_head(size_t path_len, size_t ext_len)
{
	return 4 + 1 + 25 + 2 + path_len + 2 + ext_len;
}

struct wire_str wire_cstr(const char *s)
{
	return (struct wire_str){ (const uint8_t *)s, strlen(s) };
}
