/* machine.c - links: zcp. What --bench names of the machine, held beside what the kernel says elsewhere. */
#include <ctype.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "tests/unit/tap.h"
#include "zcp/bench/machine.h"

static bool tidy(const char *s)
{
	return *s && !isspace((unsigned char)*s) && !strstr(s, "  ") && !strchr(s, '\n');
}

static void fields(void)
{
	struct bench_machine m;
	struct utsname       u;

	memset(&m, 'x', sizeof m);
	m.pinned = 7;
	machine_fill(&m, "/proc", "/proc/none");
	ok(uname(&u) == 0 && strstr(m.kernel, u.release) && strncmp(m.kernel, "Linux ", 6) == 0, "kernel: %s", m.kernel);
	ok(tidy(m.cpu), "processor: %s", m.cpu);
	ok(m.cores >= 1 && m.cores <= (unsigned)sysconf(_SC_NPROCESSORS_CONF) && m.pinned == 7 && m.cc[0] == 'x' && m.nic[0] == 'x',
	   "%u cores, and what others know is left alone", m.cores);
	ok(strcmp(m.fs_from, "proc") == 0, "/proc is of type proc: %s", m.fs_from);
	ok(!*m.fs_to, "what is not there has no words");
	ok(isdigit((unsigned char)m.libsodium[0]), "libsodium: %s", m.libsodium);
	machine_fill(&m, NULL, "/proc/self");
	ok(!*m.fs_from && strcmp(m.fs_to, "proc") == 0, "no place, no file system");
}

/* No /proc: the number that statfs has, and the architecture. */
static void without_proc(void)
{
	struct bench_machine m;
	struct utsname       u;
	struct statfs        s;
	char                 want[32];

	if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/proc", "tmpfs", 0, NULL) < 0) {
		skip(2, "no mount namespace");
		return;
	}
	machine_fill(&m, "/", "/proc");
	snprintf(want, sizeof want, "type 0x%lx", (unsigned long)TMPFS_MAGIC);
	ok(statfs("/proc", &s) == 0 && s.f_type == TMPFS_MAGIC && strcmp(m.fs_to, want) == 0 && strncmp(m.fs_from, "type 0x", 7) == 0,
	   "file systems by number: %s, %s", m.fs_from, m.fs_to);
	ok(uname(&u) == 0 && strcmp(m.cpu, u.machine) == 0, "the architecture: %s", m.cpu);
}

int main(void)
{
	fields();
	without_proc();
	return done();
}
