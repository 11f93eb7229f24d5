/* rows.c - see rows.h */
#include "zcp/bench/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zcp/local/copy.h"

static const double GIB = 1024.0 * 1024 * 1024;

/* --- which there are --------------------------------------------------------------------------------------------------- */

/* By definition, without a cipher: sending by CPU, receiving by CPU. DMA: the disk's and the NIC's; direct's goes to the program's memory. A cipher adds its own pass. */
static const struct { uint8_t id; int send, recv, recv_dma; } definitions[] = {
	{ ENGINE_SENDFILE, 0, COPIES_NONE, 0 }, { ENGINE_SPLICE, 0, 1, 2 }, { ENGINE_MMAP, 1, 1, 2 }, { ENGINE_READWRITE, 2, 2, 2 }, { ENGINE_DIRECT, 1, 1, 2 },
	{ ENGINE_NULL, 0, 1, 1 },
};

static void define(struct bench_row *r, const struct cell *c)
{
	r->sender.cpu_copies = r->sender.dma_copies = r->receiver.cpu_copies = r->receiver.dma_copies = COPIES_NONE;
	for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++) {
		if (c->send && definitions[i].id == c->send->id) {
			r->sender.cpu_copies = definitions[i].send + c->sealed;
			r->sender.dma_copies = 2;
		}
		if (c->recv && definitions[i].id == c->recv->id && definitions[i].recv != COPIES_NONE) {
			r->receiver.cpu_copies = definitions[i].recv + c->sealed;
			r->receiver.dma_copies = definitions[i].recv_dma;
		}
	}
}

struct making { struct line *lines; struct bench_row *rows; size_t n; const struct suite *best; };

static void add_cell(struct making *k, enum bench_group group, const struct cell *c)
{
	struct bench_row *r = &k->rows[k->n];

	if (k->n == LINES_MAX)
		return;
	k->lines[k->n++] = (struct line){ .is_cell = true, .cell = *c };
	*r = (struct bench_row){ .group = group, .send = c->send->name, .recv = c->recv->name, .sealed = c->sealed, .tagged = c->tagged, .discards = c->recv->id == ENGINE_NULL };
	const struct suite *mac = k->best ? suite_by_id(k->best->mac) : NULL;
	r->suite = c->sealed ? c->suite->name : c->tagged && mac ? mac->name : NULL;
	snprintf(r->name, sizeof r->name, "%s, %s", group == BENCH_SENDER ? r->send : r->recv, c->sealed ? r->suite : c->tagged ? "MAC" : "no MAC");
	define(r, c);
}

/* Copies of a file on this machine: from page cache to page cache, or not at all. */
static void define_local(struct bench_row *r, const struct copier *how)
{
	static const struct { uint8_t id; int cpu; } local[] = { { COPIER_REFLINK, 0 }, { COPIER_RANGE, 1 }, { COPIER_READWRITE, 2 }, { COPIER_MMAP, 1 } };

	for (size_t i = 0; how && i < sizeof local / sizeof *local; i++)
		if (local[i].id == how->id) {
			r->sender.cpu_copies = local[i].cpu;
			r->sender.dma_copies = how->id == COPIER_REFLINK ? 0 : 2;
		}
}

static void add_base(struct making *k, const struct baseline *b)
{
	struct bench_row *r = &k->rows[k->n];

	if (k->n == LINES_MAX)
		return;
	k->lines[k->n++] = (struct line){ .base = *b };
	*r = (struct bench_row){ .group = b->group, .suite = b->suite ? b->suite->name : NULL };
	snprintf(r->name, sizeof r->name, "%s%s%s", b->name, b->suite ? " " : "", b->suite ? b->suite->name : "");
	r->sender.cpu_copies = r->sender.dma_copies = r->receiver.cpu_copies = r->receiver.dma_copies = COPIES_NONE;
	define_local(r, b->how);
}

static void add_senders(struct making *k, const uint8_t *allowed)
{
	const struct engine *null = engine_by_id(ENGINE_NULL);

	for (int tagged = 0; tagged <= 1; tagged++)
		for (size_t i = 0; engines[i]; i++)
			if (engines[i] != null && engines[i]->can & CAN_SEND)
				add_cell(k, BENCH_SENDER, &(struct cell){ engines[i], null, false, tagged, k->best });
	for (size_t s = 0; allowed[s]; s++)
		for (size_t i = 0; engines[i]; i++) {
			uint8_t id = engines[i]->id;
			if (engines[i] != null && (allowed[s] == k->best->id || id == ENGINE_MMAP || id == ENGINE_READWRITE))
				add_cell(k, BENCH_SENDER, &(struct cell){ engines[i], null, true, false, suite_by_id(allowed[s]) });
		}
}

