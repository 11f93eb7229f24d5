/* run.c - see run.h */
#include "zcp/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcp/attempt.h"
#include "zcp/confine.h"
#include "zcp/host/connect.h"
#include "zcp/download/download.h"
#include "zcp/home.h"
#include "zcp/joblog.h"
#include "zcp/host/known_hosts.h"
#include "zcp/summary.h"
#include "zcp/upload/upload.h"

/* --- arguments ------------------------------------------------------------------------------------------------------- */

static uint16_t port_of(const struct job *j, const struct target *t)
{
	return t->port ? t->port : j->opt->port ? j->opt->port : DEFAULT_PORT;
}

static enum status name_host(struct job *j, const struct target *t)
{
	char name[KNOWN_NAME];
	bool v6;

	if (!t->host)
		return report_end(&j->report, ST_USAGE);
	v6 = strchr(t->host, ':') != NULL;
	j->host = strdup(t->host);
	j->port = port_of(j, t);
	snprintf(name, sizeof name, "%s%.255s%s", v6 ? "[" : "", t->host, v6 ? "]" : "");
	vis_str(j->where_host, sizeof j->where_host, name);
	snprintf(j->where, sizeof j->where, "%.290s:%u", j->where_host, j->port);
	return j->host ? ST_OK : report_end(&j->report, ST_FILE_IO);
}

static enum status parse_all(struct job *j, struct target *t, int n)
{
	char why[600];
	bool user = false;

	for (int i = 0; i < n; i++) {
		enum status st = target_parse(j->opt->args[i], &t[i], why, sizeof why);
		if (st != ST_OK) {
			log_error("%s", why);
			return report_end(&j->report, st);
		}
		user |= t[i].user;
	}
	if (user)
		log_warn("user@ counts for nothing: your key decides who you are (zcp --public-key)");
	return ST_OK;
}

/* Sources on one side, DST on the other, one host. */
static enum status check_sides(struct job *j, const struct target *t, int n)
{
	const struct target *dst = &t[n - 1], *first = dst->host ? dst : &t[0];

	for (int i = 0; i < n - 1; i++) {
		if (t[i].host && dst->host) {
			log_error("zcp does not copy between two hosts: copy to here first, and from here then");
			return report_end(&j->report, ST_USAGE);
		}
		if (!t[i].host && !dst->host) {
			log_error("no host is named for '%s': one side is host:path; for copies on this machine there is cp", j->opt->args[i]);
			return report_end(&j->report, ST_USAGE);
		}
		if (t[i].host && (strcasecmp(t[i].host, first->host) != 0 || port_of(j, &t[i]) != port_of(j, first))) {
			log_error("the sources are on different hosts: copy from one after the other");
			return report_end(&j->report, ST_USAGE);
		}
	}
	j->upload = dst->host != NULL;
	return name_host(j, first);
}

/* --- the two directions ------------------------------------------------------------------------------------------------ */

static enum status try_download(struct job *j, struct target *t, int n, struct destination *d)
{
	struct plan p = { 0 };
	enum status st = connect_job(j);

	if (st == ST_OK)
		confine_download(j, d);
	if (st == ST_OK)
		rate_watch(&j->rate);
	if (st == ST_OK)
		st = plan_download(j, t, n, d, &p);
	if (st == ST_OK && p.count)
		download_run(j, &p, d);
	plan_clear(&p);
	return status_job(&j->report);
}

/* A pipe or a file that both DST and standard output lead to: what is said there would lie among the contents. */
static bool is_stdout(const struct stat *dst)
{
	struct stat out;

	return !S_ISCHR(dst->st_mode) && fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == dst->st_dev && out.st_ino == dst->st_ino;
}

static void download(struct job *j, struct target *t, int n)
{
	struct destination d;
	enum status        st = destination_look(j, &t[n], n, &d);

	j->poured = d.pour;
	j->stdout_poured = d.pour && is_stdout(&d.st);
	if (st == ST_OK && d.pour)
		st = connect_check_engines(j, CARRY_SEALED);
	while (st == ST_OK) {
		try_download(j, t, n, &d);
		if (!attempt_again(j))
			break;
	}
	destination_clear(&d);
}

