/*
 * bench.h - zcp --bench: what each way to move bytes costs on this machine, or from a host.
 *
 * Here     DIR (or the working directory): a file of --size, a zcpd of its own on loopback (daemon.h), each row fetched from it, the rounds interleaved; where there are two cores and more
 *          the sender and the receiver have one each.
 * host:x   the same rows as far as the host allows them; nothing is changed there, and what has to be stored is stored below the working directory.
 * Line     on a terminal (stderr), without -q, -v and --json: which round and row it is at, rewritten, and gone before the table.
 * Ends     whatever happens, with nothing left: no daemon, no directory. Ctrl-C: 20. No space for two files: 44. No zcpd: 4. A host that is gone: what a copy's status would be.
 * Proof    tests/bench.bats.
 */
#pragma once
#include "zcp/job.h"

enum status bench_run(struct job *);
