/* remote.c - see remote.h */
#include "zcp/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/host/connect.h"

enum { LOOK_BYTES = WIRE_REQUESTS_MAX / 2, LOOK_HEAD = 64 };

void look_clear(struct look *l)
{
	free(l->link);
	ext_drop(&l->ext);
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

static int take_attr(const struct job *j, struct look *l, const struct wire_attr *a)
{
	*l = (struct look){ .meta = a->meta, .identity = a->identity, .sparse = has_extra(a->ext, EXTRA_SPARSE) };
	if (a->meta.type == 'l') {
		l->link = strndup(a->link.len ? (const char *)a->link.p : "", a->link.len);
		if (!l->link)
			return -ENOMEM;
	}
	return j->extras & EXTRAS_OWNER || j->opt->list ? ext_keep(&l->ext, a->ext) : 0;
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
	r = rec.type == WIRE_ATTR && rec.body.attr.id == id ? take_attr(j, l, &rec.body.attr) : -EPROTO;
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

/* --- a listing --------------------------------------------------------------------------------------------------------- */

void remote_tree_init(struct remote_tree *t)
{
	tree_init(&t->tree);
	listing_init(&t->listing, &t->tree);
	t->entries = 0;
}

void remote_tree_clear(struct remote_tree *t)
{
	listing_clear(&t->listing);
	tree_clear(&t->tree);
}

static int take_entry(struct remote_tree *t, const struct wire_entry *e)
{
	char     name[WIRE_NAME_MAX + 1];
	uint32_t id, parent;
	int      r = listing_take(&t->listing, e, &id, &parent, name);

	t->entries++;
	if (r == 0 && e->what == ENTRY_OK && e->parent > 1 && !(t->flags & LOOK_RECURSE)) {
		t->listing.broken = "it names something below a directory that was not asked for";
		r = -EPROTO;
	}
	return r < 0 ? r : t->each(t, e, id, parent, name);
}

static int take_page(struct job *j, struct remote_tree *t, const char *path, struct wire_str items)
{
	struct wire_entry e;
	char seen[300];
	int  r = 0, got;

	while (r == 0 && (got = wire_entry_next(&items, &e)) > 0)
		r = take_entry(t, &e);
	if (r == -EPROTO)
		log_error("%s:%s: the listing breaks its rules: %s", j->where, vis_str(seen, sizeof seen, path), t->listing.broken);
	return r == 0 && got < 0 ? -EPROTO : r;
}

/* A listing of less than it says would look whole. */
static int take_end(struct job *j, const struct remote_tree *t, const struct wire_end *m, bool cancelled, struct fail *fail)
{
	*fail = cancelled ? fail_why(ST_CHANGED, WHY_GIVEN_UP) : m->fail;
	return fail->status || m->entries == t->entries ? 0 : job_broken(j, -EPROTO);
}

static int read_list(struct job *j, struct remote_tree *t, uint32_t id, const char *path, struct fail *fail)
{
	union wire_body next = { .id = { id } };
	struct record   rec;
	bool            cancelled = false;
	int             r;

	for (;;) {
		r = job_get(j, &rec);
		if (r < 0)
			return r;
		if (rec.type == WIRE_END && rec.body.end.id == id)
			return take_end(j, t, &rec.body.end, cancelled, fail);
		if (rec.type != WIRE_ENTRIES || rec.body.entries.id != id)
			return job_broken(j, -EPROTO);
		r = cancelled ? 0 : take_page(j, t, path, rec.body.entries.items);
		cancelled |= r == -ECANCELED || job_stopped(j);
		if (r == 0 || r == -ECANCELED)
			r = stream_put(&j->lead.stream, cancelled ? WIRE_CANCEL : WIRE_NEXT, &next, false);
		if (r < 0)
			return job_broken(j, r);
	}
}

int remote_list(struct job *j, const char *path, struct remote_tree *t, struct fail *fail)
{
	uint32_t id = worker_id(&j->lead);
	int      r = put_look(j, WIRE_LIST, id, path, t->flags);

	*fail = (struct fail){ 0 };
	return r < 0 ? r : read_list(j, t, id, path, fail);
}
