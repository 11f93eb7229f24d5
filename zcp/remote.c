/* remote.c - see remote.h */
#include "zcp/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/host/connect.h"
#include "zcp/listing.h"

enum { LOOK_BYTES = WIRE_REQUESTS_MAX / 2, LOOK_HEAD = 64 };

void look_clear(struct look *l)
{
	free(l->link);
	*l = (struct look){ 0 };
}

static int put_look(struct job *j, unsigned type, uint32_t id, const char *path, uint8_t flags)
{
	union wire_body b = { .look = { .id = id, .flags = flags, .path = wire_cstr(path) } };
	int             r = stream_put(&j->lead.stream, type, &b, false);

	return r < 0 ? job_broken(j, r) : 0;
}

static bool has_extra(struct wire_str ext, uint8_t wanted)
{
	struct wire_str value;
	uint8_t         tag;

	while (wire_extra_next(&ext, &tag, &value) > 0)
		if (tag == wanted)
			return true;
	return false;
}

static int take_attr(struct look *l, const struct wire_attr *a)
{
	*l = (struct look){ .meta = a->meta, .identity = a->identity, .sparse = has_extra(a->ext, EXTRA_SPARSE) };
	if (a->meta.type != 'l')
		return 0;
	l->link = strndup(a->link.len ? (const char *)a->link.p : "", a->link.len);
	return l->link ? 0 : -ENOMEM;
}

static int get_look(struct job *j, uint32_t id, struct look *l)
{
	struct record rec;
	int           r;

	if (!j->lead.welcome && connect_welcome(&j->lead) != ST_OK)
		return -ECANCELED;              /* said and counted there */
	r = job_get(j, &rec);
	if (r < 0)
		return r;
	if (rec.type == WIRE_ERROR && rec.body.error.id == id) {
		*l = (struct look){ .fail = rec.body.error.fail };
		if (!l->fail.status)
			l->fail.status = ST_FILE_IO;
		return l->fail.status == ST_REFUSED ? job_refused(j, l->fail) : 0;
	}
	r = rec.type == WIRE_ATTR && rec.body.attr.id == id ? take_attr(l, &rec.body.attr) : -EPROTO;
	return r < 0 ? job_broken(j, r) : 0;
}

int remote_look(struct job *j, char *const *paths, size_t n, bool follow, struct look *looks)
{
	uint32_t first = j->lead.next_id;
	size_t   asked = 0, answered = 0, bytes = 0;
	int      r = 0;

	while (r == 0 && answered < n) {
		while (r == 0 && asked < n && (bytes < LOOK_BYTES || asked == answered)) {
			r = put_look(j, WIRE_STAT, worker_id(&j->lead), paths[asked], follow ? LOOK_FOLLOW : 0);
			bytes += LOOK_HEAD + strlen(paths[asked]);
			asked += r == 0;
		}
		if (r == 0)
			r = get_look(j, first + (uint32_t)answered, &looks[answered]);
		if (r == 0)
			bytes -= LOOK_HEAD + strlen(paths[answered++]);
	}
	return r;
}

int remote_store_refused(struct job *j, const char *path, const struct meta *meta, struct fail *f)
{
	bool            file = meta->type == 'f';
	union wire_body b = { .open = { .id = worker_id(&j->lead), .meta = *meta, .path = wire_cstr(path) } };
	struct record   rec;

	b.open.meta.type = file ? 'f' : 'd';
	int r = stream_put(&j->lead.stream, file ? WIRE_OPEN : WIRE_MKDIR, &b, false);
	if (r < 0)
		return job_broken(j, r);
	r = job_get(j, &rec);
	if (r < 0)
		return r;
	if (rec.type != WIRE_ERROR || rec.body.error.id != b.open.id)
		return job_broken(j, -EPROTO);
	*f = rec.body.error.fail.status ? rec.body.error.fail : fail_why(ST_CANNOT, WHY_READ_ONLY);
	return f->status == ST_REFUSED ? job_refused(j, *f) : 0;
}

/* --- one directory ------------------------------------------------------------------------------------------------ */

struct one_list {
	struct tree    tree;
	struct listing listing;
	int          (*each)(void *arg, const char *name, const struct meta *);
	void          *arg;
};

static int take_page(struct job *j, struct one_list *l, const char *path, struct wire_str items)
{
	struct wire_entry e;
	char     name[WIRE_NAME_MAX + 1], seen[300];
	uint32_t dir;
	int      r;

	while ((r = wire_entry_next(&items, &e)) > 0) {
		r = listing_take(&l->listing, &e, &dir, name);
		if (r == 0 && e.what == ENTRY_OK && e.parent > 1) {
			l->listing.broken = "it names something below a directory that was not asked for";
			r = -EPROTO;
		}
		if (r == -EPROTO)
			log_error("%s:%s: the listing is not a directory's: %s", j->where, vis_str(seen, sizeof seen, path), l->listing.broken);
		if (r == 0 && e.what == ENTRY_OK && e.parent)
			r = l->each(l->arg, name, &e.meta);
		if (r < 0)
			return r;
	}
	return r < 0 ? -EPROTO : 0;
}

static int read_list(struct job *j, struct one_list *l, uint32_t id, const char *path, struct fail *fail)
{
	union wire_body next = { .id = { id } };
	struct record   rec;
	int             r;

	for (;;) {
		r = job_get(j, &rec);
		if (r < 0)
			return r;
		if (rec.type == WIRE_END && rec.body.end.id == id) {
			*fail = rec.body.end.fail;
			return 0;
		}
		if (rec.type != WIRE_ENTRIES || rec.body.entries.id != id)
			return job_broken(j, -EPROTO);
		r = take_page(j, l, path, rec.body.entries.items);
		if (r == 0)
			r = stream_put(&j->lead.stream, WIRE_NEXT, &next, false);
		if (r < 0)
			return job_broken(j, r);
	}
}

int remote_list(struct job *j, const char *path, int (*each)(void *, const char *, const struct meta *), void *arg, struct fail *fail)
{
	struct one_list l = { .each = each, .arg = arg };
	uint32_t        id = worker_id(&j->lead);
	int             r = put_look(j, WIRE_LIST, id, path, LOOK_FOLLOW);

	*fail = (struct fail){ 0 };
	tree_init(&l.tree);
	listing_init(&l.listing, &l.tree);
	if (r == 0)
		r = read_list(j, &l, id, path, fail);
	listing_clear(&l.listing);
	tree_clear(&l.tree);
	return r;
}
