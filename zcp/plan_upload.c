/* plan_upload.c - sources of this machine, and what stands at DST on the host */
#include "zcp/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/log.h"
#include "common/vis.h"
#include "common/walk.h"
#include "zcp/glob.h"
#include "zcp/joblog.h"

enum { LINKS_MAX = 8 };

/* --- here ------------------------------------------------------------------------------------------------------------- */

static char *read_link(const char *path)
{
	char    buf[WIRE_LINK_MAX + 1];
	ssize_t n = readlink(path, buf, sizeof buf - 1);

	return n < 0 ? NULL : strndup(buf, (size_t)n);
}

static struct fail look_here(const struct job *j, const char *path, struct look *l)
{
	struct stat st;

	if ((j->opt->keep_links ? lstat(path, &st) : stat(path, &st)) < 0)
		return fail_errno(errno);
	*l = (struct look){ .meta = meta_from_stat(&st), .identity = identity_from_stat(&st) };
	if (j->names && l->meta.type != 'd')
		return fail_why(ST_CANNOT, WHY_NOT_DIRECTORY);
	if (j->names)                   /* of the directory, what is named */
		return (struct fail){ 0 };
	if (l->meta.type == 'd' && !j->opt->recurse)
		return fail_why(ST_CANNOT, WHY_IS_DIRECTORY);
	if (l->meta.type == 'o')
		return fail_why(ST_PARTIAL, WHY_NOT_REGULAR);
	if (l->meta.type == 'l')
		l->link = read_link(path);
	return l->meta.type == 'l' && !l->link ? fail_errno(errno) : (struct fail){ 0 };
}

enum status plan_upload(struct job *j, const struct target *sources, int n, struct plan *p)
{
	*p = (struct plan){ 0 };
	for (int i = 0; i < n; i++) {
		struct look l = { 0 };
		struct fail f = look_here(j, sources[i].path, &l);
		if (f.status) {
			p->incomplete = true;
			report_fail(&j->report, &(struct failing){ NULL, sources[i].path, sources[i].path, "", f });
			look_clear(&l);
		} else if (plan_add(p, sources[i].path, &l, sources[i].contents && l.meta.type == 'd') < 0) {
			job_broken(j, -ENOMEM);
			return ST_FILE_IO;
		}
	}
	j->report.one_file = n == 1 && p->count <= 1 && (!p->count || p->v[0].meta.type != 'd');
	report_lasts(&j->report);       /* looked at here, once */
	return ST_OK;
}

/* --- there ------------------------------------------------------------------------------------------------------------ */

struct there {
	struct job  *job;
	struct plan *plan;
	char         dst[WIRE_PATH_MAX + 1];
	int          sources;
	bool         slash;
	struct look *looks;             /* DST, its parent, DST/source for each source */
	size_t       count;
};

static enum status refuse(const struct there *t, enum status st, const char *say)
{
	char seen[1024];

	log_error("%s:%s: %s", t->job->where_host, vis_str(seen, sizeof seen, t->dst), say);
	return report_end(&t->job->report, st);
}

static enum status refuse_fail(const struct there *t, struct fail f)
{
	char words[400];

	return refuse(t, (enum status)f.status, fail_words(f, words, sizeof words));
}

static enum status no_memory(const struct there *t)
{
	job_broken(t->job, -ENOMEM);
	return ST_FILE_IO;
}

static const char *base_of(const struct source *s)
{
	const char *slash = strrchr(s->path, '/');

	return slash ? slash + 1 : s->path;
}

static char *joined(const char *dir, const char *name)
{
	char *p = NULL;

	return asprintf(&p, "%s%s%s", dir, *dir && *name ? "/" : "", name) < 0 ? NULL : p;
}

