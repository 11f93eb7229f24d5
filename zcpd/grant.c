/* grant.c - see grant.h */
#include <string.h>
#include "zcpd/grant.h"

static bool has_name(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->list[i], name) == 0)
			return true;
	return false;
}

static bool has_address(const struct networks *n, const struct net_addr *peer)
{
	for (int i = 0; i < n->count; i++)
		if (net_cidr_has(&n->list[i], peer))
			return true;
	return false;
}

static bool may_read(const struct settings_export *e, const struct authorized_key *key)
{
	if (key->exports.count && !has_name(&key->exports, e->name))
		return false;
	return !e->allow_given || has_name(&e->allow, key->name) || has_name(&e->allow_write, key->name);
}

static bool may_write(const struct settings_export *e, const struct authorized_key *key)
{
	return e->writable && (key->write || has_name(&e->allow_write, key->name));
}

static bool may_be_raw(const struct settings_export *e, const struct authorized_key *key, const struct granting *g)
{
	bool none = e->plain_given && e->plain.count == 0;

	if (!g->raw || key->sealed || none)
		return false;
	return g->one_machine || has_address(e->plain_given ? &e->plain : g->plain, g->peer);
}

size_t grant_exports(const struct exports *all, const struct authorized_key *key, const struct granting *g, struct exports *out)
{
	size_t granted = 0;

	out->count = all->count;
	for (size_t i = 0; i < all->count; i++) {
		struct export *e = &out->list[i];
		*e = all->list[i];
		e->denied = g->config && !may_read(e->from, key);
		e->writable = !e->denied && (g->config ? may_write(e->from, key) : e->writable);
		e->raw = !e->denied && may_be_raw(e->from, key, g);
		granted += !e->denied;
	}
	return granted;
}

bool grant_may_offer_raw(const struct exports *all, const struct networks *plain, const struct net_addr *peer)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct settings_export *e = all->list[i].from;
		if (has_address(e->plain_given ? &e->plain : plain, peer))
			return true;
	}
	return false;
}
