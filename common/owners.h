/*
 * owners.h - the users and groups of this machine, numbers and names: read once, then looked up without a call.
 *
 * When     before a sandbox: zcpd's listener at its start and at each reload, zcp only where it is going to set owners. Read-only afterwards, so threads and
 *          children share it.
 * Known    what getpwent(3) and getgrent(3) list. A name service that answers for one name at a time but lists none (LDAP, sssd and systemd as they come) is not
 *          asked again, since it cannot be from inside a sandbox: its users and groups travel and arrive as numbers.
 * Twice    the first name of a number counts, and the first number of a name.
 * Bounds   OWNERS_MOST of each, in the order they are listed; a name of more than 32 bytes (the wire's most) is none. Memory: 48 bytes for each.
 * Source   zcp-wire(7) EXTRAS. Proof tests/unit/owners.c, tests/metadata.bats.
 */
#pragma once
#include <stdbool.h>
#include "common/wire.h"

enum { OWNERS_MOST = 65536 };

struct owner_name  { uint32_t id, order; char name[33]; };
struct owner_names { struct owner_name *by_id; uint32_t *by_name; size_t count, room; };        /* by_name: places in by_id */
struct owners      { struct owner_names users, groups; };

/* Of this machine. 0, or -ENOMEM and *o as it was: zeros, or loaded before. */
int  owners_load(struct owners *o);
void owners_clear(struct owners *);
/* One more; 0 (also where it is left out) or -ENOMEM. After the last one: sorted, 0 or -ENOMEM. */
int  owner_names_add(struct owner_names *, uint32_t id, const char *name);
int  owner_names_sort(struct owner_names *);
const char *owner_names_of(const struct owner_names *, uint32_t id);            /* "": none is known */
bool owner_names_find(const struct owner_names *, const char *name, uint32_t *id);
/* What is said of an owner, with the names known here. */
struct owner owners_describe(const struct owners *, uint32_t uid, uint32_t gid);
/* Who that is here: by name; by number where the name is empty, not known here, or o is NULL. */
void owners_resolve(const struct owners *o, const struct owner *, uint32_t *uid, uint32_t *gid);
