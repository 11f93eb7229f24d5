/* download.c - see download.h: what the lead does. It lists, feeds the queue, and works on its own stream as everybody does */
#include "zcp/download/download.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcp/download/large.h"
#include "zcp/select/chosen.h"

/* --- listing -------------------------------------------------------------------------------------------------------- */

static int ask_listing(struct download *d, unsigned type, uint32_t id, const char *path)
{
	union wire_body b = { 0 };
	int             r = fetcher_flush(&d->lead);

	if (type == WIRE_LIST)
		b.look = (struct wire_look){ id, LOOK_RECURSE | (d->job->opt->keep_links ? 0 : LOOK_FOLLOW) | (d->job->opt->one_fs ? LOOK_ONE_FS : 0), wire_cstr(path) };
	else
		b.id.id = id;
	if (r == 0)
		r = stream_put(&d->job->lead.stream, type, &b, false);
	if (r == 0)
		r = stream_try_flush(&d->job->lead.stream);
	return r < 0 ? r : 0;
}

/* d->rules are the listing's. */
static int begin_listing(struct download *d, uint32_t source, const char *path)
{
	d->list_source = source;
	int r = fetcher_flush(&d->lead);                  /* ids of one FETCH follow each other */
	d->list_id = worker_id(&d->job->lead);
	d->listing = d->next_asked = true;
	d->listed = 0;
	return r < 0 ? r : ask_listing(d, WIRE_LIST, d->list_id, path);
}

int list_below(struct download *d, uint32_t source, uint32_t root, const char *path)
{
	listing_clear(&d->rules);
	listing_below(&d->rules, d->trees[source], root);
	return begin_listing(d, source, path);
}

static int begin_tree(void *arg, uint32_t source)
{
	struct download *d = arg;

	if (d->job->names)
		return named_begin(d, source);
	listing_clear(&d->rules);
	listing_init(&d->rules, d->trees[source]);
	d->rules.over = d->job->opt->remove ? remove_over : NULL;
	d->rules.arg = d;
	return begin_listing(d, source, d->plan->v[source].path);
}

static int make_tree(struct download *d, uint32_t source)
{
	d->trees[source] = malloc(sizeof *d->trees[source]);
	if (!d->trees[source])
		return -ENOMEM;
	tree_init(d->trees[source]);
	return 0;
}

int source_take(struct download *d, uint32_t i, int (*tree)(void *, uint32_t), void *arg)
{
	const struct source *s = &d->plan->v[i];

	if (!chosen(d->job, s, "", &s->meta))
		return 0;
	if (s->meta.type == 'd') {
		int r = make_tree(d, i);
		return r < 0 ? r : tree(arg, i);
	}
	if (s->meta.type == 'l')
		return s->link && !d->dst->pour ? link_take(d, i, 0, "", s->link, ext_kept(&s->ext)) : 0;
	return file_take(d, i, 0, "", &s->meta, ext_kept(&s->ext));
}

static void drop_page(struct download *d)
{
	struct page done = d->pages[0];

	d->pages[0] = d->pages[1];
	d->pages[1] = done;                     /* its memory serves again */
	d->page_count--;
}

/* All its entries have been taken. A listing of less than it says, or of not even its directory, would be a copy of nothing that looks whole. */
static int listing_over(struct download *d)
{
	char seen[300];

	d->list_ended = false;
	if (d->listed && d->listed == d->list_says)
		return listing_ended(&d->rules);
	log_error("%s:%s: the listing breaks its rules: its end counts %u entries, %u came", d->job->where_host,
	          vis_str(seen, sizeof seen, d->plan->v[d->list_source].path), d->list_says, d->listed);
	return -EPROTO;
}

static int take_entry(struct download *d)
{
	struct wire_entry e;
	int               r = wire_entry_next(&d->pages[0].items, &e);

	if (r == 0)
		drop_page(d);
	if (r <= 0)
		return r < 0 ? -EPROTO : 0;
	d->listed++;
	return entry_take(d, &e);
}

static bool all_listed(const struct download *d)
{
	return !d->listing && !d->list_ended && !d->page_count && d->next == d->plan->count && named_over(d);
}

