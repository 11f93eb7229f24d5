/* daemon.c - see daemon.h */
#include "zcp/bench/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcp/bench/child.h"

enum { READY_MS = 20000, STOP_MS = 800, CANNOT_RUN = 127, LAST_BYTES = 4096, PATHS_ROOM = WORKDIR_PATH + 32 };

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool beside(char out[static WORKDIR_PATH])
{
	ssize_t n = readlink("/proc/self/exe", out, WORKDIR_PATH - 1);

	if (n <= 0)
		return false;
	out[n] = '\0';
	char *slash = strrchr(out, '/');
	if (!slash || (size_t)(slash - out) + sizeof "/zcpd" > WORKDIR_PATH)
		return false;
	memcpy(slash, "/zcpd", sizeof "/zcpd");
	return is_program(out);
}

/* In a list of directories, as PATH is one. Names that are not absolute are no place to take a daemon from. */
static bool within(const char *list, char out[static WORKDIR_PATH])
{
	for (size_t n; list && *list; list += n + (list[n] == ':')) {
		n = strcspn(list, ":");
		if (*list == '/' && snprintf(out, WORKDIR_PATH, "%.*s/zcpd", (int)n, list) < WORKDIR_PATH && is_program(out))
			return true;
	}
	return false;
}

static bool find(char out[static WORKDIR_PATH])
{
	return beside(out) || within(getenv("PATH"), out) || within("/usr/local/sbin:/usr/sbin", out);
}

struct start { char program[WORKDIR_PATH], root[PATHS_ROOM], state[PATHS_ROOM], keys[PATHS_ROOM], fifo[PATHS_ROOM]; };

static int write_keys(const char *path, const uint8_t pk[static KEY_BYTES])
{
	char         line[KEY_TEXT + 16], text[KEY_TEXT];
	CLEAN_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	keys_text(pk, text);
	snprintf(line, sizeof line, "%s bench\n", text);
	ssize_t n = fd < 0 ? -errno : io_write_full(fd, line, strlen(line));
	return n < 0 ? (int)n : 0;
}

/* Both keys are made here: nobody has to be asked, and nothing to be remembered. */
static int prepare(struct bench_daemon *d, struct start *s, const char *dir)
{
	char           host[PATHS_ROOM];
	struct keypair pair;

	snprintf(s->root, sizeof s->root, "%s/root", dir);
	snprintf(s->state, sizeof s->state, "%s/state", dir);
	snprintf(s->keys, sizeof s->keys, "%s/state/keys", dir);
	snprintf(s->fifo, sizeof s->fifo, "%s/port", dir);
	snprintf(host, sizeof host, "%s/state/host_key", dir);
	snprintf(d->log, sizeof d->log, "%s/zcpd.log", dir);
	snprintf(d->identity, sizeof d->identity, "%s/identity", dir);
	if (mkdir(s->state, 0700) < 0 || mkfifo(s->fifo, 0600) < 0)
		return -errno;
	int r = keys_load_or_make(host, "zcp --bench", &pair);
	memcpy(d->host_key, pair.pk, KEY_BYTES);
	if (r >= 0)
		r = keys_load_or_make(d->identity, "zcp --bench", &pair);
	if (r >= 0)
		r = write_keys(s->keys, pair.pk);
	keys_wipe(&pair);
	return r < 0 ? r : 0;
}

static __attribute__((noreturn)) void become(const struct bench_daemon *d, const struct start *s, int core)
{
	const char *argv[] = {
		"zcpd", "--root", s->root, "--listen", "127.0.0.1:0", "--port-file", s->fifo, "--state", s->state, "--authorized-keys", s->keys,
		"--plaintext-from", "127.0.0.1", "--integrity=none", "--status-socket=none", "--quiet", NULL,
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), log = open(d->log, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || log < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 || core_only(core) < 0)
		_exit(CANNOT_RUN);
	union { const char *const *given; char *const *taken; } args = { argv };        /* execv(3) says it changes none */
	execv(s->program, args.taken);
	_exit(CANNOT_RUN);
}

/* What poll(2) says, 0 after READY_MS, -EINTR: *stop. */
static int wait_for(struct pollfd p[2], const volatile sig_atomic_t *stop)
{
	int64_t end = clock_ms() + READY_MS;

	for (;;) {
		int64_t left = end - clock_ms();
		int     r = *stop ? -EINTR : poll(p, 2, left > 0 ? (int)left : 0);
		if (r >= 0 || r == -EINTR || errno != EINTR)
			return r >= 0 || r == -EINTR ? r : -errno;
	}
}

