/*
 * admin.h - what an administrator does to the files with zcpd itself: --add-key, --add-export, --check-config.
 *
 * Edits    under a lock, the whole file anew beside the old one, checked by the parser that the daemon uses, then renamed; owner and mode are
 *          kept. What is not understood in the file is not touched: a broken file is refused, not mended. Then the daemon is told to reload,
 *          if one answers on the status socket (SIGHUP to the process SO_PEERCRED names).
 * Export   admin_add_export() tries as the service user (fork, setgroups, setgid, setuid) what it promises: list, read, with --writable make and
 *          remove a file; where it cannot it prints the setfacl line and goes on no further. Under systemd it writes the drop-in with
 *          ReadWritePaths= or the ProtectHome= that the path needs, and says that a restart is needed.
 * Returns  exit statuses: 0, 1 (usage, configuration, a file in the way).
 * Proof    tests/admin.bats, tests/service.bats.
 */
#pragma once
#include "zcpd/options.h"

int admin_add_key(const struct options *, const struct settings *);
int admin_add_export(const struct options *, const struct settings *);
