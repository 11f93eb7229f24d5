/* trust.c - see trust.h */
#include "zcp/host/trust.h"

#include <sodium.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/host/ask.h"

enum status trust_begin(struct job *j, struct trust *t)
{
	*t = (struct trust){ .opt = j->opt };
	known_hosts_name(j->host, j->port, t->name);
	if (j->opt->pinned || home_file("known_hosts", t->file) == 0)
		return ST_OK;
	log_error("no home directory is known, so no known_hosts: set HOME or XDG_CONFIG_HOME, or give --host-key");
	return report_end(&j->report, ST_USAGE);
}

static bool pin_matches(const struct options *o, const uint8_t key[static KEY_BYTES])
{
	char fingerprint[KEY_FINGERPRINT];

	if (!o->pin_fingerprint[0])
		return sodium_memcmp(o->pin_key, key, KEY_BYTES) == 0;
	keys_fingerprint(key, fingerprint);
	return sodium_memcmp(o->pin_fingerprint, fingerprint, KEY_FINGERPRINT) == 0;
}

int trust_check(void *arg, const uint8_t server[static KEY_BYTES])
{
	struct trust *t = arg;

	memcpy(t->seen, server, KEY_BYTES);
	if (t->opt->pinned)
		return pin_matches(t->opt, server) ? 0 : -1;
	if (t->demanded)
		return sodium_memcmp(t->key, server, KEY_BYTES) == 0 ? 0 : -1;
	known_hosts_look(t->file, t->name, server, &t->answer);
	return t->answer.known == KNOWN_SAME ? 0 : -1;
}

static enum status changed(struct job *j, const struct trust *t)
{
	char seen[KEY_FINGERPRINT], file[300];

	keys_fingerprint(t->seen, seen);
	vis_str(file, sizeof file, t->file);
	log_error("%s: THE HOST'S KEY HAS CHANGED: somebody may be in between, or zcpd was set up anew. Nothing was sent.", j->where);
	log_error("it showed %s; %s line %u says %s", seen, file, t->answer.line, t->answer.old);
	log_error("if you know why it changed: zcp --forget-host %s", t->name);
	return report_end(&j->report, ST_HOST_CHANGED);
}

static enum status unknown(struct job *j, const struct trust *t)
{
	char seen[KEY_FINGERPRINT];

	keys_fingerprint(t->seen, seen);
	log_error("%s: its key is not known, and there is nobody to ask: %s", j->where, seen);
	log_error("compare it with `zcpd --public-key` there, then give --host-key=KEY, or --accept-new once");
	return report_end(&j->report, ST_HOST_UNKNOWN);
}

static enum status remember(struct job *j, struct trust *t)
{
	known_hosts_add(t->file, t->name, t->seen, &t->answer);
	if (t->answer.known == KNOWN_CHANGED)
		return changed(j, t);
	if (t->answer.known != KNOWN_SAME) {
		log_error("%s: its key cannot be remembered: %s", j->where, t->answer.why);
		return report_end(&j->report, ST_HOST_UNKNOWN);
	}
	memcpy(t->key, t->seen, KEY_BYTES);
	t->demanded = true;
	return ST_OK;
}

static enum status pinned_otherwise(struct job *j, const struct trust *t)
{
	char seen[KEY_FINGERPRINT];

	keys_fingerprint(t->seen, seen);
	if (t->demanded)
		log_error("%s: it showed another key than a moment ago: %s. Nothing was sent.", j->where, seen);
	else
		log_error("%s: its key is not the one --host-key demands: it showed %s. Nothing was sent.", j->where, seen);
	return report_end(&j->report, ST_HOST_CHANGED);
}

enum status trust_verdict(struct job *j, struct trust *t)
{
	char fingerprint[KEY_FINGERPRINT];

	if (t->opt->pinned || t->demanded)
		return pinned_otherwise(j, t);
	switch (t->answer.known) {
	case KNOWN_CHANGED:
		return changed(j, t);
	case KNOWN_NEW:
		break;
	default:
		log_error("%s: its key cannot be checked: %s", j->where, t->answer.why);
		return report_end(&j->report, ST_HOST_UNKNOWN);
	}
	if (t->opt->accept_new) {
		keys_fingerprint(t->seen, fingerprint);
		log_warn("%s: new key remembered: %s", j->where, fingerprint);
		return remember(j, t);
	}
	if (t->opt->batch || !ask_possible())
		return unknown(j, t);
	if (ask_about_key(j->where, t->seen))
		return remember(j, t);
	if (job_stopped(j))
		return report_end(&j->report, job_stopped_by(j));
	log_error("%s: the key was not accepted. Nothing was sent.", j->where);
	return report_end(&j->report, ST_HOST_UNKNOWN);
}
