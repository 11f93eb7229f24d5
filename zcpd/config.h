/*
 * config.h - zcpd.conf: read by libConfuse from one table of rows; the same rows make `zcpd --help-config` and the manual page's check.
 *
 * Row      name, kind, default, range, help. A mistake is said with file, line and the word; an unknown name is a mistake.
 * Files    config.c: the file, libConfuse, sections; config_scan.c: what libConfuse would take in silence; config_table.c: the rows and the
 *          help; config_values.c: words into values.
 * File     regular, of this user or root, not writable by others, at most CONFIG_BYTES_MAX, no NUL; CRLF is refused by name. It is read
 *          once, into memory, and parsed from there. Whether a directory in it exists is settings_check()'s to say.
 * Returns  0, or -EINVAL after saying why (stderr). Settings already in *s are the defaults.
 * Source   zcpd.conf(5), libConfuse's cfg_opt_t. Proof tests/config.bats, tests/manual.bats.
 */
#pragma once
#include <stdio.h>
#include "zcpd/settings.h"

#define CONFIG_FILE "/etc/zcp/zcpd.conf"
enum { CONFIG_BYTES_MAX = 1024 * 1024 };

int  config_read(const char *file, struct settings *);
/* The same from text that is in memory; `file` for messages. --add-export tries its new text so before it replaces the file. */
int  config_parse(const char *text, const char *file, struct settings *);
void config_help(FILE *);
