/* decided.c - what becomes of one name that was looked for at the host: see looking.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zcp/events/event.h"
#include "zcp/joblog.h"
#include "zcp/select/verdict.h"
#include "zcp/upload/uploader.h"

void upload_tell(struct upload *u, enum event_what what, const struct errand *e, const char *target)
{
	char         path[WIRE_PATH_MAX + 1];
	struct event v = { .what = what, .type = e->meta.type, .path = path, .target = target, .size = e->meta.size };

	if (event_heard(u->job) && errand_path(u, e, path) == 0)
		event_tell(u->job, &v);
}

static void shown_as_done(struct upload *u, uint64_t size)
{
	progress_there(&u->job->progress, size);
	progress_file(&u->job->progress, 0);
}

/* The log says that it was copied as it is here, and it stands there with that size, and with -p, which gave it one, that time. --checksum asks for more than a log. */
static bool copied_before(const struct upload *u, const struct looked *k)
{
	const struct errand *e = &k->errand;
	char                 name[WIRE_PATH_MAX + 16];
	struct joblog_file   f = { .path = name, .size = e->meta.size, .mtime = e->meta.mtime, .mtime_ns = e->meta.mtime_ns };

	if (u->job->opt->checksum || !u->resumes || k->what != LOOKED_THERE || k->there.meta.type != 'f' || k->there.meta.size != e->meta.size)
		return false;
	if (u->job->opt->keep_meta && !verdict_same_time(&e->meta, &k->there))
		return false;
	snprintf(name, sizeof name, "%u/%s", e->source, e->rest);
	return joblog_has(u->job->log, &f);
}

/* With -n: as copying it would end. */
static void would_copy(struct upload *u, const struct errand *e, const struct meta *there)
{
	char path[WIRE_PATH_MAX + 1] = "";

	errand_path(u, e, path);
	if (there && there->type != 'f' && there->type != 'l') {
		upload_fail(u, e->source, path, fail_why(ST_IN_THE_WAY, WHY_IN_THE_WAY));
		return;
	}
	first_ended(e->first, FATE_COPIED);
	report_copied(&u->job->report, e->meta.size);
	shown_as_done(u, e->meta.size);
	upload_tell(u, EVENT_COPY, e, NULL);
}

/* -H: to be a link to what has been found under another name. 1: that is for the end. What stands in the way of a file, or is left alone and is another one, is
 * nobody's first name; what is left alone is never made a link. */
static int linked(struct upload *u, struct looked *k, enum verdict v)
{
	struct errand *e = &k->errand;
	bool           in_the_way = k->what == LOOKED_THERE && k->there.meta.type != 'f' && k->there.meta.type != 'l';
	char           path[WIRE_PATH_MAX + 1];
	const char    *slash = strrchr(e->rest, '/');
	struct first  *first = NULL;
	int            r = 0;

	bool           stays = v == VERDICT_LEFT, stands = stays && verdict_stands(u->job->opt, &e->meta, k->what == LOOKED_THERE ? &k->there : NULL);

	if ((!stays || stands) && !in_the_way && errand_path(u, e, path) == 0)
		r = inodes_first(&u->inodes, k->dev, k->ino, path, &first);
	if (r > 0 && stays) {
		first = NULL;
		r = 0;
	}
	if (r > 0 && strcmp(path, first->name) != 0)
		r = tree_add_hard_link(u->trees[e->source], e->dir, wire_cstr(slash ? slash + 1 : e->rest), first) < 0 ? -ENOMEM : 1;
	if (r != 0)
		return r;
	e->first = first;
	if (stays)
		first_ended(first, FATE_THERE);         /* takes NULL */
	upload_totals(u, 1, e->meta.size);
	return 0;
}

