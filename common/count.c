/* count.c - see count.h */
#include "common/count.h"

#include <stdatomic.h>

static _Atomic uint64_t calls[CALLS], through;

static const char *const names[CALLS] = {
	[CALL_PREAD] = "pread64", [CALL_PWRITE] = "pwrite64", [CALL_READ] = "read", [CALL_WRITE] = "write", [CALL_SEND] = "sendto", [CALL_RECV] = "recvfrom",
	[CALL_POLL] = "poll", [CALL_SENDFILE] = "sendfile", [CALL_SPLICE] = "splice", [CALL_MMAP] = "mmap", [CALL_MUNMAP] = "munmap", [CALL_MADVISE] = "madvise",
	[CALL_FALLOCATE] = "fallocate", [CALL_COPY_RANGE] = "copy_file_range", [CALL_CLONE] = "ioctl", [CALL_LSEEK] = "lseek", [CALL_PREADV2] = "preadv2",
};

void count_call(enum call c)
{
	atomic_fetch_add_explicit(&calls[c], 1, memory_order_relaxed);
}

void count_through(uint64_t bytes)
{
	atomic_fetch_add_explicit(&through, bytes, memory_order_relaxed);
}

struct counts counts_now(void)
{
	struct counts c;

	for (unsigned i = 0; i < CALLS; i++)
		c.calls[i] = atomic_load_explicit(&calls[i], memory_order_relaxed);
	c.through = atomic_load_explicit(&through, memory_order_relaxed);
	return c;
}

const char *call_name(enum call c)
{
	return names[c];
}
