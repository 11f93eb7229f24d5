/*
 * stream.h - sealed records over one socket, both ways, without deadlock.
 *
 * Out      records are sealed into one buffer and leave together: stream_flush() blocks, stream_try_flush() never does, and
 *          stream_get() sends what is waiting while it waits (poll both ways), so that two ends with full sockets never lock each other up.
 *          Who must not block while writing (a client's requests, a daemon's replies to STOREs) never calls stream_flush().
 * In       stream_get() hands out records in order; a body stays valid until the next read call. stream_cancelled() opens ahead
 *          what has already arrived, and keeps the rest in order.
 * WAIT     is consumed by stream_get(); it counts as progress.
 * Returns  0 / 1, or -errno: -ENODATA (the peer closed without BYE), -ETIMEDOUT (nothing moved for stall_ms), -EBADMSG (a record is not the
 *          peer's), -EMSGSIZE / -EPROTO (its word or type is out of bounds), -EPIPE, -ECONNRESET. After any of them the stream is beyond use.
 * Slow     a peer that drips bytes never stalls. With message_ms set (zcpd), of time spent waiting at the socket each message_ms must have moved its
 *          share of STREAM_LEAST_A_MINUTE; else -ETIMEDOUT. Time spent on a disk or on a rate's behalf is not the peer's.
 * Handed   over a Unix socket a descriptor may come with a record that says so (FILE, SENT_HANDED), if `hands` is set: sent with the record's first byte, and taken by
 *          stream_descriptor() before the next read call. One that comes elsewhere, a second one, or none where one is said to come: -EPROTO, and all are closed.
 * Memory   one buffer of STREAM_IN_BYTES and one of STREAM_OUT_BYTES per stream, whatever travels.
 * Source   zcp-wire(7) RECORDS, DEADLOCK. Proof tests/unit/stream.c (4 KiB sockets, 4,095-byte names, both directions), tests/session.bats (peers that drip).
 */
#pragma once
#include <stdbool.h>
#include "common/carry.h"
#include "common/seal.h"
#include "common/stages.h"
#include "common/wire.h"

enum {
	STREAM_OUT_BYTES = WIRE_CONTENTS_MAX + 128 * 1024,
	STREAM_LEAST_A_MINUTE = 64 * 1024,
	STREAM_IN_BYTES  = WIRE_CONTENTS_MAX + WIRE_REQUESTS_MAX + WIRE_BODY_MAX + 64 * 1024,
};

struct throttle;
struct stream {
	int         sock;               /* owned: closed by stream_clear() */
	int         stall_ms;
	int         message_ms;         /* a message must be complete so long after its first byte, and contents must move: see Slow. 0: no such rule */
	int         idle_ms;            /* between messages, instead of stall_ms: -ETIME. 0: no such rule */
	unsigned    peer;               /* FROM_CLIENT or FROM_DAEMON: what the other side may send */
	enum carry  carry;              /* may contents be raw? set once, from carry_decide() */
	uint8_t     integrity;          /* enum integrity */
	struct seal tx, rx;             /* owned */
	uint8_t    *out;  size_t out_from, out_to;
	uint8_t    *in;   size_t in_from, in_opened, in_to;     /* [from, opened) are plain, [opened, to) sealed */
	uint32_t    cancelled[WIRE_OPEN_MAX]; unsigned cancels;
	bool        skipped;            /* the next word carries WIRE_SKIPPED */
	bool        raw_flows;          /* the last contents were raw: read little ahead, so that little has to be copied */
	uint64_t    bytes_out, bytes_in;
	uint64_t    contents_from_ns, contents_until_ns;       /* receive.c: when the first segment's contents began to come, when the last one's had; 0: none have */
	struct stages stages;           /* where its time went */
	uint8_t    *scratch;            /* stream_scratch() */
	size_t      segment;            /* send.c: bytes of the next segment, as fast as this stream is */
	int64_t     began_ms;           /* when the first byte of the message at hand came; 0: it has come whole, or not at all */
	uint64_t    owed_ns, slept_ns;  /* stream_owe(); slept since the last WAIT */
	const struct throttle *owed_to; uint64_t owed_at;       /* stream_owe_at(): reckoned at this rate */
	uint64_t    slow_ns, slow_mark; /* waited at the socket since slow_mark bytes had moved */
	void      (*came)(void *arg, size_t n);         /* contents, as they are taken off the socket, before they are opened; NULL: nobody asks */
	void       *came_arg;
	bool        local;              /* the socket is a Unix socket */
	bool        hands;              /* ... and both sides have agreed on descriptors: set once, by who knows */
	struct stream_handed { int fd; uint64_t from, end; } handed;    /* came with bytes [from, end) of what came in all; fd -1: none waits */
	int         descriptor;         /* of the record handed out last; -1 */
	int         broken;             /* first -errno; sticky */
};

