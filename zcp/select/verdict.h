/*
 * verdict.h - is this file to be copied, by what stands at the destination? One pure function for both directions.
 *
 * Same     size and modification time are equal: with -a and -u, unless -I. Where the destination's file system keeps whole seconds alone
 *          (coarse: its ctime has no nanoseconds either, and a ctime cannot be set), seconds count. --size-only: the size alone. --checksum: the bytes, of files whose sizes are equal (VERDICT_CHECK).
 * Kept     what the same file may lack is its mode (and with --checksum or --size-only its time): VERDICT_META, with -p and -a; with -A its mode, too. Of what else a file has, nothing is
 *          said here.
 * Order    --existing, --ignore-existing, then -u: something newer at the destination stays, whatever else is asked. Then the above.
 * Proof    tests/unit/verdict_copy.c: a table; tests/same.bats.
 */
#pragma once
#include "common/wire.h"
#include "zcp/cli/options.h"

enum verdict { VERDICT_COPY, VERDICT_SAME, VERDICT_META, VERDICT_CHECK, VERDICT_LEFT /* not to be touched */ };

struct found { struct meta meta; bool coarse; };        /* what stands there */

/* Does anything of this depend on what is there? Else nobody need look. */
bool verdict_looks(const struct options *);
/* A regular file; `there` NULL: nothing has its name. */
enum verdict verdict_of(const struct options *, const struct meta *source, const struct found *there);
/* Its bytes are the same: is there something else to be set? VERDICT_SAME or VERDICT_META. */
enum verdict verdict_same(const struct options *, const struct meta *source, const struct found *there);
/* A file that is left alone: is it the source's all the same, by size and time, with -a? Other names of the source can be links to it then. */
bool verdict_stands(const struct options *, const struct meta *source, const struct found *there);
bool verdict_same_time(const struct meta *source, const struct found *there);
/* --max-size, --min-size: is a file of so many bytes left out? */
bool verdict_size(const struct options *, uint64_t size);
