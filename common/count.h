/*
 * count.h - how often this process entered the kernel to move contents, by name, and how many of their bytes came through its own memory.
 *
 * Counted  each attempt, where the call is made: in io.c, in the engines, window.c, holes.c and aside.c. Relaxed atomics, always on: one addition beside a system call.
 *          Not counted is what moves no contents: opening, fcntl (O_DIRECT on and off, a pipe's size), fstat, ftruncate, the clock, locks, memory of malloc's own.
 * Names    are strace's for x86-64 ("pread64", "recvfrom"), so that the two can be compared. Their order is the wire's (zcp-wire(7) USED): new ones come last.
 * Through  bytes of contents that a call copied into or out of this process's memory, plus what it looked at or wrote where a file is mapped (a mapping that is tagged, sealed, opened
 *          into). sendfile and splice without tags: 0. The heads of records are no contents.
 * Proof    tests/bench.bats holds the counts against strace.
 */
#pragma once
#include <stdint.h>

enum call {
	CALL_PREAD, CALL_PWRITE, CALL_READ, CALL_WRITE, CALL_SEND, CALL_RECV, CALL_POLL, CALL_SENDFILE, CALL_SPLICE, CALL_MMAP, CALL_MUNMAP, CALL_MADVISE,
	CALL_FALLOCATE, CALL_COPY_RANGE, CALL_CLONE, CALL_LSEEK, CALL_PREADV2 /* is it in the page cache? */, CALLS
};

struct counts { uint64_t calls[CALLS], through; };

void        count_call(enum call);
void        count_through(uint64_t bytes);
struct counts counts_now(void);                 /* of the whole process, since its start */
const char *call_name(enum call);               /* strace's */
