/*
 * daemon.h - the zcpd that --bench starts for itself: on 127.0.0.1, a port of its own, with a host key, a client's key and a state directory that nobody else knows.
 *
 * Program  the zcpd beside the zcp that runs; else the first one in PATH; else /usr/local/sbin, /usr/sbin.
 * Serves   PLACE/root, read-only, to the one key; contents unencrypted and without MACs, too: it is for cells that need that.
 * Ends     with bench_daemon_stop() (SIGTERM; after 0.8 s SIGKILL, which loses nothing: all that it has is removed), and with who started it (PR_SET_PDEATHSIG). That is before
 *          another Ctrl-C would count (main.c), which would end zcp and leave the directory.
 *          In a process group of its own: a terminal's Ctrl-C is zcp's to answer.
 * Returns  ST_OK, or the status to end with, said: 4 where there is no zcpd, or one that is not ready in 20 s;
 *          11 where it does not start (with what it said last, or how it ended).
 * Source   zcpd(8) --port-file. Proof tests/bench.bats.
 */
#pragma once
#include <signal.h>
#include <sys/types.h>
#include "common/keys.h"
#include "zcp/bench/workdir.h"

struct bench_daemon {
	pid_t    pid;                   /* 0: none */
	uint16_t port;
	uint8_t  host_key[KEY_BYTES];
	char     identity[WORKDIR_PATH + 32], log[WORKDIR_PATH + 32];
};

enum status bench_daemon_start(struct bench_daemon *, const struct workdir *, int core, const volatile sig_atomic_t *stop);
void        bench_daemon_stop(struct bench_daemon *);
