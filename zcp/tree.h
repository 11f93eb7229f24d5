/*
 * tree.h - what must be remembered of a tree while it is copied: its directories, and its symbolic links, which are made last. Files are not here.
 *
 * Ids      1 = the root, then in order of appearance, parents before children: walking them backwards is deepest first.
 * Paths    below the root: "" is the root itself. At most WIRE_PATH_MAX bytes with what the caller puts before and behind.
 * Memory   48 bytes and the name for each directory; name and target for each symbolic link, the name for each hard one. Extras (owners, attributes, ACLs) for those alone that have some: 12 bytes and
 *          what was sent, which neighbours share when they have the same; at most TREE_EXTRAS_MOST for each of the two, more is -ENOMEM.
 * Returns  an id or 0, or -ENOMEM, -ENAMETOOLONG. Proof tests/unit/listing.c (names, depths), tests/tree.bats.
 */
#pragma once
#include <stdbool.h>
#include "common/wire.h"

enum { TREE_EXISTED = 1 /* was there before this run */, TREE_FAILED = 2 /* neither it nor what is in it can be copied */, TREE_RUN_OVER = 4, TREE_LEFT_OUT = 16 /* not chosen, nor is what is in it */, TREE_WALKED = 32 /* named in a list, and copied with all in it */, TREE_GONE = 64 /* at the destination alone */,
       TREE_EXTRAS_LOST = 128 /* they cannot be told: it keeps what it has */,
       TREE_UNREAD = 256 /* -x: on another file system, nobody knows what is in it */,
       TREE_MODE_DUE = 8 /* its mode was widened while it is filled */ };
enum { TREE_EXTRAS_MOST = 64 << 20 };

struct tree_dir {
	uint32_t parent, name;          /* name: where it stands in the text */
	uint16_t name_len, depth;       /* the root's depth is 1 */
	uint16_t flags;
	uint32_t mode, mtime_ns;
	int64_t  mtime;
};

struct first;                   /* zcp/select/inodes.h */
struct tree_link { uint32_t parent; const char *name, *target; struct first *first; };  /* first: a hard link, target is its name; NULL: a symbolic one */

struct tree_extra  { uint32_t of, at, len; };
struct tree_extras { struct tree_extra *v; uint32_t count, room; uint8_t *bytes; size_t used, bytes_room; };    /* in the order of `of` */

struct tree {
	struct tree_dir *dirs;  uint32_t count, room;           /* dirs[0] is the root, id 1 */
	char            *text;  size_t text_len, text_room;
	struct { struct first *first; uint32_t parent, name, target; } *links;  uint32_t link_count, link_room;
	struct tree_extras dir_extras, link_extras;             /* of a directory's id, of a link's number */
	uint32_t         path_of;               /* the directory whose path stands in path */
	size_t           path_len;
	char             path[WIRE_PATH_MAX + 1];
};

void tree_init(struct tree *);
void tree_clear(struct tree *);
int64_t tree_add_dir(struct tree *, uint32_t parent, struct wire_str name, const struct meta *);
int  tree_add_link(struct tree *, uint32_t parent, struct wire_str name, struct wire_str target);
int  tree_add_hard_link(struct tree *, uint32_t parent, struct wire_str name, struct first *);    /* borrowed */
struct tree_link tree_link(const struct tree *, uint32_t i);
struct tree_dir *tree_dir(struct tree *, uint32_t id);          /* NULL: no such directory */
struct meta tree_dir_meta(const struct tree_dir *);
/* tree_extras.c: `of` is larger than those before. 0 or -ENOMEM; of what has none: empty. Borrowed until the next add */
int  tree_extras_add(struct tree_extras *, uint32_t of, struct wire_str ext);
struct wire_str tree_extras_of(const struct tree_extras *, uint32_t of);
void tree_extras_clear(struct tree_extras *);
/* prefix / path of dir / name, joined by '/' where both sides are not empty. name may be empty. */
int  tree_path(struct tree *, const char *prefix, uint32_t dir, const char *name, char out[static WIRE_PATH_MAX + 1]);