static int act_file(struct uploader *x, struct looked *k)
{
	struct upload     *u = x->u;
	struct job        *j = u->job;
	struct errand     *e = &k->errand;
	const struct found *there = k->what == LOOKED_THERE ? &k->there : NULL;
	bool               before = copied_before(u, k);
	enum verdict       v = before ? VERDICT_SAME : verdict_of(j->opt, &e->meta, there);
	int                r = k->several ? linked(u, k, v) : 0;

	if (r != 0)
		return r < 0 ? r : 0;
	if (before) {
		u->there++;
		u->there_bytes += e->meta.size;
		upload_same(u, e);
		return 0;
	}
	switch (v) {
	case VERDICT_SAME:
		if (!j->extras) {
			upload_same(u, e);
			return 0;
		}
		e->todo = TODO_EXTRAS;
		break;
	case VERDICT_LEFT:
		report_left(&j->report);
		shown_as_done(u, e->meta.size);
		return 0;
	case VERDICT_META:
		e->todo = j->extras ? TODO_EXTRAS : TODO_META;
		break;
	case VERDICT_CHECK:
		e->todo = TODO_CHECK;
		break;
	default:
		break;
	}
	if (j->opt->dry_run && e->todo == TODO_COPY) {
		would_copy(u, e, there ? &there->meta : NULL);
		return 0;
	}
	r = queue_put(&u->queue, e);
	*e = (struct errand){ 0 };
	return r;
}

/* The same bytes are there: counted, and told. */
void upload_same(struct upload *u, const struct errand *e)
{
	first_ended(e->first, FATE_THERE);
	report_same(&u->job->report, e->meta.size);
	shown_as_done(u, e->meta.size);
	upload_tell(u, EVENT_SAME, e, NULL);
}

void upload_meta(struct upload *u, const struct errand *e, uint8_t ok_flags)
{
	char path[WIRE_PATH_MAX + 1];

	first_ended(e->first, FATE_THERE);
	report_meta(&u->job->report);
	shown_as_done(u, e->meta.size);
	upload_tell(u, EVENT_META, e, NULL);
	if (errand_path(u, e, path) == 0)
		upload_without(u, e->source, path, upload_missed(u, ok_flags));
}

int upload_own_link(struct upload *u, uint32_t source)
{
	u->plan->v[source].link_due = true;
	return 0;
}

void upload_would_copy(struct upload *u, struct errand *e)
{
	would_copy(u, e, NULL);
	upload_over(u, e);
}

static void in_the_way(struct upload *u, const struct errand *e, enum why why)
{
	char path[WIRE_PATH_MAX + 1] = "";

	errand_path(u, e, path);
	upload_fail(u, e->source, path, fail_why(ST_IN_THE_WAY, why));
}

static int act_link(struct uploader *x, struct looked *k)
{
	struct upload        *u = x->u;
	struct errand        *e = &k->errand;
	const struct options *o = u->job->opt;
	bool                  there = k->what == LOOKED_THERE;
	const char           *slash = strrchr(e->rest, '/');

	if (k->same_link) {
		upload_tell(u, EVENT_SAME, e, k->link);
	} else if (there ? o->ignore_existing : o->existing) {
		report_left(&u->job->report);
	} else if (!o->dry_run) {
		return *e->rest ? tree_add_link(u->trees[e->source], e->dir, wire_cstr(slash ? slash + 1 : e->rest), wire_cstr(k->link)) : upload_own_link(u, e->source);
	} else if (there && k->there.meta.type != 'f' && k->there.meta.type != 'l') {
		in_the_way(u, e, WHY_IN_THE_WAY);
	} else {
		u->job->report.links++;
		upload_tell(u, EVENT_SYMLINK, e, k->link);
	}
	return 0;
}

/* With -n alone: else MKDIR tells. */
static int act_dir(struct uploader *x, struct looked *k)
{
	struct upload *u = x->u;

	if (k->what == LOOKED_THERE && k->there.meta.type == 'd')
		return 0;
	if (k->what == LOOKED_THERE) {
		tree_dir(u->trees[k->errand.source], k->errand.dir)->flags |= TREE_FAILED;
		in_the_way(u, &k->errand, WHY_NOT_DIRECTORY);
		return 0;
	}
	u->job->report.dirs++;
	upload_tell(u, EVENT_MKDIR, &k->errand, NULL);
	return 0;
}

int looked_act(struct uploader *x, struct looked *k)
{
	struct errand *e = &k->errand;

	if (upload_dir_failed(x->u, e->source, e->meta.type == 'd' ? 0 : e->dir))
		return 0;
	switch (e->meta.type) {
	case 'd': return act_dir(x, k);
	case 'l': return act_link(x, k);
	default:  return act_file(x, k);
	}
}
