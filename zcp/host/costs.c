/* costs.c - see costs.h */
#include "zcp/host/costs.h"

#include <errno.h>
#include <stdio.h>
#include "common/net.h"
#include "common/nic.h"
#include "zcp/job.h"

static bool asks(const struct worker *w)
{
	return w->job->costs && w->tells_usage;
}

static void note_nic(const struct worker *w)
{
	struct nic nic;
	char       words[NIC_WORDS];

	if (nic_of_socket(w->stream.sock, &nic) == 0)
		snprintf(w->job->costs->nic, sizeof w->job->costs->nic, "%.159s", nic_features(&nic, words));
}

int costs_ask(struct worker *w)
{
	const union wire_body none = { .id = { 0 } };

	if (w->job->costs && !w->job->costs->begun)
		note_nic(w);
	return asks(w) ? stream_put(&w->stream, WIRE_USAGE, &none, false) : 0;
}

static int take(struct worker *w, struct usage *host)
{
	struct record rec;
	int           r = stream_get(&w->stream, &rec);

	if (r == 0 && rec.type != WIRE_USED)
		r = -EPROTO;
	if (r == 0)
		*host = usage_get(&rec.body.used);
	return r;
}

int costs_begin(struct worker *w)
{
	struct costs *c = w->job->costs;
	int           r = asks(w) ? take(w, &c->host[0]) : 0;

	if (!c || r < 0)
		return r;
	c->begun = true;
	c->here[0] = usage_now();
	return 0;
}

static uint8_t lowest(unsigned set)
{
	return set ? (uint8_t)__builtin_ctz(set) : 0;
}

int costs_end(struct worker *w)
{
	struct costs *c = w->job->costs;

	if (!c || !c->begun)
		return 0;
	c->here[1] = usage_now();
	c->began_ns = w->stream.contents_from_ns;
	c->ended_ns = w->stream.contents_until_ns;
	c->sender = lowest(w->senders);
	c->receiver = lowest(w->receivers);
	c->carry = (uint8_t)w->stream.carry;
	c->integrity = w->stream.integrity;
	c->suite = w->stream.tx.suite;
	net_cc_name(w->stream.sock, c->cc);
	int r = costs_ask(w);
	if (r == 0 && asks(w))
		r = take(w, &c->host[1]);
	c->there = r == 0 && asks(w);
	c->done = r == 0;
	return r;
}
