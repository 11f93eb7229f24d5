/*
 * dirs.h - directories of a tree by their paths: where names come from a list, in any order.
 *
 * Memory   a slot of hashed.h for each: its hash, and its number in the tree. Two paths that meet in it: 2^-64 for each pair, whatever a host calls them.
 * Proof    tests/files-from.bats.
 */
#pragma once
#include "zcp/select/hashed.h"
#include "zcp/tree.h"

struct dirs { struct hashed of; };               /* begins as zeros */

uint32_t dirs_id(const struct dirs *, const char *path, size_t len);           /* 0: unknown */
int  dirs_add(struct dirs *, const char *path, size_t len, uint32_t id);       /* 0, -ENOMEM */
/* Was this directory (of so many bytes of a path; 0: the root) copied as a whole (TREE_WALKED)? Does a path lie in one that was? Then it has been, too. */
bool dirs_whole(const struct dirs *, struct tree *, const char *path, size_t len);
bool dirs_walked(const struct dirs *, struct tree *, const char *path);
void dirs_clear(struct dirs *);
