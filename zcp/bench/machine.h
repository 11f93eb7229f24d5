/*
 * machine.h - what the figures were taken on: struct bench_machine of result.h.
 *
 * Sources  uname(2); /proc/cpuinfo (where it names no model, as on ARM, the architecture stands for it); sched_getaffinity(2); the file system by the place's
 *          mount in /proc/self/mountinfo (statx(2) has the mount's number: btrfs's device numbers are not the mount's), else statfs's number; common/nic.h.
 * Not known  is "" each; nothing fails. `pinned` is not touched: who pins knows.
 * Proof    tests/unit/machine.c, tests/plot.bats.
 */
#pragma once
#include "zcp/bench/result.h"

/* from, to: paths that are there, NULL: none. sock: a connected one, -1: none. */
void machine_fill(struct bench_machine *, const char *from, const char *to, int sock);
