/* run.c - see run.h */
#include "zcp/run.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcp/arguments.h"
#include "zcp/attempt.h"
#include "zcp/confine.h"
#include "zcp/download/download.h"
#include "zcp/events/event.h"
#include "zcp/failed_place.h"
#include "zcp/host/connect.h"
#include "zcp/joblog.h"
#include "zcp/local/run.h"
#include "zcp/select/names.h"
#include "zcp/show.h"
#include "zcp/summary.h"
#include "zcp/upload/upload.h"

/* The one source is what the names are below: of it, only they are copied. */
static enum status begin_names(struct job *j, struct target *t)
{
	if (!j->opt->files_from)
		return ST_OK;
	if (j->opt->hard_links && !j->upload) {
		log_error("-H: with --files-from on the way up only: the host is asked for each name, and does not say which are of one file");
		return report_end(&j->report, ST_USAGE);
	}
	t[0].contents = true;
	enum status st = names_open(&j->names, j->opt);
	return st == ST_OK ? st : report_end(&j->report, st);
}

/* Another attempt reads the list from its start. */
static bool again(struct job *j)
{
	if (!attempt_again(j))
		return false;
	int r = j->names ? names_again(j->names) : 0;
	if (r < 0)
		names_broken(j, r);
	return r == 0;
}

/* --- the two directions ------------------------------------------------------------------------------------------------ */

/* By threads that are confined. */
static void watch(struct job *j)
{
	rate_watch(&j->rate);
	tell_watch(j);
}

/* A signal that came while a line was being written has ended nothing yet. */
static enum status begin_try(struct job *j)
{
	j->tries++;
	tell_prepare(j);
	return job_stopped(j) ? report_end(&j->report, job_stopped_by(j)) : connect_job(j);
}

/* Its name goes without saying. */
static bool one_directory(const struct job *j, const struct plan *p)
{
	return j->opt->count == 2 && p->count == 1 && p->v[0].meta.type == 'd';
}

static enum status try_download(struct job *j, struct target *t, int n, struct destination *d)
{
	struct plan p = { 0 };
	enum status st = begin_try(j);

	if (st == ST_OK)
		confine_download(j, d);
	if (st == ST_OK)
		watch(j);
	if (st == ST_OK)
		st = plan_download(j, t, n, d, &p);
	j->failed_to.below = one_directory(j, &p);
	if (st == ST_OK && p.count)
		download_run(j, &p, d);
	plan_clear(&p);
	return status_job(&j->report);
}

static void download(struct job *j, struct target *t, int n)
{
	struct destination d;
	enum status        st = destination_look(j, &t[n], n, &d);

	j->poured = d.pour;
	if (d.pour)
		j->extras = 0;                  /* a pipe or a device is not the file that comes */
	j->stdout_poured = d.is_stdout;
	if (st == ST_OK && d.pour)
		st = connect_check_engines(j, CARRY_SEALED);
	while (st == ST_OK) {
		try_download(j, t, n, &d);
		if (!again(j))
			break;
	}
	destination_clear(&d);
}

static void try_upload(struct job *j, struct target *t, int n, struct plan *p)
{
	enum status st = begin_try(j);

	if (st == ST_OK)
		confine_upload(j, p);
	if (st == ST_OK)
		watch(j);
	if (st == ST_OK)
		st = plan_upload_to(j, &t[n], n, p);
	if (st == ST_OK && p->count)
		upload_run(j, p);
}

static void upload(struct job *j, struct target *t, int n)
{
	struct plan p;
	enum status st = plan_upload(j, t, n, &p);
	bool        more = st == ST_OK && p.count;

	j->failed_to.below = one_directory(j, &p);

	while (more) {
		try_upload(j, t, n, &p);
		more = again(j);
	}
	plan_clear(&p);
}

/* --- on this machine ---------------------------------------------------------------------------------------------------- */

static enum status check_pour(struct job *j, const struct destination *d)
{
	const struct copier *only = j->opt->copier;

	if (!d->pour || !only || only == copier_by_name("readwrite"))
		return ST_OK;
	log_error("--engine=%s copies from file to file, and %s is none: leave --engine away, or use readwrite", only->name, d->shown);
	return report_end(&j->report, ST_CANNOT);
}

static void copy_here(struct job *j, struct target *t, int n)
{
	struct destination d;
	struct plan        p = { 0 };
	enum status        st = destination_look(j, &t[n], n, &d);

	j->tries = 1;
	j->lead.loopback = true;                /* files are compared by device and inode */
	j->poured = d.pour;
	if (d.pour)
		j->extras = 0;                  /* a pipe or a device is not the file that comes */
	j->stdout_poured = d.is_stdout;
	if (st == ST_OK)
		st = check_pour(j, &d);
	if (st == ST_OK)
		st = plan_upload(j, t, n, &p);
	if (st == ST_OK)
		st = plan_names(j, &d, &p);
	j->failed_to.below = one_directory(j, &p);
	if (st == ST_OK && p.count && !d.pour)
		j->watch(0, WATCH_FILES);
	if (st == ST_OK) {
		confine_local(j, &p, &d);
		watch(j);
	}
	if (st == ST_OK && p.count)
		local_run(j, &p, &d);
	plan_clear(&p);
	destination_clear(&d);
}

