/*
 * mask.h - what no peer may see or touch, although it lies in an export: the state directory with all in it, and key files elsewhere.
 *
 * What     (device, inode) of the state directory, of everything below it, and of the files named with mask_file(). Found anew by the listener
 *          before each fork: a stream's process could not open the state directory any more. A named file that is replaced later is looked up
 *          again by its name, by mask_hides_stat(); where one is missing, its place is hidden, mask_hides_place(). Named are the configuration, authorized_keys, host key, transfer log and the owner's identity;
 *          links on the way to a named file are masked, too: who could replace one could replace the file. What is new in the state directory is
 *          known by the name that the kernel has for it, mask_lies_within(); no name, no /proc: only what lies in a directory that was there.
 * Letters  of names are the same large and small: a directory may take them so (ext4's casefold, vfat).
 * Use      every descriptor opened for a peer and every directory something is to be made in is compared; a match is "no such file".
 *          Hard links and links to a masked file are found by its inode, names in a masked directory by the directory's.
 * Proof    tests/unit/mask.c, tests/daemon.bats (--root / cannot give the host key), tests/hidden.bats (what changes while a stream lives).
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { MASK_FILES = 6, MASK_HOPS = 40 };        /* host key, configuration, transfer log, authorised keys, identity; links on the way to one, as many as path_resolution(7) has */

struct mask_id { uint64_t dev, ino; };
struct mask_place { struct mask_id dir; char name[256]; };
struct mask {
	char *state, *files[MASK_FILES];        /* paths, owned */
	char  within[PATH_MAX];                 /* the state directory's name; "": it has none */
	struct mask_place places[MASK_FILES * MASK_HOPS];       /* where the files are or would be */
	size_t place_count;
	struct mask_id linked[MASK_FILES];      /* what they are by now, where links lead to it: an old file may have become one of them */
	size_t linked_count;
	int64_t found_ms;                       /* when places were looked for */
	struct mask_id *ids;                    /* sorted */
	size_t count, room;
	int64_t since;                          /* what last changed before cannot be new here */
};

int  mask_init(struct mask *, const char *state);
int  mask_file(struct mask *, const char *path);        /* may not be there yet */
int  mask_refresh(struct mask *);                       /* 0, or -errno: what is masked is not known, so nothing may be served */
bool mask_hides(const struct mask *, uint64_t dev, uint64_t ino);
bool mask_hides_stat(const struct mask *, const struct stat *);
/* The same of what was opened as `name`, no link followed there: a file that has one name is none of the named ones if that is not among theirs, which costs no call. */
bool mask_hides_named(const struct mask *, const struct stat *, const char *name);
/* Where the named files are by now: links that took their places since the fork give them other names. Looked for again after `within_ms`. */
void mask_find_places(struct mask *, int64_t within_ms);
/* Is `name` in this directory one of the files, there or not? Whoever makes one that is missing says who is let in. */
bool mask_hides_place(const struct mask *, const struct mask_id *dir, const char *name);
/* Does what is open lie in the state directory, however new it is there? */
bool mask_lies_within(const struct mask *, int fd);
bool mask_hides_fd(const struct mask *, int fd);        /* true as well when fstat fails */
/* Does `path` lie in the directory dir (or is it dir)? Walks up from it. 1, 0, -errno */
int  mask_lies_in(const char *path, int dir);
void mask_clear(struct mask *);
