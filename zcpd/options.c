/* options.c - the one popt table. */
#include <errno.h>
#include <popt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcpd/config.h"
#include "zcpd/options.h"

enum { OPTIONS_LISTEN_MAX = 8 };

enum {
	OPT_ROOT = 1, OPT_WRITABLE, OPT_LISTEN, OPT_PORT_FILE, OPT_STATE, OPT_KEYS, OPT_PLAIN, OPT_INTEGRITY, OPT_CIPHER, OPT_TIMEOUT,
	OPT_CONFIG, OPT_CHECK, OPT_STATUS, OPT_JSON, OPT_SOCKET, OPT_ADD_KEY, OPT_ADD_EXPORT, OPT_NAME, OPT_HELP_CONFIG,
	OPT_PUBLIC_KEY, OPT_VERBOSE, OPT_QUIET, OPT_VERSION, OPT_HELP,
};

#define TEXT(name, val, help, arg)  { name, '\0', POPT_ARG_STRING, NULL, val, help, arg }
#define FLAG(name, letter, val, help) { name, letter, POPT_ARG_NONE, NULL, val, help, NULL }
static const struct poptOption table[] = {
	TEXT("root", OPT_ROOT, "serve this directory", "DIR"),
	FLAG("writable", '\0', OPT_WRITABLE, "clients may store files in it, too"),
	TEXT("config", OPT_CONFIG, "serve what this file says: zcpd.conf(5)", "FILE"),
	FLAG("check-config", '\0', OPT_CHECK, "say what is wrong with the configuration, and end"),
	FLAG("help-config", '\0', OPT_HELP_CONFIG, "print the keys of the configuration, and end"),
	FLAG("status", '\0', OPT_STATUS, "print the streams of the daemon that runs, and end"),
	FLAG("json", '\0', OPT_JSON, "with --status: for programs"),
	TEXT("status-socket", OPT_SOCKET, "where the daemon answers --status", "FILE|none"),
	TEXT("add-key", OPT_ADD_KEY, "let this client in: what its zcp --public-key prints, or a file with it", "KEY|FILE|-"),
	TEXT("add-export", OPT_ADD_EXPORT, "serve this directory, too: a section in the configuration", "DIR"),
	TEXT("name", OPT_NAME, "what the added key or export is called", "NAME"),
	TEXT("listen", OPT_LISTEN, "where to listen (default \":7722\"; port 0: any); may be repeated", "ADDR:PORT|unix:/PATH"),
	TEXT("port-file", OPT_PORT_FILE, "write the port there once listening (a file or a FIFO)", "FILE"),
	TEXT("state", OPT_STATE, "where the host key and authorized_keys are", "DIR"),
	TEXT("authorized-keys", OPT_KEYS, "the clients that are let in (default STATE/authorized_keys)", "FILE|any"),
	TEXT("plaintext-from", OPT_PLAIN, "networks whose clients may have contents unencrypted", "CIDR,...|none"),
	TEXT("integrity", OPT_INTEGRITY, "none: clients of those networks may leave the MAC away", "mac|none"),
	TEXT("cipher", OPT_CIPHER, "suites to offer, in this order", "NAME,..."),
	TEXT("timeout", OPT_TIMEOUT, "end a stream on which nothing has moved for so long (default 60)", "SECONDS"),
	FLAG("public-key", '\0', OPT_PUBLIC_KEY, "print this host's key and its fingerprint, and end"),
	FLAG("verbose", 'v', OPT_VERBOSE, "say more"),
	FLAG("quiet", 'q', OPT_QUIET, "say less"),
	FLAG("version", '\0', OPT_VERSION, "print the version, and end"),
	FLAG("help", 'h', OPT_HELP, "print this, and end"),
	POPT_TABLEEND
};

static int say_version(void)
{
#ifdef ZCP_SODIUM_STATIC
	printf("zcpd %s (libsodium %s, static", ZCP_VERSION, ZCP_SODIUM_STATIC);
#else
	printf("zcpd %s (libsodium %s", ZCP_VERSION, sodium_version_string());
#endif
#ifdef ZCP_UNSAFE
	printf("; UNSAFE: for tests only");
#endif
	printf(")\n");
	return 1;
}

