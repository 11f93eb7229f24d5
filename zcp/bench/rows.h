/*
 * rows.h - which ways to move bytes are measured, and what becomes of their rounds: one line here is one row of the table (result.h).
 *
 * Senders     each, to a receiver that discards (engine null): raw without MACs, raw with them, sealed by the best suite; mmap and readwrite by every suite.
 * Receivers   each, from the best sender: sendfile for raw contents, mmap for sealed ones.
 * Baselines   baseline.h.
 * Samples     one for each round that counts. Medians, least and most of rate and CPU; medians of all counts. Per GiB of contents.
 * Copies      by the technique's definition: zcp(1) ENGINES has the table. Without a NIC (loopback) or a disk (page cache) the DMA ones do not happen.
 * Proof       tests/bench.bats, tests/unit/bench_rows.c.
 */
#pragma once
#include "zcp/bench/baseline.h"
#include "zcp/bench/cell.h"

struct sample { double rate; struct usage sender, receiver; bool sender_there, receiver_there; };

struct line {
	bool            is_cell;
	struct cell     cell;
	struct baseline base;
	struct sample  *samples;        /* `rounds` of them, owned */
	unsigned        count;
};

enum { LINES_MAX = 80 };
/* `allowed`: suite ids, 0 ends (options.h). How many; the rows are the same ones, named, with what their definitions say. */
size_t rows_make(struct line lines[static LINES_MAX], struct bench_row rows[static LINES_MAX], const uint8_t *allowed, bool files);
void   rows_sample(struct line *, const struct measured *);
void   rows_sum_up(const struct line *, struct bench_row *, uint64_t bytes);   /* of the file */
