/* claims.c - what is said of the engines, against tables that were made up; links: zcp. */
#include <stdio.h>
#include <string.h>
#include "tests/unit/tap.h"
#include "zcp/bench/claims.h"

enum { MAKE_ROWS = 12 };
static struct bench_row    rows[MAKE_ROWS];
static struct bench_table  table = { .size = 64 << 20, .rows = rows };
static struct bench_claim  claims[CLAIMS_MAX];
static struct claims_seen  seen;
static size_t              count;

static struct bench_row *add(enum bench_group g, const char *send, const char *recv, bool sealed, double cpu, double through)
{
	struct bench_row *r = &rows[table.count++];

	*r = (struct bench_row){ .group = g, .send = send, .recv = recv, .sealed = sealed, .rounds = 1, .rate = { 1e9, 1e9, 1e9 } };
	r->sender = r->receiver = (struct bench_side){ .there = true, .counted = true, .user = { cpu, cpu, cpu }, .through = through };
	return r;
}

/* As it should be. */
static void right(void)
{
	memset(rows, 0, sizeof rows);
	memset(&seen, 0, sizeof seen);
	table.count = 0;
	struct bench_row *r = add(BENCH_SENDER, "readwrite", "null", false, 0.4, 2);
	r->sender.calls[CALL_PREAD] = 4096;
	r->sender.calls[CALL_SEND] = 4400;
	r = add(BENCH_SENDER, "mmap", "null", false, 0.3, 1);
	r->sender.calls[CALL_MMAP] = r->sender.calls[CALL_SEND] = 4096;
	r = add(BENCH_SENDER, "sendfile", "null", false, 0.1, 0);
	r->sender.calls[CALL_SENDFILE] = 256;
	r->rate = (struct spread){ 2e9, 2e9, 2e9 };
	r = add(BENCH_SENDER, "splice", "null", false, 0.2, 0);
	r->sender.calls[CALL_SPLICE] = 2048;
	r = add(BENCH_SENDER, "sendfile", "null", true, 0, 0);
	snprintf(r->why, sizeof r->why, "it cannot");
	add(BENCH_SENDER, "mmap", "null", true, 0.4, 2);
	add(BENCH_SENDER, "readwrite", "null", true, 0.5, 2);
	add(BENCH_RECEIVER, "sendfile", "splice", false, 0.3, 0);
	add(BENCH_RECEIVER, "sendfile", "readwrite", false, 0.4, 2);
	r = add(BENCH_LOCAL, NULL, NULL, false, 0.2, 2);
	snprintf(r->name, sizeof r->name, "mmap");
	seen.many.consumers = 4;
	seen.many.disk = table.size;
	seen.direct.before = seen.direct.after = 0.01;
}

static struct bench_row *row(enum bench_group g, const char *engine, bool sealed)
{
	for (size_t i = 0; i < table.count; i++) {
		const char *e = g == BENCH_RECEIVER ? rows[i].recv : rows[i].send;
		if (rows[i].group == g && e && strcmp(e, engine) == 0 && rows[i].sealed == sealed)
			return &rows[i];
	}
	return NULL;
}

static const struct bench_claim *claim(const char *begins)
{
	count = claims_make(&table, &seen, claims);
	for (size_t i = 0; i < count; i++)
		if (strncmp(claims[i].what, begins, strlen(begins)) == 0)
			return &claims[i];
	return NULL;
}

static void is(const char *begins, enum verdict v, const char *has, const char *when)
{
	const struct bench_claim *c = claim(begins);

	ok(c && c->verdict == v && strstr(c->found, has), "%s: %s, %s (%s)", begins, verdict_words[v], when, c ? c->found : "no such claim");
}

static void all_hold(void)
{
	unsigned fails = 0;

	right();
	claim("");
	for (size_t i = 0; i < count; i++) {
		fails += claims[i].verdict != CLAIM_HOLDS;
		if (claims[i].verdict != CLAIM_HOLDS)
			printf("# %s: %s\n", claims[i].what, claims[i].found);
	}
	ok(count >= 18 && !fails, "all %zu hold where everything is as it is said", count);
}

