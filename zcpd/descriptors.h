/*
 * descriptors.h - a child of the listener's keeps the descriptors that it names and no other: neither the listener's, nor what whoever started zcpd
 * had left open.
 *
 * Keeps    0, 1 and 2 always; -1 in the list is nothing. The list comes back sorted.
 * Missing  close_range(2) before Linux 5.9: /proc/self/fd says what is open; without that too, -errno: then the process must end.
 * Proof    tests/sandbox.bats.
 */
#pragma once
#include <stddef.h>

int descriptors_keep(int *fds, size_t n);               /* 0 or -errno */
