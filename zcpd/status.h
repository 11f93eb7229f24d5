/*
 * status.h - the scoreboard for people and programs.
 *
 * Socket   a Unix stream socket (default $RUNTIME_DIRECTORY/status.sock, else /run/zcpd/status.sock; not under --root unless named), mode 0660. Who connects
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

struct status_snapshot { struct board board; uint64_t now_ms; char zcpd[16]; void *memory; };     /* now_ms: its clock, CLOCK_BOOTTIME */

char *status_path(const struct settings *);                     /* owned by the caller; NULL: none wanted */
int   status_listen(const char *path);                          /* fd or -errno; replaces a dead socket, never a live one or another file */
void  status_serve(const struct board *, int client);           /* in a process of its own, unconfined: sends the snapshot within 5 s */
/* Exit status, what is wrong being said: 0, 10 nobody answers there or may ask, 2 not a snapshot, 1 `to` cannot be written. path NULL: the default */
int   status_print(const char *path, bool json, FILE *to);
const char *status_line(const struct board *, char buf[static 128]);

/* Between the files of this room. 0, or the exit status, said. */
int  status_read(const char *path, int ms, struct status_snapshot *);   /* in at most so long */
void status_clear(struct status_snapshot *);
uint64_t status_bytes(const struct board_slot *);                       /* both ways, all engines, clamped */
uint64_t status_rate(const struct status_snapshot *before, const struct status_snapshot *, const struct board_slot *, bool *known);
void status_table(FILE *, unsigned columns, const struct status_snapshot *before, const struct status_snapshot *);      /* 0: no bound */
bool status_json(FILE *, const struct status_snapshot *before, const struct status_snapshot *);       /* false: it could not be written */
