/*
 * foreign.h - the letters and long options of scp and rsync, and those of zcp's own contract, that this version does not have.
 *
 * Each is known and answered with one sentence that names it and says what to do instead; none is ever ignored.
 * Proof    tests/cli.bats asks for each of them.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct foreign {                /* NOLINT(clang-analyzer-optin.performance.Padding): the order of the table's columns */
	char        letter;             /* 0: none */
	const char *name;               /* NULL: none */
	uint8_t     status;             /* enum status: ST_USAGE, or ST_CANNOT */
	const char *say;                /* goes on from "zcp: -n: " */
};

extern const struct foreign foreign_options[];
extern const size_t foreign_count;
