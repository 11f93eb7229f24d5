/* bench.c - see bench.h: the run */
#include "zcp/bench/bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/net.h"
#include "common/standard.h"
#include "common/vis.h"
#include "zcp/bench/daemon.h"
#include "zcp/bench/machine.h"
#include "zcp/bench/plot.h"
#include "zcp/bench/rows.h"
#include "zcp/bench/table.h"
#include "zcp/bench/trials.h"
#include "zcp/cli/target.h"

enum { LEAST_SIZE = 1 << 20 };
static const double COLD = 0.02;        /* so much of a file may stay cached, and it is cold */

struct bench {
	struct job         *job;
	bool                here;               /* a daemon of its own, and a file of its own */
	struct workdir        place;
	struct bench_daemon daemon;
	struct options      opt;                /* the cells' base: borrowed of the job's, but for what this run sets */
	char                source[64];         /* where the file is, here */
	struct cell_place   at;
	struct line        *lines;
	struct bench_row   *rows;
	size_t              count;
	struct bench_table  table;
	struct claims_seen  seen;
	struct bench_claim  claims[CLAIMS_MAX];
};

static bool stopped(const struct bench *b)
{
	return job_stopped(b->job);
}

/* --- what is measured on -------------------------------------------------------------------------------------------------- */

/* The first two cores this process may use: the sender's and the receiver's. */
static unsigned two_cores(int core[2])
{
	cpu_set_t set;
	unsigned  n = 0;

	core[0] = core[1] = NO_CORE;
	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET((size_t)i, &set) && n++ < 2)
			core[n - 1] = i;
	if (n < 2)
		core[0] = core[1] = NO_CORE;
	return n;
}

static void describe(struct bench *b)
{
	struct bench_machine *m = &b->table.machine;

	machine_fill(m, NULL, NULL);
	snprintf(m->fs_from, sizeof m->fs_from, "%s", b->here ? b->place.fs : "the host's");
	snprintf(m->fs_to, sizeof m->fs_to, "%s", b->place.fs);
}

/* --- the place, and who serves -------------------------------------------------------------------------------------------- */

/* Before there is anything: each row would say the same. At a host the first download finds it. */
static enum status check_cc(const char *cc)
{
	CLEAN_FD int sock = cc ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	char         words[200];

	if (sock < 0 || net_cc(sock, cc) == 0)
		return ST_OK;
	log_error("--cc=%s: %s", cc, fail_words(fail_why(ST_CANNOT, WHY_CC), words, sizeof words));
	return ST_CANNOT;
}

static enum status begin_here(struct bench *b, const char *dir)
{
	const struct options *o = b->job->opt;
	int                   core[2];
	enum status           st = check_cc(o->cc);

	if (st == ST_OK)
		st = workdir_make(&b->place, dir, o->bench_size, b->job->stop);
	if (st == ST_OK && o->cold && b->place.memory) {
		log_error("--bench: --cold: %s keeps files in memory only, nothing can be dropped: name a directory on a disk", b->place.fs);
		st = ST_CANNOT;
	}
	b->table.machine.cores = two_cores(core);
	b->table.machine.pinned = core[1] != NO_CORE;
	if (st == ST_OK)
		st = bench_daemon_start(&b->daemon, &b->place, core[0], b->job->stop);
	if (st != ST_OK)
		return st;
	snprintf(b->source, sizeof b->source, "127.0.0.1:file");
	static char none[] = "none";            /* nobody's settings */
	b->opt.config = none;
	b->opt.identity = b->daemon.identity;
	b->opt.port = b->daemon.port;
	b->opt.pinned = true;
	memcpy(b->opt.pin_key, b->daemon.host_key, KEY_BYTES);
	b->opt.pin_fingerprint[0] = '\0';
	b->opt.family = AF_UNSPEC;
	b->at = (struct cell_place){ .job = b->job, .opt = &b->opt, .source = b->source, .to = b->place.copy, .core = core[1], .quiet = true };
	b->table.size = o->bench_size;
	return ST_OK;
}

