/*
 * inodes.h - files of several names (-H): which name was the first, and what became of it.
 *
 * Key      device and inode on the source's side, as stat(2) or a listing has them.
 * First    the first of its names that is to be made or may be replaced: one that stays as it is (-u, --existing, --ignore-existing) is nobody's.
 * Fate     other names become links to the first at the end, and only where that one has the file's content then. Whoever has its errand writes it down, the lead reads it when
 *          all streams have ended.
 * Memory   a slot of hashed.h, 24 bytes and the first name for each such file; a name that has no others here costs the same.
 * Proof    tests/unit/names.c, tests/links.bats.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "common/err.h"
#include "zcp/select/hashed.h"

enum fate { FATE_NONE = 0 /* it has not come to its end */, FATE_COPIED /* another file by this run */, FATE_THERE /* the one that was there, as it is to be */, FATE_FAILED };
struct first { uint64_t dev, ino; uint8_t fate, status; char name[]; };         /* name: as it is called at the destination */
struct inodes { struct hashed of; };             /* begins as zeros */

/* *first, borrowed: 1: of the name that was given first for this file. 0: this is it, and a copy of `name` is kept. -ENOMEM */
int  inodes_first(struct inodes *, uint64_t dev, uint64_t ino, const char *name, struct first **first);
void inodes_clear(struct inodes *);
/* NULL: nobody waits for it. */
void first_ended(struct first *, enum fate);
void first_failed(struct first *, uint8_t status);
/* Why nothing can be a link to it; ST_OK: it can. */
struct fail first_fail(const struct first *);
