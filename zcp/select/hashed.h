/*
 * hashed.h - a table from something's keyed hash to a number or a pointer: what dirs.h and inodes.h are made of.
 *
 * Keyed    who chooses the names or numbers cannot choose which of them meet.
 * Meeting  two things may have one hash: who cannot live with 2^-64 looks at hashed_next(), too.
 * Memory   16 bytes a slot (64-bit), at most half of them taken.
 * Owner    of what the values point to: the caller. A slot is good until the next hashed_room().
 * Proof    tests/unit/hashed.c.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct hashed_slot { uint64_t hash; uintptr_t value; };        /* value 0: free */
struct hashed { struct hashed_slot *v; size_t count, room; uint8_t key[16]; };  /* open addressing; begins as zeros; count: the caller's */

int hashed_room(struct hashed *);                 /* for one more. 0, -ENOMEM. Nothing else may be called before it was once */
uint64_t hashed_of(const struct hashed *, const void *, size_t len);
/* The first slot of this hash, and the one behind it; where there is none, the free one where it would be. */
struct hashed_slot *hashed_first(const struct hashed *, uint64_t hash);
struct hashed_slot *hashed_next(const struct hashed *, const struct hashed_slot *);
void hashed_clear(struct hashed *);
