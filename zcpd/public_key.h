/*
 * public_key.h - zcpd --public-key: which key, and where it is.
 *
 * Service  with a configuration and without --state: the key that the configuration's daemon shows. `host-key`, else the credential that the unit names
 *          (looked for where systemd does), else host_key in the state directory: `state`, else the unit's. It is read as the service's
 *          user and never made: where there is none yet, that is said.
 * Own      else: the key of --state, or of this user's own state directory; made when there is none.
 * Returns  an exit status: 0, 1; what is wrong has been said.
 * Proof    tests/daemon.bats, tests/config.bats, tests/service.bats.
 */
#pragma once
#include "zcpd/options.h"
#include "zcpd/service.h"

int   public_key_print(const struct options *, struct service *);
/* The state directory of the service with these settings, seen from a shell; the caller's to free. */
char *public_key_state(const struct settings *);
