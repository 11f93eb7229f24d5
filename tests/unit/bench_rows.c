/* bench_rows.c - which rows --bench has, and what becomes of their rounds; links: zcp. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/tap.h"
#include "zcp/bench/rows.h"

static struct line      lines[LINES_MAX];
static struct bench_row rows[LINES_MAX];
static size_t           count;

static const struct bench_row *find(enum bench_group g, const char *send, const char *recv, const char *suite, bool tagged)
{
	for (size_t i = 0; i < count; i++) {
		const struct bench_row *r = &rows[i];
		bool                    same = (!suite && !r->sealed) || (suite && r->sealed && strcmp(r->suite, suite) == 0);
		if (r->group == g && r->send && strcmp(r->send, send) == 0 && strcmp(r->recv, recv) == 0 && same && r->tagged == tagged)
			return r;
	}
	return NULL;
}

static void every_engine(void)
{
	uint8_t allowed[SUITE_ID_MAX + 1] = { SUITE_AES256GCM, SUITE_CHACHA20POLY1305 };

	if (!suite_by_id(SUITE_AES256GCM))
		allowed[0] = SUITE_CHACHA20POLY1305, allowed[1] = 0;
	count = rows_make(lines, rows, allowed, true);
	unsigned missing = 0, wrong = 0;
	for (size_t i = 0; engines[i]; i++) {
		const struct engine *e = engines[i];
		for (int tagged = 0; tagged <= 1; tagged++) {
			missing += e->id != ENGINE_NULL && !find(BENCH_SENDER, e->name, "null", NULL, tagged);
			missing += (e->can & CAN_RECV) && !find(BENCH_RECEIVER, "sendfile", e->name, NULL, tagged);
		}
		missing += (e->can & CAN_RECV) && !find(BENCH_RECEIVER, "mmap", e->name, suite_by_id(allowed[0])->name, false);
	}
	for (size_t s = 0; allowed[s]; s++)
		missing += !find(BENCH_SENDER, "mmap", "null", suite_by_id(allowed[s])->name, false) || !find(BENCH_SENDER, "readwrite", "null", suite_by_id(allowed[s])->name, false);
	ok(!missing, "every sender, every receiver, raw with and without MACs and sealed, has a row");
	for (size_t i = 0; i < count; i++)
		wrong += rows[i].group == BENCH_SENDER && !rows[i].discards;
	ok(!wrong, "senders are measured to a receiver that discards");
	const struct bench_row *r = find(BENCH_SENDER, "sendfile", "null", NULL, false), *m = find(BENCH_SENDER, "mmap", "null", suite_by_id(allowed[0])->name, false);
	ok(r && r->sender.cpu_copies == 0 && r->sender.dma_copies == 2 && m && m->sender.cpu_copies == 2, "copies are those of the definitions: a cipher's pass is one more");
	r = find(BENCH_RECEIVER, "sendfile", "readwrite", NULL, false);
	ok(r && r->receiver.cpu_copies == 2 && r->receiver.dma_copies == 2, "receiving, too");
	size_t without = rows_make(lines, rows, allowed, false);
	ok(without + 1 <= count, "without a file there is no cp");
}

static void add_round(struct line *l, uint64_t ms, uint64_t user_us, uint64_t reads)
{
	struct measured m = { .bytes = 1 << 30 };

	m.costs.began_ns = 5;
	m.costs.ended_ns = 5 + ms * 1000000;
	m.costs.there = true;
	m.costs.host[1].user_us = user_us;
	m.costs.host[1].counts.calls[CALL_PREAD] = reads;
	m.costs.host[1].counts.through = 2u << 30;
	m.costs.here[0].system_us = 100;
	m.costs.here[1].system_us = 600100;
	rows_sample(l, &m);
}

static void medians(void)
{
	struct line      l = { .is_cell = true, .samples = calloc(4, sizeof(struct sample)) };
	struct bench_row r = { .group = BENCH_SENDER };

	add_round(&l, 1000, 300000, 10);
	add_round(&l, 250, 100000, 30);
	add_round(&l, 500, 200000, 20);
	rows_sum_up(&l, &r, 1 << 30);
	double g = 1 << 30;
	ok(r.rounds == 3 && r.rate.median == 2 * g && r.rate.least == g && r.rate.most == 4 * g, "three rounds: the middle one, the slowest and the fastest");
	ok(r.sender.there && r.sender.user.median > 0.1999 && r.sender.user.median < 0.2001 && r.sender.user.most > 0.2999, "CPU in seconds for a GiB");
	ok(r.sender.calls[CALL_PREAD] == 20 && r.sender.all_calls == 20 && r.sender.through == 2 && r.sender.counted, "calls and bytes");
	ok(r.receiver.there && r.receiver.system.median > 0.5999 && r.receiver.system.median < 0.6001, "the receiver's is what came after it began");
	add_round(&l, 2000, 400000, 40);
	r = (struct bench_row){ .group = BENCH_SENDER };
	rows_sum_up(&l, &r, 512 << 20);
	ok(r.rounds == 4 && r.rate.median == 1.5 * g && r.sender.calls[CALL_PREAD] == 50, "four: between the middle two; and of half a GiB, twice");
	r = (struct bench_row){ .why = "it cannot" };
	rows_sum_up(&l, &r, 1 << 30);
	ok(r.rate.median == 0 && !r.sender.there, "what has a reason has no numbers");
	free(l.samples);
}

static void foreign(void)
{
	struct line      l = { .base = { .foreign = true }, .samples = calloc(1, sizeof(struct sample)) };
	struct bench_row r = { .group = BENCH_BASELINE };

	add_round(&l, 1000, 0, 0);
	rows_sum_up(&l, &r, 1 << 30);
	ok(r.sender.there && !r.sender.counted && !r.receiver.there && r.sender.system.median > 0.59, "another program has CPU, and no counts; a baseline has one side");
	free(l.samples);
}

int main(void)
{
	every_engine();
	medians();
	foreign();
	return done();
}
