/* limits.c - see limits.h */
#include "zcpd/limits.h"
#include <string.h>

void limits_defaults(struct limits_set *l)
{
	*l = (struct limits_set){
		.streams = 512, .per_source = 128, .per_key = 128, .start = 64, .rate = 30, .full = 256,
		.greeting_s = 10, .idle_s = 60, .stall_s = 60, .drain_s = 0,
		.penalty_crash_s = 90, .penalty_refused_s = 5, .penalty_most_s = 600, .exempt_count = 2,
	};
	net_cidr_parse("127.0.0.0/8", &l->exempt[0]);
	net_cidr_parse("::1", &l->exempt[1]);
}

static bool is_v4(const uint8_t ip[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, mapped, sizeof mapped) == 0;
}

struct source limits_source(const struct net_addr *a)
{
	struct source s = { { 0 } };

	if (a->local) {         /* a network of IPv6 leaves its last bytes 0 */
		s.ip[15] = 1;
		memcpy(s.ip, &a->uid, sizeof a->uid);
		return s;
	}
	memcpy(s.ip, a->ip, is_v4(a->ip) ? 16 : 8);
	return s;
}

bool limits_same(const struct source *a, const struct source *b)
{
	return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static bool exempt(const struct limits_set *l, const struct net_addr *a)
{
	for (int i = 0; i < l->exempt_count; i++)
		if (net_cidr_has(&l->exempt[i], a))
			return true;
	return false;
}

/* As sshd does: rate % at `start`, 100 % at `full`, a straight line between. */
static bool dropped_early(const struct limits_set *l, unsigned strangers, uint32_t dice)
{
	if (strangers >= l->full)
		return true;
	if (strangers < l->start)
		return false;
	uint64_t rate = (uint64_t)l->rate * (LIMITS_DICE / 100);
	uint64_t more = (LIMITS_DICE - rate) * (strangers - l->start) / (l->full - l->start);

	return dice < rate + more;
}

enum limits_word limits_admit(const struct limits_set *l, const struct penalties *p, const struct net_addr *peer, const struct limits_now *n)
{
	struct source s = limits_source(peer);

	if (!exempt(l, peer) && limits_wait(p, &s, n->now_ms) > 0)
		return LIMITS_PENALTY;
	if (n->live >= l->streams)
		return LIMITS_TOTAL;
	if (n->of_source >= l->per_source)
		return LIMITS_SOURCE;
	return dropped_early(l, n->strangers, n->dice) ? LIMITS_EARLY : LIMITS_GO;
}

bool limits_key(const struct limits_set *l, unsigned of_key)
{
	return of_key < l->per_key;
}

static const struct penalty *find(const struct penalties *p, const struct source *s)
{
	for (size_t i = 0; i < LIMITS_SOURCES; i++)
		if (p->row[i].until_ms && limits_same(&p->row[i].source, s))
			return &p->row[i];
	return NULL;
}

int64_t limits_wait(const struct penalties *p, const struct source *s, int64_t now_ms)
{
	const struct penalty *row = find(p, s);

	return row && row->until_ms > now_ms ? row->until_ms - now_ms : 0;
}

/* The source's own row, else a free one, else the one that expires first: an attacker with many sources pushes out the least guilty. */
static struct penalty *row_for(struct penalties *p, const struct source *s)
{
	struct penalty *first = &p->row[0];

	for (size_t i = 0; i < LIMITS_SOURCES; i++) {
		if (p->row[i].until_ms && limits_same(&p->row[i].source, s))
			return &p->row[i];
		if (p->row[i].until_ms < first->until_ms)
			first = &p->row[i];
	}
	*first = (struct penalty){ .source = *s };
	return first;
}

int64_t limits_offend(const struct limits_set *l, struct penalties *p, const struct net_addr *peer, enum offence what, int64_t now_ms)
{
	int64_t       cost = (int64_t)(what == OFFENCE_CRASH ? l->penalty_crash_s : l->penalty_refused_s) * 1000;
	int64_t       most = (int64_t)l->penalty_most_s * 1000;
	struct source s = limits_source(peer);

	if (cost == 0 || most == 0 || exempt(l, peer))
		return 0;
	struct penalty *row = row_for(p, &s);
	int64_t         wait = cost + (row->until_ms > now_ms ? row->until_ms - now_ms : 0);

	wait = wait < most ? wait : most;
	row->until_ms = now_ms + wait;
	return wait;
}