/* Each is broken on purpose, and said. */
static void broken(void)
{
	right();
	row(BENCH_SENDER, "readwrite", false)->sender.through = 1;
	is("read+write: 4 copies", CLAIM_FAILS, "1.00 bytes", "one copy too few");
	row(BENCH_SENDER, "readwrite", false)->sender.calls[CALL_PREAD] = 8192;
	is("read+write: 4 mode", CLAIM_FAILS, "pread64 8192", "twice the reads");
	row(BENCH_SENDER, "mmap", false)->sender.through = 2;
	is("mmap+write: 3 copies", CLAIM_FAILS, "2.00 bytes", "one copy too many");
	row(BENCH_SENDER, "mmap", false)->sender.calls[CALL_MMAP] = 128;
	is("mmap+write: 4 mode", CLAIM_FAILS, "mmap 128", "a mapping serves many chunks");
	row(BENCH_SENDER, "mmap", false)->sender.through = 0;
	is("mmap is not zero-copy", CLAIM_FAILS, "0.00 bytes", "nothing came through");
	row(BENCH_SENDER, "sendfile", false)->sender.through = 1;
	is("sendfile: 2 copies", CLAIM_FAILS, "1.00 bytes", "it was looked at");
	row(BENCH_SENDER, "sendfile", false)->sender.calls[CALL_SENDFILE] = 16384;
	is("sendfile: 2 mode", CLAIM_FAILS, "16384", "a call for each 64 KiB");
	row(BENCH_SENDER, "sendfile", true)->why[0] = '\0';
	is("sendfile cannot", CLAIM_FAILS, "not refused", "it could");
	row(BENCH_SENDER, "splice", false)->sender.through = 0.5;
	is("splice: no copy", CLAIM_FAILS, "0.50 bytes", "half came through");
	row(BENCH_SENDER, "splice", false)->sender.calls[CALL_SPLICE] = 32768;
	is("splice: 4 mode", CLAIM_FAILS, "splice 32768", "a small pipe");
	seen.direct.after = 1;
	is("Direct I/O", CLAIM_FAILS, "100 %", "the file is cached afterwards");
	seen.many.disk = 4 * table.size;
	is("one page cache", CLAIM_FAILS, "256.0 MiB read", "each read it");
	seen.many.disk = 0;
	is("one page cache", CLAIM_FAILS, " 0.0 MiB read", "none read it");
}

/* This machine's word against what is said. */
static void contradicted(void)
{
	right();
	row(BENCH_SENDER, "mmap", false)->sender.user.median = 0.9;
	is("mmap+write takes less CPU", CLAIM_FAILS, "mmap 0.900 s", "mmap is dearer");
	row(BENCH_SENDER, "sendfile", false)->sender.system.median = 0.4;
	is("sendfile takes less CPU", CLAIM_FAILS, "sendfile 0.500 s", "so is sendfile");
	row(BENCH_SENDER, "sendfile", false)->rate = (struct spread){ 9e8, 8e8, 1.1e9 };
	is("sendfile is faster", CLAIM_FAILS, "overlap", "and slower");
	row(BENCH_RECEIVER, "splice", false)->receiver.system.median = 0.4;
	is("receiving: splice", CLAIM_FAILS, "splice 0.700 s", "splice receives dearer");
	row(BENCH_SENDER, "mmap", true)->sender.user.median = 0.9;
	is("sealed: mmap", CLAIM_FAILS, "mmap 0.900 s", "sealed, too");
}

static void unmeasured(void)
{
	right();
	snprintf(row(BENCH_SENDER, "readwrite", false)->why, sizeof rows->why, "the host refuses");
	is("read+write: 4 copies", CLAIM_UNMEASURED, "the host refuses", "its row says why");
	is("sendfile takes less CPU", CLAIM_UNMEASURED, "the host refuses", "and who is compared with it");
	row(BENCH_SENDER, "splice", false)->sender.there = false;
	is("splice: no copy", CLAIM_UNMEASURED, "does not say", "an old host");
	snprintf(seen.many.why, sizeof seen.many.why, "tmpfs");
	is("one page cache", CLAIM_UNMEASURED, "tmpfs", "in memory");
	snprintf(seen.direct.why, sizeof seen.direct.why, "tmpfs");
	is("Direct I/O", CLAIM_UNMEASURED, "tmpfs", "in memory");
	table.count = 0;
	unsigned other = 0;
	claim("");
	for (size_t i = 0; i < count; i++)
		other += claims[i].verdict != CLAIM_UNMEASURED;
	ok(count && !other, "of an empty table nothing is claimed");
}

int main(void)
{
	all_hold();
	broken();
	contradicted();
	unmeasured();
	return done();
}