/* Its port, or its end (-ECHILD), or neither (-ETIMEDOUT), or *stop. */
static int await_port(struct bench_daemon *d, const char *fifo, const volatile sig_atomic_t *stop)
{
	CLEAN_FD int  port = open(fifo, O_RDWR | O_CLOEXEC), end = (int)syscall(SYS_pidfd_open, d->pid, 0);
	struct pollfd p[2] = { { .fd = port, .events = POLLIN }, { .fd = end, .events = POLLIN } };
	char          text[16];
	uint64_t      n;

	if (port < 0 || end < 0)
		return -errno;
	int r = wait_for(p, stop);
	if (r <= 0)
		return r < 0 ? r : -ETIMEDOUT;
	ssize_t got = p[0].revents & POLLIN ? read(port, text, sizeof text - 1) : 0;
	if (got <= 0)
		return -ECHILD;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (num_parse(text, 1, UINT16_MAX, &n) < 0)
		return -EPROTO;
	d->port = (uint16_t)n;
	return 0;
}

/* false: it said nothing. */
static bool last_words(const struct bench_daemon *d, char *out, size_t room)
{
	char  text[LAST_BYTES];
	char *line = text;

	if (io_slurp(d->log, text, sizeof text, IO_ANYBODYS) <= 0)
		return false;
	for (size_t len = strlen(text); len && text[len - 1] == '\n';)
		text[--len] = '\0';
	if (strrchr(text, '\n'))
		line = strrchr(text, '\n') + 1;
	vis_str(out, room, line);
	return *line != '\0';
}

/* It has ended, and nobody has asked how. */
static void how_it_ended(struct bench_daemon *d, char *out, size_t room)
{
	int status = 0;

	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR) {}
	d->pid = 0;
	if (WIFSIGNALED(status))
		snprintf(out, room, "it was ended by signal %d", WTERMSIG(status));
	else
		snprintf(out, room, "it ended with status %d%s", WEXITSTATUS(status), WEXITSTATUS(status) == CANNOT_RUN ? ": it cannot be run here" : "");
}

static enum status say_broken(struct bench_daemon *d, const char *program, int r)
{
	char name[300], said[700] = "", words[900];
	bool spoke = last_words(d, said, sizeof said);

	vis_str(name, sizeof name, program);
	if (r == -ETIMEDOUT) {
		kill(-d->pid, SIGKILL);         /* nothing is known of it: what it has started goes with it */
		log_error("--bench: %s did not get ready in %d s%s%s", name, READY_MS / 1000, spoke ? ": " : "", said);
		return ST_CANNOT;
	}
	if (r == -ECHILD)
		how_it_ended(d, words, sizeof words);
	else
		fail_words(fail_errno(-r), words, sizeof words);
	log_error("--bench: %s did not start: %s", name, spoke ? said : words);
	return ST_FILE_IO;
}

static int start(struct bench_daemon *d, struct start *s, const char *dir, int core, const volatile sig_atomic_t *stop)
{
	int r = prepare(d, s, dir);

	if (r < 0)
		return r;
	pid_t pid = child_fork();
	if (pid == 0)
		become(d, s, core);
	if (pid < 0)
		return -errno;
	setpgid(pid, pid);              /* whoever of both is first */
	d->pid = pid;
	return await_port(d, s->fifo, stop);
}

enum status bench_daemon_start(struct bench_daemon *d, const struct workdir *p, int core, const volatile sig_atomic_t *stop)
{
	struct start s = { .program = "" };

	*d = (struct bench_daemon){ 0 };
	if (!find(s.program)) {
		log_error("--bench: no zcpd: neither beside this zcp, nor in PATH, nor in /usr/local/sbin or /usr/sbin. Install it, or measure a host's: zcp --bench host:path");
		return ST_CANNOT;
	}
	int r = start(d, &s, p->dir, core, stop);
	if (r == -EINTR)
		return ST_INTERRUPTED;
	return r < 0 ? say_broken(d, s.program, r) : ST_OK;
}

void bench_daemon_stop(struct bench_daemon *d)
{
	if (d->pid <= 0)
		return;
	kill(d->pid, SIGTERM);
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, d->pid, 0), .events = POLLIN };
	if (p.fd < 0 || poll(&p, 1, STOP_MS) != 1)
		kill(-d->pid, SIGKILL);
	close_fd(&p.fd);
	while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR) {}
	d->pid = 0;
}