/* What can be known before connecting: a forced engine and --encrypt, or --plaintext. */
static enum status check_early(struct job *j)
{
	const struct options *o = j->opt;

	if (o->wish == WISH_SEALED)
		return connect_check_engines(j, CARRY_SEALED);
	return o->wish == WISH_PLAIN ? connect_check_engines(j, CARRY_RAW) : ST_OK;
}

/* What FILE says at the start; what it says later is said by who watches it. */
static void say_rate(struct job *j)
{
	char     size[16];
	uint64_t rate = j->opt->rate_file ? throttle_rate(rate_throttle(&j->rate)) : 0;

	if (rate)
		log_info("--bwlimit=@%s: %s/s at first", j->rate.shown, num_size(rate, size));
	else if (j->opt->rate_file)
		log_info("--bwlimit=@%s: no limit at first", j->rate.shown);
}

static enum status open_failed_to(struct job *j, const struct target *t, int n)
{
	const char *file = j->opt->failed_to;
	enum status st = failed_place_check(j, t, n);
	int         r = file && st == ST_OK ? failed_to_open(&j->failed_to, file) : 0;
	char        seen[300], words[200];

	if (r == 0)
		return st;
	log_error("--failed-to=%s: %s", vis_str(seen, sizeof seen, file), fail_words(fail_errno(r), words, sizeof words));
	return report_end(&j->report, ST_USAGE);
}

/* --- --list ------------------------------------------------------------------------------------------------------------ */

static void list(struct job *j, struct target *t, int n)
{
	const struct destination nowhere = { .base = -1, .given = -1 };
	bool                     more = true;

	tzset();                                /* what it reads it may not read when it is confined */
	while (more) {
		enum status st = begin_try(j);
		if (st == ST_OK)
			confine_download(j, &nowhere);
		if (st == ST_OK)
			tell_watch(j);
		if (st == ST_OK)
			show_run(j, t, n);
		more = j->report.listed == 0 && attempt_again(j);
	}
}

enum status run_list(struct job *j)
{
	int            n = j->opt->count;
	struct target *t = calloc((size_t)n, sizeof *t);
	enum status    st = t ? arguments_take(j, t, n) : report_end(&j->report, ST_FILE_IO);

	if (st == ST_OK)
		tell_start(j);
	if (st == ST_OK && job_stopped(j))
		st = report_end(&j->report, job_stopped_by(j));
	if (st == ST_OK)
		list(j, t, n);
	connect_bye(&j->lead);
	job_say_rest(j);
	for (int i = 0; t && i < n; i++)
		target_clear(&t[i]);
	free(t);
	return status_job(&j->report);
}

/* --- a copy ------------------------------------------------------------------------------------------------------------ */

enum status run_copy(struct job *j)
{
	int            n = j->opt->count;
	struct target *t = calloc((size_t)n, sizeof *t);
	enum status    st;

	if (!t)
		return report_end(&j->report, ST_FILE_IO);
	st = arguments_take(j, t, n);
	if (st == ST_OK)
		st = check_early(j);
	if (st == ST_OK)
		st = summary_check(j);
	if (st == ST_OK)
		tell_start(j);
	if (st == ST_OK && job_stopped(j))
		st = report_end(&j->report, job_stopped_by(j));
	if (st == ST_OK)
		st = begin_names(j, t);
	if (st == ST_OK)
		st = open_failed_to(j, t, n);
	if (st == ST_OK && job_find_extras(j) < 0)
		st = report_end(&j->report, ST_FILE_IO);
	if (st == ST_OK && rate_begin(&j->rate, j->opt) != ST_OK)
		st = report_end(&j->report, ST_USAGE);
	if (st == ST_OK) {
		say_rate(j);
		if (!j->local)
			joblog_open(&j->log, j);
	}
	progress_init(&j->progress, !j->opt->quiet, j->opt->progress);
	if (j->opt->json && !j->opt->quiet)
		progress_hear(&j->progress, tell_progress, j);
	j->report.again = j->opt->retries > 0;
	if (st == ST_OK && j->local)
		copy_here(j, t, n - 1);
	else if (st == ST_OK && j->upload)
		upload(j, t, n - 1);
	else if (st == ST_OK)
		download(j, t, n - 1);
	connect_bye(&j->lead);
	worker_settle(&j->lead);
	progress_clear(&j->progress);
	event_end(j);
	report_say_rest(&j->report);
	report_unwritten(&j->report, failed_to_end(&j->failed_to));
	job_say_rest(j);
	/* what another run may mend is not to be copied again then; nor is DST to mean something else */
	joblog_end(j->log, j->report.ended || j->report.busy || j->report.no_space || j->report.changed);
	j->log = NULL;
	rate_end(&j->rate);
	names_end(j->names);
	j->names = NULL;
	if (j->host_seen || j->local)
		rules_say_unused(&j->opt->rules);
	summary_say(j);
	for (int i = 0; i < n; i++)
		target_clear(&t[i]);
	free(t);
	return status_job(&j->report);
}
