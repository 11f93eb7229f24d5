/* claims.c - see claims.h */
#include "zcp/bench/claims.h"

#include <stdio.h>
#include <string.h>

const char *const verdict_words[] = { [CLAIM_HOLDS] = "holds", [CLAIM_FAILS] = "does not hold here", [CLAIM_UNMEASURED] = "not measured" };

static const double CHUNKS = 4096;      /* of 256 KiB in a GiB: what a buffer holds */

struct case_ { const struct bench_table *t; const struct claims_seen *seen; struct bench_claim *c; };

static const struct bench_row *find(const struct bench_table *t, enum bench_group g, const char *engine, bool sealed, bool tagged)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct bench_row *r = &t->rows[i];
		const char             *e = g == BENCH_RECEIVER ? r->recv : g == BENCH_SENDER ? r->send : r->name;
		if (r->group == g && e && strcmp(e, engine) == 0 && r->sealed == sealed && r->tagged == tagged)
			return r;
	}
	return NULL;
}

static void unmeasured(struct bench_claim *c, const char *why)
{
	c->verdict = CLAIM_UNMEASURED;
	snprintf(c->found, sizeof c->found, "%s", why);
}

/* A row that has numbers on this side; else says why there are none. */
static const struct bench_row *measured(struct case_ *k, enum bench_group g, const char *engine, bool sealed)
{
	const struct bench_row  *r = find(k->t, g, engine, sealed, false);
	const struct bench_side *s = r && g == BENCH_RECEIVER ? &r->receiver : r ? &r->sender : NULL;

	if (!r)
		unmeasured(k->c, "no such row in this run");
	else if (r->why[0])
		unmeasured(k->c, r->why);
	else if (!s->there)
		unmeasured(k->c, "the host does not say what it costs");
	else
		return r;
	return NULL;
}

static void verdict(struct bench_claim *c, bool holds)
{
	c->verdict = holds ? CLAIM_HOLDS : CLAIM_FAILS;
}

/* --- counts --------------------------------------------------------------------------------------------------------------- */

static bool near(double a, double b)
{
	return a > b - 0.01 && a < b + 0.01;
}

static void through(struct case_ *k, const char *engine, double copies, const char *words)
{
	const struct bench_row *r = measured(k, BENCH_SENDER, engine, false);

	if (!r)
		return;
	verdict(k->c, near(r->sender.through, copies));
	snprintf(k->c->found, sizeof k->c->found, "%.2f bytes through user space for each byte sent%s%s", r->sender.through, words ? ": " : "", words ? words : "");
}

/* Switches of these two calls for each piece of `chunks` in a GiB: so many, or a few more (heads of segments, a socket that takes less). */
static void switches(struct case_ *k, const char *engine, enum call a, enum call b, double chunks, double expect, const char *words)
{
	const struct bench_row *r = measured(k, BENCH_SENDER, engine, false);

	if (!r)
		return;
	double both = a == b ? r->sender.calls[a] : r->sender.calls[a] + r->sender.calls[b], n = 2 * both / chunks;
	verdict(k->c, n > expect * 0.9 && n < expect * 1.3);
	int at = snprintf(k->c->found, sizeof k->c->found, "%.2f for each %s: %s %.0f", n, words, call_name(a), r->sender.calls[a]);
	if (a != b)
		at += snprintf(k->c->found + at, sizeof k->c->found - (size_t)at, ", %s %.0f", call_name(b), r->sender.calls[b]);
	snprintf(k->c->found + at, sizeof k->c->found - (size_t)at, " calls for a GiB; %.0f switches with all others", 2 * r->sender.all_calls);
}

static void readwrite_copies(struct case_ *k)    { through(k, "readwrite", 2, "one copy in, one out; by DMA: disk and NIC, by definition"); }
static void readwrite_switches(struct case_ *k)  { switches(k, "readwrite", CALL_PREAD, CALL_SEND, CHUNKS, 4, "256 KiB"); }
static void mmap_copies(struct case_ *k)         { through(k, "mmap", 1, "one copy out; by DMA: disk and NIC, by definition"); }
static void mmap_switches(struct case_ *k)       { switches(k, "mmap", CALL_MMAP, CALL_SEND, CHUNKS, 4, "256 KiB (one mapping serves 8 MiB)"); }
static void splice_copies(struct case_ *k)       { through(k, "splice", 0, "page cache to pipe to socket, inside the kernel"); }
static void splice_switches(struct case_ *k)     { switches(k, "splice", CALL_SPLICE, CALL_SPLICE, CHUNKS / 4, 4, "MiB, which is a pipe's"); }

