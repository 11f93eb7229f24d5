/* job.c - see job.h */
#include "zcp/job.h"

#include <errno.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/engine/engine.h"
#include "common/log.h"
#include "zcp/attempt.h"
#include "zcp/joblog.h"

void job_init(struct job *j, const struct options *opt, volatile sig_atomic_t *stop, void (*watch)(unsigned, int), void (*halt)(void))
{
	cpu_set_t set;

	*j = (struct job){ .opt = opt, .stop = stop, .watch = watch, .halt = halt, .progress = { .start_ms = progress_clock_ms() }, .rate = { .from = -1, .stop = -1 } };
	j->cores = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
	worker_init(&j->lead, j, 0);
	tell_init(j);
	failed_to_init(&j->failed_to);
	j->report.job = j;
}

void job_clear(struct job *j)
{
	worker_clear(&j->lead);
	tell_clear(j);
	keys_wipe(&j->own);
	owners_clear(&j->owners);
	free(j->host);
	j->host = NULL;
}

/* On one machine a number is the same owner's on both sides, whatever its name. */
static bool by_number(const struct job *j)
{
	return j->opt->numeric_ids || j->local;
}

int job_find_extras(struct job *j)
{
	const struct options *o = j->opt;

	j->extras = (o->xattrs ? EXTRAS_XATTRS : 0) | (o->acls ? EXTRAS_ACLS : 0);
	if (!j->upload && o->keep_owners && geteuid() == 0)
		j->extras |= EXTRAS_OWNER;
	return j->extras & EXTRAS_OWNER && !by_number(j) ? owners_load(&j->owners) : 0;
}

bool job_keeps_modes(const struct job *j)
{
	return j->opt->keep_meta || j->opt->acls;
}

struct extras *job_to_set(const struct job *j, struct wire_str ext, struct extras *e)
{
	*e = (struct extras){ .kinds = j->extras, .ext = ext, .owners = by_number(j) ? NULL : &j->owners };
	return e->kinds ? e : NULL;
}

void job_fail_missed(struct job *j, struct failing *x, unsigned missed)
{
	static const struct { unsigned kind; enum why why; } said[] = {
		{ EXTRAS_OWNER, WHY_OWNER }, { EXTRAS_XATTRS, WHY_XATTRS }, { EXTRAS_ACLS, WHY_ACLS },
	};

	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		x->why = fail_why(ST_PARTIAL, said[i].why);
		if (missed & said[i].kind)
			report_fail(&j->report, x);
	}
}

void job_drop_secret(struct job *j, unsigned streams)
{
	if (streams > 1 || j->attempts < j->opt->retries)
		return;
	sodium_memzero(j->own.sk, sizeof j->own.sk);
	log_debug("%s: no further stream will be opened: the identity's secret is gone from memory", j->where);
}

bool job_stopped(const struct job *j)
{
	return *j->stop != 0 || j->halted;
}

enum status job_stopped_by(const struct job *j)
{
	return *j->stop ? ST_INTERRUPTED : ST_FILE_IO;
}

void job_say(struct job *j, enum status st, const char *line)
{
	bool           again = attempt_follows(j, st);
	enum log_level level = again ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR;

	log_said(level, "%s", line);
	tell_end(j, level, st, line, again);
}

int job_broken(struct job *j, int r)
{
	char line[600];

	j->lead.astray = true;
	if (j->report.ended)
		return r;
	if (job_stopped(j)) {
		report_end(&j->report, job_stopped_by(j));      /* said at the end: job_say_rest() */
		return r;
	}
	snprintf(line, sizeof line, "%s: %s", j->where, stream_words(r));
	job_say(j, status_of_stream(r), line);
	report_end(&j->report, status_of_stream(r));
	return r;
}

/* Is there something that the same command goes on from? A log without a name is gone with this process. */
static bool goes_on(const struct job *j)
{
	return j->kept || (joblog_keeps(j->log) && (j->report.files || joblog_resumes(j->log)));
}

void job_say_rest(const struct job *j)
{
	enum status st = status_job(&j->report);
	bool        on = goes_on(j);

	if (st == ST_INTERRUPTED)
		log_error("interrupted%s", on ? ": the same command goes on from here" : j->host_seen || j->local ? ": files that were not complete have been removed" : "");
	else if (on && (st == ST_CONNECTION || st == ST_STALLED || j->halted))
		log_warn("%s: the same command goes on from here", j->where);
}

int job_refused(struct job *j, struct fail f)
{
	char words[400];

	j->lead.astray = true;
	log_error("%s: refused: %s", j->where, fail_words(f, words, sizeof words));
	report_end(&j->report, ST_REFUSED);
	return -ECANCELED;
}

int job_get(struct job *j, struct record *rec)
{
	int r = stream_get(&j->lead.stream, rec);

	return r < 0 ? job_broken(j, r) : 0;
}

const char *job_engine_name(const struct job *j, unsigned id)
{
	const struct engine *e = j->local || id >= ENGINE_IDS ? NULL : engine_by_id((uint8_t)id);
	const struct copier *c = j->local && id < COPIER_IDS ? copier_by_id((uint8_t)id) : NULL;

	return e ? e->name : c ? c->name : NULL;
}

const char *job_engines(const struct job *j, unsigned set, char *buf, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned id = 1; id < 8 * sizeof set; id++) {
		const char *name = set & 1u << id ? job_engine_name(j, id) : NULL;
		if (name && at < len)
			at += (size_t)snprintf(buf + at, len - at, "%s%s", at ? "+" : "", name);
	}
	return buf;
}

/* carry_words() is "plaintext: reason" or "encrypted: reason": what moved the bytes stands between the two. */
void job_say_how(const struct job *j)
{
	char        by[80] = "", to[80] = "", how[400];
	bool        some = j->lead.carried & 1u << CARRY_SEALED, all = some && !(j->lead.carried & 1u << CARRY_RAW);
	enum carry  carry = j->poured || all ? CARRY_SEALED : j->lead.stream.carry;
	const char *words = carry_words(carry, carry == j->lead.stream.carry ? j->lead.reason : j->poured ? BECAUSE_POURED : BECAUSE_DAEMON_SEALS);
	const char *reason = strstr(words, ": ");
	const char *suite = j->lead.stream.tx.suite ? j->lead.stream.tx.suite->name : "?";
	bool        raw = carry == CARRY_RAW, tags = j->lead.stream.integrity == INTEGRITY_MAC;
	size_t      n = reason ? (size_t)(reason - words) : strlen(words);

	job_engines(j, j->lead.senders, by, sizeof by);
	job_engines(j, j->lead.receivers, to, sizeof to);
	if (j->local && *by)
		log_info("on this machine, by engine %s", by);
	if (!j->lead.welcome)
		return;
	int at = snprintf(how, sizeof how, "%.*s%s%s", (int)n, words, !raw ? " with suite " : tags ? ", records and tags by suite " : ", records by suite ", suite);
	if (*by)
		at += snprintf(how + at, sizeof how - (size_t)at, ", sent by engine %s", by);
	if (*to)
		at += snprintf(how + at, sizeof how - (size_t)at, ", received by %s", to);
	if (j->lead.inlined)
		at += snprintf(how + at, sizeof how - (size_t)at, ", %llu small file%s inside sealed records",
		               (unsigned long long)j->lead.inlined, j->lead.inlined == 1 ? "" : "s");
	if (raw && some)
		snprintf(how + at, sizeof how - (size_t)at, ", what lies where zcpd does not allow plaintext encrypted");
	log_info("%s: %s%s", j->where, how, reason ? reason : "");
}
