/*
 * log.h - one line per event on stderr, with the program's name; zcpd adds a journald priority under systemd, and fields where it can.
 *
 * The only file-scope state besides main.c's: program name, level, prefix style, hooks, journald's socket, patience and what it cost. A '%s' argument that came from
 * a peer or a file system goes through vis() first: log_*() writes what it is given in ONE write(2), newline at the end.
 * log_event()  the same line, with fields beside it (journal.h) where stderr is the journal; elsewhere the line alone. The values too are visible text.
 *              MESSAGE, PRIORITY and SYSLOG_IDENTIFIER are added. A journal that does not take the datagram gets the line.
 * log_tee()    hears each error and each warning, after it was written: its words, without the program's name. log_said() writes a line that the tee does not hear: what it
 *              would be told has been told otherwise. Called by any thread, with no lock of this room.
 * log_patience()  how long a line waits for a reader that does not read (a pipe that is full); then lines are lost, and that is said as soon as it
 *              reads again. Without a call: for ever. zcpd serves on, whoever looks at its log.
 * Proof    tests/unit/journal.c, tests/unit/log.c, tests/transfers.bats, tests/daemon.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "common/journal.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum { LOG_LINE_MAX = 20 * 1024, LOG_FIELDS_MAX = 16 };         /* a path of 4,095 bytes, each shown as \xNN by vis(), and what stands beside it */
/* journald: stderr is the journal's: its socket is opened, once */
void log_setup(const char *program, enum log_level most, int journald);
int  log_descriptor(void);                      /* journald's socket, -1: none. For who closes all others */
void log_hook(void (*before)(void));            /* called before a line: zcp clears its progress line */
void log_tee(void (*hears)(enum log_level, const char *words));         /* NULL: nobody */
void log_said(enum log_level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool log_shows(enum log_level);                 /* is a line of that level written? */
void log_patience(int ms);
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* count <= LOG_FIELDS_MAX - 3 */
void log_event(enum log_level, const struct journal_field *, size_t count, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
