/*
 * without.c - runs a program on a kernel that seems to lack system calls: `without NAME=ENOSYS|EPERM... -- PROGRAM ARG...`.
 *
 * A seccomp filter makes the named calls fail so, in the program and its children, and then the program takes this process's place.
 * Without arguments it tests itself.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/tap.h"

static int number(const char *name)
{
	static const struct { const char *name; int number; } young[] = {
		{ "openat2", 437 }, { "landlock_create_ruleset", 444 }, { "landlock_add_rule", 445 }, { "landlock_restrict_self", 446 },
	};
	int n = seccomp_syscall_resolve_name(name);

	for (size_t i = 0; n == __NR_SCMP_ERROR && i < sizeof young / sizeof *young; i++)
		if (strcmp(name, young[i].name) == 0)
			n = young[i].number;
	return n;
}

/* "NAME=ENOSYS" or "NAME=EPERM" */
static int add(scmp_filter_ctx ctx, const char *what)
{
	const char *equals = strchr(what, '=');
	char        name[64];

	if (!equals || (size_t)(equals - what) >= sizeof name)
		return -EINVAL;
	memcpy(name, what, (size_t)(equals - what));
	name[equals - what] = '\0';
	unsigned err = strcmp(equals + 1, "ENOSYS") == 0 ? ENOSYS : strcmp(equals + 1, "EPERM") == 0 ? EPERM : 0;
	int      n = number(name);
	return !err || n == __NR_SCMP_ERROR ? -EINVAL : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(err), n, 0);
}

static int lack(char *const *what, int n)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int             r = ctx ? 0 : -ENOMEM;

	for (int i = 0; i < n && r == 0; i++)
		r = add(ctx, what[i]);
	if (r == 0)
		r = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return r;
}

static int fails_with(char *what, long call)
{
	int   status;
	pid_t pid = fork();

	if (pid == 0) {
		char *list[] = { what };
		_exit(lack(list, 1) < 0 ? 255 : syscall(call, -1, NULL, NULL, 0) < 0 ? errno : 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	char a[] = "openat2=ENOSYS", b[] = "landlock_create_ruleset=EPERM", c[] = "nothing=ENOSYS";
	int  n = 1;

	while (n < argc && strcmp(argv[n], "--") != 0)
		n++;
	if (argc == 1) {
		ok(fails_with(a, 437) == ENOSYS, "a call that is not there");
		ok(fails_with(b, 444) == EPERM, "a call that is forbidden");
		ok(fails_with(c, 437) == 255, "an unknown name is a mistake");
		return done();
	}
	if (n + 1 >= argc || lack(argv + 1, n - 1) < 0) {
		fprintf(stderr, "without: NAME=ENOSYS|EPERM... -- PROGRAM ARG...\n");
		return 125;
	}
	execvp(argv[n + 1], argv + n + 1);
	perror(argv[n + 1]);
	return 126;
}
