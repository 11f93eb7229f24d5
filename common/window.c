/* window.c - one sliding read-only mapping. */
#include <errno.h>
#include <sys/mman.h>
#include "common/count.h"
#include "common/window.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

int window_at(struct window *w, int fd, uint64_t off, size_t len, uint64_t file_end, uint8_t **out)
{
	if (!w->p || off < w->off || off + len > w->off + w->len) {
		window_close(w);
		uint64_t from = off & ~(uint64_t)4095;
		size_t   most = file_end > from + WINDOW_BYTES ? WINDOW_BYTES : (size_t)(file_end - from);
		if (off + len > from + most)
			most = (size_t)(off + len - from);
		count_call(CALL_MMAP);
		void *p = mmap(NULL, most, PROT_READ, MAP_SHARED, fd, (off_t)from);
		/* EINVAL: sysfs maps some files from their start only */
		if (p == MAP_FAILED)
			return errno == ENODEV || errno == EACCES || errno == EPERM || errno == EINVAL ? -EOPNOTSUPP : -errno;
		*w = (struct window){ p, from, most };
		/* advice only: where it fails (old kernel, shortened file), touching the pages tells */
		count_call(CALL_MADVISE);
		if (madvise(p, most, MADV_POPULATE_READ) < 0) {
			count_call(CALL_MADVISE);
			madvise(p, most, MADV_SEQUENTIAL);
		}
	}
	*out = w->p + (off - w->off);
	return 0;
}

void window_close(struct window *w)
{
	if (w->p) {
		count_call(CALL_MUNMAP);
		munmap(w->p, w->len);
	}
	*w = (struct window){ 0 };
}
