/* limited.c - see limited.h */
#include "zcp/limited.h"

#include <stdio.h>

const char *const limit_names[LIMITS] = {
	[LIMIT_NOTHING] = "nothing in particular", [LIMIT_SENDER_DISK] = "sender disk", [LIMIT_SENDER_CIPHER] = "sender cipher",
	[LIMIT_RECEIVER_DISK] = "receiver disk", [LIMIT_RECEIVER_CIPHER] = "receiver cipher", [LIMIT_NETWORK] = "network",
	[LIMIT_RATE] = "the rate asked for", [LIMIT_HOST_RATE] = "the host's rate",
};

const char *const limit_keys[LIMITS] = {
	[LIMIT_SENDER_DISK] = "sender-disk", [LIMIT_SENDER_CIPHER] = "sender-cipher", [LIMIT_RECEIVER_DISK] = "receiver-disk",
	[LIMIT_RECEIVER_CIPHER] = "receiver-cipher", [LIMIT_NETWORK] = "network", [LIMIT_RATE] = "rate", [LIMIT_HOST_RATE] = "host-rate",
};

void spent_add(struct spent *s, const struct spent *more)
{
	s->lived_ns += more->lived_ns;
	s->heard_ns += more->heard_ns;
	stages_add(&s->here, &more->here);
	stages_add(&s->there, &more->there);
	s->out += more->out;
	s->in += more->in;
	s->busy_us += more->busy_us;
	s->window_us += more->window_us;
	s->buffer_us += more->buffer_us;
	s->segments += more->segments;
	s->again += more->again;
	if (s->round_trip_us < more->round_trip_us)
		s->round_trip_us = more->round_trip_us;
}

static unsigned percent(uint64_t part, uint64_t whole)
{
	return !whole ? 0 : part >= whole ? 100 : (unsigned)((double)part * 100 / (double)whole + 0.5);
}

static void side(struct limited *l, const struct stages *s, uint64_t whole, enum limit disk, enum limit cipher, enum limit rate)
{
	l->share[disk] = percent(s->ns[STAGE_DISK], whole);
	l->share[cipher] = percent(s->ns[STAGE_CIPHER], whole);
	l->share[rate] = percent(s->ns[STAGE_RATE], whole);
	l->known[disk] = l->known[cipher] = l->known[rate] = whole > 0;
}

static void shares(struct limited *l, const struct spent *s, bool upload)
{
	side(l, &s->here, s->lived_ns, upload ? LIMIT_SENDER_DISK : LIMIT_RECEIVER_DISK, upload ? LIMIT_SENDER_CIPHER : LIMIT_RECEIVER_CIPHER, LIMIT_RATE);
	side(l, &s->there, s->heard_ns, upload ? LIMIT_RECEIVER_DISK : LIMIT_SENDER_DISK, upload ? LIMIT_RECEIVER_CIPHER : LIMIT_SENDER_CIPHER, LIMIT_HOST_RATE);

	unsigned here = percent(s->here.ns[STAGE_WAIT], s->lived_ns), there = percent(s->there.ns[STAGE_WAIT], s->heard_ns);
	l->share[LIMIT_NETWORK] = here < there ? here : there;
	l->known[LIMIT_NETWORK] = s->heard_ns > 0;
}

static enum limit largest(const struct limited *l)
{
	enum limit by = LIMIT_NOTHING;
	unsigned   next = 0;

	for (enum limit i = LIMIT_SENDER_DISK; i < LIMITS; i++)
		if (l->share[i] > l->share[by])
			by = i;
	for (enum limit i = LIMIT_SENDER_DISK; i < LIMITS; i++)
		if (i != by && l->share[i] > next)
			next = l->share[i];
	return l->share[by] >= LIMITED_LEAST && l->share[by] >= next + LIMITED_AHEAD ? by : LIMIT_NOTHING;
}

static const char *why_network(const struct spent *s)
{
	if (s->window_us > s->busy_us / 2)
		return " (the receiver's window was full)";
	if (s->buffer_us > s->busy_us / 2)
		return " (the send buffer was full)";
	return s->again && s->again >= s->segments / 100 ? " (packets were lost)" : "";
}

struct limited limited_by(const struct spent *s, bool upload, uint64_t elapsed_ms)
{
	struct limited l = { .why = "" };

	shares(&l, s, upload);
	if (elapsed_ms >= LIMITED_FROM_MS)
		l.by = largest(&l);
	if (l.by == LIMIT_NETWORK && upload)
		l.why = why_network(s);
	return l;
}

const char *limited_words(const struct limited *l, char buf[static 100])
{
	if (l->by == LIMIT_NOTHING)
		snprintf(buf, 100, "%s", limit_names[l->by]);
	else
		snprintf(buf, 100, "%s %u %%%s", limit_names[l->by], l->share[l->by], l->why);
	return buf;
}
