/*
 * standard.h - descriptors 0, 1 and 2 are never somebody else's.
 *
 * Why      open(2) takes the lowest number that is free. Who is started with one of them closed would get a file, a socket or a directory by its number, and what is said, or printed,
 *          would be written there: into what is copied.
 * When     first in main(), before anything is opened.
 * Filled   by descriptors that can neither be read nor be written (O_PATH): EBADF, as if there were none. They stand for /dev/full, so that who opens them anew, by a name below
 *          /proc, loses nothing in silence either (/dev/null where there is no /dev/full). They stay for whatever is executed.
 * Returns  standard_fill(): 0 or -errno: there is none of both. standard_dup(): a copy, above the three, close-on-exec, the caller's; -EBADF for one that was filled.
 * Proof    tests/local.bats, tests/faults.bats, tests/bench.bats.
 */
#pragma once
#include <stdbool.h>

int  standard_fill(void);
bool standard_closed(int fd);                   /* nothing is open there that could be read or written: any descriptor */
int  standard_dup(int fd);
