/*
 * arguments.h - SRC... DST, or what --list is given: which paths they are, and which one host they are on.
 *
 * Takes    j->opt->args, all of them, into t, which has room for as many (zeros before; target_clear() each, also where it failed).
 * Finds    j->local (no host at all), or j->upload, host, port, config (what the configuration file says of the host), where, where_host.
 * Returns  ST_OK; else what was said, counted in the report: ST_USAGE, ST_MISSING for names that are none, ST_FILE_IO.
 * Proof    tests/cli.bats, tests/hosts.bats, tests/list.bats.
 */
#pragma once
#include "zcp/cli/target.h"
#include "zcp/job.h"

enum status arguments_take(struct job *, struct target *t, int n);
