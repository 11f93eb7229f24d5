/*
 * status_wire.h - what travels over the status socket: this head, the totals' page, `slots` pages of slots; then the end.
 *
 * Numbers  as this machine has them: both ends are on one. Another version of the pages' layout has another BOARD_VERSION.
 * Proof    tests/unit/status.c.
 */
#pragma once
#include <stdint.h>

#define STATUS_DEFAULT "/run/zcpd/status.sock"
#define STATUS_MAGIC   "zcpd\x01\x02\r\n"

struct status_head { char magic[8]; uint32_t version, page, slots, zero; uint64_t now_ms; char zcpd[16]; };

int status_connect(const char *path);                   /* a connected socket that does not block, or -errno */
