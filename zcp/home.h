/*
 * home.h - where zcp keeps its own files: $XDG_CONFIG_HOME/zcp, else ~/.config/zcp.
 *
 * Returns  0 or -errno: -ENOENT (neither HOME nor a password entry tells a home), -ENAMETOOLONG.
 * Effects  home_file() none; home_make() makes the directory and those above it that are missing, 0700.
 * Proof    tests/cli.bats.
 */
#pragma once
#include <stddef.h>

enum { HOME_PATH = 4096 };

int home_file(const char *name, char out[static HOME_PATH]);
int home_make(const char *file);                /* the directories above file */
