/* looking.c - see looking.h; decided.c has what becomes of each name */
#include "zcp/upload/looking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zcp/select/verdict.h"
#include "zcp/upload/uploader.h"

enum batch_state { FILLING, SENT, ANSWERED };
enum { SEND_SOME = 16 /* names, when others wait */, ITEMS_BYTES = WIRE_LOOKS_BODY - 16 };

struct batch {
	enum batch_state state;
	uint32_t         id;
	unsigned         count, links, acted;
	struct looked    v[WIRE_LOOKS_MAX];
};

struct looking {
	struct batch *ring[LOOKING_MOST]; unsigned first, count;        /* the last one may be filling: */
	uint8_t       items[ITEMS_BYTES]; size_t used;
	char          prev[WIRE_PATH_MAX + 1];
};

struct looking *looking_new(void)
{
	return calloc(1, sizeof(struct looking));
}

static void looked_clear(struct looked *k)
{
	errand_clear(&k->errand);
	free(k->link);
	k->link = NULL;
}

void looking_free(struct looking *l)
{
	for (unsigned i = 0; l && i < l->count; i++) {
		struct batch *b = l->ring[(l->first + i) % LOOKING_MOST];
		for (unsigned k = b->acted; k < b->count; k++)
			looked_clear(&b->v[k]);
	}
	for (unsigned i = 0; l && i < LOOKING_MOST; i++)
		free(l->ring[i]);
	free(l);
}

bool looking_wanted(const struct upload *u)
{
	const struct options *o = u->job->opt;

	return !u->plan->fresh && (u->resumes || verdict_looks(o) || o->dry_run);
}

static struct batch *at(const struct looking *l, unsigned i)
{
	return l->ring[(l->first + i) % LOOKING_MOST];
}

static struct batch *filling(const struct looking *l)
{
	struct batch *b = l->count ? at(l, l->count - 1) : NULL;

	return b && b->state == FILLING ? b : NULL;
}

/* --- asked ----------------------------------------------------------------------------------------------------------- */

static int send_batch(struct uploader *x, struct batch *b)
{
	struct looking *l = x->u->looking;
	struct due      d = { .cost = wire_looks_cost(b->count, b->links), .kind = DUE_LOOKS };
	union wire_body m = { .looks = { .count = (uint16_t)b->count, .items = { l->items, l->used } } };
	int             r = answers_room(x, d.cost);

	if (r < 0)
		return r;
	m.looks.id = d.id = b->id = worker_id(x->w);
	b->state = SENT;
	r = stream_put(&x->w->stream, WIRE_LOOKS, &m, true);
	if (r == 0)
		r = stream_try_flush(&x->w->stream);
	return r < 0 ? r : due_add(x, &d);
}

int looking_idle(struct uploader *x)
{
	struct looking *l = x->u->looking;
	struct batch   *b = l ? filling(l) : NULL;

	return b && b->count >= SEND_SOME ? send_batch(x, b) : 0;
}

static struct batch *begin(struct looking *l)
{
	unsigned i = (l->first + l->count) % LOOKING_MOST;

	if (!l->ring[i])
		l->ring[i] = malloc(sizeof *l->ring[i]);
	if (!l->ring[i])
		return NULL;
	l->ring[i]->state = FILLING;
	l->ring[i]->count = l->ring[i]->links = l->ring[i]->acted = 0;
	l->used = 0;
	l->prev[0] = '\0';
	l->count++;
	return l->ring[i];
}

/* Until a batch can be begun: others' answers come meanwhile, and what they decide is done. */
static int make_room(struct uploader *x)
{
	int r = 1;

	while (r > 0 && x->u->looking->count == LOOKING_MOST)
		r = uploader_step(x);
	return r < 0 ? r : x->u->looking->count == LOOKING_MOST ? -EINTR : 0;
}

/* A name that no message can have is acted on as if nothing had it: what is made of it fails by itself. */
static int too_long(struct uploader *x, struct looked *k)
{
	k->what = LOOKED_MISSING;
	int r = looked_act(x, k);
	looked_clear(k);
	return r;
}

int looking_add(struct uploader *x, struct looked *k)
{
	struct looking *l = x->u->looking;
	char            path[WIRE_PATH_MAX + 1];
	struct batch   *b = filling(l);
	int             r = 0;

	if (errand_path(x->u, &k->errand, path) < 0 || !*path)
		return too_long(x, k);
	if (b && (b->count == WIRE_LOOKS_MAX || wire_looks_add(l->items, sizeof l->items, &l->used, k->link ? LOOKS_LINK : 0, path, l->prev) < 0)) {
		r = send_batch(x, b);
		b = NULL;
	}
	if (r == 0 && !b) {
		r = make_room(x);
		b = r == 0 ? begin(l) : NULL;
		r = r < 0 ? r : !b ? -ENOMEM : wire_looks_add(l->items, sizeof l->items, &l->used, k->link ? LOOKS_LINK : 0, path, l->prev);
	}
	if (r < 0 || !b) {
		looked_clear(k);
		return r < 0 ? r : -ENOMEM;
	}
	b->links += k->link != NULL;
	b->v[b->count++] = *k;
	*k = (struct looked){ 0 };
	return 0;
}

int looking_end(struct uploader *x)
{
	struct looking *l = x->u->looking;
	struct batch   *b = l ? filling(l) : NULL;
	int             r = b ? send_batch(x, b) : 0;

	while (r >= 0 && l && l->count && !job_stopped(x->u->job))
		r = uploader_step(x);
	return r < 0 ? r : 0;
}

/* --- answered -------------------------------------------------------------------------------------------------------- */

/* Batches are answered in their order. */
static struct batch *first_sent(const struct looking *l)
{
	for (unsigned i = 0; l && i < l->count; i++)
		if (at(l, i)->state == SENT)
			return at(l, i);
	return NULL;
}

int looking_take(struct uploader *x, const struct wire_looked *m)
{
	struct batch           *b = first_sent(x->u->looking);
	struct wire_str         rest = m->items;
	struct wire_looked_item i;

	if (!b || b->id != m->id || m->count != b->count)
		return -EPROTO;
	for (unsigned k = 0; k < b->count; k++) {
		struct looked *v = &b->v[k];
		if (wire_looked_next(&rest, &i) <= 0)
			return -EPROTO;
		v->what = i.what;
		v->there = (struct found){ i.meta, i.coarse };
		v->same_link = v->link && i.what == LOOKED_THERE && i.meta.type == 'l' && i.link.len == strlen(v->link) && memcmp(i.link.p, v->link, i.link.len) == 0;
	}
	b->state = ANSWERED;
	return 0;
}

int looking_ready(struct uploader *x)
{
	struct looking *l = x->u->looking;
	struct batch   *b = x->lead && l && l->count ? at(l, 0) : NULL;
	int             r = 0;

	if (!b || b->state != ANSWERED)
		return 0;
	while (r == 0 && b->acted < b->count) {
		struct looked *k = &b->v[b->acted++];
		r = looked_act(x, k);
		looked_clear(k);
	}
	l->first = (l->first + 1) % LOOKING_MOST;
	l->count--;
	return r < 0 ? r : 1;
}
