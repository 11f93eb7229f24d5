/*
 * grant.h - what one key, from one address, may see and do: the exports, narrowed.
 *
 * Read     under --root: every key. Under --config: a key whose line has no export=, or names this export; and the export's `allow`, if it has
 *          one, names the key, or `allow-write` does.
 * Write    under --root: every key, where --writable. Under --config: mode = rw, and `write` on the key's line or the key in `allow-write`.
 * Raw      the stream's two ends chose plaintext, and the peer's address lies in the export's plaintext-from (its own, else the daemon's; a
 *          peer proved to be on this machine counts as inside unless the export says none), and the line has no plaintext=no.
 * Denied   an export that is not this key's stays in the list, marked: it goes on hiding what lies beneath it in an outer one.
 * Proof    tests/unit/grant.c, tests/keys.bats.
 */
#pragma once
#include "zcpd/authorized.h"
#include "zcpd/export.h"

struct granting { bool config, raw, one_machine; const struct net_addr *peer; const struct networks *plain; };

/* out: copies with borrowed descriptors and strings; never exports_clear()ed. Count of those that are not denied. */
size_t grant_exports(const struct exports *all, const struct authorized_key *, const struct granting *, struct exports *out);
/* Before the key is known: do any export's networks, or the daemon's where it has none, have this peer? */
bool grant_may_offer_raw(const struct exports *all, const struct networks *plain, const struct net_addr *peer);