static int take_text(char **where, char *text, const char *option)
{
	if (*where || !*text) {
		log_error("--%s: %s", option, *text ? "given twice" : "needs a value");
		free(text);
		return -EINVAL;
	}
	*where = text;
	return 0;
}

static int take_listen(struct options *o, char *text)
{
	if (o->over.listen_count == OPTIONS_LISTEN_MAX || !*text) {
		log_error("--listen: %s", *text ? "more than 8 addresses" : "needs ADDR:PORT or unix:/PATH");
		free(text);
		return -EINVAL;
	}
	o->over.listen[o->over.listen_count++] = text;
	return 0;
}

static int bad_value(const char *option, const char *value, const char *must)
{
	char shown[200];

	log_error("--%s=%s: %s", option, vis_str(shown, sizeof shown, value), must);
	return -EINVAL;
}

static int take_networks(struct options *o, char *list)
{
	struct networks *n = &o->over.plain;
	char *rest = list;

	o->plain_given = true;
	if (strcmp(list, "none") == 0) {
		o->over.plain_auto = false;
		return 0;
	}
	for (char *one; (one = strsep(&rest, ",")) != NULL; n->count++) {
		if (n->count == SETTINGS_NETWORKS_MAX)
			return bad_value("plaintext-from", one, "more than 64 networks");
		if (net_cidr_host_bits(one))
			return bad_value("plaintext-from", one, "not a network: its bits behind the / are not 0 (10.0.0.0/8); one address has no /");
		if (net_cidr_parse(one, &n->list[n->count]) < 0)
			return bad_value("plaintext-from", one, "not a network: write 10.0.0.0/8, fd00::/8, a single address, or none");
	}
	return 0;
}

static int take_integrity(struct options *o, const char *value)
{
	if (strcmp(value, "mac") != 0 && strcmp(value, "none") != 0)
		return bad_value("integrity", value, "must be mac or none");
	o->integrity_given = true;
	o->over.integrity_none = strcmp(value, "none") == 0;
	return 0;
}

static int take_suites(struct options *o, const char *list)
{
	const char *bad = NULL;
	uint8_t     ids[SUITE_ID_MAX];
	int         n = suite_parse_list(list, ids, &bad);

	if (n == -EOPNOTSUPP)
		return bad_value("cipher", list, "this libsodium or this processor lacks one of them");
	if (n <= 0)
		return bad_value("cipher", list, "unknown suite: aegis128l, aegis256, aes256gcm, chacha20poly1305");
	o->suites_given = true;
	memset(o->over.suites, 0, sizeof o->over.suites);
	memcpy(o->over.suites, ids, (size_t)n);
	return 0;
}

static int take_timeout(struct options *o, const char *value)
{
	uint64_t s;

	if (num_parse(value, 1, 86400, &s) < 0)
		return bad_value("timeout", value, "must be a number of seconds from 1 to 86400");
	o->timeout_given = true;
	o->over.limits.stall_s = o->over.limits.idle_s = (unsigned)s;
	return 0;
}

/* One run, one task. */
static int take_task(struct options *o, enum task task, const char *option)
{
	if (o->task != TASK_SERVE) {
		log_error("--%s: one task at a time", option);
		return -EINVAL;
	}
	o->task = task;
	return 0;
}

static int take_subject(struct options *o, enum task task, char *text, const char *option)
{
	if (take_task(o, task, option) == 0)
		return take_text(&o->subject, text, option);
	free(text);
	return -EINVAL;
}

/* Options that are parsed at once: the text is freed here. */
static int take_value(struct options *o, int val, char *text)
{
	int r = 0;

	switch (val) {
	case OPT_PLAIN:     r = take_networks(o, text);  break;
	case OPT_INTEGRITY: r = take_integrity(o, text); break;
	case OPT_CIPHER:    r = take_suites(o, text);    break;
	case OPT_TIMEOUT:   r = take_timeout(o, text);   break;
	}
	free(text);
	return r;
}

