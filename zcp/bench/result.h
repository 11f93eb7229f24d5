/*
 * result.h - what --bench has measured: rows, each a way to move bytes, with what it cost on both sides. Filled by bench.c, drawn by table.c, plot.c and json.c.
 *
 * Units    rates in bytes/s; all costs per GiB (2^30 bytes) of the file; spread: median, least and most over the rounds.
 * Proof    tests/bench.bats.
 * Owner    of a table is who measured; names and reasons are static or the row's own.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/count.h"

struct spread { double median, least, most; };

struct bench_claim;
enum { BENCH_ROUNDS_MAX = 100 };
enum { COPIES_NONE = -1 };                      /* the definition says nothing: no such side */

struct bench_side {
	bool   there;                           /* somebody was on this side, and told what it cost */
	bool   counted;                         /* ... its calls and bytes, too; not what another program did (cp) */
	struct spread user, system;             /* CPU seconds */
	double calls[CALLS], all_calls;         /* system calls that move contents, by name, and their sum; mode switches are twice that */
	double through;                         /* bytes through user space for each byte of the file */
	double scheduled;                       /* ru_nvcsw: gave the core up */
	double faults;                          /* minor and major */
	int    cpu_copies, dma_copies;          /* by the technique's definition, on this side; COPIES_NONE */
};

enum bench_group { BENCH_BASELINE, BENCH_SENDER, BENCH_RECEIVER, BENCH_PAIR, BENCH_LOCAL };    /* SENDER: to a receiver that discards, and is labelled so */

struct bench_row {
	enum bench_group group;
	char   name[64];                        /* "sendfile", "mmap, aegis128l", "cp" */
	const char *send, *recv, *suite;        /* the engines, and the cipher or what makes the MACs; NULL: there is none */
	bool   sealed, tagged, discards;
	bool   cold;                            /* the file was not in the page cache */
	char   why[320];                        /* not empty: it could not be measured, and this is why */
	unsigned rounds;
	struct spread rate;
	struct bench_side sender, receiver;     /* a local copy and a baseline are the sender's alone */
};

struct bench_machine {
	char   kernel[80], cpu[80], fs_from[32], fs_to[32], cc[16], libsodium[32], nic[160];    /* nic: "lo: scatter-gather on, TSO on" */
	unsigned cores, pinned;                 /* pinned: cores each side has for itself; 0: not pinned */
};

struct bench_table {
	struct bench_machine machine;
	uint64_t size;                          /* bytes of the file */
	unsigned rounds;
	bool cold, host;                        /* host: the file is one of a host's, as it is there */
	struct bench_row *rows; size_t count;
	struct bench_claim *claims; size_t claim_count;         /* claims.h */
};
