/* options.c - the one popt table. */
#include <errno.h>
#include <popt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcpd/config.h"
#include "zcpd/options.h"

enum { OPTIONS_LISTEN_MAX = 8 };

enum {
	OPT_ROOT = 1, OPT_WRITABLE, OPT_LISTEN, OPT_PORT_FILE, OPT_STATE, OPT_KEYS, OPT_PLAIN, OPT_INTEGRITY, OPT_CIPHER, OPT_TIMEOUT,
	OPT_PUBLIC_KEY, OPT_VERBOSE, OPT_QUIET, OPT_VERSION, OPT_HELP,
};

#define TEXT(name, val, help, arg)  { name, '\0', POPT_ARG_STRING, NULL, val, help, arg }
#define FLAG(name, letter, val, help) { name, letter, POPT_ARG_NONE, NULL, val, help, NULL }
static const struct poptOption table[] = {
	TEXT("root", OPT_ROOT, "serve this directory", "DIR"),
	FLAG("writable", '\0', OPT_WRITABLE, "clients may store files in it, too"),
	TEXT("listen", OPT_LISTEN, "where to listen (default \":7722\"; port 0: any); may be repeated", "ADDR:PORT"),
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
		log_error("--listen: %s", *text ? "more than 8 addresses" : "needs ADDR:PORT");
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
		if (net_cidr_parse(one, &n->list[n->count]) < 0)
			return bad_value("plaintext-from", one, "not a network: write 10.0.0.0/8, fd00::/8, a single address, or none");
	}
	return 0;
}

static int take_integrity(struct options *o, const char *value)
{
	if (strcmp(value, "mac") != 0 && strcmp(value, "none") != 0)
		return bad_value("integrity", value, "must be mac or none");
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

static int take(struct options *o, int val, poptContext ctx)
{
	switch (val) {
	case OPT_ROOT:       return take_text(&o->root, poptGetOptArg(ctx), "root");
	case OPT_LISTEN:     return take_listen(o, poptGetOptArg(ctx));
	case OPT_PORT_FILE:  return take_text(&o->port_file, poptGetOptArg(ctx), "port-file");
	case OPT_STATE:      return take_text(&o->over.state, poptGetOptArg(ctx), "state");
	case OPT_KEYS:       return take_text(&o->over.authorized_keys, poptGetOptArg(ctx), "authorized-keys");
	case OPT_WRITABLE:   o->writable = true;   return 0;
	case OPT_PUBLIC_KEY: o->task = TASK_PUBLIC_KEY; return 0;
	case OPT_VERBOSE:    o->verbose++;         return 0;
	case OPT_QUIET:      o->verbose--;         return 0;
	case OPT_VERSION:    return say_version();
	case OPT_HELP:
		poptPrintHelp(ctx, stdout, 0);
		return 1;
	default:
		return take_value(o, val, poptGetOptArg(ctx));
	}
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
		log_error("\"%s\": an argument that is no option (the directory to serve is --root DIR)", vis_str(shown, sizeof shown, extra));
		return -EINVAL;
	}
	if (!o->root && o->task == TASK_SERVE) {
		log_error("nothing to serve: name a directory with --root DIR");
		return -EINVAL;
	}
	if (o->over.integrity_none && !o->over.plain.count)
		log_warn("--integrity=none allows nothing by itself: it is for the networks that --plaintext-from names");
	return 0;
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
	if (o->plain_given) {
		s->plain = o->over.plain;
		s->plain_auto = o->over.plain_auto;
	}
	if (o->suites_given)
		memcpy(s->suites, o->over.suites, sizeof s->suites);
	if (o->timeout_given)
		s->limits.stall_s = s->limits.idle_s = o->over.limits.stall_s;
	s->integrity_none |= o->over.integrity_none;
	return r;
}

static int root_export(const struct options *o, struct settings *s)
{
	struct settings_export e = { .name = strdup(""), .prefix = strdup(""), .path = strdup(o->root), .writable = o->writable };
	int                    r = e.name && e.prefix && e.path ? settings_add_export(s, &e) : -ENOMEM;

	settings_clear_export(&e);
	return r;
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
	poptSetOtherOptionHelp(ctx, "--root DIR [option...]");
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
	settings_clear(&o->over);
	*o = (struct options){ 0 };
}