/* Entries into the queue, as far as it has room; the next page is asked for meanwhile. */
static int list_on(struct download *d)
{
	int r = 0, named;

	while (r == 0 && !queue_full(&d->queue) && !job_stopped(d->job)) {
		if (d->page_count) {
			r = take_entry(d);
		} else if (d->list_ended) {
			r = listing_over(d);
		} else if (!d->listing && (named = named_on(d)) != 0) {
			r = named < 0 ? named : 0;
		} else if (d->listing || !named_over(d) || d->next == d->plan->count) {
			break;
		} else {
			r = source_take(d, (uint32_t)d->next, begin_tree, d);
			d->next++;
		}
	}
	if (r == 0 && d->listing && !d->next_asked && d->page_count < PAGES && !d->lead.slow) {
		d->next_asked = true;
		r = ask_listing(d, WIRE_NEXT, d->list_id, "");
	}
	return r;
}

static int take_page(struct download *d, const struct wire_entries *m)
{
	struct page *p = &d->pages[d->page_count];

	if (!d->listing || m->id != d->list_id || !d->next_asked || d->page_count == PAGES)
		return -EPROTO;
	if (!p->bytes)
		p->bytes = malloc(WIRE_PAGE);
	if (!p->bytes)
		return -ENOMEM;
	if (m->items.len > WIRE_PAGE)
		return -EMSGSIZE;
	memcpy(p->bytes, m->items.p, m->items.len);
	p->items = (struct wire_str){ p->bytes, m->items.len };
	d->page_count++;
	d->next_asked = false;
	return 0;
}

static void fail_listing(struct download *d, struct fail f)
{
	char                rest[WIRE_PATH_MAX + 1];
	const struct errand root = errand_of(d, d->list_source, 1, "", rest);

	fail_remote(d, &root, f);
}

static int take_end(struct download *d, const struct wire_end *m)
{
	if (!d->listing || m->id != d->list_id)
		return -EPROTO;
	d->listing = false;
	d->next_asked = false;
	d->list_ended = !m->fail.status;
	d->list_says = m->entries;
	d->list_failed |= m->fail.status != ST_OK;
	if (m->fail.status)
		fail_listing(d, m->fail);
	return 0;
}

static int take_answer(struct download *d)
{
	struct record rec;
	int           r = stream_get(&d->job->lead.stream, &rec);

	if (r < 0)
		return r;
	if (rec.type == WIRE_ERROR && named_asked(d, rec.body.error.id))
		return named_attr(d, &rec);
	if (rec.type == WIRE_ERROR && rec.body.error.fail.status == ST_REFUSED && named_looks(d, rec.body.error.id))
		return job_refused(d->job, rec.body.error.fail);        /* the key was taken away */
	switch (rec.type) {
	case WIRE_ENTRIES: return take_page(d, &rec.body.entries);
	case WIRE_END:     return take_end(d, &rec.body.end);
	case WIRE_LOOKED:  return named_take(d, &rec.body.looked);
	case WIRE_ATTR:    return named_attr(d, &rec);
	default:           return fetcher_take(&d->lead, &rec);
	}
}

/* --- the whole of it -------------------------------------------------------------------------------------------------- */

static void show_totals(struct download *d)
{
	bool one = d->plan->count == 1 && d->plan->v[0].meta.type != 'd';

	progress_totals(&d->job->progress, one ? 0 : d->known_files, d->known_bytes, d->listed_all);
}

/* Directories are made on the way. */
static int list_timed(struct download *d)
{
	struct stages     *s = &d->job->lead.stream.stages;
	struct stages_mark m = stages_begin(s);
	int                r = list_on(d);

	stages_end(s, STAGE_DISK, &m);
	return r;
}

static int list_all(struct download *d)
{
	int r = 0;

	while (r == 0 && !job_stopped(d->job)) {
		r = list_timed(d);
		d->listed_all = r == 0 && all_listed(d);
		show_totals(d);
		pool_grow(d->pool);
		if (r == 0)
			r = fetcher_feed(&d->lead);
		if (r < 0 || d->listed_all)
			break;
		if (d->lead.count || (d->listing && d->next_asked) || named_waits(d))
			r = take_answer(d);
	}
	return r < 0 ? r : job_stopped(d->job) ? -EINTR : 0;
}

