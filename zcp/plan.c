/* plan.c - what both directions' plans share, and the download's; the upload's is plan_upload.c */
#include "zcp/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/path.h"
#include "common/vis.h"
#include "zcp/glob.h"

void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->v[i].path);
		free(p->v[i].as);
		free(p->v[i].link);
		ext_drop(&p->v[i].ext);
	}
	free(p->v);
	*p = (struct plan){ 0 };
}

int plan_add(struct plan *p, const char *path, const struct look *l, bool contents)
{
	if (p->count == p->room) {
		size_t         room = p->room ? p->room * 2 : 16;
		struct source *v = realloc(p->v, room * sizeof *v);
		if (!v)
			return -ENOMEM;
		p->v = v;
		p->room = room;
	}
	struct source *s = &p->v[p->count];
	*s = (struct source){ .path = strdup(path), .link = l->link, .ext = l->ext, .contents = contents, .meta = l->meta, .identity = l->identity, .sparse = l->sparse };
	p->count++;
	return s->path ? 0 : -ENOMEM;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

enum status plan_names_differ(struct job *j, const struct plan *p)
{
	CLEAN_PTR char **names = calloc(p->count + 1, sizeof *names);
	char        seen[300];
	size_t      n = 0;

	for (size_t i = 0; names && i < p->count; i++)
		if (!p->v[i].contents)
			names[n++] = p->v[i].as;
	if (!names) {
		job_broken(j, -ENOMEM);
		return ST_FILE_IO;
	}
	qsort(names, n, sizeof *names, by_name);
	for (size_t i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0) {
			log_error("two of the sources are called '%s': one would replace the other", vis_str(seen, sizeof seen, names[i]));
			return report_end(&j->report, ST_USAGE);
		}
	return ST_OK;
}

/* --- download ----------------------------------------------------------------------------------------------------- */

static enum status ended(struct job *j)
{
	return status_job(&j->report);
}

/* One source that is there: may it be copied at all? Failures are said and counted. */
static int take_source(struct job *j, struct plan *p, const char *path, struct look *l, bool contents)
{
	struct fail f = l->fail;

	if (j->opt->list)
		(void)0;                        /* whatever it is: it is only shown */
	else if (!f.status && j->names && l->meta.type != 'd')
		f = fail_why(ST_CANNOT, WHY_NOT_DIRECTORY);
	else if (!f.status && !j->names && l->meta.type == 'd' && !j->opt->recurse)
		f = fail_why(ST_CANNOT, WHY_IS_DIRECTORY);
	else if (!f.status && l->meta.type == 'o')
		f = fail_why(ST_PARTIAL, WHY_NOT_REGULAR);
	if (!f.status) {
		int r = plan_add(p, path, l, contents && l->meta.type == 'd');
		l->link = NULL;
		l->ext = (struct kept_ext){ NULL, 0 };
		return r;
	}
	p->incomplete = true;
	report_fail(&j->report, &(struct failing){ j->where_host, path, path, "", f });
	return 0;
}

static int expand(struct job *j, struct plan *p, const struct target *t)
{
	struct paths found;
	struct look *looks = NULL;
	int          r = glob_expand(j, t->path, &found);

	p->incomplete |= !found.count;
	if (r == 0 && !found.count)
		report_fail(&j->report, &(struct failing){ j->where_host, t->path, t->path, "", fail_errno(ENOENT) });
	if (r == 0 && found.count) {
		looks = calloc(found.count, sizeof *looks);
		r = looks ? remote_look(j, found.v, found.count, !j->opt->keep_links, looks) : job_broken(j, -ENOMEM);
	}
	for (size_t i = 0; looks && i < found.count; i++) {
		if (r == 0)
			r = take_source(j, p, found.v[i], &looks[i], t->contents);
		look_clear(&looks[i]);
	}
	free(looks);
	paths_clear(&found);
	return r;
}

static int look_at_all(struct job *j, const struct target *t, int n, struct look *looks)
{
	CLEAN_PTR char **paths = calloc((size_t)n, sizeof *paths);

	if (!paths)
		return job_broken(j, -ENOMEM);
	for (int i = 0; i < n; i++)
		paths[i] = t[i].path;
	return remote_look(j, paths, (size_t)n, !j->opt->keep_links, looks);
}

static enum status find_sources(struct job *j, const struct target *t, int n, struct plan *p)
{
	struct look *looks = calloc((size_t)n, sizeof *looks);
	int          r = looks ? look_at_all(j, t, n, looks) : job_broken(j, -ENOMEM);

	for (int i = 0; looks && i < n; i++) {
		if (r == 0 && looks[i].fail.status && glob_is_pattern(t[i].path))
			r = expand(j, p, &t[i]);
		else if (r == 0)
			r = take_source(j, p, t[i].path, &looks[i], t[i].contents);
		look_clear(&looks[i]);
	}
	free(looks);
	if (r == -ENOMEM)
		job_broken(j, r);
	return r < 0 ? ended(j) : ST_OK;
}

enum status plan_find(struct job *j, const struct target *sources, int n, struct plan *p)
{
	*p = (struct plan){ 0 };
	return find_sources(j, sources, n, p);
}

static enum status name_one(struct job *j, struct source *s, const struct destination *d)
{
	const char *slash = strrchr(s->path, '/'), *base = slash ? slash + 1 : s->path;

	s->as = strdup(!d->is_dir ? d->name : s->contents ? "" : base);
	if (s->as)
		return ST_OK;
	job_broken(j, -ENOMEM);
	return ended(j);
}

/* What stands in the way of s is known before a byte moves: a directory never replaces a file. */
static enum status look_in_the_way(struct job *j, const struct source *s, const struct destination *d)
{
	struct stat st;
	char        name[300];

	if (s->meta.type != 'd')
		return ST_OK;
	if (d->pour || d->is_file) {
		log_error("%s: not a directory, and the source is one: nothing was copied", d->shown);
		return report_end(&j->report, ST_IN_THE_WAY);
	}
	bool there = *s->as && fstatat(d->base, s->as, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (there && !S_ISDIR(st.st_mode)) {
		log_error("%s/%s: not a directory, and the source is one: nothing was copied", d->shown, vis_str(name, sizeof name, s->as));
		return report_end(&j->report, ST_IN_THE_WAY);
	}
	if (j->lead.loopback && there && st.st_dev == s->identity.dev && st.st_ino == s->identity.ino) {
		log_error("%s/%s: source and destination are the same directory", d->shown, vis_str(name, sizeof name, s->as));
		return report_end(&j->report, ST_CANNOT);
	}
	if (j->lead.loopback && destination_inside(d, &s->identity)) {
		log_error("%s lies in the directory that is to be copied: nothing was copied", d->shown);
		return report_end(&j->report, ST_CANNOT);
	}
	return ST_OK;
}

static enum status check_count(struct job *j, const struct plan *p, const struct destination *d)
{
	if (p->count < 2 || d->is_dir)
		return ST_OK;
	log_error("%s: several sources go into a directory that is there: make it first", d->shown);
	return report_end(&j->report, ST_USAGE);
}

enum status plan_names(struct job *j, const struct destination *d, struct plan *p)
{
	enum status st = check_count(j, p, d);

	for (size_t i = 0; st == ST_OK && i < p->count; i++)
		st = name_one(j, &p->v[i], d);
	if (st == ST_OK)
		st = plan_names_differ(j, p);
	for (size_t i = 0; st == ST_OK && i < p->count; i++)
		st = look_in_the_way(j, &p->v[i], d);
	return st;
}

enum status plan_download(struct job *j, const struct target *sources, int n, struct destination *d, struct plan *p)
{
	*p = (struct plan){ 0 };
	enum status st = find_sources(j, sources, n, p);

	if (st == ST_OK)
		st = plan_names(j, d, p);
	j->report.one_file = n == 1 && p->count <= 1 && (!p->count || p->v[0].meta.type != 'd');
	return st;
}
