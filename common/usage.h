/*
 * usage.h - what this process has cost so far: CPU, faults, switches, bytes from the disk, and the calls of count.h.
 *
 * Units    microseconds, bytes; all since the process began. Two of them, one taken off the other, are the cost of what lay between.
 * Wire     USED, one for each USAGE: a host says its own. What a newer one counts besides is dropped, what an older one does not count is 0.
 * Effects  one getrusage(2), right beside the counts: in a trace it marks where they were taken.
 * Source   getrusage(2): ru_nvcsw, ru_minflt and ru_majflt, ru_inblock (512 bytes). zcp-wire(7) USAGE. Proof tests/bench.bats, tests/unit/usage.c.
 */
#pragma once
#include "common/count.h"
#include "common/wire.h"

struct usage {
	uint64_t user_us, system_us;
	uint64_t scheduled;             /* gave the core up of its own accord */
	uint64_t faults;                /* minor and major */
	uint64_t disk;                  /* bytes read from it */
	struct counts counts;
};

struct usage usage_now(void);
struct usage usage_children(void);              /* of those that were waited for: other programs, whose calls nobody counts */
struct usage usage_between(const struct usage *from, const struct usage *to);   /* what went backwards (a host may say anything) is 0 */
struct wire_used usage_put(const struct usage *);
struct usage usage_get(const struct wire_used *);