static void try_upload(struct job *j, struct target *t, int n, struct plan *p)
{
	enum status st = connect_job(j);

	if (st == ST_OK)
		confine_upload(j, p);
	if (st == ST_OK)
		rate_watch(&j->rate);
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

	while (more) {
		try_upload(j, t, n, &p);
		more = attempt_again(j);
	}
	plan_clear(&p);
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

enum status run_copy(struct job *j)
{
	int            n = j->opt->count;
	struct target *t = calloc((size_t)n, sizeof *t);
	enum status    st;

	if (!t)
		return report_end(&j->report, ST_FILE_IO);
	st = parse_all(j, t, n);
	if (st == ST_OK)
		st = check_sides(j, t, n);
	if (st == ST_OK)
		st = check_early(j);
	if (st == ST_OK)
		st = summary_check(j);
	if (st == ST_OK && rate_begin(&j->rate, j->opt) != ST_OK)
		st = report_end(&j->report, ST_USAGE);
	if (st == ST_OK) {
		say_rate(j);
		joblog_open(&j->log, j);
	}
	progress_init(&j->progress, !j->opt->quiet, j->opt->progress);
	j->report.again = j->opt->retries > 0;
	if (st == ST_OK && j->upload)
		upload(j, t, n - 1);
	else if (st == ST_OK)
		download(j, t, n - 1);
	connect_bye(&j->lead);
	progress_clear(&j->progress);
	report_say_rest(&j->report);
	job_say_rest(j);
	/* what another run may mend is not to be copied again then; nor is DST to mean something else */
	joblog_end(j->log, j->report.ended || j->report.busy || j->report.no_space || j->report.changed);
	j->log = NULL;
	rate_end(&j->rate);
	summary_say(j);
	for (int i = 0; i < n; i++)
		target_clear(&t[i]);
	free(t);
	return status_job(&j->report);
}

/* --- keys -------------------------------------------------------------------------------------------------------------- */

/* The NAME of an authorized_keys line: who and where, without what would end a word. */
static void own_name(char out[static 160])
{
	const char *user = getenv("USER");
	char        host[80] = "";

	gethostname(host, sizeof host - 1);
	snprintf(out, 160, "%.70s%s%s", user && *user ? user : "zcp", *host ? "@" : "", host);
	for (char *p = out; *p; p++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-", *p))
			*p = '-';
}

enum status run_public_key(struct job *j)
{
	struct keypair pair;
	char           text[KEY_TEXT], print[KEY_FINGERPRINT], name[160];
	enum status    st = connect_identity(j, &pair, true);

	if (st != ST_OK)
		return st;
	keys_text(pair.pk, text);
	keys_fingerprint(pair.pk, print);
	keys_wipe(&pair);
	own_name(name);
	if (printf("%s %s\n", text, name) < 0 || fflush(stdout) != 0) {
		log_error("cannot write to standard output");
		return report_end(&j->report, ST_FILE_IO);
	}
	/* as zcpd's log names a key that has no name there */
	log_warn("its fingerprint, as zcpd's log has it: %s", print);
	return ST_OK;
}

/* NAME, NAME:PORT, [v6], [v6]:PORT, v6 */
static bool split_host(char *text, char **host, uint16_t *port)
{
	char    *colon = strrchr(text, ':'), *close = strchr(text, ']');
	uint64_t n = 0;

	*host = text;
	if (*text == '[') {
		if (!close || (close[1] && close[1] != ':'))
			return false;
		*host = text + 1;
		colon = close[1] ? close + 1 : NULL;
		*close = '\0';
	} else if (colon && strchr(text, ':') != colon) {
		colon = NULL;                   /* an address without brackets */
	}
	if (colon && num_parse(colon + 1, 1, 65535, &n) < 0)
		return false;
	if (colon)
		*colon = '\0';
	*port = (uint16_t)n;
	return **host != '\0';
}

enum status run_forget_host(struct job *j)
{
	char     file[HOME_PATH], why[KNOWN_WHY], seen[300], *host;
	char    *text = strdup(j->opt->forget_host);
	uint16_t port = 0;

	vis_str(seen, sizeof seen, j->opt->forget_host);
	if (!text || !split_host(text, &host, &port)) {
		free(text);
		log_error("--forget-host: '%s' is not NAME or NAME:PORT", seen);
		return report_end(&j->report, ST_USAGE);
	}
	if (home_file("known_hosts", file) < 0) {
		free(text);
		log_error("no home directory is known: set HOME or XDG_CONFIG_HOME");
		return report_end(&j->report, ST_USAGE);
	}
	int n = known_hosts_forget(file, host, port ? port : j->opt->port, why);
	free(text);
	if (n < 0) {
		log_error("%s", why);
		return report_end(&j->report, ST_FILE_IO);
	}
	if (n == 0) {
		log_error("no key of %s is remembered", seen);
		return report_end(&j->report, ST_MISSING);
	}
	log_warn("%d key%s of %s forgotten", n, n == 1 ? "" : "s", seen);
	return ST_OK;
}
