/*
 * home.h - where zcp keeps its own files: $XDG_CONFIG_HOME/zcp, else ~/.config/zcp; what it may forget: $XDG_STATE_HOME/zcp, else ~/.local/state/zcp.
 *
 * Returns  0 or -errno: -ENOENT (neither HOME nor a password entry tells a home), -ENAMETOOLONG.
 * Effects  home_file(), home_state() and home_below() none; home_make() makes the directory and those above it that are missing, 0700.
 * Proof    tests/cli.bats, tests/unit/joblog.c.
 */
#pragma once
#include <stddef.h>

enum { HOME_PATH = 4096 };

int home_file(const char *name, char out[static HOME_PATH]);
int home_state(const char *name, char out[static HOME_PATH]);
int home_below(const char *path, char out[static HOME_PATH]);    /* path in the home directory: what ~/ means */
int home_make(const char *file);                /* the directories above file */
