/* attempt.c - see attempt.h */
#include "zcp/attempt.h"

#include <sodium.h>
#include <time.h>
#include "common/log.h"
#include "zcp/host/connect.h"
#include "zcp/joblog.h"

enum { WAIT_SLICE_MS = 500 };

uint64_t attempt_backoff_ms(unsigned n, uint32_t chance)
{
	unsigned s = n > 6 ? BACKOFF_MOST_S : 1u << (n ? n - 1 : 0);

	if (s > BACKOFF_MOST_S)
		s = BACKOFF_MOST_S;
	return (uint64_t)s * 1000 + (uint64_t)s * 250 * chance / UINT32_MAX;
}

static bool retryable(enum status st)
{
	return st == ST_CONNECTION || st == ST_STALLED || st == ST_CONNECT_TIMEOUT || st == ST_BUSY;
}

/* A signal ends it, and so does a reader of what is told that goes away: soon. */
static void wait_ms(const struct job *j, uint64_t ms)
{
	uint64_t end = progress_clock_ms() + ms, now;

	while (!job_stopped(j) && (now = progress_clock_ms()) < end) {
		uint64_t        left = end - now < WAIT_SLICE_MS ? end - now : WAIT_SLICE_MS;
		struct timespec ts = { 0, (long)left * 1000000 };
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
}

static void begin_anew(struct job *j)
{
	struct worker counted = j->lead;

	worker_clear(&j->lead);
	worker_init(&j->lead, j, 0);
	worker_count(&j->lead, &counted);
	report_again(&j->report);
	j->report.again = j->attempts < j->opt->retries;
	joblog_reload(j->log);
	progress_again(&j->progress);
}

static bool free_attempt(const struct job *j)
{
	return j->carried_on && j->free_attempts < TAKEN_OVER;
}

bool attempt_follows(const struct job *j, enum status st)
{
	/* what has been poured cannot be poured again */
	if (!retryable(st) || job_stopped(j) || j->left_alone || j->no_address || (j->poured && j->progress.moved))
		return false;
	return free_attempt(j) || j->attempts < j->opt->retries;
}

bool attempt_again(struct job *j)
{
	enum status st = status_job(&j->report);
	uint64_t    ms;

	if (!attempt_follows(j, st))
		return false;
	bool free = free_attempt(j);
	connect_bye(&j->lead);                  /* it may be well: 46 of a file */
	worker_settle(&j->lead);                /* waiting is none of its life */
	if (free) {
		j->free_attempts++;
		log_warn("%s: the first stream was lost: connecting again", j->where);
	} else {
		ms = attempt_backoff_ms(++j->attempts, randombytes_random());
		log_warn("%s: trying again in %llu.%llu s (%u of %u)", j->where, (unsigned long long)ms / 1000, (unsigned long long)ms / 100 % 10, j->attempts,
		         j->opt->retries);
		wait_ms(j, ms);
	}
	if (job_stopped(j)) {
		report_end(&j->report, job_stopped_by(j));
		return false;
	}
	j->carried_on = false;
	begin_anew(j);
	return true;
}
