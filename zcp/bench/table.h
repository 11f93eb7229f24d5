/*
 * table.h - what --bench says: for people (at most 100 columns), and for programs.
 *
 * People   the machine; then rate and CPU of all rows, by group; what each took (mode switches, scheduler switches, faults, bytes through user space, copies by definition); its system
 *          calls by name; the claims. A row without numbers says why.
 * Programs the objects `machine`, `bench` and `claim` of zcp-json(7).
 * Proof    tests/bench.bats.
 */
#pragma once
#include <stdio.h>
#include "zcp/bench/claims.h"
#include "zcp/job.h"

void table_head(FILE *, const struct bench_table *);
void table_print(FILE *, const struct bench_table *);
void table_tell(struct job *, const struct bench_table *);              /* json.c */
