/*
 * granted.h - the exports that WELCOME named, and whether contents may travel raw there.
 *
 * Rule     as the daemon's: the longest prefix of whole components decides; a path that lies in none is never raw.
 * Proof    tests/unit/granted.c, tests/session.bats.
 */
#pragma once
#include <stdbool.h>
#include "common/wire.h"

struct granted { struct { char prefix[WIRE_NAME_MAX + 1]; uint8_t flags; } list[WIRE_EXPORTS_MAX]; unsigned count; };

void granted_add(struct granted *, struct wire_str prefix, uint8_t flags);      /* what does not fit, or is no prefix, is left out: not raw */
bool granted_raw(const struct granted *, const char *path);
