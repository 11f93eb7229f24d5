/*
 * run.h - one run of zcp, from its arguments to its exit status.
 *
 * Effects  connects, asks for a host's key at most once, copies, says what failed. Proof tests/cli.bats, tests/status.bats.
 */
#pragma once
#include "zcp/job.h"

enum status run_list(struct job *);
enum status run_copy(struct job *);
enum status run_public_key(struct job *);
enum status run_forget_host(struct job *);
