/*
 * admin.h - what an administrator does to the files with zcpd itself: --add-key, --add-export, --check-config.
 *
 * Edits    admin_edit.h: under a lock, the whole file anew beside the old one, checked by the parser that the daemon uses, then renamed; owner and
 *          mode are kept. What is not understood in the file is not touched: a broken file is refused, not mended. Then the daemon is told to
 *          reload (admin_reload.h).
 * Export   admin_try.h: tried as the service's user; where it cannot, the setfacl lines are printed and nothing is changed. admin_unit.h: the
 *          drop-in that the path needs under systemd, when the installed unit reads this configuration; a restart is needed then.
 * Returns  exit statuses: 0, 1 (usage, configuration, a file in the way).
 * Proof    tests/admin.bats, tests/unit/admin.c, tests/service.bats.
 */
#pragma once
#include "zcpd/options.h"

int admin_add_key(const struct options *, const struct settings *);
int admin_add_export(const struct options *, const struct settings *);
