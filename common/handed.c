/* handed.c - see handed.h */
#include "common/handed.h"

#include <fcntl.h>
#include <sys/stat.h>

bool handed_local(int fd)
{
	struct statx x;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &x) == 0 && S_ISREG(x.stx_mode) && (x.stx_attributes_mask & STATX_ATTR_NODUMP);
}
