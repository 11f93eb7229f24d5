/*
 * aside_own.h - what aside.c and aside_publish.c share; nobody else includes it.
 */
#pragma once
#include <sys/stat.h>

#include "common/aside.h"

/* A new random name. */
void aside_name(char name[static ASIDE_NAME]);
/* A new file of such a name: descriptor, or -errno and an empty name. */
int  aside_create(int dir, char name[static ASIDE_NAME], int flags, mode_t mode);
/* What has the final name: a regular file or a symbolic link (st), 0 nothing, -EEXIST something else, -errno. */
enum { ASIDE_FILE = 1, ASIDE_LINK = 2 /* replaced, never followed: what it leads to has no say in the new file's mode */ };
int  aside_standing(int dir, const char *final, struct stat *st);
