/*
 * export.h - the directories this daemon serves, and which of them a peer's path lies in.
 *
 * Prefix   "" = everything. Otherwise whole components: "data" has "data" and "data/x", never "database". The longest prefix wins, so an
 *          inner export hides what lies beneath it in the outer one, also from whoever comes through a link in the outer one, and also where
 *          it is denied. `zcpd --root DIR` is one export with the prefix "".
 * Above    a path in no export that leads to some ("" to all, "a" to "a/b") is a directory of their names, and of nothing else.
 * Proof    tests/unit/mask.c, tests/unit/grant.c, tests/keys.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "zcpd/settings.h"

struct throttle;
struct export {
	char prefix[WIRE_NAME_MAX + 1];
	char *path;                     /* as typed, for messages; owned */
	int  dir;                       /* O_PATH, owned; borrowed in what grant_exports() made */
	int  still;                     /* the same directory on a read-only mount of its own; owned and borrowed as dir is. -1: only root can make one, as long as he has his capabilities */
	bool writable, fsync;
	bool denied;                    /* grant.c: not this key's. It still hides what lies beneath it: "no such file" */
	bool raw;                       /* grant.c: contents may travel raw to this peer */
	uint64_t max_bytes;             /* of one file stored; 0: none */
	struct throttle *rate;          /* shared by all streams' processes; NULL: none */
	const struct settings_export *from;     /* borrowed: the settings live as long */
};
struct exports { struct export list[WIRE_EXPORTS_MAX]; size_t count; };

int  export_add(struct exports *, const struct settings_export *);      /* -errno: cannot be opened as a directory */
/* A checked path -> its export, and what is left of the path (points into it). NULL: in none, or in a denied one. */
const struct export *export_find(const struct exports *, const char *path, const char **rest);
/* The names below `path` that lead to exports which are not denied, each once; they point into the prefixes. Count. */
size_t export_names(const struct exports *, const char *path, struct wire_str names[static WIRE_EXPORTS_MAX]);
/* What stands in `e` where the prefixes of inner exports are: to be left out of its listings. ids: up to WIRE_EXPORTS_MAX. Count. */
struct export_id { uint64_t dev, ino; };
size_t export_covered(const struct exports *, const struct export *e, struct export_id ids[static WIRE_EXPORTS_MAX]);
/* fd was opened beneath e: did a link lead to what an inner export hides? Then it is "no such file". Looks at /proc/self/fd; true when it cannot. */
bool export_strayed(const struct exports *, const struct export *e, int fd);
void exports_clear(struct exports *);