/* Options whose text is kept. */
static int take_kept(struct options *o, int val, char *text)
{
	switch (val) {
	case OPT_ROOT:       return take_text(&o->root, text, "root");
	case OPT_CONFIG:     return take_text(&o->config, text, "config");
	case OPT_LISTEN:     return take_listen(o, text);
	case OPT_PORT_FILE:  return take_text(&o->port_file, text, "port-file");
	case OPT_STATE:      return take_text(&o->over.state, text, "state");
	case OPT_KEYS:       return take_text(&o->over.authorized_keys, text, "authorized-keys");
	case OPT_SOCKET:     return take_text(&o->over.status_socket, text, "status-socket");
	case OPT_NAME:       return take_text(&o->name, text, "name");
	case OPT_ADD_KEY:    return take_subject(o, TASK_ADD_KEY, text, "add-key");
	case OPT_ADD_EXPORT: return take_subject(o, TASK_ADD_EXPORT, text, "add-export");
	default:             return take_value(o, val, text);
	}
}

static int take(struct options *o, int val, poptContext ctx)
{
	switch (val) {
	case OPT_WRITABLE:   o->writable = true;   return 0;
	case OPT_JSON:       o->json = true;       return 0;
	case OPT_VERBOSE:    o->verbose++;         return 0;
	case OPT_QUIET:      o->verbose--;         return 0;
	case OPT_PUBLIC_KEY: return take_task(o, TASK_PUBLIC_KEY, "public-key");
	case OPT_CHECK:      return take_task(o, TASK_CHECK_CONFIG, "check-config");
	case OPT_STATUS:     return take_task(o, TASK_STATUS, "status");
	case OPT_VERSION:    return say_version();
	case OPT_HELP_CONFIG:
		config_help(stdout);
		return 1;
	case OPT_HELP:
		poptPrintHelp(ctx, stdout, 0);
		return 1;
	default:
		return take_kept(o, val, poptGetOptArg(ctx));
	}
}

static int nonsense(const char *words)
{
	log_error("%s", words);
	return -EINVAL;
}

/* Which options go with which task. */
static int check_task(const struct options *o)
{
	bool adds = o->task == TASK_ADD_KEY || o->task == TASK_ADD_EXPORT, serves = o->task == TASK_SERVE;

	if (o->root && o->config)
		return nonsense("--root and --config: serve one directory, or what the file says, not both");
	if (o->root && !serves && o->task != TASK_PUBLIC_KEY)
		return nonsense("--root serves a directory; it does not go with this task");
	if (o->json && o->task != TASK_STATUS)
		return nonsense("--json goes with --status");
	if (o->name && !adds)
		return nonsense("--name goes with --add-key and --add-export");
	if (o->writable && o->config && serves)
		return nonsense("--writable goes with --root; in the configuration an export says mode = rw");
	if (o->writable && !adds && !o->root)
		return nonsense(serves ? "nothing to serve: name a directory with --root DIR, or a configuration with --config FILE"
		                       : "--writable goes with --root, --add-key and --add-export");
	if (o->port_file && !serves)
		return nonsense("--port-file goes with serving");
	if (serves && !o->root && !o->config)
		return nonsense("nothing to serve: name a directory with --root DIR, or a configuration with --config FILE");
	return 0;
}

/* A task that reads the configuration has one. --status asks a daemon that may have been told another way. */
static int default_config(struct options *o)
{
	bool reads = o->task == TASK_CHECK_CONFIG || o->task == TASK_ADD_KEY || o->task == TASK_ADD_EXPORT;

	if (o->task == TASK_STATUS && !o->over.status_socket)
		reads = access(CONFIG_FILE, R_OK) == 0;
	if (o->task == TASK_PUBLIC_KEY && !o->over.state && !o->root)
		reads = !getenv("STATE_DIRECTORY") && access(CONFIG_FILE, F_OK) == 0;   /* NOLINT(concurrency-mt-unsafe): one thread */
	if (!reads || o->config)
		return 0;
	o->config = strdup(CONFIG_FILE);
	return o->config ? 0 : -ENOMEM;
}

