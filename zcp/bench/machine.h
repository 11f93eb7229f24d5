/*
 * machine.h - what the figures were taken on: struct bench_machine of result.h.
 *
 * Sources  uname(2); /proc/cpuinfo (where it names no model, as on ARM, the architecture stands for it); sched_getaffinity(2); the file system by the place's
 *          mount in /proc/self/mountinfo (statx(2) has the mount's number: btrfs's device numbers are not the mount's), else statfs's number.
 * Not known  is "" each; nothing fails. pinned, cc and nic are not touched: who pins, and who has the connection, knows (net_cc_name(), nic_features()).
 * Proof    tests/unit/machine.c.
 */
#pragma once
#include "zcp/bench/result.h"

/* from, to: paths that are there, NULL: none. */
void machine_fill(struct bench_machine *, const char *from, const char *to);
