/* json.c - see table.h: for programs */
#include "zcp/bench/table.h"

static void spread(struct json *o, const char *name, const struct spread *s)
{
	json_object(o, name);
	json_real(o, "median", s->median);
	json_real(o, "least", s->least);
	json_real(o, "most", s->most);
	json_object_end(o);
}

static void text_or_null(struct json *o, const char *name, const char *text)
{
	if (text && *text)
		json_string(o, name, text);
	else
		json_null(o, name);
}

static void copies(struct json *o, const char *name, int n)
{
	if (n == COPIES_NONE)
		json_null(o, name);
	else
		json_number(o, name, (uint64_t)n);
}

static void side(struct json *o, const char *name, const struct bench_side *s)
{
	if (!s->there) {
		json_null(o, name);
		return;
	}
	json_object(o, name);
	spread(o, "user", &s->user);
	spread(o, "system", &s->system);
	json_real(o, "scheduler_switches", s->scheduled);
	json_real(o, "page_faults", s->faults);
	copies(o, "cpu_copies", s->cpu_copies);
	copies(o, "dma_copies", s->dma_copies);
	if (s->counted) {
		json_real(o, "mode_switches", 2 * s->all_calls);
		json_real(o, "through", s->through);
		json_object(o, "calls");
		for (unsigned i = 0; i < CALLS; i++)
			if (s->calls[i] > 0)
				json_real(o, call_name((enum call)i), s->calls[i]);
		json_object_end(o);
	}
	json_object_end(o);
}

static void row(struct json *o, const struct bench_row *r)
{
	static const char *const groups[] = {
		[BENCH_BASELINE] = "baseline", [BENCH_SENDER] = "sender", [BENCH_RECEIVER] = "receiver", [BENCH_PAIR] = "pair", [BENCH_LOCAL] = "local",
	};

	json_string(o, "type", "bench");
	json_string(o, "group", groups[r->group]);
	json_string(o, "name", r->name);
	text_or_null(o, "send", r->send);
	text_or_null(o, "recv", r->recv);
	text_or_null(o, "cipher", r->suite);
	json_string(o, "carry", !r->send ? "none" : r->sealed ? "encrypted" : "plaintext");
	json_bool(o, "mac", r->tagged);
	json_bool(o, "discards", r->discards);
	json_bool(o, "cold", r->cold);
	json_number(o, "rounds", r->rounds);
	text_or_null(o, "why", r->why);
	if (r->why[0] || !r->rounds)
		return;
	spread(o, "rate", &r->rate);
	side(o, "sender", &r->sender);
	side(o, "receiver", &r->receiver);
}

static void machine(struct json *o, const struct bench_table *t)
{
	const struct bench_machine *m = &t->machine;

	json_string(o, "type", "machine");
	text_or_null(o, "kernel", m->kernel);
	text_or_null(o, "cpu", m->cpu);
	json_number(o, "cores", m->cores);
	json_number(o, "pinned", m->pinned);
	text_or_null(o, "fs_from", m->fs_from);
	text_or_null(o, "fs_to", m->fs_to);
	text_or_null(o, "congestion_control", m->cc);
	text_or_null(o, "interface", m->nic);
	text_or_null(o, "libsodium", m->libsodium);
	json_number(o, "size", t->size);
	json_number(o, "rounds", t->rounds);
	json_bool(o, "cold", t->cold);
	json_bool(o, "host", t->host);
}

static void claim(struct json *o, const struct bench_claim *c)
{
	static const char *const verdicts[] = { [CLAIM_HOLDS] = "holds", [CLAIM_FAILS] = "fails", [CLAIM_UNMEASURED] = "unmeasured" };

	json_string(o, "type", "claim");
	json_string(o, "claim", c->what);
	json_string(o, "verdict", verdicts[c->verdict]);
	json_string(o, "found", c->found);
}

void table_tell(struct job *j, const struct bench_table *t)
{
	struct json *o = tell_objects(j);

	if (!o)
		return;
	machine(o, t);
	for (size_t i = 0; i < t->count; i++)
		row(tell_objects_next(j), &t->rows[i]);
	for (size_t i = 0; i < t->claim_count; i++)
		claim(tell_objects_next(j), &t->claims[i]);
	tell_objects_done(j);
}
