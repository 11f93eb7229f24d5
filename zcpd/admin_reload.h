/*
 * admin_reload.h - tell the daemon that runs that its files have changed.
 *
 * How      who listens on the status socket is named by the kernel (SO_PEERCRED), not by a file: SIGHUP to that process. Says on standard
 *          output what was done, and what to type where it could not be.
 * Proof    tests/admin.bats.
 */
#pragma once
#include <stdint.h>
#include "zcpd/settings.h"

void admin_reload(const struct settings *);
/* When the daemon that answers on the status socket was started: ms since 1970; 0: none answers, or it cannot be told. */
int64_t admin_daemon_started(const struct settings *);
