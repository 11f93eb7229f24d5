/*
 * rules_own.h - what rules.c and rules_file.c share.
 *
 * Proof    tests/unit/rules.c.
 */
#pragma once
#include "zcp/select/rules.h"

enum { RULE_SEEN = 450 };

struct place {                  /* where a rule stands */
	const char *file;       /* NULL: on the command line */
	unsigned    line;
	bool        exclude;    /* what it is without a prefix */
};

enum status rules_take(struct rules *, const struct place *, const char *text);         /* prefix, "!" and pattern */
enum status rules_refuse(const struct place *, const char *text, const char *why);      /* says it; ST_USAGE */
