/* download.c - see download.h: what is asked for when, and whose answer it is */
#include "zcp/download.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/vis.h"

enum { ASK_BELOW = WIRE_REQUESTS_MAX / 2, ASK_MOST = WIRE_REQUESTS_MAX - WIRE_PATH_MAX - 1024, ITEM_HEAD = 3, ITEM_RANGE = 16 };

struct fail fail_made(int r)
{
	switch (r) {
	case -EEXIST: case -EISDIR:
		return fail_why(ST_IN_THE_WAY, WHY_IN_THE_WAY);
	case -EINVAL:
		return fail_why(ST_MISSING, WHY_NAME);
	case -ENAMETOOLONG:
		return fail_why(ST_FILE_IO, WHY_TOO_LONG);
	default:
		return fail_errno(r);
	}
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static int want_path(struct download *d, const struct want *w, const char *prefix, char out[static WIRE_PATH_MAX + 1])
{
	size_t n = strlen(prefix);

	if (w->dir)
		return tree_path(d->trees[w->source], prefix, w->dir, w->name, out);
	if (n > WIRE_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(out, prefix, n + 1);
	return 0;
}

int want_local(struct download *d, const struct want *w, char out[static WIRE_PATH_MAX + 1])
{
	return want_path(d, w, d->plan->v[w->source].as, out);
}

void want_fail_remote(struct download *d, const struct want *w, struct fail f)
{
	char path[WIRE_PATH_MAX + 1];

	if (want_path(d, w, d->plan->v[w->source].path, path) < 0)
		memcpy(path, "...", 4);
	report_fail(&d->job->report, d->job->where_host, path, f);
	progress_file(&d->job->progress, 0);
}

void want_fail_local(struct download *d, const char *path, struct fail f)
{
	char whole[WIRE_PATH_MAX + 1024 + 2];
	const char *rest = path;

	/* what DST named is shown as it was typed */
	if (!d->dst->is_dir) {
		size_t n = strlen(d->dst->name);
		rest = strncmp(path, d->dst->name, n) == 0 ? path + n : path;
		rest += *rest == '/';
	}
	bool slash = *rest && strcmp(d->dst->path, "/") != 0;
	snprintf(whole, sizeof whole, "%s%s%s", d->dst->path, slash ? "/" : "", rest);
	report_fail(&d->job->report, NULL, whole, f);
	progress_file(&d->job->progress, 0);
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

int want_flush(struct download *d)
{
	union wire_body b = { .fetch = { d->items_first, d->items_count, { d->items, d->items_used } } };

	if (!d->items_count)
		return 0;
	int r = stream_put(&d->job->lead.stream, WIRE_FETCH, &b, false);
	d->items_count = 0;
	d->items_used = 0;
	if (r == 0)
		r = stream_try_flush(&d->job->lead.stream);
	return r < 0 ? r : 0;
}

static int ring_add(struct download *d, const struct want *w)
{
	if (d->count == d->room) {
		size_t       room = d->room ? d->room * 2 : 256;
		struct want *v = malloc(room * sizeof *v);
		if (!v)
			return -ENOMEM;
		for (size_t i = 0; i < d->count; i++)
			v[i] = d->wants[(d->first + i) % d->room];
		free(d->wants);
		d->wants = v;
		d->first = 0;
		d->room = room;
	}
	d->wants[(d->first + d->count++) % d->room] = *w;
	return 0;
}

int want_put(struct download *d, struct want *w)
{
	char     path[WIRE_PATH_MAX + 1];
	uint8_t  flags = (uint8_t)((d->job->opt->keep_links ? 0 : FETCH_FOLLOW) | (d->pour >= 0 || w->repair ? FETCH_SEALED : 0) |
	                           (w->repair ? FETCH_RANGE : 0));
	int      r = want_path(d, w, d->plan->v[w->source].path, path);

	if (r < 0) {
		want_fail_remote(d, w, fail_why(ST_FILE_IO, WHY_TOO_LONG));
		free(w->name);
		return 0;
	}
	struct wire_fetch_item item = { flags, w->off, w->len, wire_cstr(path) };
	if (d->items_count == UINT16_MAX || wire_fetch_add(d->items, WIRE_FETCH_BODY - 16, &d->items_used, &item) < 0) {
		r = want_flush(d);
		if (r == 0)
			r = wire_fetch_add(d->items, WIRE_FETCH_BODY - 16, &d->items_used, &item);
	}
	w->cost = (uint32_t)(ITEM_HEAD + strlen(path) + (w->repair ? ITEM_RANGE : 0));
	w->id = worker_id(&d->job->lead);
	if (!d->items_count++)
		d->items_first = w->id;
	d->asked += w->cost;
	r = r < 0 ? r : ring_add(d, w);
	if (r < 0)
		free(w->name);
	return r;
}

static int ask_listing(struct download *d, unsigned type, uint32_t id, const char *path)
{
	union wire_body b = { 0 };
	int             r = want_flush(d);

	if (type == WIRE_LIST)
		b.look = (struct wire_look){ id, LOOK_RECURSE | (d->job->opt->keep_links ? 0 : LOOK_FOLLOW), wire_cstr(path) };
	else
		b.id.id = id;
	if (r == 0)
		r = stream_put(&d->job->lead.stream, type, &b, false);
	if (r == 0)
		r = stream_try_flush(&d->job->lead.stream);
	return r < 0 ? r : 0;
}

static int begin_tree(struct download *d, uint32_t source)
{
	struct tree *t = malloc(sizeof *t);

	if (!t)
		return -ENOMEM;
	tree_init(t);
	d->trees[source] = t;
	listing_clear(&d->rules);
	listing_init(&d->rules, t);
	d->list_source = source;
	int r = want_flush(d);                  /* ids of one FETCH follow each other */
	d->list_id = worker_id(&d->job->lead);
	d->listing = d->next_asked = true;
	d->listed = 0;
	return r < 0 ? r : ask_listing(d, WIRE_LIST, d->list_id, d->plan->v[source].path);
}

static int begin_source(struct download *d, uint32_t i)
{
	struct source *s = &d->plan->v[i];
	struct want    w = { .source = i };

	if (s->meta.type == 'd')
		return begin_tree(d, i);
	if (s->meta.type == 'l')
		return 0;                       /* at the end */
	w.name = strdup("");
	d->known_files++;
	d->known_bytes += s->meta.size;
	return w.name ? want_put(d, &w) : -ENOMEM;
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
		return 0;
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

/* From what is known to what is asked for, as far as the budget goes. */
static int feed(struct download *d)
{
	int r = 0;

	if (d->asked > ASK_BELOW)
		return 0;
	while (r == 0 && d->asked < ASK_MOST && !job_stopped(d->job)) {
		if (d->page_count) {
			r = take_entry(d);
		} else if (d->list_ended) {
			r = listing_over(d);
		} else if (d->listing || d->next == d->plan->count) {
			break;
		} else {
			r = begin_source(d, (uint32_t)d->next);
			d->next++;
		}
	}
	if (r == 0)
		r = want_flush(d);
	if (r == 0 && d->listing && !d->next_asked && d->page_count < PAGES) {
		d->next_asked = true;
		r = ask_listing(d, WIRE_NEXT, d->list_id, "");
	}
	return r;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

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

static int take_end(struct download *d, const struct wire_end *m)
{
	if (!d->listing || m->id != d->list_id)
		return -EPROTO;
	d->listing = false;
	d->next_asked = false;
	d->list_ended = !m->fail.status;
	d->list_says = m->entries;
	if (m->fail.status)
		report_fail(&d->job->report, d->job->where_host, d->plan->v[d->list_source].path, m->fail);
	return 0;
}

static void forget_first(struct download *d)
{
	struct want *w = &d->wants[d->first];

	d->asked -= w->cost;
	free(w->name);
	d->first = (d->first + 1) % d->room;
	d->count--;
}

static int take_error(struct download *d, const struct wire_error *m)
{
	struct want *w = d->count ? &d->wants[d->first] : NULL;
	struct fail  f = m->fail;

	if (!w || w->id != m->id)
		return -EPROTO;
	if (!f.status)
		f.status = ST_FILE_IO;
	if (f.err == ENOENT && (w->tries || w->dir))
		f = fail_why(ST_CHANGED, WHY_VANISHED); /* it was there a moment ago */
	if (!w->repair) {
		want_fail_remote(d, w, f);
		forget_first(d);
		return 0;
	}
	struct want copy = *w;                  /* a range cannot be had any more: the source is another one */
	copy.name = strdup(w->name);
	w->repair->changed = true;
	int r = copy.name ? fetched(d, &copy, NULL) : -ENOMEM;
	free(copy.name);
	forget_first(d);
	return r;
}

static int take_file(struct download *d, const struct wire_file *m)
{
	struct want w;

	if (!d->count || d->wants[d->first].id != m->id)
		return -EPROTO;
	w = d->wants[d->first];
	w.name = strdup(w.name);                /* the ring may grow meanwhile */
	if (!w.name)
		return -ENOMEM;
	int r = fetched(d, &w, m);
	free(w.name);
	forget_first(d);
	return r;
}

static int take_answer(struct download *d)
{
	struct record rec;
	int           r = stream_get(&d->job->lead.stream, &rec);

	if (r < 0)
		return r;
	switch (rec.type) {
	case WIRE_ENTRIES: return take_page(d, &rec.body.entries);
	case WIRE_END:     return take_end(d, &rec.body.end);
	case WIRE_ERROR:   return take_error(d, &rec.body.error);
	case WIRE_FILE:    return take_file(d, &rec.body.file);
	default:           return -EPROTO;
	}
}

static void show_totals(struct download *d)
{
	bool one = d->plan->count == 1 && d->plan->v[0].meta.type != 'd';

	progress_totals(&d->job->progress, one ? 0 : d->known_files, d->known_bytes, !d->listing && !d->page_count && d->next == d->plan->count);
}

static int run(struct download *d)
{
	int r = 0;

	while (r == 0 && !job_stopped(d->job)) {
		r = feed(d);
		show_totals(d);
		if (r < 0 || (!d->count && !d->listing && !d->page_count && d->next == d->plan->count))
			break;
		if (d->count || (d->listing && d->next_asked))
			r = take_answer(d);
	}
	return r < 0 ? r : job_stopped(d->job) ? -EINTR : 0;
}

static void clear(struct download *d)
{
	while (d->count) {
		struct want *w = &d->wants[d->first];
		if (w->repair && --w->repair->due == 0) {
			incoming_clear(&w->repair->in);
			aside_drop(&w->repair->aside);
			free(w->repair);
		}
		forget_first(d);
	}
	for (size_t i = 0; d->trees && i < d->plan->count; i++) {
		if (d->trees[i])
			tree_clear(d->trees[i]);
		free(d->trees[i]);
	}
	for (int i = 0; i < PAGES; i++)
		free(d->pages[i].bytes);
	free(d->trees);
	free(d->wants);
	free(d->items);
	listing_clear(&d->rules);
	path_cache_drop(&d->cache);
	close_fd(&d->pour);
}

static int open_pour(struct download *d)
{
	if (!d->dst->pour || !d->plan->count)
		return 0;
	d->pour = destination_pour(d->dst);
	if (d->pour >= 0)
		return 0;
	want_fail_local(d, "", fail_made(d->pour));
	d->pour = -1;
	return -ECANCELED;
}

void download_run(struct job *j, struct plan *p, struct destination *dst)
{
	struct download d = { .job = j, .plan = p, .dst = dst, .pour = -1 };
	int             r;

	j->lead.astray = true;
	d.trees = calloc(p->count + 1, sizeof *d.trees);        /* NOLINT(bugprone-sizeof-expression): an array of pointers */
	d.items = malloc(WIRE_FETCH_BODY);
	path_cache_init(&d.cache);
	r = d.trees && d.items ? open_pour(&d) : -ENOMEM;
	if (r == 0)
		r = run(&d);
	if (r < 0 && r != -ECANCELED)
		job_broken(j, r);
	if (d.trees)
		download_finish(&d);
	clear(&d);
}
