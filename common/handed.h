/*
 * handed.h - what both sides ask of a descriptor that is handed over: a regular file that the kernel itself keeps.
 *
 * Why      a read that a FUSE server or a network does not answer cannot be ended, not even by SIGKILL; files of procfs and their like answer by who has opened them.
 * How      by statx(2) alone, and from what the kernel has cached (AT_STATX_DONT_SYNC): that asks nobody. File systems of disks and of memory say there that they know of
 *          `nodump` (ext4, XFS, btrfs, f2fs, tmpfs; overlayfs where the one below does); FUSE, NFS, CIFS, 9p, procfs and sysfs do not.
 * Returns  false: some other file, or who knows.
 * Source   statx(2). Proof tests/unit/unix_socket.c, tests/unix-socket.bats (a FUSE file that never answers).
 */
#pragma once
#include <stdbool.h>

bool handed_local(int fd);
