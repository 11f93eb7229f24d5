/* run_keys.c - --public-key and --forget-host: see run.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/log.h"
#include "common/num.h"
#include "common/unix_socket.h"
#include "common/vis.h"
#include "zcp/home.h"
#include "zcp/host/connect.h"
#include "zcp/host/known_hosts.h"
#include "zcp/run.h"

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

/* NAME, NAME:PORT, [v6], [v6]:PORT, v6, unix:/SOCKET */
static bool split_host(char *text, char **host, uint16_t *port)
{
	char    *colon = strrchr(text, ':'), *close = strchr(text, ']');
	uint64_t n = 0;

	*host = text;
	*port = 0;
	if (unix_spec(text))
		return true;
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
		log_error("--forget-host: '%s' is not NAME, NAME:PORT or unix:/SOCKET", seen);
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