struct record { uint8_t type; union wire_body body; };

/* Takes over sock and both seals, also on failure. -ENOMEM */
int  stream_init(struct stream *, int sock, unsigned peer, struct seal *tx, struct seal *rx, int stall_ms);
void stream_clear(struct stream *);                     /* wipes, closes; takes a zeroed struct (sock -1) too */

/* Seal one message into the buffer. When it is full: flushes, blocking, or -EAGAIN if `block` is false (nothing added). */
int  stream_put(struct stream *, unsigned type, const union wire_body *, bool block);
/* The same in two steps, for bodies written in place: room for max body bytes, then how many there are. */
int  stream_body(struct stream *, size_t max, uint8_t **p, bool block);
int  stream_body_done(struct stream *, unsigned type, size_t len);
/* One message, with a descriptor (borrowed): what waits is sent before it. -ETOOMANYREFS: too many are on their way to this machine's users; nothing was sent, the stream lives on */
int  stream_put_with(struct stream *, unsigned type, const union wire_body *, int fd);
int  stream_bye(struct stream *);                       /* BYE, with where this side's time went. Blocks */
size_t stream_waiting(const struct stream *);           /* bytes sealed and not yet sent */
int  stream_flush(struct stream *, bool more);          /* all, blocking; more: MSG_MORE, raw bytes follow */
int  stream_try_flush(struct stream *);                 /* 1 = some left, 0 = all sent */

int  stream_get(struct stream *, struct record *);      /* blocks */
int  stream_descriptor(struct stream *);                /* that came with the record read last: the caller's; -1: none did */
int  stream_try(struct stream *, struct record *);      /* 1 = a record, 0 = none complete; one recv at the most */
/* Has CANCEL(id) arrived? Reads what is there without blocking; other records stay for stream_get(), and the body handed out last
 * stays valid. 1 / 0 / -errno */
int  stream_cancelled(struct stream *, uint32_t id);

/* One WIRE_CONTENTS_MAX buffer per stream, page-aligned, for the engine at work; NULL: no memory. */
uint8_t *stream_scratch(struct stream *);
/* A contents record was begun and thrown away (its source vanished): its nonce is spent, the next word says so. */
void stream_skipped(struct stream *);

/* Contents out: room for one contents record (may send, blocking), then seal it from anywhere: a mapping too, whose loss may end the second
 * step half-way (guard.h) without harm: nothing was added, but stream_skipped() must be told. */
int  stream_contents_room(struct stream *, size_t len);
int  stream_contents_seal(struct stream *, const void *plain, size_t len);
/* Contents in: the next record must be contents of exactly len bytes; opened into buf. */
int  stream_contents_in(struct stream *, void *buf, size_t len);
/* Raw bytes: what stream_get() read too far comes first, then the socket. Exactly len, or -errno. */
int  stream_raw_in(struct stream *, void *buf, size_t len);
size_t stream_raw_held(const struct stream *);          /* raw bytes already read; splice starts behind them */
ssize_t stream_raw_out(struct stream *, const void *buf, size_t len);  /* after stream_flush(more): len, or fewer and then -EFAULT
                                                                          where buf was a file that is gone; the stream lives on */
/* What comes next is to take at least so long (a rate's doing, throttle.h): stream_raw_in() and stream_contents_in() take it off the socket slowly, what
 * leaves leaves slowly, and what is left of the time stream_settle() sleeps. The sender gets a WAIT every second, so that neither side's timeout is hit. */
void stream_owe(struct stream *, uint64_t ns);
/* The same for bytes at a rate that may change meanwhile (borrowed; it outlives the debt). */
void stream_owe_at(struct stream *, struct throttle *, uint64_t bytes);
void stream_settle(struct stream *);
void stream_settle_quietly(struct stream *);            /* without a WAIT: between contents that go out */
/* How much of len bytes goes through the socket at once; a part of what is owed is slept off before. */
size_t stream_at_once(struct stream *, size_t len, bool talk);
/* throttle_wait() for who uses the socket himself. NULL: at once */
void stream_wait_rate(struct stream *, struct throttle *, uint64_t bytes);
/* So long was waited at the socket, to send or to receive, by somebody who has counted the bytes. 0 or -ETIMEDOUT: too slow */
int  stream_paced(struct stream *, bool out, uint64_t ns);
/* For sendfile and splice, which use the socket themselves: bytes that came in, and a failure (errno; EAGAIN = stalled, EPIPE ... = cut) that
 * ends the stream: returns -errno. Failures of the file are told apart by errno: EIO, EINVAL and the like leave the stream in use. */
void stream_raw_spliced(struct stream *, size_t n);
int  stream_failed(struct stream *, int error);
