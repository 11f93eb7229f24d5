/*
 * claims.h - what is said of these techniques, each held against what was counted and measured in this run.
 *
 * Found    holds, does not hold here, or not measured (and why). Copies and mode switches are counts, so their verdicts are the same on every machine; CPU and rates are this machine's.
 * Pure     no calls: a table (and what claims_seen adds to it) in, words out. `found` is ASCII, one line.
 * Source   zcp(1) ENGINES. Proof tests/unit/claims.c (tables that were made up, claims that are broken on purpose), tests/bench.bats.
 */
#pragma once
#include "zcp/bench/result.h"

enum verdict { CLAIM_HOLDS, CLAIM_FAILS, CLAIM_UNMEASURED };
struct bench_claim { const char *what; enum verdict verdict; char found[360]; };
extern const char *const verdict_words[];       /* by enum verdict */

/* What no row says. why not empty: it could not be tried. */
struct claims_seen {
	struct { char why[200]; unsigned consumers; uint64_t disk; } many;      /* so many downloads of one file that was not cached, at once: bytes read from the disk for all of them */
	struct { char why[200]; double before, after; } direct;                 /* how much of the file was cached before it was sent by direct I/O, and afterwards */
};

enum { CLAIMS_MAX = 24 };
size_t claims_make(const struct bench_table *, const struct claims_seen *, struct bench_claim claims[static CLAIMS_MAX]);
