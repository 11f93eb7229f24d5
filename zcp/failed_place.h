/*
 * failed_place.h - where --failed-to=FILE may not be, since it is emptied before anything is copied.
 *
 * Refused  the list that --files-from reads; a source of this machine, under whatever name; a file below one, unless a rule or -x leaves it out; what a download puts in its place.
 *          Below a source of which a list names files, one that is new or empty is fine: nothing of it can be lost.
 * Unseen   what only the walk finds: a link in a tree, or another name of the file, and what a tree from the host brings. What is no regular file is emptied by nobody.
 * Effects  none: looked at by name, so that nothing is made where it is refused. It is to find mistakes, not races.
 * Returns  ST_OK; ST_USAGE, said and counted.
 * Proof    tests/failed.bats.
 */
#pragma once
#include "zcp/cli/target.h"
#include "zcp/job.h"

/* t: the sources and DST, n in all. */
enum status failed_place_check(struct job *, const struct target *t, int n);
