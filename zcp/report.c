/* report.c - see report.h */
#include "zcp/report.h"

#include <stddef.h>
#include "common/log.h"
#include "common/vis.h"

/* What ends a job, the first that applies. The second line is what was found out before the first byte moved. */
static const uint8_t precedence[] = {
	ST_USAGE, ST_INTERRUPTED, ST_HOST_CHANGED, ST_HOST_UNKNOWN, ST_REFUSED, ST_BUSY, ST_CONNECT_TIMEOUT, ST_STALLED, ST_CONNECTION,
	ST_PROTOCOL, ST_INTEGRITY,
	ST_CANNOT, ST_MISSING, ST_IN_THE_WAY, ST_NO_SPACE, ST_FILE_IO, ST_CHANGED, ST_PARTIAL,
};

void report_count(struct report *r, struct fail f)
{
	uint8_t st = f.status ? f.status : ST_FILE_IO;

	pthread_mutex_lock(&r->lock);
	r->failed++;
	r->changed += st == ST_CHANGED;
	r->no_space += st == ST_NO_SPACE;
	r->busy += st == ST_BUSY;
	r->last = st;
	pthread_mutex_unlock(&r->lock);
	if (st == ST_REFUSED)
		report_end(r, ST_REFUSED);
}

/* A full disk is no news any more. */
static bool name_full(struct report *r)
{
	pthread_mutex_lock(&r->lock);
	bool named = r->full_row++ < REPORT_FULL;
	r->unnamed += !named;
	pthread_mutex_unlock(&r->lock);
	return named;
}

void report_say_rest(struct report *r)
{
	if (r->unnamed)
		log_error("%llu more file%s: no space left", (unsigned long long)r->unnamed, r->unnamed == 1 ? "" : "s");
	r->unnamed = 0;
}

void report_fail(struct report *r, const char *host, const char *path, struct fail f)
{
	char name[2048], words[400];

	if (f.status == ST_NO_SPACE && !name_full(r)) {
		report_count(r, f);
		return;
	}
	vis_str(name, sizeof name, path);
	(r->again && f.status == ST_BUSY ? log_warn : log_error)("%s%s%s: %s", host ? host : "", host ? ":" : "", *name || host ? name : ".",
	                                                         fail_words(f, words, sizeof words));
	report_count(r, f);
}

enum status report_end(struct report *r, enum status st)
{
	pthread_mutex_lock(&r->lock);
	r->ended |= UINT64_C(1) << ((unsigned)st & 63);
	pthread_mutex_unlock(&r->lock);
	return st;
}

void report_copied(struct report *r, uint64_t bytes)
{
	pthread_mutex_lock(&r->lock);
	r->files++;
	r->full_row = 0;
	r->bytes += bytes;
	pthread_mutex_unlock(&r->lock);
}

void report_same(struct report *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->earlier)
		r->earlier--;
	else
		r->same++;
	pthread_mutex_unlock(&r->lock);
}

void report_again(struct report *r)
{
	r->ended = 0;
	r->same = r->skipped = 0;
	r->earlier = r->files;
	r->failed = r->changed = r->no_space = r->busy = r->full_row = 0;
	r->last = ST_OK;
}

enum status status_job(const struct report *r)
{
	uint64_t ended = r->ended | (r->busy ? UINT64_C(1) << ST_BUSY : 0);

	for (size_t i = 0; i < sizeof precedence; i++)
		if (ended & UINT64_C(1) << precedence[i])
			return precedence[i];
	if (!r->failed)
		return ST_OK;
	if (r->one_file)
		return r->last;
	if (r->changed == r->failed)
		return ST_CHANGED;
	return r->no_space ? ST_NO_SPACE : ST_PARTIAL;
}
