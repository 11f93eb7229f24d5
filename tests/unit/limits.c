/* links: zcpd */
/* limits.c - who is told to come back later: every limit at its edge, with a clock and dice of the test's own. */
#include "zcpd/limits.h"
#include <string.h>
#include "tests/unit/tap.h"

static struct penalties table;          /* large */

static struct net_addr addr(const char *text)
{
	struct net_cidr c;
	struct net_addr a = { .port = 1 };

	if (net_cidr_parse(text, &c) == 0)
		memcpy(a.ip, c.ip, sizeof a.ip);
	return a;
}

static struct net_addr nth(uint32_t n)
{
	struct net_addr a = addr("10.0.0.0");

	for (int i = 0; i < 3; i++)
		a.ip[15 - i] = (uint8_t)(n >> (8 * i));
	return a;
}

static void sources(void)
{
	static const struct { const char *a, *b; bool same; } rows[] = {
		{ "192.0.2.1", "192.0.2.1", true },            { "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },     { "::ffff:192.0.2.1", "::ffff:192.0.2.3", false },
		{ "2001:db8::1", "2001:db8::2", true },        { "2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },   { "::1", "127.0.0.1", false }, { "::", "::1", true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct net_addr a = addr(rows[i].a), b = addr(rows[i].b);
		struct source   s = limits_source(&a), t = limits_source(&b);
		b.port = 2;
		ok(limits_same(&s, &t) == rows[i].same, "%s and %s are %s source", rows[i].a, rows[i].b, rows[i].same ? "one" : "not one");
	}
}

static void edges(void)
{
	struct limits_set l = { .streams = 10, .per_source = 4, .per_key = 3, .start = 100, .rate = 30, .full = 200 };
	struct net_addr   a = addr("192.0.2.1");
	struct limits_now n = { .live = 9, .of_source = 3 };

	memset(&table, 0, sizeof table);
	ok(limits_admit(&l, &table, &a, &n) == LIMITS_GO, "below every limit");
	n.live = 10;
	ok(limits_admit(&l, &table, &a, &n) == LIMITS_TOTAL, "as many as there may be");
	n.live = 11;
	ok(limits_admit(&l, &table, &a, &n) == LIMITS_TOTAL, "more than there may be: the limit was lowered by a reload");
	n = (struct limits_now){ .live = 4, .of_source = 4 };
	ok(limits_admit(&l, &table, &a, &n) == LIMITS_SOURCE, "as many as a source may have");
	ok(limits_key(&l, 2) && !limits_key(&l, 3) && !limits_key(&l, 4), "as many as a key may have");
}

/* How many of all dice drop the newcomer. */
static unsigned dropped(const struct limits_set *l, unsigned strangers)
{
	struct net_addr a = addr("192.0.2.1");
	unsigned        sum = 0;

	for (uint32_t d = 0; d < LIMITS_DICE; d++) {
		struct limits_now n = { .strangers = strangers, .dice = d };
		sum += limits_admit(l, &table, &a, &n) == LIMITS_EARLY;
	}
	return sum;
}

static void early(void)
{
	struct limits_set l = { .streams = 1000, .per_source = 1000, .start = 10, .rate = 30, .full = 110 };

	memset(&table, 0, sizeof table);
	ok(dropped(&l, 0) == 0 && dropped(&l, 9) == 0, "below start nobody is dropped");
	ok(dropped(&l, 10) == 3000, "rate %% at start: %u", dropped(&l, 10));
	ok(dropped(&l, 60) == 6500, "half way, half of the rest: %u", dropped(&l, 60));
	ok(dropped(&l, 109) == 9930, "nearly all before full: %u", dropped(&l, 109));
	ok(dropped(&l, 110) == LIMITS_DICE && dropped(&l, 100000) == LIMITS_DICE, "everybody from full on");
	unsigned last = 0, falls = 0;
	for (unsigned s = 0; s <= 120; s++) {
		unsigned now = dropped(&l, s);
		falls += now < last;
		last = now;
	}
	ok(falls == 0, "it never falls");
	l.rate = 0;
	ok(dropped(&l, 10) == 0 && dropped(&l, 11) == 100, "rate 0 rises from nothing");
	l.rate = 100;
	ok(dropped(&l, 9) == 0 && dropped(&l, 10) == LIMITS_DICE, "rate 100 is a wall");
	l.start = l.full = 5;
	ok(dropped(&l, 4) == 0 && dropped(&l, 5) == LIMITS_DICE, "start = full is one, too");
	l.start = l.full = 0;
	ok(dropped(&l, 0) == LIMITS_DICE, "0:0 lets nobody in");
	l = (struct limits_set){ .streams = 1000, .per_source = 1000, .start = 0, .rate = 100, .full = UINT32_MAX };
	ok(dropped(&l, 0) == LIMITS_DICE, "large numbers do not wrap");
	l.rate = 1;
	ok(dropped(&l, UINT32_MAX / 2) == 5049, "nor in the middle: %u", dropped(&l, UINT32_MAX / 2));
}

static enum limits_word ask(const struct limits_set *l, const struct net_addr *a, int64_t now)
{
	struct limits_now n = { .now_ms = now };

	return limits_admit(l, &table, a, &n);
}

static void penalties_at(int64_t t)
{
	struct limits_set l = { .streams = 10, .per_source = 10, .start = 10, .full = 20, .penalty_crash_s = 90, .penalty_refused_s = 5,
	                        .penalty_most_s = 200 };
	struct net_addr   a = addr("192.0.2.1"), other = addr("192.0.2.2"), v6 = addr("2001:db8::1"), near = addr("2001:db8::ffff"),
	                  far = addr("2001:db8:0:1::1");

	memset(&table, 0, sizeof table);
	ok(ask(&l, &a, t) == LIMITS_GO, "at %lld: nobody waits", (long long)t);
	ok(limits_offend(&l, &table, &a, OFFENCE_REFUSED, t) == 5000, "a refusal costs 5 s");
	ok(ask(&l, &a, t) == LIMITS_PENALTY && ask(&l, &a, t + 4999) == LIMITS_PENALTY, "which it waits");
	ok(ask(&l, &a, t + 5000) == LIMITS_GO, "and not longer");
	ok(ask(&l, &other, t) == LIMITS_GO, "its neighbour does not");
	ok(limits_offend(&l, &table, &a, OFFENCE_REFUSED, t + 1000) == 9000, "the next adds to what is left");
	ok(limits_offend(&l, &table, &a, OFFENCE_CRASH, t + 1000) == 99000, "a crash adds 90 s");
	ok(limits_offend(&l, &table, &a, OFFENCE_CRASH, t + 1000) == 189000, "and another");
	ok(limits_offend(&l, &table, &a, OFFENCE_CRASH, t + 1000) == 200000, "up to the most there is");
	ok(limits_offend(&l, &table, &a, OFFENCE_CRASH, t + 1000) == 200000, "and never more");
	ok(ask(&l, &a, t + 200999) == LIMITS_PENALTY && ask(&l, &a, t + 201000) == LIMITS_GO, "then it is forgiven");
	ok(limits_offend(&l, &table, &a, OFFENCE_REFUSED, t + 300000) == 5000, "and an old one counts no more");
	ok(limits_offend(&l, &table, &v6, OFFENCE_CRASH, t) == 90000 && ask(&l, &near, t + 1) == LIMITS_PENALTY && ask(&l, &far, t + 1) == LIMITS_GO,
	   "IPv6 by /64");
}

static void free_of_charge(void)
{
	struct limits_set l = { .streams = 10, .per_source = 10, .start = 10, .full = 20, .penalty_crash_s = 90, .penalty_most_s = 600 };
	struct net_addr   a = addr("192.0.2.1"), mapped = addr("::ffff:127.0.0.9"), v6 = addr("::2");

	memset(&table, 0, sizeof table);
	ok(limits_offend(&l, &table, &a, OFFENCE_REFUSED, 1) == 0 && ask(&l, &a, 1) == LIMITS_GO, "0 s: no penalty");
	l.penalty_most_s = 0;
	ok(limits_offend(&l, &table, &a, OFFENCE_CRASH, 1) == 0 && ask(&l, &a, 1) == LIMITS_GO, "at most 0 s: no penalty");
	l.penalty_most_s = 600;
	l.exempt_count = 1;
	net_cidr_parse("127.0.0.0/8", &l.exempt[0]);
	ok(limits_offend(&l, &table, &mapped, OFFENCE_CRASH, 1) == 0 && ask(&l, &mapped, 1) == LIMITS_GO, "an exempt network");
	ok(limits_offend(&l, &table, &a, OFFENCE_CRASH, 1) == 90000 && ask(&l, &a, 2) == LIMITS_PENALTY, "another is not");
	net_cidr_parse("192.0.2.0/24", &l.exempt[l.exempt_count++]);
	ok(ask(&l, &a, 2) == LIMITS_GO, "a network made exempt by a reload is free at once");
	net_cidr_parse("::/0", &l.exempt[0]);
	ok(limits_offend(&l, &table, &v6, OFFENCE_CRASH, 1) == 0 && limits_offend(&l, &table, &mapped, OFFENCE_CRASH, 1) == 90000,
	   "::/0 is every IPv6 address and no IPv4 one");
}

static unsigned waiting(int64_t now)
{
	unsigned n = 0;

	for (size_t i = 0; i < LIMITS_SOURCES; i++)
		n += table.row[i].until_ms > now;
	return n;
}

static void eviction(void)
{
	struct limits_set l = { .streams = 10, .per_source = 10, .start = 10, .full = 20, .penalty_crash_s = 90, .penalty_refused_s = 5,
	                        .penalty_most_s = 600 };
	struct net_addr   guilty = addr("192.0.2.1"), first = nth(0), last;

	memset(&table, 0, sizeof table);
	limits_offend(&l, &table, &guilty, OFFENCE_CRASH, 1000);
	for (uint32_t i = 0; i < LIMITS_SOURCES - 1; i++) {
		struct net_addr a = nth(i);
		limits_offend(&l, &table, &a, OFFENCE_REFUSED, 1000 + i);
	}
	ok(waiting(2000) == LIMITS_SOURCES, "the table is full: %u", waiting(2000));
	ok(ask(&l, &first, 2000) == LIMITS_PENALTY, "the first is still in it");
	last = nth(LIMITS_SOURCES);
	limits_offend(&l, &table, &last, OFFENCE_REFUSED, 2100);
	ok(waiting(2000) == LIMITS_SOURCES && ask(&l, &last, 2200) == LIMITS_PENALTY, "one more comes in");
	ok(ask(&l, &first, 2200) == LIMITS_GO, "the one that would be forgiven first makes room");
	for (uint32_t i = 0; i < 5 * LIMITS_SOURCES; i++) {
		struct net_addr a = nth(10000 + i);
		limits_offend(&l, &table, &a, OFFENCE_REFUSED, 3000 + i);
	}
	ok(ask(&l, &guilty, 9000) == LIMITS_PENALTY, "a flood of small offences does not free the guilty");
	ok(waiting(100000) == 0, "all of them expire");
	limits_offend(&l, &table, &guilty, OFFENCE_CRASH, 200000);
	ok(waiting(200001) == 1, "and their rows are used again");
}

int main(void)
{
	static const int64_t times[] = { 1, 0x7fffffff - 2000, 0xffffffffLL - 3000, 0x100000000LL, 0x7fffffffffLL };
	struct limits_set    l;

	sources();
	edges();
	early();
	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		penalties_at(times[i]);
	free_of_charge();
	eviction();
	limits_defaults(&l);
	ok(l.streams <= LIMITS_STREAMS_MAX && l.start < l.full && l.full <= l.streams && l.per_source <= l.streams && l.rate <= 100,
	   "the defaults make sense");
	return done();
}
