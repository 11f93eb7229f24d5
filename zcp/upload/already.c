/* already.c - see already.h */
#include "zcp/upload/already.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/joblog.h"
#include "zcp/listing.h"

static uint64_t hash_of(const struct already *a, const char *path)
{
	uint8_t  h[crypto_shorthash_BYTES];
	uint64_t n = 0;

	crypto_shorthash(h, (const unsigned char *)path, strlen(path), a->key);
	for (unsigned i = 0; i < sizeof h; i++)
		n |= (uint64_t)h[i] << (8 * i);
	return n ? n : 1;
}

static struct already_file *find(const struct already *a, uint64_t hash)
{
	size_t i = (size_t)hash & (a->room - 1);

	while (a->v[i].hash && a->v[i].hash != hash)
		i = (i + 1) & (a->room - 1);
	return &a->v[i];
}

static int grow(struct already *a)
{
	struct already more = { .room = a->room ? a->room * 2 : 1024 };

	more.v = calloc(more.room, sizeof *more.v);
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < a->room; i++)
		if (a->v[i].hash)
			*find(&more, a->v[i].hash) = a->v[i];
	free(a->v);
	a->v = more.v;
	a->room = more.room;
	return 0;
}

static int add(struct already *a, const char *path, const struct meta *m)
{
	int r = 3 * (a->count + 1) > 2 * a->room ? grow(a) : 0;

	if (r < 0)
		return r;
	struct already_file f = { hash_of(a, path), m->size, m->mtime, m->mtime_ns }, *at = find(a, f.hash);
	a->count += !at->hash;
	*at = f;
	return 0;
}

bool already_has(const struct already *a, const char *path, const struct meta *m, bool times)
{
	const struct already_file *f = a->room ? find(a, hash_of(a, path)) : NULL;

	return f && f->hash && f->size == m->size && (!times || (f->mtime == m->mtime && (!f->mtime_ns || f->mtime_ns == m->mtime_ns)));
}

void already_clear(struct already *a)
{
	free(a->v);
	*a = (struct already){ 0 };
}

/* --- the host's listing --------------------------------------------------------------------------------------------- */

struct look_tree {
	struct already *already;
	struct job     *job;
	const char     *as;
	struct tree     tree;
	struct listing  listing;
};

static void count(struct already *a)
{
	a->left -= a->left > 0;
}

static int take_page(struct look_tree *t, struct wire_str items)
{
	struct wire_entry e;
	char     name[WIRE_NAME_MAX + 1], path[WIRE_PATH_MAX + 1], seen[300];
	uint32_t dir;
	int      r = 0;

	count(t->already);                      /* an empty one, too */
	while (t->already->left && (r = wire_entry_next(&items, &e)) > 0) {
		count(t->already);
		r = listing_take(&t->listing, &e, &dir, name);
		if (r == -EPROTO)
			log_error("%s:%s: the listing is not a directory's: %s", t->job->where, vis_str(seen, sizeof seen, t->as), t->listing.broken);
		if (r == 0 && e.what == ENTRY_OK && e.parent && e.meta.type == 'f' && tree_path(&t->tree, t->as, e.parent, name, path) == 0)
			r = add(t->already, path, &e.meta);
		if (r < 0)
			return r;
	}
	return r < 0 ? -EPROTO : 0;
}

static int read_list(struct look_tree *t, uint32_t id)
{
	union wire_body next = { .id = { id } };
	struct record   rec;
	char            seen[300];
	int             r = 0;

	while (r == 0) {
		r = job_get(t->job, &rec);
		if (r < 0)
			return r;
		if (rec.type == WIRE_END && rec.body.end.id == id)
			return 0;
		r = rec.type == WIRE_ENTRIES && rec.body.entries.id == id && t->already->left ? take_page(t, rec.body.entries.items) : -EPROTO;
		if (r == 0 && !t->already->left)
			log_info("%s:%s: far more is there than this job has copied: no further look, the rest is copied", t->job->where, vis_str(seen, sizeof seen, t->as));
		if (r == 0)
			r = stream_put(&t->job->lead.stream, t->already->left ? WIRE_NEXT : WIRE_CANCEL, &next, false);
	}
	return job_broken(t->job, r);
}

static int look_tree(struct already *a, struct job *j, const char *as)
{
	struct look_tree t = { .already = a, .job = j, .as = as };
	union wire_body  b = { .look = { .id = worker_id(&j->lead), .flags = LOOK_RECURSE, .path = wire_cstr(as) } };
	int              r = stream_put(&j->lead.stream, WIRE_LIST, &b, false);

	if (r < 0)
		return job_broken(j, r);
	tree_init(&t.tree);
	listing_init(&t.listing, &t.tree);
	r = read_list(&t, b.look.id);
	listing_clear(&t.listing);
	tree_clear(&t.tree);
	return r;
}

static int look_file(struct already *a, struct job *j, char *as)
{
	struct look l = { 0 };
	int         r = remote_look(j, &as, 1, false, &l);

	if (r == 0 && !l.fail.status && l.meta.type == 'f')
		r = add(a, as, &l.meta) < 0 ? job_broken(j, -ENOMEM) : 0;
	look_clear(&l);
	return r;
}

int already_look(struct already *a, struct job *j, const struct plan *p)
{
	int r = 0;

	randombytes_buf(a->key, sizeof a->key);
	a->left = (uint64_t)joblog_count(j->log) * ALREADY_EACH + ALREADY_BESIDE;
	for (size_t i = 0; r == 0 && a->left && i < p->count; i++) {
		const struct source *s = &p->v[i];
		if (s->meta.type == 'd')
			r = look_tree(a, j, s->as);
		else if (s->meta.type == 'f')
			r = look_file(a, j, s->as);
	}
	return r;
}
