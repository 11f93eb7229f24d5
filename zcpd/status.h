/*
 * status.h - the scoreboard for people and programs.
 *
 * Socket   a Unix socket (default $RUNTIME_DIRECTORY/status.sock, else /run/zcpd/status.sock; not under --root unless named), mode 0660. Who connects
 *          is sent one snapshot (the totals page and the slots in use) by a process of its own, within a few seconds; nothing is read.
 * Print    status_print(): a table: peer, key name, export, file, engine, bytes, rate, for how long; or one JSON document. Two snapshots, half a
 *          second apart, make the rate. Everything read is clamped and escaped: the peer's bytes, and a daemon of another version.
 * Line     status_line(): the words of STATUS=: streams, bytes.
 * Proof    tests/unit/status.c, tests/scoreboard.bats.
 */
#pragma once
#include <stdio.h>
#include "zcpd/scoreboard.h"
#include "zcpd/settings.h"

char *status_path(const struct settings *);                     /* owned by the caller; NULL: none wanted */
int   status_listen(const char *path);                          /* fd or -errno; replaces a dead socket, never a live one or another file */
void  status_serve(const struct board *, int client);           /* in a process of its own: sends the snapshot; never returns an error */
int   status_print(const char *path, bool json, FILE *to);      /* exit status: 0, 10 nobody answers there, 2 not a snapshot */
const char *status_line(const struct board *, char buf[static 128]);
