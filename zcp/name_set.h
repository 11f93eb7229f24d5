/*
 * name_set.h - names that have been seen: whether one is among them.
 *
 * Memory   8 to 16 bytes a name: a keyed hash of 64 bits. Two names that meet in it: 2^-64 for each pair, whatever a peer calls them. Begins as zeros.
 * Proof    tests/unit/listing.c, tests/delete.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_set { uint64_t *v; size_t count, room; uint8_t key[16]; bool keyed; };      /* open addressing, 0 = free */

int  name_set_add(struct name_set *, const void *name, size_t len);     /* 1: it is new; 0, -ENOMEM */
bool name_set_has(const struct name_set *, const void *name, size_t len);
void name_set_empty(struct name_set *);         /* none has been seen; small room stays */
void name_set_clear(struct name_set *);