static void sendfile_copies(struct case_ *k)
{
	char words[240];

	snprintf(words, sizeof words, "page cache to socket, inside the kernel%s%.160s", k->t->machine.nic[0] ? "; " : "", k->t->machine.nic);
	through(k, "sendfile", 0, words);
}

/* A call moves what it is given, up to a segment: never more than one for each chunk. */
static void sendfile_switches(struct case_ *k)
{
	const struct bench_row *r = measured(k, BENCH_SENDER, "sendfile", false);

	if (!r)
		return;
	double n = r->sender.calls[CALL_SENDFILE], all = r->sender.all_calls;
	verdict(k->c, n > 0 && n <= CHUNKS);
	snprintf(k->c->found, sizeof k->c->found, "%.2f for each 256 KiB: sendfile %.0f calls for a GiB, each of up to 4 MiB; %.0f switches with all others (%s: is it cached?)",
	         2 * n / CHUNKS, n, 2 * all, call_name(CALL_PREADV2));
}

static void mmap_is_not(struct case_ *k)
{
	const struct bench_row *r = measured(k, BENCH_SENDER, "mmap", false);

	if (!r)
		return;
	verdict(k->c, r->sender.through > 0.99);
	snprintf(k->c->found, sizeof k->c->found, "write copies all of the mapping into the socket: %.2f bytes for each byte sent", r->sender.through);
}

static void sendfile_sealed(struct case_ *k)
{
	const struct bench_row *r = find(k->t, BENCH_SENDER, "sendfile", true, false);

	if (!r) {
		unmeasured(k->c, "no such row in this run");
		return;
	}
	verdict(k->c, r->why[0] != '\0');
	snprintf(k->c->found, sizeof k->c->found, "%s%.300s", r->why[0] ? "tried, and refused: " : "it was not refused", r->why);
}

static void local_mmap(struct case_ *k)
{
	const struct bench_row *r = measured(k, BENCH_LOCAL, "mmap", false), *cp = find(k->t, BENCH_BASELINE, "cp(1)", false, false);

	if (!r)
		return;
	/* read in one mapping, written in the other */
	verdict(k->c, near(r->sender.through, 2));
	int at = snprintf(k->c->found, sizeof k->c->found, "one memcpy: %.2f bytes looked at or written for each byte copied, %.0f page faults for a GiB", r->sender.through, r->sender.faults);
	if (cp && cp->rate.median > 0)
		snprintf(k->c->found + at, sizeof k->c->found - (size_t)at, "; %.2f of cp's rate", r->rate.median / cp->rate.median);
}

/* --- CPU and time --------------------------------------------------------------------------------------------------------- */

static double cpu(const struct bench_side *s)
{
	return s->user.median + s->system.median;
}

static void less_cpu(struct case_ *k, enum bench_group g, bool sealed, const char *one, const char *other)
{
	const struct bench_row *a = measured(k, g, one, sealed), *b = a ? measured(k, g, other, sealed) : NULL;

	if (!b)
		return;
	double x = cpu(g == BENCH_SENDER ? &a->sender : &a->receiver), y = cpu(g == BENCH_SENDER ? &b->sender : &b->receiver);
	verdict(k->c, x < y);
	snprintf(k->c->found, sizeof k->c->found, "%s %.3f s of CPU for a GiB, %s %.3f s", one, x, other, y);
}

static void sendfile_cpu(struct case_ *k)        { less_cpu(k, BENCH_SENDER, false, "sendfile", "readwrite"); }
static void mmap_cpu(struct case_ *k)            { less_cpu(k, BENCH_SENDER, false, "mmap", "readwrite"); }
static void mmap_sealed_cpu(struct case_ *k)     { less_cpu(k, BENCH_SENDER, true, "mmap", "readwrite"); }
static void splice_cpu(struct case_ *k)          { less_cpu(k, BENCH_RECEIVER, false, "splice", "readwrite"); }

