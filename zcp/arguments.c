/* arguments.c - see arguments.h */
#include "zcp/arguments.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/host/known_hosts.h"
#include "zcp/local/run.h"

/* Where the address names one, it counts; then -P, then the configuration. */
static uint16_t port_of(const struct job *j, const struct target *t, const struct host_config *c)
{
	if (t->port)
		return t->port;
	if (j->opt->port)
		return j->opt->port;
	return c->port ? c->port : DEFAULT_PORT;
}

static const char *name_of(const struct target *t, const struct host_config *c)
{
	return c->name[0] ? c->name : t->host;
}

static enum status find_host(struct job *j, const struct host_file *f, const struct target *t, struct host_config *c)
{
	char why[HOST_CONFIG_WHY];

	if (host_config_find(f, t->host, c, why) == 0)
		return ST_OK;
	log_error("%s", why);
	return report_end(&j->report, ST_USAGE);
}

static enum status name_host(struct job *j, const struct host_file *f, const struct target *t)
{
	char name[KNOWN_NAME], seen[300], file[300];
	bool v6;

	if (!t->host)
		return report_end(&j->report, ST_USAGE);
	enum status st = find_host(j, f, t, &j->config);
	if (st != ST_OK)
		return st;
	v6 = strchr(t->host, ':') != NULL;
	j->host = strdup(name_of(t, &j->config));
	j->port = port_of(j, t, &j->config);
	snprintf(name, sizeof name, "%s%.255s%s", v6 ? "[" : "", t->host, v6 ? "]" : "");
	vis_str(j->where_host, sizeof j->where_host, name);
	snprintf(j->where, sizeof j->where, "%.290s:%u", j->where_host, j->port);
	if (j->config.name[0])
		log_info("%s is %s, as %s says", j->where, vis_str(seen, sizeof seen, j->config.name), vis_str(file, sizeof file, f->path));
	return j->host ? ST_OK : report_end(&j->report, ST_FILE_IO);
}

/* Two names may be one host's, with one port: then what else the configuration says of them must be the same, too. */
static enum status check_same(struct job *j, const struct host_file *f, const struct target *t)
{
	const struct options *o = j->opt;
	struct host_config    c;
	enum status           st = find_host(j, f, t, &c);

	if (st != ST_OK)
		return st;
	if (strcasecmp(name_of(t, &c), j->host) != 0 || port_of(j, t, &c) != j->port) {
		log_error("the sources are on different hosts: copy from one after the other");
		return report_end(&j->report, ST_USAGE);
	}
	if ((!o->identity && strcmp(c.identity, j->config.identity) != 0) ||
	    (o->wish == WISH_AUTO && (c.plain_count != j->config.plain_count || memcmp(c.plain, j->config.plain, sizeof c.plain) != 0))) {
		log_error("the sources are on one host by two names, whose Identity or Plaintext differ in the configuration: use one name");
		return report_end(&j->report, ST_USAGE);
	}
	return ST_OK;
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

/* No host at all: a copy on this machine. */
static bool all_here(const struct target *t, int n)
{
	for (int i = 0; i < n; i++)
		if (t[i].host)
			return false;
	return true;
}

/* Nobody means a file whose name begins with ':' where a host could stand: a script's variable was empty. */
static enum status take_here(struct job *j)
{
	char seen[300];

	for (int i = 0; i < j->opt->count; i++)
		if (j->opt->args[i][0] == ':') {
			vis_str(seen, sizeof seen, j->opt->args[i]);
			log_error("no host is named in front of '%s': a file here of that name is './%s'", seen, seen);
			return report_end(&j->report, ST_USAGE);
		}
	j->local = true;
	return local_check(j);
}

static enum status check_engine(struct job *j)
{
	const struct options *o = j->opt;

	if (!o->copier || o->send)
		return ST_OK;
	log_error("--engine=%s copies from one file of a machine to another one of it; to and from a host there are sendfile, splice, mmap, readwrite and direct", o->copier->name);
	return report_end(&j->report, ST_CANNOT);
}

/* Sources on one side, DST on the other, one host. */
static enum status check_sides(struct job *j, const struct host_file *f, const struct target *t, int n)
{
	const struct target *dst = &t[n - 1], *first = dst->host ? dst : &t[0];
	enum status          st;

	for (int i = 0; i < n - 1; i++) {
		if (t[i].host && dst->host) {
			log_error("zcp does not copy between two hosts: copy to here first, and from here then");
			return report_end(&j->report, ST_USAGE);
		}
		if (!t[i].host && !dst->host) {
			log_error("no host is named for '%s': all sources are on one side, here or on the host", j->opt->args[i]);
			return report_end(&j->report, ST_USAGE);
		}
	}
	j->upload = dst->host != NULL;
	st = check_engine(j);
	if (st == ST_OK)
		st = name_host(j, f, first);
	for (int i = 1; i < n - 1 && st == ST_OK; i++)
		st = t[i].host ? check_same(j, f, &t[i]) : ST_OK;
	return st;
}

/* --list: all arguments are on one host. */
static enum status check_listed(struct job *j, const struct host_file *f, const struct target *t, int n)
{
	enum status st = ST_OK;

	for (int i = 0; i < n; i++) {
		if (!t[i].host) {
			log_error("--list: '%s' is not on a host: host:path; for this machine there is ls", j->opt->args[i]);
			return report_end(&j->report, ST_USAGE);
		}
	}
	st = name_host(j, f, &t[0]);
	for (int i = 1; i < n && st == ST_OK; i++)
		st = check_same(j, f, &t[i]);
	return st;
}

static enum status find_hosts(struct job *j, const struct target *t, int n)
{
	char             why[HOST_CONFIG_WHY];
	struct host_file file;

	if (host_file_read(&file, j->opt->config, why) < 0) {
		log_error("%s", why);
		return report_end(&j->report, ST_USAGE);
	}
	enum status st = j->opt->list ? check_listed(j, &file, t, n) : check_sides(j, &file, t, n);
	host_file_clear(&file);
	return st;
}

enum status arguments_take(struct job *j, struct target *t, int n)
{
	enum status st = parse_all(j, t, n);

	if (st == ST_OK && !j->opt->list && all_here(t, n))
		return take_here(j);
	return st == ST_OK ? find_hosts(j, t, n) : st;
}
