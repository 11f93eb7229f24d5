/* links: zcpd */
/* verdict.c - what a stream's process asks and the listener answers; and what becomes of one that asks otherwise. */
#include "zcpd/verdict.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "tests/unit/tap.h"
#include "zcpd/listener_parts.h"

static struct listener l;
static struct service  v;

/* A process that waits to be ended stands for the stream's; the other end of its pair is the test's. */
static struct stream_slot *stream(int *asks)
{
	int                 pair[2];
	struct stream_slot *s = &l.k.slot[0];

	while (s->pid)
		s++;
	*asks = -1;
	s->pid = fork();                        /* before the pair: it must not hold an end of it open */
	if (s->pid == 0) {
		alarm(60);                      /* whatever becomes of the test */
		for (;;)
			pause();
	}
	l.k.live++;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return s;
	s->verdict = pair[0];
	*asks = pair[1];
	return s;
}

static int end(struct stream_slot *s)           /* the signal that had ended it; 0: it had to be ended here */
{
	int status = 0;

	bool gone = waitpid(s->pid, &status, WNOHANG) == s->pid;
	if (!gone) {
		kill(s->pid, SIGTERM);
		waitpid(s->pid, &status, 0);
	}
	close_fd(&s->verdict);
	*s = (struct stream_slot){ .verdict = -1 };
	l.k.live--;
	return gone ? WTERMSIG(status) : WTERMSIG(status) == SIGTERM ? 0 : WTERMSIG(status);
}

static void fill(uint8_t key[static KEY_BYTES], uint8_t with)
{
	memset(key, with, KEY_BYTES);
}

/* The asking side blocks: what it sends and what it makes of the answer are looked at one after the other, in a process of its own. */
static enum verdict ask(struct stream_slot *s, int sock, uint8_t with)
{
	uint8_t key[KEY_BYTES];
	int     status;
	pid_t   pid = fork();

	fill(key, with);
	if (pid == 0) {
		close_fd(&s->verdict);
		_exit(verdict_ask(sock, key));
	}
	close(sock);
	while (s->verdict >= 0) {               /* as the loop does, until the question is there */
		char one;
		if (recv(s->verdict, &one, 1, MSG_PEEK) >= 0)
			verdict_answer(&l, s);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? (enum verdict)WEXITSTATUS(status) : VERDICT_NONE;
}

static void answers(void)
{
	struct stream_slot *s[5];
	int                 asks[5];

	for (int i = 0; i < 5; i++)
		s[i] = stream(&asks[i]);
	ok(streams_strangers(&l) == 5, "nobody has asked yet");
	ok(ask(s[0], asks[0], 1) == VERDICT_GO && s[0]->known && s[0]->let_in && s[0]->verdict == -1, "the first of a key");
	ok(ask(s[1], asks[1], 1) == VERDICT_GO, "the second, as many as it may have");
	ok(ask(s[2], asks[2], 1) == VERDICT_BUSY && s[2]->known && !s[2]->let_in, "one more has to come back later");
	ok(ask(s[3], asks[3], 2) == VERDICT_GO, "another key is another");
	ok(streams_strangers(&l) == 1, "who has asked is no stranger");
	end(s[0]);
	s[0] = stream(&asks[0]);
	ok(ask(s[0], asks[0], 1) == VERDICT_GO, "when one has gone there is room");
	v.authorized.rule = AUTHORIZED_FILE;
	v.authorized.read_once = false;
	ok(ask(s[4], asks[4], 3) == VERDICT_GONE && !s[4]->let_in, "a key that is not let in any more");
	v.authorized.rule = AUTHORIZED_ANY;
	v.authorized.read_once = false;
	for (int i = 0; i < 5; i++)
		ok(end(s[i]) == 0, "stream %d was left alone", i);
}

static void other_messages(void)
{
	static const size_t lengths[] = { 1, KEY_BYTES - 1, KEY_BYTES + 1, 2 * KEY_BYTES, 4096 };
	static uint8_t      bytes[4096];
	int                 asks;

	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct stream_slot *s = stream(&asks);
		ok(send(asks, bytes, lengths[i], 0) == (ssize_t)lengths[i], "%zu bytes are sent", lengths[i]);
		verdict_answer(&l, s);
		char one;
		ok(s->verdict == -1 && !s->known && recv(asks, &one, 1, MSG_DONTWAIT) <= 0, "%zu bytes: closed, not answered", lengths[i]);
		int status;
		ok(waitpid(s->pid, &status, 0) == s->pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "and its process is killed");
		*s = (struct stream_slot){ .verdict = -1 };
		l.k.live--;
		close(asks);
	}
	struct stream_slot *s = stream(&asks);
	verdict_answer(&l, s);
	ok(s->verdict >= 0 && !s->known, "nothing yet: it is waited for");
	close(asks);
	verdict_answer(&l, s);
	ok(s->verdict == -1 && !s->known, "closed without a question: it stays a stranger, until its deadline");
	ok(end(s) == 0, "and lives");
}

/* What the asking side makes of a listener that is not one. */
static void lies(void)
{
	static const struct { const char *bytes; size_t len; enum verdict want; const char *words; } rows[] = {
		{ "g", 1, VERDICT_GO, "go" }, { "b", 1, VERDICT_BUSY, "busy" }, { "x", 1, VERDICT_GONE, "gone" }, { "?", 1, VERDICT_NONE, "nonsense" },
		{ "", 1, VERDICT_NONE, "a NUL" }, { NULL, 0, VERDICT_NONE, "nothing, and the end" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t key[KEY_BYTES], got[64];
		int     pair[2];
		fill(key, 7);
		ok(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "a pair");
		if (rows[i].len)
			ok(send(pair[0], rows[i].bytes, rows[i].len, 0) == 1, "%s is answered beforehand", rows[i].words);
		shutdown(pair[0], SHUT_WR);
		ok(verdict_ask(pair[1], key) == rows[i].want, "%s", rows[i].words);
		ok(recv(pair[0], got, sizeof got, MSG_DONTWAIT) == KEY_BYTES && memcmp(got, key, KEY_BYTES) == 0, "the key was sent");
		ok(fcntl(pair[1], F_GETFD) < 0 && errno == EBADF, "and its end is closed");
		close(pair[0]);
	}
}

int main(void)
{
	char          *argv[] = { NULL };
	struct options o = { 0 };

	listener_init(&l, &o, argv);
	service_init(&v);
	l.service = &v;
	limits_defaults(&v.settings.limits);
	v.settings.limits.per_key = 2;
	v.authorized.rule = AUTHORIZED_ANY;
	v.authorized.file = strdup("/nonexistent/authorized_keys");
	answers();
	other_messages();
	lies();
	l.service = NULL;
	listener_clear(&l);
	service_clear(&v);
	return done();
}
