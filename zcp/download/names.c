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
	size_t n = strlen(prefix), m = strlen(rest);
	bool   slash = n && m;

	out[0] = '\0';
	if (n + slash + m > WIRE_PATH_MAX)
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

void fail_remote(struct download *d, const struct errand *e, struct fail f)
{
	char path[WIRE_PATH_MAX + 1];

	if (errand_remote(d, e, path) < 0)
		memcpy(path, "...", 4);
	report_fail(&d->job->report, d->job->where_host, path, f);
	progress_file(&d->job->progress, 0);
}

/* What DST named is shown as it was typed. */
void local_shown(const struct download *d, const char *path, char whole[static LOCAL_SHOWN])
{
	const char *rest = path;

	if (!d->dst->is_dir) {
		size_t n = strlen(d->dst->name);
		rest = strncmp(path, d->dst->name, n) == 0 ? path + n : path;
		rest += *rest == '/';
	}
	bool slash = *rest && strcmp(d->dst->path, "/") != 0;
	snprintf(whole, LOCAL_SHOWN, "%s%s%s", d->dst->path, slash ? "/" : "", rest);
}

void fail_local(struct download *d, const char *path, struct fail f)
{
	char whole[LOCAL_SHOWN];

	local_shown(d, path, whole);
	report_fail(&d->job->report, NULL, whole, f);
	progress_file(&d->job->progress, 0);
}

void fail_missed(struct download *d, const char *path, unsigned missed)
{
	char whole[LOCAL_SHOWN];

	if (!missed)
		return;
	local_shown(d, path, whole);
	job_fail_missed(d->job, NULL, whole, missed);
}
