/*
 * dirs.h - directories of a tree by their paths: where names come from a list, in any order.
 *
 * Memory   16 to 32 bytes a directory: a keyed hash of 64 bits, and its number in the tree. Two paths that meet in it: 2^-64 for each pair, whatever a host calls them.
 * Proof    tests/files-from.bats.
 */
#pragma once
#include "zcp/tree.h"

struct dir_place { uint64_t hash; uint32_t id; };
struct dirs { struct dir_place *v; size_t count, room; uint8_t key[16]; };      /* open addressing; begins as zeros */

uint32_t dirs_id(const struct dirs *, const char *path, size_t len);           /* 0: unknown */
int  dirs_add(struct dirs *, const char *path, size_t len, uint32_t id);       /* 0, -ENOMEM */
/* Was this directory (of so many bytes of a path; 0: the root) copied as a whole (TREE_WALKED)? Does a path lie in one that was? Then it has been, too. */
bool dirs_whole(const struct dirs *, struct tree *, const char *path, size_t len);
bool dirs_walked(const struct dirs *, struct tree *, const char *path);
void dirs_clear(struct dirs *);