static void add_receivers(struct making *k)
{
	const struct engine *raw = engine_by_id(ENGINE_SENDFILE), *sealed = engine_by_id(ENGINE_MMAP);
	static const struct { bool sealed, tagged; } ways[] = { { false, false }, { false, true }, { true, false } };

	for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
		for (size_t i = 0; engines[i]; i++)
			if (engines[i]->can & CAN_RECV)
				add_cell(k, BENCH_RECEIVER, &(struct cell){ ways[w].sealed ? sealed : raw, engines[i], ways[w].sealed, ways[w].tagged, k->best });
}

size_t rows_make(struct line lines[static LINES_MAX], struct bench_row rows[static LINES_MAX], const uint8_t *allowed, bool files)
{
	struct baseline list[BASELINES_MAX];
	size_t          n = baselines(list, files);
	struct making   k = { lines, rows, 0, suite_by_id(allowed[0]) };

	for (size_t i = 0; i < n; i++)
		add_base(&k, &list[i]);
	if (!k.best)
		return k.n;
	add_senders(&k, allowed);
	add_receivers(&k);
	return k.n;
}

/* --- what they cost ---------------------------------------------------------------------------------------------------- */

void rows_sample(struct line *l, const struct measured *m)
{
	const struct costs *c = &m->costs;
	struct usage        here = usage_between(&c->here[0], &c->here[1]), host = usage_between(&c->host[0], &c->host[1]);
	double              seconds = (double)(c->ended_ns - c->began_ns) / 1e9;
	struct sample      *s = &l->samples[l->count++];

	*s = (struct sample){ .rate = seconds > 0 ? (double)m->bytes / seconds : 0 };
	if (l->is_cell) {
		s->receiver = here;
		s->receiver_there = true;
		s->sender = host;
		s->sender_there = c->there;
	} else {
		s->sender = here;
		s->sender_there = true;
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* v is sorted. */
static struct spread spread_of(double *v, unsigned n)
{
	qsort(v, n, sizeof *v, by_value);
	return (struct spread){ n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2, v[0], v[n - 1] };
}

/* A field of each round's usage, at `offset`, divided. */
static struct spread field(const struct line *l, bool sender, size_t offset, double by)
{
	double v[BENCH_ROUNDS_MAX] = { 0 };

	for (unsigned i = 0; i < l->count; i++) {
		uint64_t n;
		memcpy(&n, (const char *)(sender ? &l->samples[i].sender : &l->samples[i].receiver) + offset, sizeof n);
		v[i] = (double)n / by;
	}
	return spread_of(v, l->count);
}

static void side(const struct line *l, bool sender, double bytes, struct bench_side *s)
{
	double gib = bytes / GIB;

	s->there = sender ? l->samples[0].sender_there : l->samples[0].receiver_there;
	if (!s->there)
		return;
	s->counted = l->is_cell || !l->base.foreign;
	s->user = field(l, sender, offsetof(struct usage, user_us), 1e6 * gib);
	s->system = field(l, sender, offsetof(struct usage, system_us), 1e6 * gib);
	s->scheduled = field(l, sender, offsetof(struct usage, scheduled), gib).median;
	s->faults = field(l, sender, offsetof(struct usage, faults), gib).median;
	s->through = field(l, sender, offsetof(struct usage, counts.through), bytes).median;
	for (unsigned i = 0; i < CALLS; i++) {
		s->calls[i] = field(l, sender, offsetof(struct usage, counts.calls) + i * sizeof(uint64_t), gib).median;
		s->all_calls += s->calls[i];
	}
}

void rows_sum_up(const struct line *l, struct bench_row *r, uint64_t bytes)
{
	r->rounds = l->count;
	if (!l->count || r->why[0])
		return;
	double v[BENCH_ROUNDS_MAX];
	for (unsigned i = 0; i < l->count; i++)
		v[i] = l->samples[i].rate;
	r->rate = spread_of(v, l->count);
	side(l, true, (double)bytes, &r->sender);
	side(l, false, (double)bytes, &r->receiver);
}
