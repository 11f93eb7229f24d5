/*
 * stream_own.h - between stream_read.c and stream_handed.c: what comes off the socket, with an eye on descriptors (stream.h, Handed).
 *
 * Returns  bytes or -errno as io.h; 0 or -EPROTO: a descriptor came where none was due, or none where one was.
 */
#pragma once
#include "common/stream.h"

/* One call to recv(2) or, over a Unix socket, recvmsg(2). how: MSG_WAITALL (contents), MSG_DONTWAIT, 0. Counted in bytes_in. */
ssize_t stream_take(struct stream *, uint8_t *p, size_t len, int how);
/* The record of `len` bytes at in_from, decoded: its descriptor becomes that of stream_descriptor(). */
int     stream_match(struct stream *, const struct record *, size_t len);
/* The next len bytes from in_from on are contents. */
int     stream_bare(const struct stream *, size_t len);
