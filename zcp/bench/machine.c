/* machine.c - see machine.h */
#include "zcp/bench/machine.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include "common/vis.h"

/* The first line of a file of /proc for which `take` has found what it looks for. */
static bool look_through(const char *path, bool (*take)(void *arg, char *line), void *arg)
{
	char  *line = NULL;
	size_t room = 0;
	bool   found = false;
	FILE  *f = fopen(path, "re");

	while (f && !found && getline(&line, &room, f) >= 0)
		found = take(arg, line);
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* "model name	: Intel(R) Xeon(R)  Processor @ 2.90GHz": what is behind the colon, without the spaces that fill it up. */
static bool take_model(void *arg, char *line)
{
	struct bench_machine *m = arg;
	char                 *at = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL, tight[sizeof m->cpu];
	size_t                n = 0;

	for (at = at ? at + 1 : NULL; at && *at && n < sizeof tight - 1; at++)
		if (!isspace((unsigned char)*at) || (n && tight[n - 1] != ' '))
			tight[n++] = isspace((unsigned char)*at) ? ' ' : *at;
	while (n && tight[n - 1] == ' ')
		n--;
	if (!n)
		return false;
	vis(m->cpu, sizeof m->cpu, tight, n);
	return true;
}

struct mount { uint64_t id; char *out; size_t size; };

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": proc(5) */
static bool take_mount(void *arg, char *line)
{
	const struct mount *want = arg;
	const char         *type = strtoull(line, NULL, 10) == want->id ? strstr(line, " - ") : NULL;

	if (!type)
		return false;
	vis(want->out, want->size, type + 3, strcspn(type + 3, " \n"));
	return true;
}

static void fill_fs(const char *path, char *out, size_t size)
{
	struct mount  want = { .out = out, .size = size };
	struct statx  x;
	struct statfs s;

	*out = '\0';
	if (!path)
		return;
	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &x) == 0 && x.stx_mask & STATX_MNT_ID) {
		want.id = x.stx_mnt_id;
		if (look_through("/proc/self/mountinfo", take_mount, &want))
			return;
	}
	if (statfs(path, &s) == 0)
		snprintf(out, size, "type 0x%" PRIx64, (uint64_t)s.f_type & UINT32_MAX);
}

void machine_fill(struct bench_machine *m, const char *from, const char *to)
{
	struct utsname u;
	cpu_set_t      set;
	bool           named = uname(&u) == 0;

	m->kernel[0] = m->cpu[0] = '\0';
	if (named)
		snprintf(m->kernel, sizeof m->kernel, "%.10s %.50s %.15s", u.sysname, u.release, u.machine);
	if (!look_through("/proc/cpuinfo", take_model, m) && named)
		snprintf(m->cpu, sizeof m->cpu, "%s", u.machine);
	m->cores = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
	fill_fs(from, m->fs_from, sizeof m->fs_from);
	fill_fs(to, m->fs_to, sizeof m->fs_to);
	snprintf(m->libsodium, sizeof m->libsodium, "%s", sodium_version_string());
}
