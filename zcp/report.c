/* report.c - see report.h */
#include "zcp/report.h"

#include <stddef.h>
#include <stdio.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/job.h"

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
	char line[80];

	if (!r->unnamed)
		return;
	snprintf(line, sizeof line, "%llu more file%s: no space left", (unsigned long long)r->unnamed, r->unnamed == 1 ? "" : "s");
	log_said(LOG_LEVEL_ERROR, "%s", line);
	if (r->job)
		tell_end(r->job, LOG_LEVEL_ERROR, ST_NO_SPACE, line, false);
	r->unnamed = 0;
}

static void say(enum log_level level, const struct failing *x, const char *words)
{
	const char *host = x->host;
	char        name[2048];

	vis_str(name, sizeof name, x->path);
	log_said(level, "%s%s%s: %s", host ? host : "", host ? ":" : "", *name || host ? name : ".", words);
}

void report_fail(struct report *r, const struct failing *x)
{
	bool           again = r->again && x->why.status == ST_BUSY;
	enum log_level level = again ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR;
	char           words[400];

	fail_words(x->why, words, sizeof words);
	if (x->why.status != ST_NO_SPACE || name_full(r))
		say(level, x, words);
	if (r->job) {
		tell_failure(r->job, level, x, words, again);
		report_unwritten(r, failed_to_add(&r->job->failed_to, x->source, x->rest));
	}
	report_count(r, x->why);
}

void report_unwritten(struct report *r, int minus_errno)
{
	char line[600], seen[300], words[200];

	if (!minus_errno)
		return;
	snprintf(line, sizeof line, "--failed-to=%s: %s: names are missing in it", vis_str(seen, sizeof seen, r->job->opt->failed_to),
	         fail_words((struct fail){ ST_FILE_IO, WHY_ERRNO, (uint16_t)-minus_errno }, words, sizeof words));
	log_said(LOG_LEVEL_ERROR, "%s", line);
	tell_end(r->job, LOG_LEVEL_ERROR, ST_FILE_IO, line, false);
	pthread_mutex_lock(&r->lock);
	r->unwritten = true;
	pthread_mutex_unlock(&r->lock);
}

void report_skip(struct report *r, const struct failing *x)
{
	char reason[400], words[420];

	snprintf(words, sizeof words, "left out: %s", fail_words(x->why, reason, sizeof reason));
	say(LOG_LEVEL_WARN, x, words);
	if (r->job)
		tell_failure(r->job, LOG_LEVEL_WARN, x, words, false);
	pthread_mutex_lock(&r->lock);
	r->skipped++;
	pthread_mutex_unlock(&r->lock);
}

enum status report_end(struct report *r, enum status st)
{
	pthread_mutex_lock(&r->lock);
	r->ended |= UINT64_C(1) << ((unsigned)st & 63);
	pthread_mutex_unlock(&r->lock);
	if (r->job)
		tell_ended(r->job, st);
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

void report_same(struct report *r, uint64_t bytes)
{
	pthread_mutex_lock(&r->lock);
	if (r->own) {
		r->own--;
	} else {
		r->same++;
		r->same_bytes += bytes;
	}
	pthread_mutex_unlock(&r->lock);
}

static void count(struct report *r, uint64_t *n)
{
	pthread_mutex_lock(&r->lock);
	++*n;
	pthread_mutex_unlock(&r->lock);
}

void report_left(struct report *r)
{
	count(r, &r->left);
}

void report_meta(struct report *r)
{
	count(r, &r->changed_meta);
}

void report_removed(struct report *r)
{
	count(r, &r->removed);
}

void report_lasts(struct report *r)
{
	r->lasting = (struct report_failed){ r->failed, r->changed, r->no_space, r->busy, r->last };
	if (r->job)
		failed_to_lasts(&r->job->failed_to);
}

void report_again(struct report *r)
{
	const struct report_failed *l = &r->lasting;

	r->ended = r->full_row = r->same = r->same_bytes = r->left = 0;
	r->own = r->files + r->changed_meta;
	r->failed = l->failed;
	r->changed = l->changed;
	r->no_space = l->no_space;
	r->busy = l->busy;
	r->last = l->last;
	if (r->job)
		report_unwritten(r, failed_to_again(&r->job->failed_to));
}

static enum status of_files(const struct report *r)
{
	if (!r->failed)
		return ST_OK;
	if (r->one_file)
		return r->last;
	if (r->changed == r->failed)
		return ST_CHANGED;
	return r->no_space ? ST_NO_SPACE : ST_PARTIAL;
}

enum status status_job(const struct report *r)
{
	uint64_t ended = r->ended | (r->busy ? UINT64_C(1) << ST_BUSY : 0);

	for (size_t i = 0; i < sizeof precedence; i++)
		if (ended & UINT64_C(1) << precedence[i])
			return precedence[i];
	enum status st = of_files(r);
	return r->unwritten && (st == ST_OK || st == ST_CHANGED || st == ST_PARTIAL) ? ST_FILE_IO : st;
}
