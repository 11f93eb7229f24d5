/* child.c - see child.h */
#include "zcp/bench/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"

static struct measured *hearing;        /* in a child alone */

static void hear(enum log_level level, const char *words)
{
	size_t at = strlen(hearing->said);

	if (level == LOG_LEVEL_ERROR && !hearing->why[0])
		snprintf(hearing->why, sizeof hearing->why, "%s", words);
	if (at + 1 + strlen(words) + 1 < sizeof hearing->said)
		snprintf(hearing->said + at, sizeof hearing->said - at, "%c%s\n", level == LOG_LEVEL_ERROR ? 'e' : 'w', words);
}

int core_only(int core)
{
	cpu_set_t set;

	if (core == NO_CORE)
		return 0;
	CPU_ZERO(&set);
	CPU_SET((size_t)core, &set);
	return sched_setaffinity(0, sizeof set, &set) < 0 ? -errno : 0;
}

pid_t child_fork(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction now, deadly = { .sa_handler = SIG_DFL };
	sigset_t         held, before;
	pid_t            parent = getpid();

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		sigaddset(&held, ends[i]);
	sigprocmask(SIG_BLOCK, &held, &before);
	pid_t pid = fork();
	/* zcp's handler would only note it, in a memory where nobody looks */
	for (size_t i = 0; pid == 0 && i < sizeof ends / sizeof *ends; i++)
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaction(ends[i], &deadly, NULL);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (pid == 0 && getppid() != parent)
		_exit(1);
	int failed = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = failed;
	return pid;
}

static void be_quiet(void)
{
	CLEAN_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDERR_FILENO);
	}
}

static __attribute__((noreturn)) void be_child(int fd, int core, bool quiet, void (*work)(void *, struct measured *), void *arg)
{
	struct measured m = { .status = ST_FILE_IO };

	hearing = &m;
	log_hook(NULL);
	log_tee(hear);
	if (quiet)
		be_quiet();
	if (core_only(core) == 0)
		work(arg, &m);
	_exit(io_write_full(fd, &m, sizeof m) < 0);
}

int child_start(struct child *c, int core, bool quiet, void (*work)(void *arg, struct measured *m), void *arg)
{
	int fds[2];

	*c = (struct child){ -1, -1 };
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	c->pid = child_fork();
	if (c->pid == 0) {
		close(fds[0]);
		be_child(fds[1], core, quiet, work, arg);
	}
	int r = c->pid < 0 ? -errno : 0;
	close(fds[1]);
	c->fd = fds[0];
	if (r < 0)
		close_fd(&c->fd);
	return r;
}

/* One write of at most PIPE_BUF bytes comes whole. */
_Static_assert(sizeof(struct measured) <= 4096, "a result fits a pipe's atomic write");

int child_finish(struct child *c, struct measured *m, const volatile sig_atomic_t *stop)
{
	ssize_t n;

	do
		n = *stop ? -1 : read(c->fd, m, sizeof *m);
	while (n < 0 && errno == EINTR && !*stop);
	close_fd(&c->fd);
	if (n != (ssize_t)sizeof *m)
		kill(c->pid, SIGTERM);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) {}
	if (*stop)
		return -EINTR;
	return n == (ssize_t)sizeof *m ? 0 : -EIO;
}

int child_run(int core, bool quiet, void (*work)(void *arg, struct measured *m), void *arg, struct measured *m, const volatile sig_atomic_t *stop)
{
	struct child c = { -1, -1 };
	int          r = child_start(&c, core, quiet, work, arg);

	return r < 0 ? r : child_finish(&c, m, stop);
}
