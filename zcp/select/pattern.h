/*
 * pattern.h - one pattern of --include and --exclude, as rsync understands it: text -> elements -> does it match a path?
 *
 * Bytes    patterns and paths are bytes: ? is one of them, classes are ASCII's whatever the locale.
 * Path     relative to the transfer's root, components divided by one '/', none at either end, no "." or ".."; of any length.
 *          The root itself has no path: "" is matched by nothing.
 * Where    the last component; with a '/' that is not the last byte, or with "**", whole components up to the end of the path; with
 *          a '/' in front the whole path. What counts as '/', "**" and wildcard is seen in the text, quoted or not: rsync does so.
 * Time     at most path bytes * pattern bytes steps, whatever they are: names come from a peer. Nothing recurses.
 * Memory   5 bytes for each of a pattern's own, of which there are at most PATTERN_MAX; matching takes as many as it has on the stack.
 * Errors   pattern_new() gives NULL and a sentence for what is empty, too long, or cannot match any path; without a sentence: no memory.
 * Threads  a pattern does not change: any number may match with it.
 * Source   zcp(1) FILTER RULES, rsync(1) PATTERN MATCHING RULES. Proof tests/unit/rules.c, tests/rules.bats (rsync beside it).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { PATTERN_MAX = 4095 };

struct pattern;
struct pattern *pattern_new(const char *text, const char **why);       /* pattern_free() it */
void            pattern_free(struct pattern *);
const char     *pattern_text(const struct pattern *);                  /* as it was given */
bool            pattern_matches(const struct pattern *, const char *path, bool dir);