/* Others can bring what this stream cannot any more. */
static bool others_can(const struct job *j, int r)
{
	enum status st = status_of_stream(r);

	return !job_stopped(j) && (st == ST_CONNECTION || st == ST_STALLED);
}

/* 0: all of it has come, whoever brought it. */
static int run(struct download *d)
{
	struct job *j = d->job;
	int         r = list_all(d);

	queue_end(&d->queue);
	if (r == 0)
		r = fetcher_work(&d->lead);
	if (r < 0 && !others_can(j, r))
		queue_stop(&d->queue);
	d->lied = r < 0 && !others_can(j, r) && !job_stopped(j);
	if (r < 0)
		fetcher_give_back(&d->lead, r);
	pool_end(d->pool);
	d->pool = NULL;
	bool all = d->listed_all && !d->queue.unfinished && !job_stopped(j);
	if (r < 0 && all && others_can(j, r)) {
		log_info("%s: %s: other streams have brought the rest", j->where, stream_words(r));
		j->lead.astray = true;
		r = 0;
	}
	return r;
}

void download_clear(struct download *d)
{
	for (size_t i = 0; i < d->queue.count; i++) {
		struct errand *e = &d->queue.v[(d->queue.first + i) % d->queue.room];
		if (e->large)
			large_cut(d, e->large);
	}
	queue_clear(&d->queue);
	fetcher_clear(&d->lead);
	for (size_t i = 0; d->trees && i < d->plan->count; i++) {
		if (d->trees[i])
			tree_clear(d->trees[i]);
		free(d->trees[i]);
	}
	for (int i = 0; i < PAGES; i++)
		free(d->pages[i].bytes);
	free(d->trees);
	listing_clear(&d->rules);
	named_end(d);
	inodes_clear(&d->inodes);
	gone_clear(&d->gone);
	name_set_clear(&d->provided);
	path_cache_drop(&d->cache);
	close_fd(&d->pour);
}

static int open_pour(struct download *d)
{
	char                none[] = "";
	const struct errand first = { .rest = none };

	if (!d->dst->pour || !d->plan->count)
		return 0;
	d->pour = destination_pour(d->dst);
	if (d->pour >= 0)
		return 0;
	fail_local(d, &first, fail_made(d->pour));
	d->pour = -1;
	return -ECANCELED;
}

void download_init(struct download *d, struct job *j, struct plan *p, struct destination *dst)
{
	*d = (struct download){ .job = j, .plan = p, .dst = dst, .pour = -1 };
	queue_init(&d->queue);
	path_cache_init(&d->cache);
}

int download_begin(struct download *d)
{
	int r = fetcher_init(&d->lead, d, &d->job->lead);

	d->trees = calloc(d->plan->count + 1, sizeof *d->trees);        /* NOLINT(bugprone-sizeof-expression): an array of pointers */
	if (r < 0 || !d->trees)
		return r < 0 ? r : -ENOMEM;
	return open_pour(d);
}

static int set_up(struct download *d)
{
	int r = download_begin(d);

	if (r < 0)
		return r;
	randombytes_buf(d->hash_key, sizeof d->hash_key);
	d->pool = pool_begin(d->job, &d->queue, fetcher_thread, d);
	return d->pool ? 0 : -ENOMEM;
}

void download_run(struct job *j, struct plan *p, struct destination *dst)
{
	struct download d;

	j->lead.astray = true;
	download_init(&d, j, p, dst);
	int r = set_up(&d);
	if (r == 0)
		r = run(&d);
	if (r < 0 && r != -ECANCELED)
		job_broken(j, r);
	if (d.there)
		log_info("%llu file%s of an earlier run of this job %s here already", (unsigned long long)d.there, d.there == 1 ? "" : "s",
		         d.there == 1 ? "is" : "are");
	if (r == 0)
		download_finish(&d);
	download_clear(&d);
}
