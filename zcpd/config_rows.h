/*
 * config_rows.h - inside config*.c: the table's rows, the words between libConfuse and the settings, how a mistake is said.
 *
 * Row      one key of zcpd.conf. take() puts one word where it belongs and returns NULL, or what the word must be; a list's words come one
 *          after the other. base is a struct settings, or a struct settings_export for the rows of an export.
 * Default  as one would write it in the file (def), or in words where nothing that could be written says it (otherwise).
 * Word     what libConfuse found, with its line; freed by libConfuse.
 * Proof    tests/unit/config.c, tests/config.bats, tests/manual.bats.
 */
#pragma once
#include <stddef.h>
#include "zcpd/config.h"

struct word  { unsigned line; char text[]; };
struct value { const char *text; unsigned line; size_t index, count; };         /* one word of `count` */

struct row {
	const char *name;
	const char *(*take)(const struct row *, void *base, const struct value *);
	size_t      at;                         /* where in the base */
	uint64_t    least, most;                /* of a number; of a list: how many at most */
	const char *unit;                       /* " seconds", or "" */
	const char *const *choices;             /* NULL at the end */
	const char *range;                      /* of what is neither number nor choice */
	const char *def, *otherwise;
	const char *help;
	bool        list, needed;
};

extern const struct row config_rows[], config_export_rows[];   /* a row without a name ends them */
enum { CONFIG_ROWS_MAX = 40, CONFIG_MUST = 200 };

const char *config_range(const struct row *, char buf[static CONFIG_MUST]);     /* "1 to 86400 seconds", "ro or rw" */

const char *take_number(const struct row *, void *, const struct value *);      /* unsigned */
const char *take_choice(const struct row *, void *, const struct value *);      /* bool: the second of two */
const char *take_level(const struct row *, void *, const struct value *);       /* int: which of the choices */
const char *take_size(const struct row *, void *, const struct value *);        /* uint64_t, 0: none */
const char *take_text(const struct row *, void *, const struct value *);        /* char *: a word that can be printed */
const char *take_path(const struct row *, void *, const struct value *);        /* char *: absolute */
const char *take_keys_file(const struct row *, void *, const struct value *);   /* char *: absolute, or any */
const char *take_log_file(const struct row *, void *, const struct value *);    /* char *: absolute, log, or none */
const char *take_socket(const struct row *, void *, const struct value *);      /* char *: absolute, or none */
const char *take_metrics(const struct row *, void *, const struct value *);     /* char *: on loopback, unix:, or none */
const char *take_listen(const struct row *, void *, const struct value *);
const char *take_plain(const struct row *, void *, const struct value *);
const char *take_export_plain(const struct row *, void *, const struct value *);
const char *take_exempt(const struct row *, void *, const struct value *);
const char *take_suites(const struct row *, void *, const struct value *);
const char *take_startups(const struct row *, void *, const struct value *);
const char *take_names(const struct row *, void *, const struct value *);       /* struct names */
const char *take_prefix(const struct row *, void *, const struct value *);
bool config_name_ok(const char *name);                                          /* an export's */

/* "FILE" line N: ... on stderr. Always -EINVAL. */
int config_say(const char *file, unsigned line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* text as the file has it -> as libConfuse gets it: comments are spaces. Refused: what libConfuse passes over or alters without a word.
 * lines: where each section begins, in order. */
int config_scan(const char *file, char *text, unsigned lines[static WIRE_EXPORTS_MAX]);
