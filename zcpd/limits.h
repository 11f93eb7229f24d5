/*
 * limits.h - how many streams there may be, of whom, and who must wait: decided from the listener's private table alone.
 *
 * Total    `streams` in all. per_source: of one /32 or /64. per_key: of one authorised key (asked by the stream's process, verdict.h).
 * Early    start:rate:full, as sshd's MaxStartups: from `start` streams that are not authenticated yet on, a new one is refused with
 *          rate %, rising linearly to 100 % at `full`.
 * Penalty  a source that crashed a stream's process, or failed to authenticate, waits: each offence adds its seconds, up to penalty_most_s;
 *          refused until it has expired. Networks of `exempt` are never penalised.
 * Table    of LIMITS_SOURCES sources, no more whoever attacks: when it is full, the one that would be forgiven first makes room.
 * Time     is handed in (monotonic ms): nothing here looks at a clock; chance is handed in as well.
 * Proof    tests/unit/limits.c (fake clock, fake dice), tests/limits.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/net.h"

enum { LIMITS_STREAMS_MAX = 1024, LIMITS_EXEMPT_MAX = 16, LIMITS_SOURCES = 1024, LIMITS_DICE = 10000 };

struct limits_set {
	unsigned streams, per_source, per_key;
	unsigned start, rate, full;
	unsigned greeting_s, idle_s, stall_s, drain_s;
	unsigned penalty_crash_s, penalty_refused_s, penalty_most_s;
	struct net_cidr exempt[LIMITS_EXEMPT_MAX]; int exempt_count;
};
void limits_defaults(struct limits_set *);

/* Who is counted together: one IPv4 address, one IPv6 network of 64 bits, or one user of this machine behind a Unix socket. */
struct source { uint8_t ip[16]; };
struct source limits_source(const struct net_addr *);
bool   limits_same(const struct source *, const struct source *);

enum limits_word { LIMITS_GO = 0, LIMITS_PENALTY, LIMITS_TOTAL, LIMITS_SOURCE, LIMITS_EARLY, LIMITS_WORDS };
/* What the table says of the newcomer: live streams, those not authenticated yet, those of its source. */
struct limits_now { unsigned live, strangers, of_source; int64_t now_ms; uint32_t dice; /* 0 .. LIMITS_DICE - 1, uniform */ };

struct penalty   { struct source source; int64_t until_ms; };          /* 0: a free row */
struct penalties { struct penalty row[LIMITS_SOURCES]; };
enum offence     { OFFENCE_CRASH, OFFENCE_REFUSED };

enum limits_word limits_admit(const struct limits_set *, const struct penalties *, const struct net_addr *, const struct limits_now *);
bool     limits_key(const struct limits_set *, unsigned of_key);        /* may a key that has so many streams have one more? */
/* ms that the source now has to wait; 0: exempt, or such offences cost nothing. */
int64_t  limits_offend(const struct limits_set *, struct penalties *, const struct net_addr *, enum offence, int64_t now_ms);
int64_t  limits_wait(const struct penalties *, const struct source *, int64_t now_ms);
