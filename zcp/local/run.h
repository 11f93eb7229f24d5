/*
 * run.h - a copy on this machine: `zcp a b`, no host in any argument. What a download does here (destination.h, download.h), with sources that are walked and copied instead of asked for.
 *
 * Rules    cp's and scp's, as everywhere: destination.h. A file onto itself, by whatever name, and a directory into itself are refused (status 4), before anything is made. In trees a file, and a link that leads to what
 *          it would replace, are found out one by one (itself.c; aside.h, source), and the rest is copied.
 * Files    each an aside file and one rename (aside.h), filled by the best technique that works between the two (copy.h). Into a pipe or a device: read and written in order.
 * Changes  a source that changes while it is read is copied once more, then it is status 24 and nothing is published.
 * Lead     one thread: the walk is ahead of the copying by as much as the queue holds.
 * Without  job log, resuming and several streams: what is there already is looked at with -a and -u. Options about hosts, --files-from and --delete are refused.
 * Signal   between two pieces; the incomplete file is removed.
 * Proof    tests/local.bats, tests/local-trees.bats.
 */
#pragma once
#include "zcp/destination.h"
#include "zcp/plan.h"

/* What was asked for that a copy on this machine does not have: ST_OK, or said and counted. */
enum status local_check(struct job *);
void local_run(struct job *, struct plan *, struct destination *);