static void parent_path(const char *path, char out[static WIRE_PATH_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	size_t      n = slash ? (size_t)(slash - path) : 0;

	memcpy(out, path, n);
	out[n] = '\0';
}

static void forget_looks(struct there *t)
{
	for (size_t i = 0; t->looks && i < t->count; i++)
		look_clear(&t->looks[i]);
	free(t->looks);
	t->looks = NULL;
	t->count = 0;
}

/* Everything that decides about DST, in one go. */
static int look_there(struct there *t)
{
	char   up[WIRE_PATH_MAX + 1], **paths = calloc(t->plan->count + 2, sizeof *paths);
	size_t n = 2;
	int    r = 0;

	forget_looks(t);
	t->count = t->plan->count + 2;
	t->looks = calloc(t->count, sizeof *t->looks);
	if (!paths || !t->looks) {
		free(paths);
		return job_broken(t->job, -ENOMEM);
	}
	parent_path(t->dst, up);
	paths[0] = t->dst;
	paths[1] = up;
	for (size_t i = 0; i < t->plan->count; i++) {
		paths[n] = joined(t->dst, t->plan->v[i].contents ? "" : base_of(&t->plan->v[i]));
		if (!paths[n++])
			r = job_broken(t->job, -ENOMEM);
	}
	if (r == 0)
		r = remote_look(t->job, paths, n, false, t->looks);
	for (size_t i = 2; i < n; i++)
		free(paths[i]);
	free(paths);
	return r;
}

/* A link as DST is resolved here, and looked at again: the host follows none where it writes. 1 = another path, 0 = no link */
static int resolve_link(struct there *t)
{
	const struct look *l = &t->looks[0];
	char               path[2 * (WIRE_PATH_MAX + 1)];

	if (l->fail.status || l->meta.type != 'l')
		return 0;
	if (!l->link || l->link[0] == '/' || !*l->link)
		return -EXDEV;
	parent_path(t->dst, path);
	size_t n = strlen(path);
	snprintf(path + n, sizeof path - n, "%s%s", n ? "/" : "", l->link);
	if (!path_clean(path) || strlen(path) > WIRE_PATH_MAX)
		return -EXDEV;
	memcpy(t->dst, path, strlen(path) + 1);
	return 1;
}

static enum status find_dst(struct there *t)
{
	int r = look_there(t);

	for (int i = 0; r == 0 && (r = resolve_link(t)) > 0; i++) {
		if (i == LINKS_MAX)
			return refuse(t, ST_MISSING, "too many symbolic links, one to the other");
		r = look_there(t);
	}
	if (r == -EXDEV)
		return refuse(t, ST_MISSING, "a symbolic link there leaves the served directory: name its target");
	return r < 0 ? status_job(&t->job->report) : ST_OK;
}

static enum status dst_missing(const struct there *t)
{
	const struct look *up = &t->looks[1];

	if (t->sources > 1)
		return refuse(t, ST_USAGE, "several sources go into a directory that is there: make it first");
	if (t->slash)
		return refuse(t, ST_MISSING, "no such directory: make it first, or leave the '/' away");
	if (up->fail.status || up->meta.type != 'd')
		return refuse(t, ST_MISSING, "the directory above it is missing: make it first");
	joblog_dst_missing(t->job->log);
	t->job->dst_missing = true;
	t->plan->fresh = true;
	return ST_OK;
}

/* *dir: sources keep their names below DST. */
static enum status judge_dst(const struct there *t, bool *dir)
{
	const struct look *l = &t->looks[0];

	bool made = !l->fail.status && l->meta.type == 'd' && t->sources == 1 && joblog_dst_was_missing(t->job->log);

	if (made && t->job->opt->remove && !t->job->dst_missing)
		return refuse(t, ST_USAGE, DESTINATION_UNSURE);
	*dir = !l->fail.status && l->meta.type == 'd' && !made;
	if (*dir || (!l->fail.status && l->meta.type == 'd'))
		return ST_OK;
	if (l->fail.status)
		return l->fail.err == ENOENT ? dst_missing(t) : refuse_fail(t, l->fail);
	if (t->sources > 1)
		return refuse(t, ST_USAGE, "is not a directory, and there are several sources");
	if (t->slash)
		return refuse_fail(t, fail_errno(ENOTDIR));
	if (l->meta.type != 'f')
		return refuse_fail(t, fail_why(ST_IN_THE_WAY, WHY_IN_THE_WAY));
	return ST_OK;
}

static bool same_file(const struct there *t, const struct source *s, const struct look *l)
{
	return t->job->lead.loopback && !l->fail.status && l->meta.type == s->meta.type && l->identity.dev == s->identity.dev &&
	       l->identity.ino == s->identity.ino;
}

static enum status refuse_onto_file(const struct there *t, const struct source *s)
{
	char seen[1024];

	log_error("%s:%s: not a directory, and the source is one: nothing was copied", t->job->where_host, vis_str(seen, sizeof seen, s->as));
	return report_end(&t->job->report, ST_IN_THE_WAY);
}

/* Onto itself: that source is left out. A directory onto a file: the job ends. */
static enum status judge_sources(struct there *t, bool dir)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->plan->count; i++) {
		struct source     *s = &t->plan->v[i];
		const struct look *l = dir ? &t->looks[2 + i] : &t->looks[0];
		if (s->meta.type == 'd' && !l->fail.status && l->meta.type != 'd')
			return refuse_onto_file(t, s);
		if (s->meta.type == 'd' && same_file(t, s, l))
			return refuse_fail(t, fail_why(ST_CANNOT, WHY_SAME_FILE));
		if (s->meta.type == 'f' && same_file(t, s, l)) {
			report_fail(&t->job->report, &(struct failing){ NULL, s->path, s->path, "", fail_why(ST_CANNOT, WHY_SAME_FILE) });
			free(s->path);
			free(s->as);
			free(s->link);
			report_lasts(&t->job->report);  /* not in the plan any more */
			continue;
		}
		t->plan->v[kept++] = *s;
	}
	t->plan->count = kept;
	return ST_OK;
}

