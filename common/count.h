/*
 * count.h - how often this process entered the kernel to move contents, by name, and how many of the bytes came through its own memory.
 *
 * Counted  where the call is made: in io.c, in the engines, in window.c. Relaxed atomics, always on: one addition beside a system call.
 * Names    are strace's for x86-64 ("pread64", "recvfrom"), so that the two can be compared.
 * Through  bytes a call copied into or out of this process's memory, plus bytes it looked at where they lie (a mapping that is tagged or sealed). sendfile without a tag: 0.
 * Proof    tests/bench.bats holds the counts against strace -c.
 */
#pragma once
#include <stdint.h>

enum call {
	CALL_PREAD, CALL_PWRITE, CALL_READ, CALL_WRITE, CALL_SEND, CALL_RECV, CALL_POLL, CALL_SENDFILE, CALL_SPLICE, CALL_MMAP, CALL_MUNMAP, CALL_MADVISE,
	CALL_FALLOCATE, CALL_COPY_RANGE, CALL_CLONE, CALL_LSEEK, CALLS
};

struct counts { uint64_t calls[CALLS], through; };

void        count_call(enum call);
void        count_through(uint64_t bytes);
struct counts counts_now(void);                 /* of the whole process, since its start */
const char *call_name(enum call);               /* strace's */
