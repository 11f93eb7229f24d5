/*
 * aside_own.h - what aside.c, aside_publish.c and resume*.c share; nobody else includes it.
 */
#pragma once
#include <sys/stat.h>

#include "common/aside.h"

/* A new random name. */
void aside_name(char name[static ASIDE_NAME]);
/* A new file of such a name: descriptor, or -errno and an empty name. */
int  aside_create(int dir, char name[static ASIDE_NAME], int flags, mode_t mode);
/* Such a file is locked while it is filled and published: with its final times it may look like one to be swept (resume.h). Advisory: no failure. */
void aside_lock(int fd);
/* An aside file or journal that is there, by its name: regular, one link, own euid, 0600. -ENOENT; -EPERM: what stands there is something else, and is not opened. */
int  aside_find(int dir, const char *name, int flags);
/* The same, or a new one. *found: it was there. */
int  aside_find_or_make(int dir, const char *name, bool *found);
/* No space for it, as the file system sees it: what came so far is given up. */
bool aside_no_space(int err);
/* What has the final name: a regular file or a symbolic link (st), 0 nothing, -EEXIST something else, -errno. */
enum { ASIDE_FILE = 1, ASIDE_LINK = 2 /* replaced, never followed: what it leads to has no say in the new file's mode */ };
int  aside_standing(int dir, const char *final, struct stat *st);
