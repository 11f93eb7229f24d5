/*
 * glob.h - remote patterns, matched by the client against what the daemon lists: * ? [ ] and backslash, one component at a time.
 *
 * A dot at the start is matched by a dot only; matches come in byte order; a component without pattern is never listed.
 * Returns  0, or -errno: the job cannot go on (said and counted). No match: count 0.
 * Source   fnmatch(3) FNM_PERIOD, glob(7). Proof tests/cli.bats.
 */
#pragma once
#include "zcp/job.h"

struct paths { char **v; size_t count, room; };         /* each and v are heap */

bool glob_is_pattern(const char *path);
void glob_unquote(char *path);                          /* "a\*b" -> "a*b", in place */
int  glob_expand(struct job *, const char *pattern, struct paths *);
int  paths_add(struct paths *, const char *path);       /* a copy; -ENOMEM */
void paths_clear(struct paths *);