/* Is DST below one of the directories that are copied? Only where both are of one machine can that be known. */
static enum status judge_inside(struct there *t)
{
	struct paths above = { 0 };
	struct look *looks = NULL;
	char         path[WIRE_PATH_MAX + 1];
	bool         trees = false, inside = false;
	int          r = 0;

	for (size_t i = 0; i < t->plan->count; i++)
		trees |= t->plan->v[i].meta.type == 'd';
	if (!trees || !t->job->lead.loopback)
		return ST_OK;
	memcpy(path, t->dst, strlen(t->dst) + 1);
	for (bool more = true; r == 0 && more; parent_path(path, path)) {
		more = *path;
		r = paths_add(&above, path);
	}
	looks = r == 0 ? calloc(above.count, sizeof *looks) : NULL;
	r = looks ? remote_look(t->job, above.v, above.count, false, looks) : job_broken(t->job, -ENOMEM);
	for (size_t i = 0; looks && r == 0 && i < above.count; i++)
		for (size_t k = 0; k < t->plan->count; k++)
			inside |= t->plan->v[k].meta.type == 'd' && same_file(t, &t->plan->v[k], &looks[i]);
	for (size_t i = 0; looks && i < above.count; i++)
		look_clear(&looks[i]);
	free(looks);
	paths_clear(&above);
	if (r < 0)
		return status_job(&t->job->report);
	return inside ? refuse(t, ST_CANNOT, "lies in the directory that is to be copied: nothing was copied") : ST_OK;
}

static enum status name_sources(struct there *t, bool dir)
{
	for (size_t i = 0; i < t->plan->count; i++) {
		struct source *s = &t->plan->v[i];
		free(s->as);            /* of an attempt before this one */
		s->as = joined(t->dst, dir && !s->contents ? base_of(s) : "");
		if (!s->as)
			return no_memory(t);
	}
	return plan_names_differ(t->job, t->plan);
}

/* The host says that this key writes nowhere. Why, it alone knows, and its log is to have it: the first source is asked for. */
static enum status not_writable(const struct there *t)
{
	const struct source *s = &t->plan->v[0];
	bool                 dir = !t->looks[0].fail.status && t->looks[0].meta.type == 'd';
	char                *path = joined(t->dst, dir && !s->contents ? base_of(s) : "");
	struct fail          f;

	if (!path)
		return no_memory(t);
	int r = remote_store_refused(t->job, path, &s->meta, &f);
	free(path);
	return r < 0 ? status_job(&t->job->report) : refuse_fail(t, f);
}

enum status plan_upload_to(struct job *j, struct target *dst, int n, struct plan *p)
{
	struct there t = { .job = j, .plan = p, .sources = n, .slash = dst->slash };
	bool         dir = false;
	enum status  st;

	if (dst->quoted)
		glob_unquote(dst->path);
	memcpy(t.dst, dst->path, strlen(dst->path) + 1);
	p->fresh = false;
	st = find_dst(&t);
	if (st == ST_OK && !j->lead.writable)
		st = not_writable(&t);
	if (st == ST_OK)
		st = judge_dst(&t, &dir);
	if (st == ST_OK)
		st = name_sources(&t, dir);
	if (st == ST_OK)
		st = judge_sources(&t, dir);
	if (st == ST_OK)
		st = judge_inside(&t);
	forget_looks(&t);
	return st;
}
