/* io.c - see io.h */
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/count.h"

ssize_t io_pread_full(int fd, void *buf, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		count_call(CALL_PREAD);
		ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(at + done));

		if (n == 0)
			break;
		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)done;
}

ssize_t io_pwrite_full(int fd, const void *buf, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		count_call(CALL_PWRITE);
		ssize_t n = pwrite(fd, (const char *)buf + done, len - done, (off_t)(at + done));

		if (n == 0)             /* no file answers so; without this a broken one would spin */
			return -EIO;
		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)done;
}

ssize_t io_write_full(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		count_call(CALL_WRITE);
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n == 0)
			return -EIO;
		if (n > 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {   /* somebody else made this pipe or terminal non-blocking */
			int r = io_wait(fd, POLLOUT, -1);

			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return (ssize_t)done;
}

/* A blocking socket says EAGAIN when SO_RCVTIMEO or SO_SNDTIMEO ran out (socket(7)). */
static int socket_error(bool blocking)
{
	return blocking && (errno == EAGAIN || errno == EWOULDBLOCK) ? -ETIMEDOUT : -errno;
}

ssize_t io_recv_full(int sock, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = io_recv_once(sock, (char *)buf + done, len - done);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t io_recv_once(int sock, void *buf, size_t len)
{
	ssize_t n;

	do {
		count_call(CALL_RECV);
		n = recv(sock, buf, len, MSG_WAITALL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? socket_error(true) : n;
}

ssize_t io_recv_some(int sock, void *buf, size_t len, bool wait)
{
	ssize_t n;

	do {
		count_call(CALL_RECV);
		n = recv(sock, buf, len, wait ? 0 : MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? socket_error(wait) : n;
}

ssize_t io_send_full(int sock, const void *buf, size_t len, bool more)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = io_send_once(sock, (const char *)buf + done, len - done, more);

		if (n == -EFAULT && done)
			break;
		if (n < 0)
			return n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t io_send_once(int sock, const void *buf, size_t len, bool more)
{
	ssize_t n;

	do {
		count_call(CALL_SEND);
		n = send(sock, buf, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? socket_error(true) : n;
}

ssize_t io_send_some(int sock, const void *buf, size_t len)
{
	ssize_t n;

	do {
		count_call(CALL_SEND);
		n = send(sock, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Room for one: the kernel closes what is more, and says MSG_CTRUNC. */
union one_descriptor { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; };

static int taken_from(struct msghdr *m)
{
	const struct cmsghdr *c = m->msg_controllen ? CMSG_FIRSTHDR(m) : NULL;
	int                   fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

ssize_t io_recv_with(int sock, void *buf, size_t len, int how, int *with)
{
	union one_descriptor one = { .room = { 0 } };
	struct iovec         v = { buf, len };
	struct msghdr        m;
	ssize_t              n;

	do {
		m = (struct msghdr){ .msg_iov = &v, .msg_iovlen = 1, .msg_control = with ? &one : NULL, .msg_controllen = with ? CMSG_LEN(sizeof(int)) : 0 };
		n = recvmsg(sock, &m, how | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return socket_error(!(how & MSG_DONTWAIT));
	int fd = with ? taken_from(&m) : -1;
	if (m.msg_flags & MSG_CTRUNC) {
		n = with && fd < 0 ? -EMFILE : -EPROTO;
		close_fd(&fd);
		return n;
	}
	if (with)
		*with = fd;
	return n;
}

ssize_t io_send_with(int sock, const void *buf, size_t len, int with)
{
	union one_descriptor one = { .room = { 0 } };
	struct iovec         v = { .iov_len = len };
	struct msghdr        m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &one, .msg_controllen = CMSG_LEN(sizeof with) };
	ssize_t              n;

	memcpy(&v.iov_base, &buf, sizeof buf);          /* it is only read */
	one.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof with), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&one.head), &with, sizeof with);
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? socket_error(true) : n;
}

int io_wait(int sock, short events, int timeout_ms)
{
	struct pollfd p = { .fd = sock, .events = events };
	int64_t end = timeout_ms > 0 ? clock_ms() + timeout_ms : 0;
	int left = timeout_ms;

	for (;;) {
		count_call(CALL_POLL);
		int r = poll(&p, 1, left);

		if (r > 0)
			break;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
		if (timeout_ms > 0) {           /* a signal does not start the wait anew */
			int64_t ms = end - clock_ms();

			left = ms > 0 ? (int)ms : 0;
		}
	}
	if (p.revents & POLLNVAL)
		return -EBADF;
	/* An error or a hang-up is told by the read or write that the caller waited for. */
	if (p.revents & (POLLERR | POLLHUP))
		return events & (POLLIN | POLLOUT);
	return p.revents & (POLLIN | POLLOUT);
}

static int slurp_check(const struct stat *st, enum io_closed closed)
{
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode))
		return closed ? -EPERM : -EINVAL;
	if (closed && ((st->st_mode & (mode_t)closed) || (st->st_uid != geteuid() && st->st_uid != 0)))
		return -EPERM;
	return 0;
}

ssize_t io_slurp(const char *path, char *buf, size_t len, enum io_closed closed)
{
	struct stat st;
	ssize_t n;
	/* O_NONBLOCK: a FIFO in the file's place must not hang */
	CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	int r = slurp_check(&st, closed);
	if (r < 0)
		return r;
	if (len == 0)
		return -EFBIG;
	n = io_pread_full(fd, buf, len, 0);
	if (n >= 0 && (size_t)n < len) {
		buf[n] = '\0';
		return n;
	}
	explicit_bzero(buf, len);               /* half a secret is a secret */
	return n < 0 ? n : -EFBIG;
}
