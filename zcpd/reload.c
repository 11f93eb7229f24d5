/*
 * reload.c - SIGHUP under --config: everything anew beside the old, and then, when all of it is good, in its place.
 *
 * What stays until a restart: the user, sockets of a socket unit, addresses that cannot be had without capabilities. That is said.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/listener_parts.h"
#include "zcpd/status.h"

struct taken { struct viewers viewers; struct metrics metrics; int before; bool missed; };

void reload_drop(struct service *v)
{
	service_clear(v);
	free(v);
}

/* --- a service beside the old ------------------------------------------------------------------------------------ */

static int because(char why[static RELOAD_WHY], const char *text)
{
	return snprintf(why, RELOAD_WHY, "%s", text);
}

static struct service *begin(const struct listener *l, char why[static RELOAD_WHY])
{
	struct service *v = calloc(1, sizeof *v);

	because(why, "out of memory");
	if (!v)
		return NULL;
	service_init(v);
	because(why, "the configuration has a mistake");
	int status = options_settings(l->options, &v->settings) < 0 ? ST_USAGE : ST_OK;
	if (status == ST_OK) {
		because(why, "the host key cannot be used");
		status = service_keys(v, SERVICE_AGAIN);
	}
	if (status == ST_OK) {
		status = service_exports(v);
		because(why, v->why);
	}
	memcpy(v->cc, l->k.cc, sizeof v->cc);
	if (status == ST_OK)
		return v;
	reload_drop(v);
	return NULL;
}

static bool finish(struct service *v, bool loopback_only, char why[static RELOAD_WHY])
{
	because(why, "anybody could write");
	if (service_admission(v, loopback_only) != ST_OK)
		return false;
	because(why, "streams cannot be confined");
	return service_confine(v, SERVICE_AGAIN) == ST_OK;
}

struct service *reload_build(const struct listener *l, char why[static RELOAD_WHY])
{
	struct service *v = begin(l, why);

	if (v && finish(v, l->k.loopback_only, why))
		return v;
	if (v)
		reload_drop(v);
	return NULL;
}

/* --- addresses --------------------------------------------------------------------------------------------------- */

const char *const *reload_specs(const struct settings *s, int *count)
{
	static const char *const everywhere[] = { ":7722" };

	*count = s->listen_count ? s->listen_count : 1;
	return s->listen_count ? (const char *const *)s->listen : everywhere;
}

static bool has_spec(const struct settings *s, const char *spec)
{
	int                count;
	const char *const *specs = reload_specs(s, &count);

	for (int i = 0; i < count; i++)
		if (strcmp(specs[i], spec) == 0)
			return true;
	return false;
}

static bool listens_on(const struct listener *l, const char *spec)
{
	for (int i = 0; i < l->k.count; i++)
		if (strcmp(l->k.sock[i].spec, spec) == 0)
			return true;
	return false;
}

static void find_reach(struct listener *l)
{
	struct net_addr own = { .port = 0 };

	l->k.loopback_only = true;
	for (int i = 0; i < l->k.count; i++)
		if (net_addrs(l->k.sock[i].fd, &own, NULL) < 0 || !net_is_loopback(&own))
			l->k.loopback_only = false;
}

/* New ones; those that are not wanted any more are closed later, when all of the reload is good. */
static void open_new(struct listener *l, const struct settings *s, struct taken *t)
{
	int                count;
	const char *const *specs = reload_specs(s, &count);
	char               shown[128];

	t->before = l->k.count;
	if (l->k.count && l->k.sock[0].inherited)
		return;                         /* the socket unit says where */
	for (int i = 0; i < count; i++)
		if (!listens_on(l, specs[i]) && listener_open(l, specs[i]) < 0)
			t->missed = true;
	for (int i = t->before; i < l->k.count; i++)
		log_info("listening on \"%s\", too", vis_str(shown, sizeof shown, l->k.sock[i].spec));
}

static void close_from(struct listener *l, int first)
{
	while (l->k.count > first)
		listening_close(&l->k.sock[--l->k.count]);
	find_reach(l);
}

/* An address that could not be had may be one that an old socket is in the way of: then the old ones stay, until a restart. */
static void close_old(struct listener *l, const struct settings *s, const struct taken *t)
{
	int  kept = 0;
	char shown[128];

	for (int i = 0; i < l->k.count; i++) {
		struct listening *at = &l->k.sock[i];
		if (at->inherited || t->missed || has_spec(s, at->spec)) {
			l->k.sock[kept++] = *at;
			continue;
		}
		log_info("not listening on \"%s\" any more", vis_str(shown, sizeof shown, at->spec));
		listening_close(at);
	}
	l->k.count = kept;
	find_reach(l);
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool listen_changed(const struct settings *a, const struct settings *b)
{
	for (int i = 0; i < a->listen_count; i++)
		if (!has_spec(b, a->listen[i]))
			return true;
	return a->listen_count != b->listen_count;
}

/* What only a restart changes, in a few words; "" : nothing. */
static const char *left_over(const struct listener *l, const struct service *fresh, const struct taken *t)
{
	const struct settings *old = &l->service->settings, *now = &fresh->settings;

	if (t->missed)
		return "an address to listen on needs a restart";
	if (l->k.count && l->k.sock[0].inherited && listen_changed(old, now))
		return "the socket unit says where to listen, not `listen`";
	if (!same_text(old->user, now->user))
		return "another user needs a restart";
	return "";
}

static void take_over(struct listener *l, struct service *fresh, const struct taken *t)
{
	struct service *old = l->service;

	snprintf(l->note, sizeof l->note, "%s", left_over(l, fresh, t));
	close_old(l, &fresh->settings, t);
	watchers_change(l, &t->viewers, &t->metrics);
	if (memcmp(old->host.pk, fresh->host.pk, KEY_BYTES) != 0)
		log_warn("the host key is another one: clients that know the old one will say so");
	memcpy(fresh->cc, l->k.cc, sizeof fresh->cc);
	l->service = fresh;
	reload_drop(old);
	service_log(&fresh->settings, l->options->verbose);
	service_announce(fresh);
	board_reload(&l->board);
	verdict_refresh(l, true);
	if (l->note[0])
		log_warn("reloaded; %s", l->note);
	else
		log_info("reloaded");
}

/* True: done. Else why not; nothing has changed then. */
static bool try_it(struct listener *l, char why[static RELOAD_WHY])
{
	struct taken    t = { .before = l->k.count };
	struct service *fresh = begin(l, why);

	if (!fresh)
		return false;
	open_new(l, &fresh->settings, &t);
	find_reach(l);
	if (finish(fresh, l->k.loopback_only, why) && watchers_renew(l, &fresh->settings, &t.viewers, &t.metrics, why) == 0) {
		take_over(l, fresh, &t);
		return true;
	}
	close_from(l, t.before);
	reload_drop(fresh);
	return false;
}

void reload(struct listener *l)
{
	char text[128], why[RELOAD_WHY], whole[sizeof l->status];

	if (l->phase != PHASE_SERVING)
		return;
	notify_reloading(&l->k.notify);
	if (!try_it(l, why)) {
		snprintf(l->note, sizeof l->note, "the last reload failed, the old configuration holds: %s", why);
		log_error("not reloaded, the old configuration holds: %s", why);
	}
	snprintf(whole, sizeof whole, "%s%s%s", status_line(&l->board, text), l->note[0] ? "; " : "", l->note);
	memcpy(l->status, whole, sizeof whole);
	notify_ready(&l->k.notify, whole);
}
