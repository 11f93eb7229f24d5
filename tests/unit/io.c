/* io.c - short counts over pipes and sockets, ends, timeouts that are over at once, private files. */
#include "common/io.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

enum { BIG = 3 * 1024 * 1024 + 17 };
static uint8_t out[BIG], in[BIG];

static void fill(void)
{
	for (size_t i = 0; i < BIG; i++)
		out[i] = (uint8_t)(i * 31 + (i >> 11));
	memset(in, 0, BIG);
}

static bool good_end(pid_t pid)
{
	int st;

	return waitpid(pid, &st, 0) == pid && WIFEXITED(st) && WEXITSTATUS(st) == 0;
}

/* In a child, the other end: reads or writes in small odd pieces. */
static pid_t slow_reader(int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		size_t at = 0;
		ssize_t n;

		while ((n = read(fd, in + at, at + 4099 < BIG ? 4099 : BIG - at)) > 0)
			at += (size_t)n;
		_exit(at == BIG && memcmp(in, out, BIG) == 0 ? 0 : 1);
	}
	return pid;
}

static pid_t slow_writer(int fd, size_t len)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (size_t at = 0; at < len; ) {
			ssize_t n = write(fd, out + at, len - at < 1009 ? len - at : 1009);

			if (n < 0)
				_exit(1);
			at += (size_t)n;
		}
		_exit(0);
	}
	return pid;
}

static void pipes(void)
{
	int p[2];
	pid_t pid;

	if (pipe(p) < 0)
		return;
	pid = slow_reader(p[0]);
	close(p[0]);
	/* non-blocking: every short count and EAGAIN there is */
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	ok(io_write_full(p[1], out, BIG) == BIG, "write_full: all of a full, non-blocking pipe");
	close(p[1]);
	ok(good_end(pid), "write_full: every byte came");
}

static void pipes_end(void)
{
	int p[2];

	if (pipe(p) < 0)
		return;
	signal(SIGPIPE, SIG_IGN);
	close(p[0]);
	ok(io_write_full(p[1], out, 10) == -EPIPE, "write_full: EPIPE");
	close(p[1]);
	ok(io_write_full(p[1], out, 10) == -EBADF, "write_full: EBADF");
}

