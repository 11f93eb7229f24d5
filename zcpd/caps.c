/* caps.c - see caps.h. The system calls themselves: libcap would be one more library for this. */
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "zcpd/caps.h"

int caps_drop_bounding(void)
{
	/* PR_CAPBSET_READ says EINVAL behind the kernel's last capability */
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

/* Nothing to drop: a service manager may have done it, and have forbidden capset with the rest. */
static bool has_none(struct __user_cap_header_struct *head)
{
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3], none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capget, head, now) == 0 && memcmp(now, none, sizeof now) == 0;
}

int caps_drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct   none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	int                             r = caps_drop_bounding();

	if (r < 0 && (r != -EPERM || geteuid() == 0))
		return r;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	if (has_none(&head))
		return 0;
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}
