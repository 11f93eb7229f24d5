/* journal.c - the journal's native protocol, read by what a journal would read: a datagram socket of our own. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "common/journal.h"
#include "common/log.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

enum { BYTES = 256 * 1024 };

static int listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "%.107s", path);
	return fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 ? fd : -1;
}

static bool came(int fd, const void *want, size_t len)
{
	static char got[BYTES];
	ssize_t     n = recv(fd, got, sizeof got, 0);

	return n == (ssize_t)len && memcmp(got, want, len) == 0;
}
#define CAME(fd, literal) came(fd, literal, sizeof (literal) - 1)

static void fields(int there, int fd)
{
	static char                long_value[100 * 1024];
	const struct journal_field plain[] = { { "MESSAGE", "a b=c" }, { "ZCP_KEY", NULL }, { "ZCP_BYTES", "7" }, { "EMPTY", "" } };
	const struct journal_field lines[] = { { "MESSAGE", "one\ntwo" }, { "PRIORITY", "6" } };
	struct journal_field       huge = { "MESSAGE", long_value };

	ok(journal_send(fd, plain, 4) == 0 && CAME(there, "MESSAGE=a b=c\nZCP_BYTES=7\nEMPTY=\n"), "NAME=value lines; what has no value is left out");
	ok(journal_send(fd, lines, 2) == 0 && CAME(there, "MESSAGE\n\7\0\0\0\0\0\0\0one\ntwo\nPRIORITY=6\n"), "a newline inside: the length form");
	memset(long_value, 'x', sizeof long_value - 1);
	ok(journal_send(fd, &huge, 1) == -EMSGSIZE, "more than a datagram is to have: -EMSGSIZE");
	ok(CAME(there, "") == false, "and nothing was sent");
}

static void endings(const char *path, int there, int fd)
{
	const struct journal_field one = { "MESSAGE", "x" };
	int                        r = 0;

	for (int i = 0; i < 100000 && r == 0; i++)
		r = journal_send(fd, &one, 1);
	ok(r == -EAGAIN, "a journal that reads nothing: -EAGAIN, never a wait (%d)", r);
	close(there);
	ok(journal_send(fd, &one, 1) == -ECONNREFUSED, "a journal that has gone: -ECONNREFUSED");
	ok(journal_open(path) == -ECONNREFUSED, "nobody behind the name");
	unlink(path);
	ok(journal_open(path) == -ENOENT, "no such name");
	ok(journal_open("/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789")
	   == -ENAMETOOLONG, "a name that no socket can have");
}

static void standard_descriptors(const char *path)
{
	int saved = dup(STDIN_FILENO);

	close(STDIN_FILENO);
	int fd = journal_open(path);
	ok(fd > STDERR_FILENO && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "never one of the three standard descriptors; close-on-exec");
	close(fd);
	if (saved >= 0)
		dup2(saved, STDIN_FILENO);
}

/* log_event() where stderr is not the journal: the line, and nothing lost of a long one but its end. */
static void lines(const char *dir)
{
	const struct journal_field f = { "ZCP_PEER", "1.2.3.4:5" };
	static char                text[2 * LOG_LINE_MAX], got[2 * LOG_LINE_MAX];
	char                       name[512];
	int                        err = dup(STDERR_FILENO);

	snprintf(name, sizeof name, "%.400s/err", dir);
	int file = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(file, STDERR_FILENO);
	log_setup("zcpd", LOG_LEVEL_INFO, 0);
	log_event(LOG_LEVEL_INFO, &f, 1, "%s came", "it");
	log_event(LOG_LEVEL_DEBUG, &f, 1, "not at this level");
	memset(text, 'y', sizeof text - 1);
	log_event(LOG_LEVEL_WARN, &f, 1, "%s", text);
	dup2(err, STDERR_FILENO);
	ssize_t n = pread(file, got, sizeof got, 0);
	ok(n > 15 && memcmp(got, "zcpd: it came\n", 14) == 0, "elsewhere: the line alone, in its level");
	ok(n > LOG_LINE_MAX && n <= LOG_LINE_MAX + 14 && got[n - 1] == '\n' && got[n - 2] == 'y', "a line too long is cut, and ends");
	close(file);
	close(err);
}

int main(void)
{
	char path[108];
	int  dir = scratch("/tmp");     /* a socket's name is short */

	if (dir < 0)
		return 1;
	snprintf(path, sizeof path, "%.90s/socket", scratch_path());
	int there = listen_at(path), fd = journal_open(path);
	if (ok(there >= 0 && fd >= 0, "connected")) {
		standard_descriptors(path);
		fields(there, fd);
		endings(path, there, fd);
	}
	close(fd);
	lines(scratch_path());
	close(dir);
	return done();
}
