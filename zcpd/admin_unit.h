/*
 * admin_unit.h - what the systemd unit of zcpd says, and the drop-in that gives it a further place.
 *
 * Unit     the first zcpd.service in the directories given: its User=, the file behind --config in its ExecStart=, the first names of its
 *          StateDirectory= and RuntimeDirectory=, and what its LoadCredential= brings as host_key. "": it does not say.
 * Drop-in  exports.conf in zcpd.service.d: lines are appended to what is there. A writable directory: ReadWritePaths=. One below /tmp or /var/tmp, of
 *          which the unit has its own (PrivateTmp=yes): BindPaths=, or BindReadOnlyPaths=. The unit lets everything else be read.
 * Source   systemd.exec(5), systemd.unit(5), systemd.syntax(7). Proof tests/unit/admin.c, tests/service.bats.
 */
#pragma once
#include <limits.h>
#include <stdbool.h>

#define UNIT_DROPIN "/etc/systemd/system/zcpd.service.d"
extern const char *const unit_dirs[];           /* where systemd looks; NULL ends */

struct unit { char file[PATH_MAX], config[PATH_MAX], user[64], state[256], runtime[256], credential[PATH_MAX]; };

bool unit_find(const char *const dirs[], struct unit *);
bool unit_reads(const struct unit *, const char *config);       /* is that file its configuration? */
/* The drop-in's line for this directory (absolute, real, printable UTF-8), into buf. 0: it needs none, 1: the line, -EINVAL: too long. */
int  unit_line(const char *path, bool writable, char *buf, unsigned long len);
/* 1: written, 0: it is there already, -EINVAL said. dir is made when missing. */
int  unit_dropin(const char *dir, const char *line);
