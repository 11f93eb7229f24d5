/* links: zcp */
/* limited.c - made-up copies, and what limited them. */
#include <string.h>
#include "tests/unit/tap.h"
#include "zcp/limited.h"

enum { MS = 1000000 };

/* disk, cipher, wait and rate in percent, of this side and the host's; of a stream that lived 1 s. */
static const struct copy {
	const char *what;
	bool        upload;
	unsigned    here[STAGES], there[STAGES];
	const char *words;
} copies[] = {
	{ "a fast pair on a slow line", false, { 5, 4, 88, 0 }, { 3, 4, 92, 0 }, "network 88 %" },
	{ "the same, up", true, { 5, 4, 88, 0 }, { 3, 4, 92, 0 }, "network 88 %" },
	{ "a line that is full although both ends have work", false, { 20, 20, 58, 0 }, { 20, 20, 60, 0 }, "network 58 %" },
	{ "down from a slow disk", false, { 5, 5, 88, 0 }, { 90, 5, 4, 0 }, "sender disk 90 %" },
	{ "up from a slow disk", true, { 90, 5, 4, 0 }, { 5, 5, 88, 0 }, "sender disk 90 %" },
	{ "down onto a slow disk", false, { 92, 3, 3, 0 }, { 4, 3, 92, 0 }, "receiver disk 92 %" },
	{ "up onto a slow disk", true, { 4, 3, 92, 0 }, { 92, 3, 3, 0 }, "receiver disk 92 %" },
	{ "down from a processor without AES", false, { 10, 20, 65, 0 }, { 5, 85, 8, 0 }, "sender cipher 85 %" },
	{ "up from a processor without AES", true, { 5, 85, 8, 0 }, { 10, 20, 65, 0 }, "sender cipher 85 %" },
	{ "down to one", false, { 5, 85, 8, 0 }, { 10, 20, 65, 0 }, "receiver cipher 85 %" },
	{ "up to one", true, { 10, 20, 65, 0 }, { 5, 85, 8, 0 }, "receiver cipher 85 %" },
	{ "--bwlimit, down", false, { 1, 1, 4, 93 }, { 1, 1, 97, 0 }, "the rate asked for 93 %" },
	{ "--bwlimit, up", true, { 1, 1, 4, 93 }, { 1, 1, 97, 0 }, "the rate asked for 93 %" },
	{ "an export's rate", false, { 1, 1, 97, 0 }, { 1, 1, 4, 93 }, "the host's rate 93 %" },
	{ "an export's rate, up", true, { 1, 1, 97, 0 }, { 1, 1, 4, 93 }, "the host's rate 93 %" },
	{ "turn by turn: neither disk is ahead", false, { 48, 2, 50, 0 }, { 49, 1, 50, 0 }, "nothing in particular" },
	{ "ten points ahead", false, { 38, 2, 48, 0 }, { 25, 15, 60, 0 }, "network 48 %" },
	{ "nine are not enough", false, { 39, 2, 48, 0 }, { 25, 15, 60, 0 }, "nothing in particular" },
	{ "ten more points", false, { 38, 2, 48, 0 }, { 49, 1, 30, 0 }, "sender disk 49 %" },
	{ "39 % is not much", false, { 39, 10, 5, 0 }, { 10, 10, 5, 0 }, "nothing in particular" },
	{ "40 % is", false, { 40, 10, 5, 0 }, { 10, 10, 5, 0 }, "receiver disk 40 %" },
	{ "nobody did anything", false, { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, "nothing in particular" },
	{ "a host that lies is cut", false, { 5, 5, 88, 0 }, { 100, 0, 0, 0 }, "sender disk 100 %" },
};

static void take(struct stages *s, const unsigned p[STAGES], uint64_t life_ns)
{
	for (int i = 0; i < STAGES; i++)
		s->ns[i] = life_ns / 100 * p[i];
}

static struct spent spent_of(const struct copy *c, uint64_t life_ns)
{
	struct spent s = { .lived_ns = life_ns, .heard_ns = life_ns };

	take(&s.here, c->here, life_ns);
	take(&s.there, c->there, life_ns);
	return s;
}

static void says(const struct spent *s, bool upload, uint64_t ms, const char *want, const char *what)
{
	char           buf[100];
	struct limited l = limited_by(s, upload, ms);

	ok(strcmp(limited_words(&l, buf), want) == 0, "%s: %s", what, buf);
}

static void table(void)
{
	for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
		struct spent s = spent_of(&copies[i], UINT64_C(1000) * MS), many = { 0 };

		says(&s, copies[i].upload, 1000, copies[i].words, copies[i].what);
		for (int k = 0; k < 16; k++)
			spent_add(&many, &s);
		says(&many, copies[i].upload, 1000, copies[i].words, "     the same by 16 streams");
	}
}

static void short_ones(void)
{
	struct spent s = spent_of(&copies[0], UINT64_C(500) * MS);

	says(&s, false, LIMITED_FROM_MS - 1, "nothing in particular", "499 ms");
	says(&s, false, LIMITED_FROM_MS, "network 88 %", "500 ms");
}

/* Streams that died have told nothing: what is known of the others stands for all; of none, only this side's. */
static void deaf(void)
{
	struct spent   s = spent_of(&copies[3], UINT64_C(1000) * MS), dead = s, slow = { .lived_ns = 100, .here = { { 80, 5, 5, 0 } } };
	struct limited l;

	dead.heard_ns = 0;
	dead.there = (struct stages){ { 0 } };
	l = limited_by(&dead, false, 1000);
	ok(l.by == LIMIT_NOTHING && !l.known[LIMIT_NETWORK] && !l.known[LIMIT_SENDER_DISK] && l.known[LIMIT_RECEIVER_DISK], "no host has told: whom it waited for is not known");
	says(&slow, false, 1000, "receiver disk 80 %", "but what this side did is");
	spent_add(&s, &dead);
	says(&s, false, 1000, "sender disk 90 %", "of two streams one has died");
}

static void tcp(void)
{
	struct spent s = spent_of(&copies[1], UINT64_C(1000) * MS);

	s.busy_us = 900000;
	s.window_us = 600000;
	says(&s, true, 1000, "network 88 % (the receiver's window was full)", "its window");
	says(&s, false, 1000, "network 88 %", "which says nothing about what is received");
	s.window_us = 450000;
	s.buffer_us = 500000;
	says(&s, true, 1000, "network 88 % (the send buffer was full)", "the buffer");
	s.buffer_us = 0;
	s.segments = 10000;
	s.again = 100;
	says(&s, true, 1000, "network 88 % (packets were lost)", "one in a hundred again");
	s.again = 99;
	says(&s, true, 1000, "network 88 %", "less than that is how TCP feels its way");
	s = spent_of(&copies[4], UINT64_C(1000) * MS);
	s.busy_us = s.window_us = 900000;
	says(&s, true, 1000, "sender disk 90 %", "of anything but the network it is not the reason");
}

int main(void)
{
	table();
	short_ones();
	deaf();
	tcp();
	return done();
}
