/*
 * umask.h - this process's umask, which can only be read by setting it: once, before there are threads, and then for good.
 *
 * Proof    tests/destination.bats (modes of new files under several umasks).
 */
#pragma once
#include <sys/types.h>

mode_t own_umask(void);
