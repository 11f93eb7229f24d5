/*
 * authorized_options.h - one option word of a line of authorized_keys.
 *
 * Returns  NULL, or what is wrong with the word; authorized_no_memory (compare the pointer) when there is none.
 * Proof    tests/unit/authorized.c.
 */
#pragma once
#include "zcpd/authorized.h"

extern const char authorized_no_memory[];

/* The next word of the line, terminated in place; NULL at the end. Blanks are space and tab. */
char       *authorized_word(char **at);
const char *authorized_option(const char *word, struct authorized_key *);
bool        authorized_is_option(const char *word);     /* by its form: an option's name, or anything with '=' */
/* YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ, years 1970 to 9999. 0 or -EINVAL */
int         authorized_time(const char *text, int64_t *seconds);
