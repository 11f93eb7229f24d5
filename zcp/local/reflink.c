/* reflink.c - both files have the same extents until one of them is written to: no byte is copied, and no room taken. btrfs, XFS, and whatever else has FICLONE. */
#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include "common/count.h"
#include "zcp/local/rows.h"

static ssize_t reflink_step(struct copying *c, size_t max)
{
	struct stat is;

	(void)max;
	/* procfs and its like: there is no extent that could be shared */
	if (c->st.st_size == 0)
		return -EOPNOTSUPP;
	count_call(CALL_CLONE);
	if (ioctl(c->to, FICLONE, c->from) < 0)
		return -errno;
	/* it shares what is there now, which may be more or less than a moment ago */
	if (fstat(c->to, &is) < 0)
		return -errno;
	if (is.st_size > c->st.st_size)
		c->sized = true;
	return is.st_size < c->st.st_size ? is.st_size : c->st.st_size;
}

const struct copier copier_reflink = { .name = "reflink", .id = COPIER_REFLINK, .whole = true, .piece = SIZE_MAX, .step = reflink_step };
