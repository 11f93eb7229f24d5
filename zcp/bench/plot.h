/*
 * plot.h - --plot=FILE: the table of --bench as a picture (SVG) that can be shown in a talk.
 *
 * Shows    for each row, in groups: throughput in GiB/s (median, whiskers from least to most), and CPU seconds per GiB, user and system, of the sender above the receiver.
 *          Both axes begin at 0 and are linear.
 *          A baseline that is far above everything else ends in a break, with its number. A row that was not measured says why.
 * Looks    encrypted rows are hatched, system time is lighter than user time: it can be read in grey, and by who cannot tell red from green.
 * Size     1600 wide; as high as its rows need.
 * File     complete or not at all (aside.h); a regular file that has the name is replaced;
 *          anything else is refused (45), a symbolic link wherever it leads, too.
 * Returns  ST_OK, or the status to end with, said already: 1 no name of a file (or -), 3 no such directory, 11, 44, 45.
 * Proof    tests/unit/plot.c, tests/plot.bats: rendered, and its pixels counted.
 */
#pragma once
#include "common/err.h"
#include "zcp/bench/result.h"

/* Before anything is measured: can FILE be made? Leaves nothing. */
enum status plot_check(const char *file);
enum status plot_write(const struct bench_table *, const char *file);
