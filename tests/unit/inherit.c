/* links: zcpd */
/* inherit.c - descriptors from a socket unit: each right one taken, each wrong one named. One process per case: the variables are the process's. */
#include "zcpd/inherit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/tap.h"

enum { MAX = 16 };
enum kind { NOTHING, TCP4, TCP6, NOT_LISTENING, DATAGRAM, UNIX_STREAM, A_FILE };

static int make(enum kind k)
{
	struct sockaddr_in  v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un  un = { .sun_family = AF_UNIX };
	int                 fd = -1;

	switch (k) {
	case NOTHING:
		return -1;
	case TCP4:
	case NOT_LISTENING:
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (k == TCP4 && (bind(fd, (struct sockaddr *)&v4, sizeof v4) < 0 || listen(fd, 1) < 0))
			return -1;
		return fd;
	case TCP6:
		fd = socket(AF_INET6, SOCK_STREAM, 0);
		return listen(fd, 1) < 0 ? -1 : fd;     /* the kernel finds it a port */
	case DATAGRAM:
		return socket(AF_INET, SOCK_DGRAM, 0);
	case UNIX_STREAM:
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		return bind(fd, (struct sockaddr *)&un, sizeof un.sun_family) < 0 || listen(fd, 1) < 0 ? -1 : fd;
	case A_FILE:
		return open("/dev/null", O_RDONLY);
	}
	return -1;
}

struct one { const char *words, *pid, *fds; enum kind kinds[3]; int want; const char *said; };

/* In the child: descriptors 3.. as the row says, the variables, and what came of it. */
static int child(const struct one *o)
{
	char own[16];
	int  got[MAX], fds[3];

	for (int i = 0; i < 3; i++)             /* out of the way first */
		fds[i] = o->kinds[i] == NOTHING ? -1 : fcntl(make(o->kinds[i]), F_DUPFD, 50);
	for (int i = 0; i < 3; i++) {
		close(3 + i);
		if (fds[i] >= 0)
			dup2(fds[i], 3 + i);
	}
	snprintf(own, sizeof own, "%ld", (long)getpid());
	if (o->pid)
		setenv("LISTEN_PID", strcmp(o->pid, "own") == 0 ? own : o->pid, 1);
	if (o->fds)
		setenv("LISTEN_FDS", o->fds, 1);
	setenv("LISTEN_FDNAMES", "a:b", 1);
	int r = inherit_sockets(got, MAX);
	if (r != o->want)
		return 1;
	if (getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES"))
		return 2;
	for (int i = 0; i < r; i++)
		if (got[i] != 3 + i || !(fcntl(got[i], F_GETFD) & FD_CLOEXEC) || !(fcntl(got[i], F_GETFL) & O_NONBLOCK))
			return 3;
	return 0;
}

static void run(const struct one *o)
{
	char    text[1024] = "";
	int     pipes[2], status = 0;
	size_t  used = 0;
	ssize_t n;

	if (pipe(pipes) < 0)
		return;
	int out = fcntl(pipes[1], F_DUPFD, 60);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out, STDERR_FILENO);
		unsetenv("LISTEN_PID");
		unsetenv("LISTEN_FDS");
		_exit(child(o));
	}
	close(pipes[1]);
	close(out);
	while (used < sizeof text - 1 && (n = read(pipes[0], text + used, sizeof text - 1 - used)) > 0)
		used += (size_t)n;
	close(pipes[0]);
	text[strcspn(text, "\n")] = '\0';
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: %d, taken out of the environment (%d)", o->words, o->want, status);
	ok(o->said ? strstr(text, o->said) != NULL : text[0] == '\0', "%s: says \"%s\" (\"%s\")", o->words, o->said ? o->said : "", text);
}

int main(void)
{
	static const struct one rows[] = {
		{ "nothing is set", NULL, NULL, { NOTHING }, 0, NULL },
		{ "one", "own", "1", { TCP4 }, 1, NULL },
		{ "two kinds", "own", "2", { TCP4, TCP6 }, 2, NULL },
		{ "another's", "1", "1", { TCP4 }, 0, NULL },
		{ "a process id that is none", "own1", "1", { TCP4 }, 0, NULL },
		{ "without a process id", NULL, "1", { TCP4 }, 0, NULL },
		{ "no number", "own", NULL, { TCP4 }, -EINVAL, "no descriptors" },
		{ "none", "own", "0", { NOTHING }, -EINVAL, "no descriptors" },
		{ "nonsense", "own", "x", { TCP4 }, -EINVAL, "$LISTEN_FDS is \"x\"" },
		{ "negative", "own", "-1", { TCP4 }, -EINVAL, "$LISTEN_FDS is \"-1\"" },
		{ "too many", "own", "17", { TCP4 }, -EINVAL, "more than 16" },
		{ "very many", "own", "99999999999999999999", { TCP4 }, -EINVAL, "more than 16" },
		{ "not open", "own", "1", { NOTHING }, -EINVAL, "descriptor 3, handed over by $LISTEN_FDS, is not open" },
		{ "the second is not open", "own", "2", { TCP4, NOTHING }, -EINVAL, "descriptor 4, handed over by $LISTEN_FDS, is not open" },
		{ "a file", "own", "1", { A_FILE }, -EINVAL, "descriptor 3, handed over by $LISTEN_FDS, is not a socket" },
		{ "not listening", "own", "1", { NOT_LISTENING }, -EINVAL, "does not listen" },
		{ "datagrams", "own", "1", { DATAGRAM }, -EINVAL, "is not a stream socket" },
		{ "a Unix socket", "own", "2", { TCP4, UNIX_STREAM }, 2, NULL },
		{ "the third is a file", "own", "3", { TCP4, TCP6, A_FILE }, -EINVAL, "descriptor 5," },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		run(&rows[i]);
	return done();
}
