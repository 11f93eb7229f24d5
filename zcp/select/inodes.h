/*
 * inodes.h - files of several names (-H): which name was the first.
 *
 * Key      device and inode on the source's side, as stat(2) or a listing has them.
 * Memory   32 bytes and the first name for each such file; a name that has no others here costs the same.
 * Proof    tests/unit/names.c, tests/links.bats.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct inode { uint64_t dev, ino; char *first; };
struct inodes { struct inode *v; size_t count, room; uint8_t key[16]; };        /* open addressing; begins as zeros */

/* *first: the name that was given first for this file, borrowed; NULL: this is it, and a copy of `name` is kept. 0, -ENOMEM */
int  inodes_first(struct inodes *, uint64_t dev, uint64_t ino, const char *name, const char **first);
void inodes_clear(struct inodes *);
