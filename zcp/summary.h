/*
 * summary.h - what is said when a copy is over: the last line, and the block that --stats asks for.
 *
 * Line     files, bytes that moved, time, rate, streams, and what limited it (limited.h). On standard error, with -v or --stats, and where progress was drawn on a terminal; never with -q.
 * Block    "Name: value" lines on standard output, bytes and counts as plain numbers, always the same names in the same order. Where the contents themselves went to standard
 *          output (a file or pipe that is DST), on standard error. Standard output that does not take it is status 11; whether there is one is looked at before anything is copied.
 * When     a stream was let in, or something was copied; also after a failure or a signal.
 * Proof    tests/stats.bats, tests/progress.bats.
 */
#pragma once
#include "zcp/job.h"

/* --stats without a standard output is found out at once: what is opened later would have its number. Said and counted. */
enum status summary_check(struct job *);
/* Once, at the end: the lead's stream has said BYE. */
void summary_say(struct job *);
