/*
 * names.h - the names of a list (--files-from), one after the other, each put into the form that everything below expects.
 *
 * List     FILE, or "-": standard input. A name a line, or with -0 everything up to a NUL (only so can a name have a newline). Every line is a name: nothing is a comment.
 *          Empty ones are passed over.
 * Name     below the one source. Slashes at its beginning count for nothing (said once), nor does "./", "//" or one at its end; "a/../b" is "b"; "" is the source itself.
 * Wrong    what leaves the source, is too long, or is no name at all comes with its failure: the list goes on.
 * Doubled  a name that was given before is passed over, and counted (names_end() says how many). Of the first NAMES_KNOWN that is known, of what follows it is not: copied twice, then.
 * Again    another attempt reads from the start: a file that cannot be read twice is kept in one without a name as it comes (in TMPDIR, else in memory).
 * Memory   8 to 16 bytes a name, at most 64 MiB: a keyed hash of 64 bits. NAMES_BYTES of the list.
 * Calls    after the confinement: read, pread, write, lseek.
 * Proof    tests/unit/names.c, tests/files-from.bats.
 */
#pragma once
#include "common/wire.h"
#include "zcp/cli/options.h"

enum { NAMES_KNOWN = 6 << 20, NAMES_BYTES = 64 * 1024 };

struct name { struct fail fail; char path[WIRE_PATH_MAX + 1]; };        /* fail: path is what the list says, cut to what fits */
struct names;                   /* heap */

enum status names_open(struct names **, const struct options *);        /* ST_OK, or said: the list cannot be read */
int  names_next(struct names *, struct name *);                         /* 1, 0 = end, -errno: the list cannot be read on */
/* It is copied by its name; was it? For what also lies in a directory that is copied as a whole. */
void names_take(struct names *, const char *path);
bool names_took(const struct names *, const char *path);
int  names_again(struct names *);                                       /* 0 or -errno */
struct job;
void names_broken(struct job *, int r);                                 /* the list could not be read to its end: said and counted */
void names_end(struct names *);                                         /* says what was doubled, frees; takes NULL */