static int parse(struct options *o, poptContext ctx)
{
	char shown[200];
	int  val, r = 0;

	while (r == 0 && (val = poptGetNextOpt(ctx)) > 0)
		r = take(o, val, ctx);
	if (r != 0)
		return r;
	if (val < -1) {
		log_error("%s: %s (zcpd --help lists the options)", vis_str(shown, sizeof shown, poptBadOption(ctx, POPT_BADOPTION_NOALIAS)),
		          poptStrerror(val));
		return -EINVAL;
	}
	const char *extra = poptGetArg(ctx);
	if (extra) {
		log_error("\"%s\": an argument that is no option (%s)", vis_str(shown, sizeof shown, extra),
		          o->task == TASK_ADD_KEY ? "the key's line is one argument: put it in quotes"
		          : o->task == TASK_SERVE ? "the directory to serve is --root DIR" : "a configuration is named by --config FILE");
		return -EINVAL;
	}
	r = check_task(o);
	return r < 0 ? r : default_config(o);
}

/* The command line's words over the defaults or the file's. Strings are copied: a reload needs them again. */
static int put_over(char **where, const char *text)
{
	if (!text)
		return 0;
	free(*where);
	*where = strdup(text);
	return *where ? 0 : -ENOMEM;
}

static int over_listen(const struct options *o, struct settings *s)
{
	int r = 0;

	for (int i = 0; i < s->listen_count && o->over.listen_count; i++)
		put_over(&s->listen[i], NULL);
	for (int i = 0; i < o->over.listen_count && r == 0; i++)
		r = put_over(&s->listen[i], o->over.listen[i]);
	if (o->over.listen_count)
		s->listen_count = o->over.listen_count;
	return r;
}

static int over(const struct options *o, struct settings *s)
{
	int r = over_listen(o, s);

	if (r == 0)
		r = put_over(&s->state, o->over.state);
	if (r == 0)
		r = put_over(&s->authorized_keys, o->over.authorized_keys);
	if (r == 0)
		r = put_over(&s->status_socket, o->over.status_socket);
	if (o->plain_given) {
		s->plain = o->over.plain;
		s->plain_auto = o->over.plain_auto;
	}
	if (o->suites_given)
		memcpy(s->suites, o->over.suites, sizeof s->suites);
	if (o->timeout_given)
		s->limits.stall_s = s->limits.idle_s = o->over.limits.stall_s;
	if (o->integrity_given)
		s->integrity_none = o->over.integrity_none;
	return r;
}

static int root_export(const struct options *o, struct settings *s)
{
	struct settings_export e = { .name = strdup(""), .prefix = strdup(""), .path = strdup(o->root), .writable = o->writable };
	int                    r = e.name && e.prefix && e.path ? settings_add_export(s, &e) : -ENOMEM;

	settings_clear_export(&e);
	return r;
}

static bool any_networks(const struct settings *s)
{
	for (size_t i = 0; i < s->export_count; i++)
		if (s->exports[i].plain.count)
			return true;
	return s->plain.count != 0;
}

int options_settings(const struct options *o, struct settings *s)
{
	settings_defaults(s);
	int r = o->config ? config_read(o->config, s) : 0;
	if (r == 0)
		r = over(o, s);
	if (r == 0 && o->root)
		r = root_export(o, s);
	if (r == -ENOMEM)
		log_error("out of memory");
	if (r == 0 && o->task != TASK_STATUS && o->task != TASK_PUBLIC_KEY)
		r = settings_check(s);
	if (r == 0 && s->integrity_none && !any_networks(s))
		log_warn("integrity none allows nothing by itself: it is for the networks that plaintext-from names");
	return r < 0 ? -EINVAL : 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .over.plain_auto = true };

	poptContext ctx = poptGetContext("zcpd", argc, (const char **)(void *)argv, table, 0);
	if (!ctx) {
		log_error("out of memory");
		return -EINVAL;
	}
	poptSetOtherOptionHelp(ctx, "--root DIR | --config FILE [option...]");
	int r = parse(o, ctx);
	poptFreeContext(ctx);
	return r;
}

void options_clear(struct options *o)
{
	free(o->config);
	free(o->root);
	free(o->port_file);
	free(o->subject);
	free(o->name);
	settings_clear(&o->over);
	*o = (struct options){ 0 };
}
