/*
 * io.h - the only loops over EINTR, EAGAIN and short counts.
 *
 * Returns  bytes moved (>= 0; less than asked only at end of file) or -errno. -ETIMEDOUT: a blocking socket with
 *          SO_RCVTIMEO/SO_SNDTIMEO moved nothing for that long.  -EPIPE/-ECONNRESET as the kernel says.
 * Proof    tests/unit/io.c (pipes with short counts), tests/faults.bats (strace -e inject).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

ssize_t io_pread_full(int fd, void *buf, size_t len, uint64_t at);
ssize_t io_pwrite_full(int fd, const void *buf, size_t len, uint64_t at);       /* all or -errno */
ssize_t io_write_full(int fd, const void *buf, size_t len);                     /* files, pipes, devices */
ssize_t io_recv_full(int sock, void *buf, size_t len);          /* less than len only at end of stream */
ssize_t io_recv_some(int sock, void *buf, size_t len, bool wait); /* 0 = end of stream; -EAGAIN if !wait and nothing there */
ssize_t io_recv_once(int sock, void *buf, size_t len);          /* one MSG_WAITALL: what came until it was all or the timeout; 0 = end of stream */
ssize_t io_send_once(int sock, const void *buf, size_t len, bool more);         /* one blocking send: what left until the timeout */
ssize_t io_send_full(int sock, const void *buf, size_t len, bool more);         /* MSG_NOSIGNAL; more = MSG_MORE */
ssize_t io_send_some(int sock, const void *buf, size_t len);    /* never blocks: -EAGAIN */
/* For Unix sockets, on which descriptors may come and go. *with: the one that came, close-on-exec, the caller's; or -1. NULL: none may. More than one, or one where none may,
 * are closed: -EPROTO. -EMFILE: there is no room for it here. how: as the two above, MSG_WAITALL, MSG_DONTWAIT or 0. One call brings one descriptor at the most, and ends
 * with the bytes that it was sent with (unix(7)). */
ssize_t io_recv_with(int sock, void *buf, size_t len, int how, int *with);
ssize_t io_send_with(int sock, const void *buf, size_t len, int with);  /* one blocking send; the descriptor goes with the first byte. -ETOOMANYREFS: too many are on their way, nothing left */
/* Wait until the socket is readable (and writable, if asked): POLLIN|POLLOUT bits, or -ETIMEDOUT. timeout_ms < 0: for ever */
int io_wait(int sock, short events, int timeout_ms);
/* Read a small regular file whole. But for IO_ANYBODYS its owner must be euid or root, and none of these mode bits set (-EPERM), checked by fstat
 * on the opened descriptor. buf is terminated; -EFBIG above len-1 bytes. Returns bytes. */
enum io_closed { IO_ANYBODYS = 0, IO_UNWRITTEN = 022, IO_PRIVATE = 077 };
ssize_t io_slurp(const char *path, char *buf, size_t len, enum io_closed);
