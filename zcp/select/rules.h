/*
 * rules.h - which names are copied: the patterns of --include, --exclude, --include-from and --exclude-from, in the order typed.
 *
 * Order    the first rule that matches decides; where none does, the name is copied.
 * Prefix   as rsync's: "- " or "+ " in front of a pattern says itself what it is, and "!" alone takes back all rules before it.
 * Files    a pattern a line, ended by LF, CR or both; empty lines, and those that begin with ';' or '#', are none. With from0 NUL ends them,
 *          and LF and CR are bytes of the pattern; comments are still comments. "-" is standard input, once.
 * Judging  one path, not those above it: rsync does not go into a directory that is left out, and neither does the caller. `dir` is what will be
 *          copied as one: a link that is followed to a directory, not one that is copied as a link.
 * Root     paths are relative to the transfer's root (zcp(1) FILTER RULES). A source itself is judged too, by its last component; one that stands for
 *          what is in it (dir/., host:) has no name and is not: "" is never left out.
 * Threads  adding and clearing: one, alone. rules_exclude() and rules_say_unused(): any number at once.
 * Returns  ST_OK; ST_USAGE, said on stderr already; ST_FILE_IO: no memory, not said.
 * Bounds   RULES_MAX rules, each of PATTERN_MAX bytes at most.
 * Source   zcp(1) FILTER RULES, rsync(1). Proof tests/unit/rules.c, tests/rules.bats (rsync beside it).
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include "common/err.h"
#include "zcp/select/pattern.h"

enum { RULES_MAX = 1000000, RULES_SAID = 16 };

struct rule {
	struct pattern *pattern;
	const char     *file;           /* of struct rules; NULL: of the command line */
	unsigned        line;           /* in it, from 1 */
	bool            exclude;
	atomic_bool     decided;        /* about some name, in this run */
};

struct rules {                          /* all zero: no rules */
	struct rule *v;
	size_t       count, room;
	char       **files;
	size_t       file_count;
	bool         stdin_read;
};

enum status rules_add(struct rules *, bool exclude, const char *text);                  /* --exclude=text or --include=text */
enum status rules_read(struct rules *, bool exclude, const char *file, bool from0);     /* --exclude-from=file or --include-from=file */
bool        rules_exclude(const struct rules *, const char *path, bool dir);
void        rules_say_unused(const struct rules *);     /* log_info() names the rules that decided about nothing: RULES_SAID, and how many more */
void        rules_clear(struct rules *);
