/*
 * forbidden.h - in builds for tests only (UNSAFE=1): a confined process tries what it may not do, and says what came of it.
 *
 * Names    exec fork socket connect ptrace io_uring vmsplice tee mremap kill dumpable openat passwd exec-map proc-mem write-outside=PATH neighbour=ADDR/WORD
 *          export=PATH landlock: see the table. "openat" is openat(2), "passwd" openat2(2) without anything that holds it.
 * Said     one log line, "forbidden NAME: done" or "forbidden NAME: ERRNO-NAME"; where the call ends the process there is none.
 * Asked    zcpd: ZCPD_TRY before the first byte, STAT of .forbidden/NAME after authentication. zcp: ZCP_TRY once it is confined.
 * Proof    tests/sandbox.bats.
 */
#pragma once
#include <stdbool.h>

void forbidden_asked(const char *name);         /* NULL: nothing */
/* A peer's path: is it such a request? Then it is done. */
bool forbidden_path(const char *path);
