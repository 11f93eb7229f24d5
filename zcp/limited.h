/*
 * limited.h - what limited a copy: from where its streams' time went, here and there, to one word and its share.
 *
 * Shares   of the streams' lives, in percent. Disk, cipher and rate are each side's own. The network's is what both sides waited at the same time: the smaller wait of the two, since the side
 *          that was busier could not have been faster by more than it was busy. Latency and lost packets are in it, and the kernel's own work at both sockets.
 * By       the largest share, if it is LIMITED_LEAST at least and LIMITED_AHEAD more than the next; else nothing in particular, as for what took less than LIMITED_FROM_MS: the opening of
 *          streams and the first round trips are most of that.
 * Why      of the network, where this side sends and TCP_INFO says it: for more than half of the time in which something was on its way the receiver's window or the send buffer was full,
 *          or of 100 segments one and more went twice.
 * Host     its times come with its BYE, and are no more than it says they are: cut to the stream's life. A stream that died has none; without any, this side's alone are looked at.
 * Effects  none. Proof tests/unit/limited.c (a table of cases), tests/stats.bats.
 */
#pragma once
#include <stdbool.h>
#include "common/stages.h"

enum { LIMITED_FROM_MS = 500, LIMITED_LEAST = 40, LIMITED_AHEAD = 10 };

/* What a stream has spent, or several together. */
struct spent {
	uint64_t      lived_ns;         /* here, from the end of its handshake */
	uint64_t      heard_ns;         /* of that, of streams whose host has said where its time went: there */
	struct stages here, there;
	uint64_t      out, in;          /* bytes at the sockets */
	uint64_t      busy_us, window_us, buffer_us;    /* TCP_INFO: something was on its way; and of that, the receiver's window, the send buffer was full */
	uint64_t      segments, again;  /* sent; of these, once more */
	uint32_t      round_trip_us;    /* the longest; 0: not known */
};

enum limit {
	LIMIT_NOTHING, LIMIT_SENDER_DISK, LIMIT_SENDER_CIPHER, LIMIT_RECEIVER_DISK, LIMIT_RECEIVER_CIPHER, LIMIT_NETWORK, LIMIT_RATE /* asked for here */,
	LIMIT_HOST_RATE, LIMITS
};

struct limited {
	enum limit  by;
	unsigned    share[LIMITS];      /* percent; of LIMIT_NOTHING: 0 */
	bool        known[LIMITS];      /* not what the host has not told */
	const char *why;                /* goes on behind the share: "" or " (...)" */
};

void           spent_add(struct spent *, const struct spent *);
struct limited limited_by(const struct spent *, bool upload, uint64_t elapsed_ms);
extern const char *const limit_names[LIMITS];
extern const char *const limit_keys[LIMITS];   /* for programs: "sender-disk"; NULL of LIMIT_NOTHING */
/* "network 71 % (the receiver's window was full)", "nothing in particular" */
const char    *limited_words(const struct limited *, char buf[static 100]);
