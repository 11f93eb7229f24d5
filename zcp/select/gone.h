/*
 * gone.h - names at the destination that are to go (--delete): remembered until all has been copied.
 *
 * Memory   16 bytes and the name for each. Proof tests/delete.bats.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct gone_name { uint32_t source; uint8_t type; char *rest; };        /* in the plan; of a meta; below the source, owned */
struct gone { struct gone_name *v; size_t count, room; };       /* begins as zeros */

int  gone_add(struct gone *, uint32_t source, const char *rest, uint8_t type);        /* 0, -ENOMEM */
void gone_clear(struct gone *);