static void files(int dir)
{
	int fd = openat(dir, "f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ok(io_pwrite_full(fd, out, BIG, 5) == BIG, "pwrite_full: all");
	ok(io_pread_full(fd, in, BIG, 5) == BIG && memcmp(in, out, BIG) == 0, "pread_full: the same");
	ok(io_pread_full(fd, in, 100, BIG) == 5, "pread_full: less only at the end of the file");
	ok(io_pread_full(fd, in, 100, BIG + 5) == 0, "pread_full: 0 at the end");
	ok(io_pread_full(fd, in, 0, 0) == 0 && io_pwrite_full(fd, in, 0, 0) == 0, "nothing asked, nothing done");
	close(fd);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ok(io_pwrite_full(fd, out, 10, 0) == -ENOSPC, "pwrite_full: ENOSPC");
	ok(io_write_full(fd, out, 10) == -ENOSPC, "write_full: ENOSPC");
	close(fd);
}

static void sockets(void)
{
	int s[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		return;
	ok(io_recv_some(s[0], in, 10, false) == -EAGAIN, "recv_some: -EAGAIN when nothing is there");
	ok(io_wait(s[0], POLLIN | POLLOUT, 0) == POLLOUT, "wait: writable, not readable");
	ok(io_wait(s[0], POLLIN, 0) == -ETIMEDOUT, "wait: times out");
	ok(io_wait(s[0], POLLIN, 1) == -ETIMEDOUT, "wait: times out after a millisecond");
	ok(io_send_some(s[1], "abc", 3) == 3 && io_recv_some(s[0], in, 10, true) == 3 && memcmp(in, "abc", 3) == 0,
	   "recv_some: what is there");
	ssize_t n;
	while ((n = io_send_some(s[0], out, 65536)) > 0)
		;
	ok(n == -EAGAIN, "send_some: -EAGAIN when the socket is full");
	close(s[0]);
	close(s[1]);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		return;
	pid = slow_writer(s[1], BIG);
	close(s[1]);
	memset(in, 0, BIG);
	ok(io_recv_full(s[0], in, BIG) == BIG && memcmp(in, out, BIG) == 0, "recv_full: all, from small pieces");
	ok(good_end(pid) && io_recv_full(s[0], in, 10) == 0, "recv_full: 0 at the end of the stream");
	ok(io_wait(s[0], POLLIN, 0) == POLLIN, "wait: the end is readable");
	ok(io_send_full(s[0], out, 10, false) == -EPIPE, "send_full: -EPIPE, and no signal");
	close(s[0]);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		return;
	pid = slow_writer(s[1], 1000);
	close(s[1]);
	ok(io_recv_full(s[0], in, 2000) == 1000 && good_end(pid), "recv_full: less only at the end of the stream");
	close(s[0]);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		return;
	memset(in, 0, BIG);
	pid = slow_reader(s[1]);
	close(s[1]);
	ok(io_send_full(s[0], out, BIG, true) == BIG, "send_full: all");
	close(s[0]);
	ok(good_end(pid), "send_full: every byte came");
}

static void stalls(void)
{
	struct timeval t = { .tv_usec = 1000 };
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		return;
	setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	ok(io_recv_full(s[0], in, 10) == -ETIMEDOUT, "recv_full: -ETIMEDOUT after SO_RCVTIMEO");
	ok(io_recv_some(s[0], in, 10, true) == -ETIMEDOUT, "recv_some: -ETIMEDOUT after SO_RCVTIMEO");
	ok(write(s[1], "abc", 3) == 3 && io_recv_full(s[0], in, 10) == -ETIMEDOUT, "recv_full: -ETIMEDOUT also after some bytes");
	ok(io_send_full(s[0], out, BIG, false) == -ETIMEDOUT, "send_full: -ETIMEDOUT when nobody reads");
	close(s[0]);
	close(s[1]);
}

static void slurp(int dir)
{
	char buf[16], path[5000];

	put_file(dir, "key", "0123456789", 0600);
	snprintf(path, sizeof path, "%s/key", scratch_path());
	ok(io_slurp(path, buf, sizeof buf, IO_PRIVATE) == 10 && strcmp(buf, "0123456789") == 0, "slurp: a private file");
	ok(io_slurp(path, buf, 11, IO_PRIVATE) == 10, "slurp: just fits");
	memset(buf, 'x', sizeof buf);
	ok(io_slurp(path, buf, 10, IO_PRIVATE) == -EFBIG && !memchr(buf, '0', 10), "slurp: -EFBIG, and nothing of it is kept");
	for (unsigned bit = 1; bit <= 040; bit <<= 1) {
		chmod(path, 0600 | bit);
		ok(io_slurp(path, buf, sizeof buf, IO_PRIVATE) == -EPERM, "slurp: mode %o is not private", 0600 | bit);
	}
	ok(io_slurp(path, buf, sizeof buf, IO_ANYBODYS) == 10, "slurp: a file that need not be private");
	chmod(path, 0644);
	ok(io_slurp(path, buf, sizeof buf, IO_UNWRITTEN) == 10, "slurp: a file that others may read");
	for (unsigned bit = 02; bit <= 020; bit <<= 3) {
		chmod(path, 0644 | bit);
		ok(io_slurp(path, buf, sizeof buf, IO_UNWRITTEN) == -EPERM, "slurp: mode %o: others can write it", 0644 | bit);
	}
	chmod(path, 0600);
	if (geteuid() == 0) {
		ok(chown(path, 12345, 0) == 0 && io_slurp(path, buf, sizeof buf, IO_PRIVATE) == -EPERM, "slurp: a foreign owner");
	} else {
		skip(1, "needs root");
	}
	snprintf(path, sizeof path, "%s/nothing", scratch_path());
	ok(io_slurp(path, buf, sizeof buf, IO_PRIVATE) == -ENOENT, "slurp: -ENOENT");
	ok(io_slurp(scratch_path(), buf, sizeof buf, IO_PRIVATE) == -EISDIR, "slurp: a directory");
	snprintf(path, sizeof path, "%s/fifo", scratch_path());
	ok(mkfifo(path, 0600) == 0 && io_slurp(path, buf, sizeof buf, IO_PRIVATE) == -EPERM, "slurp: a FIFO does not hang");
	ok(io_slurp("/dev/null", buf, sizeof buf, IO_ANYBODYS) == -EINVAL, "slurp: a device");
}

int main(void)
{
	int dir = scratch(NULL);

	fill();
	pipes();
	pipes_end();
	files(dir);
	sockets();
	stalls();
	slurp(dir);
	return done();
}
