/* meta.c - stat(2) as the wire says it; see walk.h */
#include <sys/stat.h>

#include "common/walk.h"

static uint8_t type_of(mode_t mode)
{
	return S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : 'o';
}

struct meta meta_from_stat(const struct stat *st)
{
	struct meta m = {
		.type = type_of(st->st_mode),
		.mode = st->st_mode & 07777,
		.mtime = st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
	};

	/* a directory's or a device's size is its file system's affair */
	if ((m.type == 'f' || m.type == 'l') && st->st_size > 0)
		m.size = (uint64_t)st->st_size;
	return m;
}

bool coarse_from_stat(const struct stat *st)
{
	return !st->st_mtim.tv_nsec && !st->st_ctim.tv_nsec;
}

struct identity identity_from_stat(const struct stat *st)
{
	return (struct identity){
		.dev = st->st_dev, .ino = st->st_ino,
		.ctime = st->st_ctim.tv_sec, .ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
	};
}
