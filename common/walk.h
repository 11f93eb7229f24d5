/*
 * walk.h - a tree, one entry at a time, for LIST (zcpd) and for uploads (zcp).
 *
 * Order    a directory's entries come in one run, parents before children; its sub-directories are read after it. One descriptor and one 64 KiB buffer
 *          at a time; memory grows with the directories still to be read, not with the files.
 * Links    follow = as stat(2) sees them (beneath the base where `beneath`), a loop back to an ancestor (dev, ino) is an entry with
 *          WHY_LINK_LOOP; else entries of type 'l'. A dangling link when following: an entry with ENOENT.
 * Failures are entries (fail.status != ST_OK, id 0, meta.type 'o') with their name: the walk goes on. Depth at most WIRE_DEPTH_MAX, paths at most WIRE_PATH_MAX.
 *          A directory that cannot be read: its entry comes as any other's; one more comes when it is opened: same path and name, id 0,
 *          the same parent, fail. WHY_TOO_LONG: path and name are cut to what fits. The root itself: walk_open() returns -errno (-EXDEV: a
 *          link leads outside).
 * Left out names of an aside file's form; what hide() says.
 * Proof    tests/unit/walk.c, tests/tree.bats (loops, unreadable, a million names).
 */
#pragma once
#include "common/path.h"

struct walk_entry {
	uint32_t    id;                 /* directories: 1, 2, ... in order of appearance; root = 1; others 0 */
	uint32_t    parent;             /* directory id; 0 for the root itself */
	const char *path;               /* below the walk's base, terminated; valid until the next call */
	const char *name;               /* last component of path */
	struct meta meta;
	uint64_t    dev, ino;
	uint64_t    links;              /* names the file has */
	bool        mounted;            /* one_fs: a directory on another file system, which is not read */
	uint32_t    uid, gid;
	const char *link;               /* type 'l': target, terminated; else NULL */
	struct fail fail;
};

struct walk;                            /* heap */
struct walk_options {
	int   base;                     /* borrowed; stays open as long as the walk */
	bool  beneath;                  /* zcpd: never leave base */
	bool  follow, recurse;          /* !recurse: the root and its direct entries (a glob's directory) */
	bool  root_only;                /* just the root entry */
	bool  one_fs;                   /* a directory on another file system than the root is an entry, and not read */
	bool (*hide)(void *arg, uint64_t dev, uint64_t ino);    /* masked: as if not there; NULL: nothing */
	bool (*hide_through)(void *arg, int fd);                /* the same of what a followed link leads to (O_PATH). Not beneath: an entry with WHY_INTO_COPY */
	void *hide_arg;
};
int  walk_open(struct walk **, const struct walk_options *, const char *root);     /* root below base; "" = base itself */
int  walk_next(struct walk *, struct walk_entry *);     /* 1 = entry, 0 = end, -ENOMEM */
void walk_leave_out(struct walk *);                     /* the directory that came last is not read, after all */
void walk_close(struct walk *);
struct meta meta_from_stat(const struct stat *);
/* Its file system keeps no part of a second: by the ctime, which nobody can set. */
bool coarse_from_stat(const struct stat *);
struct identity identity_from_stat(const struct stat *);