/* What a child that may speak has said is told to programs, too. */
static void pass_on(struct job *j, char *said)
{
	char *rest = NULL;

	for (char *line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		tell_line(j, *line == 'e' ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, line + 1);
}

/* Once, as a copy: a new host's key is asked about, and what is wrong is said, as a copy would. */
static enum status try_host(struct bench *b)
{
	const struct cell cell = { NULL, engine_by_id(ENGINE_NULL), true, false, NULL };
	struct cell_work  w = { &cell, &b->at };
	struct measured   m;

	b->at.quiet = false;
	int r = cell_run(&w, &m);
	b->at.quiet = true;
	if (r < 0)
		return stopped(b) ? ST_INTERRUPTED : ST_FILE_IO;
	pass_on(b->job, m.said);
	if (m.status != ST_OK)
		return m.status;
	if (m.bytes < LEAST_SIZE) {
		log_error("--bench: the file has %llu bytes: one of at least 1 MiB tells something", (unsigned long long)m.bytes);
		return ST_CANNOT;
	}
	if (!m.costs.there && !b->job->opt->quiet)
		log_warn("--bench: the zcpd there is older than this zcp, and does not say what it costs: its columns stay empty");
	b->table.size = m.bytes;
	return ST_OK;
}

static enum status begin_host(struct bench *b, char *source)
{
	int         core[2];
	enum status st;

	if (b->job->opt->cold || b->job->opt->size_given) {
		log_error("--bench: %s: the file at a host is as long, and as cached, as it is", b->job->opt->cold ? "--cold" : "--size");
		return ST_USAGE;
	}
	st = workdir_make(&b->place, ".", 0, b->job->stop);
	b->table.machine.cores = two_cores(core);
	b->at = (struct cell_place){ .job = b->job, .opt = &b->opt, .source = source, .to = b->place.copy, .core = NO_CORE };
	return st == ST_OK ? try_host(b) : st;
}

static enum status begin(struct bench *b)
{
	const struct options *o = b->job->opt;
	char                 *arg = o->count ? o->args[0] : NULL, why[600];
	struct target         t = { 0 };
	enum status           st = arg ? target_parse(arg, &t, why, sizeof why) : ST_OK;

	if (st != ST_OK)
		log_error("%s", why);
	b->here = !t.host;
	if (st == ST_OK && b->here)
		progress_words(&b->job->progress, "making the file that is moved");
	b->table.host = t.host;
	target_clear(&t);
	b->opt = *o;
	if (st == ST_OK)
		st = b->here ? begin_here(b, arg ? arg : ".") : begin_host(b, arg);
	return st;
}

/* --- the rounds ----------------------------------------------------------------------------------------------------------- */

static void refuse(struct bench_row *r, const char *why)
{
	snprintf(r->why, sizeof r->why, "%s", why[0] ? why : "it failed, and said nothing");
}

/* Out of the cache before it is sent; false: it stays there. */
static bool cool(const struct bench *b)
{
	double left = b->job->opt->cold ? workdir_drop(&b->place) : 0;

	return left >= 0 && left <= COLD;
}

/* What cannot be done this way is the row's; what ends a copy ends the run. */
static enum status take(struct bench *b, size_t i, const struct measured *m, bool counts)
{
	struct bench_row *r = &b->rows[i];

	if (m->status == ST_CANNOT) {
		refuse(r, m->why);
		return ST_OK;
	}
	if (m->status != ST_OK) {
		log_error("--bench: %s: %s", r->name, m->why);
		return m->status;
	}
	if (m->costs.cc[0])
		snprintf(b->table.machine.cc, sizeof b->table.machine.cc, "%s", m->costs.cc);
	if (m->costs.nic[0])
		snprintf(b->table.machine.nic, sizeof b->table.machine.nic, "%s", m->costs.nic);
	if (counts)
		rows_sample(&b->lines[i], m);
	return ST_OK;
}

static enum status measure(struct bench *b, size_t i, bool counts)
{
	struct line     *l = &b->lines[i];
	struct cell_work w = { &l->cell, &b->at };
	struct measured  m = { .status = ST_FILE_IO };

	if (b->rows[i].why[0])
		return ST_OK;
	b->rows[i].cold = b->job->opt->cold && (l->is_cell || l->base.file);
	if (b->rows[i].cold && !cool(b)) {
		log_error("--bench: --cold: the file stays in the page cache: something else uses it, or its file system does not let it go");
		return ST_CANNOT;
	}
	int r = l->is_cell ? cell_run(&w, &m) : baseline_run(&l->base, &b->place, b->table.size, b->at.core, &m, b->job->stop);
	if (r == -EINTR)
		return ST_INTERRUPTED;
	if (r < 0)
		snprintf(m.why, sizeof m.why, "its process ended before it had measured anything");
	return take(b, i, &m, counts);
}

static void show(struct bench *b, unsigned round, size_t row)
{
	char words[160];

	snprintf(words, sizeof words, "round %u of %u%s, row %zu of %zu: %s", round, b->table.rounds, round ? "" : " (does not count)",
	         row + 1, b->count, b->rows[row].name);
	progress_words(&b->job->progress, words);
}

static enum status rounds(struct bench *b)
{
	enum status st = ST_OK;

	for (unsigned round = 0; st == ST_OK && round <= b->table.rounds; round++)
		for (size_t i = 0; st == ST_OK && i < b->count; i++) {
			log_info("round %u of %u%s: %s", round, b->table.rounds, round ? "" : " (does not count)", b->rows[i].name);
			show(b, round, i);
			st = stopped(b) ? ST_INTERRUPTED : measure(b, i, round > 0);
		}
	return st;
}

static bool make_rows(struct bench *b)
{
	b->lines = calloc(LINES_MAX, sizeof *b->lines);
	b->rows = calloc(LINES_MAX, sizeof *b->rows);
	if (!b->lines || !b->rows)
		return false;
	b->count = rows_make(b->lines, b->rows, b->job->opt->suites, b->here);
	for (size_t i = 0; i < b->count; i++) {
		b->lines[i].samples = calloc(b->table.rounds, sizeof *b->lines[i].samples);
		if (!b->lines[i].samples)
			return false;
	}
	b->table.rows = b->rows;
	b->table.count = b->count;
	return true;
}

static enum status try_claims(struct bench *b)
{
	static const char not_here[] = "only with a file of its own: zcp --bench DIR";

	progress_words(&b->job->progress, "downloads at once, and past the page cache");
	if (!b->here) {
		snprintf(b->seen.many.why, sizeof b->seen.many.why, not_here);
		snprintf(b->seen.direct.why, sizeof b->seen.direct.why, not_here);
		return ST_OK;
	}
	return trials_run(&b->at, &b->place, &b->seen) < 0 ? ST_INTERRUPTED : ST_OK;
}

static enum status say(struct bench *b)
{
	struct job *j = b->job;

	progress_clear(&j->progress);           /* nothing of it stands where the table comes */
	for (size_t i = 0; i < b->count; i++)
		rows_sum_up(&b->lines[i], &b->rows[i], b->table.size);
	b->table.claims = b->claims;
	b->table.claim_count = claims_make(&b->table, &b->seen, b->claims);
	enum status st = j->opt->plot ? plot_write(&b->table, j->opt->plot) : ST_OK;
	if (j->opt->json) {
		table_tell(j, &b->table);
		return st;
	}
	table_head(stdout, &b->table);
	table_print(stdout, &b->table);
	if (fflush(stdout) == 0)
		return st;
	log_error("standard output cannot be written");
	return ST_FILE_IO;
}

static enum status all(struct bench *b)
{
	enum status st = b->job->opt->plot ? plot_check(b->job->opt->plot) : ST_OK;

	if (st == ST_OK && !b->job->opt->json && standard_closed(STDOUT_FILENO)) {
		log_error("--bench: standard output is closed");
		st = ST_FILE_IO;
	}
	if (st == ST_OK)
		st = begin(b);
	describe(b);
	if (st == ST_OK && !make_rows(b))
		st = ST_FILE_IO;
	if (st == ST_OK)
		st = rounds(b);
	if (st == ST_OK)
		st = try_claims(b);
	return st == ST_OK ? say(b) : st;
}

static void clear(struct bench *b)
{
	bench_daemon_stop(&b->daemon);
	workdir_clear(&b->place);
	for (size_t i = 0; b->lines && i < b->count; i++)
		free(b->lines[i].samples);
	free(b->lines);
	free(b->rows);
}

enum status bench_run(struct job *j)
{
	struct bench b = { .job = j, .place = { .fd = -1 }, .table = { .rounds = j->opt->rounds, .cold = j->opt->cold } };

	tell_start(j);
	/* -v has a line for each of them */
	progress_init(&j->progress, !j->opt->quiet && !j->opt->json && !j->opt->verbose, false);
	enum status st = all(&b);
	progress_clear(&j->progress);
	clear(&b);
	if (st == ST_INTERRUPTED)
		st = job_stopped_by(j);         /* or nobody takes what --json says */
	if (st != ST_OK)
		report_end(&j->report, st);
	if (st == ST_INTERRUPTED)
		log_error("interrupted: nothing was left behind");
	return status_job(&j->report);
}
