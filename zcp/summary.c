/* summary.c - see summary.h */
#include "zcp/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"
#include "common/standard.h"

struct ending {
	const struct job *job;
	uint64_t          ms, rate;
	unsigned          streams;
	struct limited    limited;
};

static struct ending ending_of(const struct job *j)
{
	struct ending e = { .job = j, .ms = progress_clock_ms() - j->progress.start_ms, .streams = j->streams ? j->streams : 1 };

	e.rate = e.ms ? (uint64_t)((double)j->progress.moved * 1000 / (double)e.ms) : j->progress.moved;
	e.limited = limited_by(&j->lead.spent, j->upload, e.ms);
	return e;
}

static bool unchecked(const struct job *j)
{
	return j->lead.stream.carry == CARRY_RAW && j->lead.stream.integrity == INTEGRITY_NONE;
}

/* --- the line ------------------------------------------------------------------------------------------------------- */

static void say_line(const struct ending *e)
{
	const struct job *j = e->job;
	char              bytes[16], rate[16], limit[100];

	num_size(j->progress.moved, bytes);
	num_size(e->rate, rate);
	/* a warning only by its level: -q takes it away, no -v is needed for it */
	if (j->local)
		log_said(LOG_LEVEL_WARN, "%" PRIu64 " file%s, %s in %" PRIu64 ".%03" PRIu64 " s, %s/s", j->report.files, j->report.files == 1 ? "" : "s", bytes, e->ms / 1000, e->ms % 1000, rate);
	else
		log_said(LOG_LEVEL_WARN, "%" PRIu64 " file%s, %s in %" PRIu64 ".%03" PRIu64 " s, %s/s over %u stream%s%s; limited by: %s", j->report.files, j->report.files == 1 ? "" : "s", bytes,
		         e->ms / 1000, e->ms % 1000, rate, e->streams, e->streams == 1 ? "" : "s", unchecked(j) ? ", not verified" : "",
		         limited_words(&e->limited, limit));
}

/* --- the block ------------------------------------------------------------------------------------------------------ */

enum { BLOCK = 4096 };
struct block { char text[BLOCK]; size_t used; };

static void add(struct block *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct block *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(b->text + b->used, BLOCK - b->used, fmt, ap);
	va_end(ap);
	b->used += n < 0 ? 0 : (size_t)n < BLOCK - b->used ? (size_t)n : BLOCK - b->used - 1;
}

static void number(struct block *b, const char *name, uint64_t n)
{
	add(b, "%s: %" PRIu64 "\n", name, n);
}

static void add_counts(struct block *b, const struct report *r)
{
	number(b, "Files copied", r->files);
	number(b, "Files already the same", r->same);
	number(b, "Attributes changed", r->changed_meta);
	number(b, "Files left as they are", r->left);
	number(b, "Links made", r->links);
	number(b, "Directories made", r->dirs);
	number(b, "Removed", r->removed);
	number(b, "Left out", r->skipped);
	number(b, "Failed", r->failed);
}

static void add_way(struct block *b, const struct ending *e)
{
	const struct job    *j = e->job;
	const struct worker *w = &j->lead;
	const struct suite  *suite = w->stream.tx.suite;
	bool                 raw = w->carried & 1u << CARRY_RAW, sealed = w->carried & 1u << CARRY_SEALED || w->inlined;
	char                 names[80];

	number(b, "Streams", e->streams);
	add(b, "Contents: %s\n", raw && sealed ? "plaintext and encrypted" : raw ? "plaintext" : sealed ? "encrypted" : "none");
	add(b, "Verified: %s\n", unchecked(j) ? "no" : "yes");
	add(b, "Cipher: %s\n", suite ? suite->name : "none");
	add(b, "Sending engines: %s\n", *job_engines(j, w->senders, names, sizeof names) ? names : "none");
	add(b, "Receiving engines: %s\n", *job_engines(j, w->receivers, names, sizeof names) ? names : "none");
	number(b, "Small files inside records", w->inlined);
}

static void add_limits(struct block *b, const struct ending *e)
{
	static const char *const names[LIMITS] = {
		[LIMIT_SENDER_DISK] = "Sender disk", [LIMIT_SENDER_CIPHER] = "Sender cipher", [LIMIT_RECEIVER_DISK] = "Receiver disk",
		[LIMIT_RECEIVER_CIPHER] = "Receiver cipher", [LIMIT_NETWORK] = "Network", [LIMIT_RATE] = "Rate asked for", [LIMIT_HOST_RATE] = "Host's rate",
	};
	const struct spent *s = &e->job->lead.spent;
	char                words[100];

	add(b, "Round trip: %u.%03u ms\n", s->round_trip_us / 1000, s->round_trip_us % 1000);
	number(b, "Segments sent", s->segments);
	number(b, "Segments sent again", s->again);
	add(b, "Limited by: %s\n", limited_words(&e->limited, words));
	for (enum limit i = LIMIT_SENDER_DISK; i < LIMITS; i++) {
		if (e->limited.known[i])
			add(b, "%s: %u %%\n", names[i], e->limited.share[i]);
		else
			add(b, "%s: not known\n", names[i]);
	}
}

static void put_block(struct job *j, const struct ending *e)
{
	struct block b = { .used = 0 };
	char         names[80];

	add_counts(&b, &j->report);
	number(&b, "Total size", j->progress.is.bytes_all);
	number(&b, "Bytes moved", j->progress.moved);
	if (!j->local) {
		number(&b, "Bytes sent", j->lead.spent.out);
		number(&b, "Bytes received", j->lead.spent.in);
	}
	add(&b, "Elapsed seconds: %" PRIu64 ".%03" PRIu64 "\n", e->ms / 1000, e->ms % 1000);
	number(&b, "Bytes per second", e->rate);
	if (j->local) {
		add(&b, "Engines: %s\n", *job_engines(j, j->lead.senders, names, sizeof names) ? names : "none");
	} else {
		add_way(&b, e);
		add_limits(&b, e);
	}
	/* standard output is the contents', a program's, or a list's */
	bool    taken = j->stdout_poured || j->opt->json || (j->opt->failed_to && strcmp(j->opt->failed_to, "-") == 0);
	ssize_t r = io_write_full(taken ? STDERR_FILENO : STDOUT_FILENO, b.text, b.used);
	if (r < 0) {
		char words[400];
		log_error("cannot write to standard output: %s", fail_words(fail_errno((int)-r), words, sizeof words));
		report_end(&j->report, ST_FILE_IO);
	}
}

/* -------------------------------------------------------------------------------------------------------------------- */

enum status summary_check(struct job *j)
{
	if (!j->opt->stats || !standard_closed(STDOUT_FILENO))
		return ST_OK;
	log_error("--stats: standard output is closed");
	return report_end(&j->report, ST_FILE_IO);
}

void summary_say(struct job *j)
{
	bool          something = (j->report.files || j->report.bytes || j->report.same) && !job_stopped(j);
	bool          drawn = something && j->progress.on && j->progress.terminal;
	struct ending e;

	e = ending_of(j);
	if (something)
		progress_end(&j->progress);
	progress_clear(&j->progress);
	job_say_how(j);
	if (!j->local && !j->lead.welcome && !j->report.files && !j->progress.moved)
		return;
	if (drawn || j->opt->verbose || j->opt->stats)
		say_line(&e);
	if (j->opt->stats)
		put_block(j, &e);
}
