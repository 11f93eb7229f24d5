/* links: zcpd */
/* notify.c - what systemd is told, over a socket of our own in its place: a path, an abstract name, and those that are wrong or dead. */
#include "zcpd/notify.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/num.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static int listen_at(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t             len = strlen(name);
	int                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(a.sun_path, name, len);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	return bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0 ? -1 : fd;
}

static const char *heard(int fd)
{
	static char text[2048];
	ssize_t     n = recv(fd, text, sizeof text - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/* What is said on stderr while f runs. */
static const char *said(void (*f)(struct notify *), struct notify *n)
{
	static char text[2048];
	int         kept = dup(STDERR_FILENO), fd = memfd_create("said", 0);

	dup2(fd, STDERR_FILENO);
	f(n);
	dup2(kept, STDERR_FILENO);
	close(kept);
	ssize_t len = pread(fd, text, sizeof text - 1, 0);
	close(fd);
	text[len < 0 ? 0 : len] = '\0';
	return text;
}

static void messages(const char *where, const char *words)
{
	struct notify n;
	char          want[64];
	int           fd = listen_at(where);
	uint64_t      us = 0;

	ok(fd >= 0, "%s: bound", words);
	setenv("NOTIFY_SOCKET", where, 1);
	notify_open(&n);
	ok(n.sock >= 0 && !getenv("NOTIFY_SOCKET"), "%s: opened, and taken out of the environment", words);
	ok(n.watchdog_ms == 0, "%s: no watchdog was asked for", words);
	notify_ready(&n, "serving");
	snprintf(want, sizeof want, "READY=1\nSTATUS=serving\nMAINPID=%ld", (long)getpid());
	ok(strcmp(heard(fd), want) == 0, "%s: ready", words);
	notify_status(&n, "2 streams");
	ok(strcmp(heard(fd), "STATUS=2 streams") == 0, "%s: status", words);
	notify_status(&n, "a\nREADY=1\x7f");
	ok(strcmp(heard(fd), "STATUS=a READY=1 ") == 0, "%s: a newline begins no other message", words);
	notify_reloading(&n);
	const char *text = heard(fd);
	static const char begins[] = "RELOADING=1\nMONOTONIC_USEC=";
	ok(strncmp(text, begins, strlen(begins)) == 0 && num_parse(text + strlen(begins), 1, INT64_MAX, &us) == 0, "%s: reloading, with the time", words);
	notify_stopping(&n);
	ok(strcmp(heard(fd), "STOPPING=1") == 0, "%s: stopping", words);
	notify_alive(&n);
	ok(strcmp(heard(fd), "WATCHDOG=1") == 0, "%s: alive", words);
	ok(recv(fd, want, sizeof want, 0) < 0 && errno == EAGAIN, "%s: and nothing else", words);
	notify_close(&n);
	notify_ready(&n, "late");
	ok(recv(fd, want, sizeof want, 0) < 0 && n.sock == -1, "%s: closed, nothing is said any more", words);
	close(fd);
}

static void long_status(const char *where)
{
	struct notify n;
	char          line[2000];
	int           fd = listen_at(where);

	for (size_t i = 0; i < sizeof line - 1; i += 2)
		memcpy(line + i, "\xc3\xa4", 2);
	line[sizeof line - 2] = '\0';
	setenv("NOTIFY_SOCKET", where, 1);
	notify_open(&n);
	notify_status(&n, line);
	const char *text = heard(fd);
	size_t      len = strlen(text);
	ok(len > 400 && len < 512 && (len - strlen("STATUS=")) % 2 == 0, "a long status is cut between characters: %zu", len);
	notify_close(&n);
	close(fd);
}

/* The queue holds max_dgram_qlen datagrams; then nobody waits for long, and nothing fails. */
static void full(const char *where)
{
	struct notify n;
	int           fd = listen_at(where), sent = 0;

	setenv("NOTIFY_SOCKET", where, 1);
	notify_open(&n);
	while (sent < 4096 && sendto(n.sock, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&n.to, n.to_len) == 1)
		sent++;
	ok(sent > 0 && sent < 4096, "the queue is full after %d", sent);
	notify_alive(&n);
	ok(n.sock >= 0, "a full queue is no failure");
	ok(recv(fd, (char[8]){ 0 }, 8, 0) == 1, "one is read");
	notify_alive(&n);
	ok(n.sock >= 0, "and the next message went");
	notify_close(&n);
	close(fd);
}

static void wrong(const char *dir)
{
	static const char *const bad[] = { "relative", "@", "/", "vsock:2:1234", " /run/x" };
	struct notify            n;
	char                     where[300], longest[200];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		setenv("WATCHDOG_USEC", "1000000", 1);
		ok(strstr(said(notify_open, &n), "neither a path nor") && n.sock == -1 && n.watchdog_ms == 0, "\"%s\" is said, and left alone", bad[i]);
		ok(said(notify_alive, &n)[0] == '\0', "and nothing more is said");
	}
	memset(longest, 'a', sizeof longest - 1);
	longest[0] = '/';
	longest[sizeof longest - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	ok(strstr(said(notify_open, &n), "neither a path nor") && n.sock == -1, "one that is too long");
	setenv("NOTIFY_SOCKET", "", 1);
	ok(said(notify_open, &n)[0] == '\0' && n.sock == -1, "an empty one is none");
	unsetenv("NOTIFY_SOCKET");
	ok(said(notify_open, &n)[0] == '\0' && n.sock == -1, "without it nobody is told");

	snprintf(where, sizeof where, "%.80s/gone", dir);
	setenv("NOTIFY_SOCKET", where, 1);
	ok(said(notify_open, &n)[0] == '\0' && n.sock >= 0, "a path that is not there is only found out by sending");
	ok(strstr(said(notify_alive, &n), "cannot be told anything: No such file or directory") && n.sock == -1, "which is said once");
	ok(said(notify_alive, &n)[0] == '\0', "and not again");

	snprintf(where, sizeof where, "%.80s/dead", dir);
	close(listen_at(where));
	setenv("NOTIFY_SOCKET", where, 1);
	notify_open(&n);
	ok(strstr(said(notify_alive, &n), "Connection refused") && n.sock == -1, "a socket that nobody reads any more");

	snprintf(where, sizeof where, "%.80s/stream", dir);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int                fd = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(a.sun_path, where, strlen(where) < sizeof a.sun_path ? strlen(where) : 0);
	ok(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 1) == 0, "a foreign socket");
	setenv("NOTIFY_SOCKET", where, 1);
	notify_open(&n);
	ok(strstr(said(notify_alive, &n), "cannot be told anything") && n.sock == -1, "of another kind is given up");
	close(fd);
}

static void watchdog(const char *where)
{
	char own[16];
	snprintf(own, sizeof own, "%ld", (long)getpid());
	const struct { const char *usec, *pid; int ms; } rows[] = {
		{ "30000000", NULL, 15000 }, { "30000000", own, 15000 }, { "30000000", "1", 0 }, { "30000000", "x", 0 }, { NULL, own, 0 },
		{ "0", own, 0 }, { "-1", own, 0 }, { "x", own, 0 }, { "1", own, 1 }, { "99999999999999999999", own, 0 },
	};
	struct notify n;
	int           fd = listen_at(where);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		setenv("NOTIFY_SOCKET", where, 1);
		unsetenv("WATCHDOG_USEC");
		unsetenv("WATCHDOG_PID");
		if (rows[i].usec)
			setenv("WATCHDOG_USEC", rows[i].usec, 1);
		if (rows[i].pid)
			setenv("WATCHDOG_PID", rows[i].pid, 1);
		notify_open(&n);
		ok(n.watchdog_ms == rows[i].ms && !getenv("WATCHDOG_USEC") && !getenv("WATCHDOG_PID"), "watchdog row %zu: %d ms", i, n.watchdog_ms);
		notify_close(&n);
	}
	close(fd);
}

int main(void)
{
	char where[100], name[64];

	if (scratch("/tmp") < 0)
		return 1;
	snprintf(where, sizeof where, "%.80s/notify", scratch_path());
	snprintf(name, sizeof name, "@zcp-notify-%ld", (long)getpid());
	messages(where, "a path");
	messages(name, "an abstract name");
	name[1] = 'l';
	long_status(name);
	name[1] = 'f';
	full(name);
	name[1] = 'w';
	watchdog(name);
	wrong(scratch_path());
	return done();
}
