/*
 * chosen.h - is this name part of the copy? Rules and sizes, asked for everything that a walk, a listing or a list of names brings.
 *
 * Name     of rules: from the transfer's root on, as rsync's: a source `dir` is itself the first component; of `dir/.` and of --files-from what is below it.
 * Below    what lies in a directory that is left out is never asked about: the caller leaves it out, too.
 * Proof    tests/choose.bats.
 */
#pragma once
#include "zcp/plan.h"

/* rest: below the source, "" = the source itself. */
bool chosen(const struct job *, const struct source *, const char *rest, const struct meta *);
/* By rules alone: what an entry is that could not be looked at is not known, nor how large. */
bool chosen_name(const struct job *, const struct source *, const char *rest, bool dir);
