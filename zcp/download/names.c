/* names.c - what the files of a download are called: there, here, in the job log and in messages */
#include "zcp/download/download.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "zcp/download/large.h"


struct fail fail_made(int r)
{
	switch (r) {
	case -EEXIST: case -EISDIR:
		return fail_why(ST_IN_THE_WAY, WHY_IN_THE_WAY);
	case -EINVAL:
		return fail_why(ST_MISSING, WHY_NAME);
	case -ENAMETOOLONG:
		return fail_why(ST_FILE_IO, WHY_TOO_LONG);
	case -EWOULDBLOCK:
		return fail_why(ST_BUSY, WHY_FILLING);
	default:
		return fail_errno(r);
	}
}

/* A range has the name of its file. */
static const char *rest_of(const struct errand *e)
{
	return e->large ? e->large->errand.rest : e->rest;
}

static int join(const char *prefix, const char *rest, char out[static WIRE_PATH_MAX + 1])
{
	size_t n = strlen(prefix), m = rest ? strlen(rest) : 0;
	bool   slash = n && m;

	out[0] = '\0';
	if (!rest || n + slash + m > WIRE_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(out, prefix, n);
	if (slash)
		out[n] = '/';
	memcpy(out + n + slash, rest, m + 1);
	return 0;
}

int errand_remote(const struct download *d, const struct errand *e, char out[static WIRE_PATH_MAX + 1])
{
	return join(d->plan->v[e->source].path, rest_of(e), out);
}

int errand_local(const struct download *d, const struct errand *e, char out[static WIRE_PATH_MAX + 1])
{
	return join(d->plan->v[e->source].as, rest_of(e), out);
}

void errand_logged(const struct errand *e, char out[static WIRE_PATH_MAX + 16])
{
	snprintf(out, WIRE_PATH_MAX + 16, "%u/%s", e->source, rest_of(e));
}

struct errand errand_of(const struct download *d, uint32_t source, uint32_t dir, const char *name, char rest[static WIRE_PATH_MAX + 1])
{
	struct tree *t = d->trees[source];
	bool         fits = t ? tree_path(t, "", dir, name, rest) == 0 : (rest[0] = '\0', true);

	return (struct errand){ .source = source, .dir = dir, .rest = fits ? rest : NULL };
}

/* What is left out, or has failed, on the host or here. */
static struct failing failing_of(const struct download *d, const struct errand *e, const char *host, const char *path, struct fail f)
{
	const char *rest = rest_of(e);

	return (struct failing){ host, path, rest ? d->plan->v[e->source].path : NULL, rest, f };
}

static struct failing there(const struct download *d, const struct errand *e, struct fail f, char path[static WIRE_PATH_MAX + 1])
{
	if (errand_remote(d, e, path) < 0)
		memcpy(path, "...", 4);
	return failing_of(d, e, d->job->local ? NULL : d->job->where_host, path, f);
}

void fail_remote(struct download *d, const struct errand *e, struct fail f)
{
	char           path[WIRE_PATH_MAX + 1];
	struct failing x = there(d, e, f, path);

	first_failed(e->first, f.status);
	report_fail(&d->job->report, &x);
	progress_file(&d->job->progress, 0);
}

void skip_remote(struct download *d, const struct errand *e, struct fail f)
{
	char           path[WIRE_PATH_MAX + 1];
	struct failing x = there(d, e, f, path);

	report_skip(&d->job->report, &x);
}

void local_shown(const struct download *d, const char *path, char out[static SHOWN_MAX])
{
	const char *rest = path;

	if (!d->dst->is_dir) {
		size_t n = strlen(d->dst->name);
		rest = strncmp(path, d->dst->name, n) == 0 ? path + n : path;
		rest += *rest == '/';
	}
	bool slash = *rest && strcmp(d->dst->path, "/") != 0;
	snprintf(out, SHOWN_MAX, "%s%s%s", d->dst->path, slash ? "/" : "", rest);
}

void errand_shown(const struct download *d, const struct errand *e, char out[static SHOWN_MAX])
{
	char path[WIRE_PATH_MAX + 1];

	if (errand_local(d, e, path) < 0)
		memcpy(path, "...", 4);
	local_shown(d, path, out);
}

static void fail_shown(struct download *d, const struct failing *x)
{
	report_fail(&d->job->report, x);
	progress_file(&d->job->progress, 0);
}

void fail_local(struct download *d, const struct errand *e, struct fail f)
{
	char whole[SHOWN_MAX];

	errand_shown(d, e, whole);
	first_failed(e->first, f.status);
	struct failing x = failing_of(d, e, NULL, whole, f);
	fail_shown(d, &x);
}

void fail_below(struct download *d, const char *path, struct fail f)
{
	char whole[SHOWN_MAX];

	local_shown(d, path, whole);
	fail_shown(d, &(struct failing){ .path = whole, .why = f });
}

void fail_missed(struct download *d, const struct errand *e, unsigned missed)
{
	char whole[SHOWN_MAX];

	if (!missed)
		return;
	errand_shown(d, e, whole);
	struct failing x = failing_of(d, e, NULL, whole, (struct fail){ 0 });
	job_fail_missed(d->job, &x, missed);
}
