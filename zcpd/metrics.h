/*
 * metrics.h - OpenMetrics text over HTTP, by a small process of its own on loopback TCP or a Unix socket.
 *
 * Where    `metrics = "127.0.0.1:9722"` or "unix:/run/zcpd/metrics.sock"; an address that is not loopback is refused.
 * HTTP     GET and HEAD of /metrics; a request is at most 4 KiB and 5 seconds; at most 8 connections at once: one more takes the place of the
 *          oldest; every answer closes. The process has the scoreboard for reading and nothing else: no keys, no exports.
 * Names    zcp_*; counters end in _total, units in the names; `# EOF` at the end. No counter runs backwards, whatever a slot says (`high`).
 * Source   OpenMetrics 1.0, RFC 9110, RFC 9112. Proof tests/unit/metrics.c, tests/metrics.bats (promtool, and a scrape by Prometheus itself).
 */
#pragma once
#include <stdio.h>
#include "zcpd/scoreboard.h"

enum { METRICS_TEXT = 64 << 10 };               /* bytes that hold every answer's text */

struct metrics_memory { struct board_sum high; double started; };       /* seconds since 1970; {0}: nothing yet */

/* fd or -errno, said. It does not block. Port 0: any, the line in the log says which. Called before privileges are given up, if at all. */
int  metrics_listen(const char *where);
void metrics_text(FILE *, const struct board *, struct metrics_memory *);
/* In a process of its own, with a view of the board (board_view()), confined or not: it takes its memory at its start and opens nothing. Ends by
 * SIGTERM's default action; returns only when there is no memory or the socket fails. */
void metrics_run(const struct board *, int sock);

/* Between the files of this room. An answer without a body but its status line's words, complete; its length. */
enum { METRICS_REQUEST = 4096 };
struct metrics_request { unsigned status; bool head; };         /* status 0: not all of it is there */
struct metrics_request metrics_parse(const char *bytes, size_t len);    /* metrics_http.c */
size_t metrics_answer(char *out, size_t room, struct metrics_request, const char *body, size_t len);
