/*
 * together.h - options that cannot be meant together.
 *
 * Returns  ST_OK, or ST_USAGE, said on stderr already.
 * Proof    tests/cli.bats, tests/bench.bats.
 */
#pragma once
#include "zcp/cli/options.h"

enum status options_choice_agrees(const struct options *);      /* what is copied */
enum status options_bench_agrees(const struct options *);       /* --bench, and what is its alone */
