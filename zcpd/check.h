/*
 * check.h - zcpd --check-config: what the daemon would say to its configuration, without making, binding or changing anything.
 *
 * Looks    the file by config.c and settings.c, as at a start; the exports' directories; the state directory's and the host key's owners and
 *          modes; the authorised keys' lines, and whether the names and exports that one file mentions stand in the other (a warning).
 *          Transfer log, status socket and metrics address: could they be had (check_places.c)?
 * Says     "FILE: ok, N exports, N keys" on stdout, or the mistakes on stderr.
 * Returns  an exit status: 0, 1.
 * Proof    tests/config.bats.
 */
#pragma once
#include "zcpd/options.h"

int check_config(const struct options *);
/* As root: from here on with the eyes of `user`, else of the state directory's owner. st NULL: there is no such directory yet. */
struct stat;
/* Between the files of this room: with the eyes of check_become(). false: said what cannot be had */
bool check_places(const struct settings *, const char *state);
void check_become(const struct settings *, const struct stat *st);
