/*
 * trials.h - what no row of the table shows: how many reads from the disk many consumers cost, and what direct I/O leaves in the page cache.
 *
 * Needs    a place (workdir.h) whose file can be dropped from the page cache, and a zcpd that says what it costs; else `why` says what is missing. On a file system in memory nothing is tried.
 * Returns  0, or -EINTR: *stop.
 * Proof    tests/bench.bats.
 */
#pragma once
#include "zcp/bench/cell.h"
#include "zcp/bench/claims.h"
#include "zcp/bench/workdir.h"

enum { CONSUMERS = 4 };
int trials_run(const struct cell_place *, const struct workdir *, struct claims_seen *);
