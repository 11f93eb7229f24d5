/*
 * grow.h - one source's tree while the lead finds it: directories are made on the host at once, files go their way (upload_put()), links are remembered for the end.
 *
 * Found    by a walk (upload_tree.c), or by names from a list (named.c). A walk numbers its directories by itself, in the order in which they are found here too; where it began below
 *          the source, `from` and `root` say which numbers of the tree they are.
 * Left out what is not chosen (chosen.h); a directory with all that is in it.
 * Failed   what is below a directory that could not be made is that directory's failure.
 * Proof    tests/tree.bats, tests/choose.bats, tests/files-from.bats, tests/links.bats.
 */
#pragma once
#include "zcp/select/dirs.h"
#include "zcp/upload/uploader.h"

struct growing {
	struct uploader *x;
	struct upload   *u;
	struct source   *s;
	struct tree     *tree;
	uint32_t         source;
	uint32_t         root, from;            /* the walk's directory 1 is the tree's `root`, its k-th `from` + k; 0, 0: the same numbers */
	struct dirs        named;               /* directories that names of a list have brought */
	uint32_t        *made; size_t room;     /* by directory: the request that makes it on the host */
};

int  grow_begin(struct growing *, struct uploader *, uint32_t source);         /* -ENOMEM */
void grow_end(struct growing *);
/* An entry of a walk; 1: a directory that is left out, with all in it. 0 or -errno: the stream is beyond use, or no memory */
int  grow_take(struct growing *, const struct walk_entry *);
/* A directory below `parent` (of the tree); failed: it cannot be had. *id: its number */
int  grow_dir(struct growing *, uint32_t parent, const char *name, const char *path, const struct meta *, uint8_t flags, uint32_t *id);
void grow_fail(struct growing *, const char *path, struct fail);
