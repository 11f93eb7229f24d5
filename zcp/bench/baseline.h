/*
 * baseline.h - what the cells are to be compared with, measured in the same run: memory, cp(1), ciphers and MACs alone, and copies from file to file.
 *
 * memcpy   64 MiB to 64 MiB, again and again, as many bytes as the file has.
 * cp       cp(1), as it is installed: forked, executed, waited for. It is another program: its calls and bytes are not counted.
 * ciphers  records of 256 KiB from one buffer into another; MACs over chunks of 256 KiB that stay where they are. No file, no socket.
 * local    the techniques of zcp/local/copy.h, without a name for the copy: no aside file, no mode, no time.
 * Proof    tests/bench.bats.
 */
#pragma once
#include "zcp/bench/child.h"
#include "zcp/bench/workdir.h"
#include "zcp/bench/result.h"

struct copier;
struct baseline {
	const char         *name;
	enum bench_group    group;
	bool                file;               /* it reads the place's file */
	bool                foreign;            /* another program */
	const struct suite *suite;
	const struct copier *how;               /* of a local copy */
	int               (*run)(const struct baseline *, const struct workdir *, uint64_t size, struct measured *);   /* 0, or -errno */
};

enum { BASELINES_MAX = 24 };
/* Those that can be measured: `files` says whether there is a place with a file. How many. */
size_t baselines(struct baseline list[static BASELINES_MAX], bool files);
int    baseline_run(const struct baseline *, const struct workdir *, uint64_t size, int core, struct measured *, const volatile sig_atomic_t *stop);
