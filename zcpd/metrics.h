/*
 * metrics.h - OpenMetrics text over HTTP, by a small process of its own on loopback TCP or a Unix socket.
 *
 * Where    `metrics = "127.0.0.1:9722"` or "unix:/run/zcpd/metrics.sock"; an address that is not loopback is refused.
 * HTTP     GET /metrics only; a request is at most 4 KiB and 5 seconds; at most 8 connections at once; every answer closes. It has the scoreboard
 *          read-only and nothing else: its own seccomp filter, no Landlock rights, no keys, no exports.
 * Names    zcp_*; counters end in _total, units in the names; `# EOF` at the end.
 * Source   OpenMetrics 1.0, RFC 9110. Proof tests/unit/metrics.c, tests/metrics.bats (promtool, and a scrape by Prometheus itself).
 */
#pragma once
#include <stdio.h>
#include "zcpd/scoreboard.h"

int  metrics_listen(const char *where);                 /* fd or -errno, said */
void metrics_text(FILE *, const struct board *);
void metrics_run(const struct board *, int sock);       /* in a process of its own, already sandboxed; returns when told to end */