static void sendfile_faster(struct case_ *k)
{
	const struct bench_row *a = measured(k, BENCH_SENDER, "sendfile", false), *b = a ? measured(k, BENCH_SENDER, "readwrite", false) : NULL;

	if (!b)
		return;
	verdict(k->c, a->rate.median > b->rate.median);
	snprintf(k->c->found, sizeof k->c->found, "sendfile %.2f GiB/s, readwrite %.2f GiB/s%s", a->rate.median / (1 << 30), b->rate.median / (1 << 30),
	         a->rate.least <= b->rate.most && b->rate.least <= a->rate.most ? " (their rounds overlap)" : "");
}

/* --- the cache ------------------------------------------------------------------------------------------------------------ */

static void kafka(struct case_ *k)
{
	uint64_t disk = k->seen->many.disk, size = k->t->size;

	if (k->seen->many.why[0]) {
		unmeasured(k->c, k->seen->many.why);
		return;
	}
	/* once, give or take what is read ahead or beside it */
	verdict(k->c, disk >= size - size / 16 && disk <= size + size / 16 + (4 << 20));
	snprintf(k->c->found, sizeof k->c->found, "%u downloads at once of %.1f MiB that were not cached: %.1f MiB read from the disk for all of them", k->seen->many.consumers,
	         (double)size / (1 << 20), (double)disk / (1 << 20));
}

static void direct_past(struct case_ *k)
{
	if (k->seen->direct.why[0]) {
		unmeasured(k->c, k->seen->direct.why);
		return;
	}
	verdict(k->c, k->seen->direct.after < k->seen->direct.before + 0.05);
	snprintf(k->c->found, sizeof k->c->found, "%.0f %% of the file were cached before it was sent, %.0f %% afterwards", 100 * k->seen->direct.before, 100 * k->seen->direct.after);
}

/* --- the table ------------------------------------------------------------------------------------------------------------ */

static const struct { const char *what; void (*judge)(struct case_ *); } table[] = {
	{ "read+write: 4 copies, 2 by the CPU and 2 by DMA",                           readwrite_copies },
	{ "read+write: 4 mode switches for each chunk",                                readwrite_switches },
	{ "mmap+write: 3 copies, 1 by the CPU and 2 by DMA",                           mmap_copies },
	{ "mmap+write: 4 mode switches for each chunk",                                mmap_switches },
	{ "mmap is not zero-copy by itself",                                           mmap_is_not },
	{ "sendfile: 2 copies, none by the CPU (3 without scatter-gather)",            sendfile_copies },
	{ "sendfile: 2 mode switches for each chunk, or fewer",                        sendfile_switches },
	{ "sendfile cannot be used when the data must change",                         sendfile_sealed },
	{ "splice: no copy by the CPU when sending",                                   splice_copies },
	{ "splice: 4 mode switches for each pipeful",                                  splice_switches },
	{ "Direct I/O goes past the page cache",                                       direct_past },
	{ "one page cache serves many consumers: N downloads, one read from the disk", kafka },
	{ "mmap -> mmap copies a local file with 1 copy by the CPU",                   local_mmap },
	{ "sendfile takes less CPU than read+write",                                   sendfile_cpu },
	{ "sendfile is faster than read+write",                                        sendfile_faster },
	{ "mmap+write takes less CPU than read+write",                                 mmap_cpu },
	{ "sealed: mmap takes less CPU than read",                                     mmap_sealed_cpu },
	{ "receiving: splice takes less CPU than recv and pwrite",                     splice_cpu },
};

size_t claims_make(const struct bench_table *t, const struct claims_seen *seen, struct bench_claim claims[static CLAIMS_MAX])
{
	size_t n = sizeof table / sizeof *table;

	for (size_t i = 0; i < n; i++) {
		struct case_ k = { t, seen, &claims[i] };
		claims[i] = (struct bench_claim){ .what = table[i].what };
		table[i].judge(&k);
	}
	return n;
}
