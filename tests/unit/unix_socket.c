/* unix_socket.c - paths, listening and connecting over them, who is at the other end; descriptors over a socket; what the kernel itself keeps. */
#include "common/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/handed.h"
#include "common/io.h"
#include "common/net.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static void spelling(void)
{
	static const struct { const char *text; bool good; } rows[] = {
		{ "/a", true }, { "/a/b.sock", true }, { "/", false }, { "", false }, { "a", false }, { "/a/", false }, { "/a b", false }, { "/a:b", false },
		{ "/a\tb", false }, { "/a\nb", false }, { "/a\x7f", false }, { "/\xc3\xa4", true },
	};
	char longest[UNIX_PATH_BYTES + 2];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ok(unix_path_ok(rows[i].text) == rows[i].good, "path %zu is %s", i, rows[i].good ? "one" : "none");
	memset(longest, 'x', sizeof longest);
	longest[0] = '/';
	longest[UNIX_PATH_BYTES] = '\0';
	ok(unix_path_ok(longest), "107 bytes");
	longest[UNIX_PATH_BYTES] = 'x';
	longest[UNIX_PATH_BYTES + 1] = '\0';
	ok(!unix_path_ok(longest), "108 bytes are too many");
	ok(unix_spec("unix:/a") && !strcmp(unix_spec("unix:/a"), "/a") && !unix_spec("unix:a") && !unix_spec("/a") && !unix_spec("UNIX:/a"), "what is a spec");
	ok(net_spec_ok("unix:/a") && !net_spec_ok("unix:/a b") && !net_spec_ok("unix:/a/"), "and may be listened at");
}

static void listening(void)
{
	char            path[PATH_MAX + 8], name[UNIX_PATH_BYTES + 1];
	struct net_addr own = { .port = 1 }, peer = { .port = 1 };
	struct stat     st;
	uint32_t        uid = 77;
	mode_t          mask = umask(077);
	int             fd;

	snprintf(path, sizeof path, "%s/s", scratch_path());
	ok(unix_connect(path, 0) == -ENOENT, "nothing is there");
	fd = unix_listen(path, 0640);
	ok(fd >= 0 && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 07777) == 0640, "a socket of just this mode, whatever the umask is");
	umask(mask);
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "non-blocking, close-on-exec");
	ok(unix_listen(path, 0640) == -EADDRINUSE, "somebody listens there");
	int c = unix_connect(path, 1000), a = accept(fd, NULL, NULL);
	ok(c >= 0 && !(fcntl(c, F_GETFL) & O_NONBLOCK), "connected, blocking");
	ok(unix_is(c) && unix_is(a) && !unix_is(STDIN_FILENO), "they are Unix sockets");
	ok(unix_name(c, true, name) && !strcmp(name, path) && unix_name(a, false, name) && !strcmp(name, path), "both ends have its name");
	ok(!unix_name(c, false, name) && !name[0] && !unix_name(a, true, name), "the connecting side has none");
	ok(unix_peer_uid(a, &uid) == 0 && uid == geteuid(), "who connected");
	ok(net_addrs(a, &own, &peer) == 0 && own.local && peer.local && peer.uid == geteuid() && peer.port == 0 && net_is_loopback(&peer), "as an address");
	snprintf(name, sizeof name, "unix:uid=%u", geteuid());
	ok(!strcmp(net_text(&peer, (char[64]){ "" }), name), "in words");
	close(c);
	close(a);
	close(fd);
	ok(unix_connect(path, 0) == -ECONNREFUSED, "nobody listens any more");
	fd = unix_listen(path, 0600);
	ok(fd >= 0, "that is replaced");
	close(fd);
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ok(unix_listen(path, 0600) == -EEXIST && lstat(path, &st) == 0 && S_ISREG(st.st_mode), "a file is not");
	unlink(path);
}

static void networks(void)
{
	static const struct { const char *text; bool has; } rows[] = {
		{ "127.0.0.1", true }, { "127.0.0.0/8", true }, { "0.0.0.0/0", true }, { "::1", true }, { "::/0", true }, { "10.0.0.0/8", false }, { "fe80::/10", false }, { "127.0.0.2", false },
	};
	struct net_addr a = { .local = true, .uid = 5 };
	struct net_cidr c;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ok(net_cidr_parse(rows[i].text, &c) == 0 && net_cidr_has(&c, &a) == rows[i].has, "%s has %s", rows[i].text, rows[i].has ? "it" : "it not");
}

static int count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* n descriptors with one byte. */
static void send_many(int sock, int fd, size_t n)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(16 * sizeof(int))]; } u = { .room = { 0 } };
	struct iovec  v = { (char[]){ 'x' }, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	u.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(&u.head) + i * sizeof(int), &fd, sizeof fd);
	if (sendmsg(sock, &m, 0) != 1)
		ok(false, "cannot send %zu descriptors: %s", n, strerror(errno));
}

static void descriptors(void)
{
	int  pair[2], fd = -1, before;
	char buf[16];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return;
	before = count_open();
	ok(io_send_full(pair[0], "abc", 3, false) == 3 && io_send_with(pair[0], "def", 3, STDIN_FILENO) == 3 && io_send_full(pair[0], "ghi", 3, false) == 3, "sent");
	ok(io_recv_with(pair[1], buf, sizeof buf, 0, &fd) == 6 && !memcmp(buf, "abcdef", 6), "a call ends with the bytes that a descriptor came with");
	ok(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "it came, close-on-exec");
	close(fd);
	fd = 7;
	ok(io_recv_with(pair[1], buf, sizeof buf, 0, &fd) == 3 && fd == -1, "and none with the rest");
	ok(io_recv_with(pair[1], buf, sizeof buf, MSG_DONTWAIT, &fd) == -EAGAIN, "nothing waits");
	for (size_t n = 2; n <= 16; n += 7) {
		send_many(pair[0], STDIN_FILENO, n);
		ok(io_recv_with(pair[1], buf, sizeof buf, 0, &fd) == -EPROTO && count_open() == before, "%zu are refused and closed", n);
	}
	send_many(pair[0], STDIN_FILENO, 1);
	ok(io_recv_with(pair[1], buf, sizeof buf, 0, NULL) == -EPROTO && count_open() == before, "one where none may come, too");
	close(pair[0]);
	ok(io_recv_with(pair[1], buf, sizeof buf, 0, &fd) == 0, "the end");
	close(pair[1]);
}

static void kept(void)
{
	static const char *const others[] = { "/proc/self/status", "/proc/version", "/sys/kernel/uevent_seqnum", "/dev/null", "/" };
	char path[PATH_MAX + 8];
	int  pipes[2] = { -1, -1 };

	snprintf(path, sizeof path, "%s/f", scratch_path());
	int fd = open(path, O_CREAT | O_RDWR, 0600);
	ok(handed_local(fd), "a file is one that the kernel keeps");
	close(fd);
	unlink(path);
	fd = memfd_create("x", 0);
	ok(handed_local(fd), "one in memory, too");
	close(fd);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		fd = open(others[i], O_RDONLY | O_NONBLOCK);
		ok(fd < 0 || !handed_local(fd), "%s is none", others[i]);
		if (fd >= 0)
			close(fd);
	}
	ok(pipe(pipes) == 0 && !handed_local(pipes[0]) && !handed_local(-1), "no pipe, and what is not open");
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	int dir = scratch(NULL);

	ok(dir >= 0, "a directory of its own");
	spelling();
	listening();
	networks();
	descriptors();
	kept();
	close(dir);
	scratch_remove();
	return done();
}
