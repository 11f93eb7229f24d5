/*
 * limits.h - how many streams there may be, of whom, and who must wait: decided from the listener's private table alone.
 *
 * Total    `streams` in all. per_source: of one /32 or /64. per_key: of one authorised key (asked by the stream's process, verdict.h).
 * Early    start:rate:full, as sshd's MaxStartups: from `start` streams that are not authenticated yet on, a new one is refused with
 *          rate %, rising linearly to 100 % at `full`.
 * Penalty  a source that crashed a stream's process, or failed to authenticate, waits: each offence adds its seconds, up to penalty_most_s;
 *          refused until it has expired. Networks of `exempt` are never penalised.
 * Time     is handed in (monotonic ms): nothing here looks at a clock; chance is handed in as well.
 * Proof    tests/unit/limits.c (fake clock, fake dice), tests/limits.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/net.h"

enum { LIMITS_STREAMS_MAX = 1024, LIMITS_EXEMPT_MAX = 16 };

struct limits_set {
	unsigned streams, per_source, per_key;
	unsigned start, rate, full;
	unsigned greeting_s, idle_s, stall_s, drain_s;
	unsigned penalty_crash_s, penalty_refused_s, penalty_most_s;
	struct net_cidr exempt[LIMITS_EXEMPT_MAX]; int exempt_count;
};
void limits_defaults(struct limits_set *);
