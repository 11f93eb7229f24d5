/* noted.c - ranges that come with a journal: what is noted of them, by every engine, and what is not. */
#include "tests/unit/transfer.h"

enum { RANGED = 9 * 1024 * 1024 + 4321 };
static const uint8_t owner[KEY_BYTES] = { 9 };
static const struct resume_id ranged_id = { .size = RANGED, .mtime = 1, .identity = { 1, 1, 1, 1 } };

struct ranged { struct aside a; struct resume r; struct span gaps[RESUME_GAPS]; size_t count; };

static void ranged_open(struct ranged *f, int dir, bool fresh)
{
	if (resume_open(&f->a, &f->r, dir, "f", owner, &ranged_id, fresh, f->gaps, &f->count) < 0)
		abort();
}

static void ranged_keep(struct ranged *f)
{
	resume_close(&f->r);
	aside_keep(&f->a);
}

static size_t ranged_missing(int dir)
{
	struct ranged f;
	size_t        n = 0;

	ranged_open(&f, dir, false);
	for (size_t i = 0; i < f.count; i++)
		n += f.gaps[i].len;
	ranged_keep(&f);
	return n;
}

/* What the journal's entries are: [1] pieces with a tag of its own, [2] with a stream's, [3] keys of streams. */
struct kinds { unsigned n[4]; };

static struct kinds kinds_in(const struct ranged *f)
{
	struct kinds k = { { 0 } };
	uint8_t      e[64];

	for (off_t at = 256; pread(f->r.fd, e, sizeof e, at) == (ssize_t)sizeof e; at += (off_t)sizeof e)
		k.n[e[0] & 3]++;
	return k;
}

/* [off, off + len) comes by this engine and is noted; how much is missing after it. spent: records that have passed before. */
static size_t ranged_after(uint64_t spent, const struct suite *suite, enum carry carry, int integrity, const struct engine *re, int dir, uint64_t off, uint64_t len)
{
	struct stream   c, d;
	struct job      j = { .from = off, .length = len };
	struct incoming in;
	struct wire_done over = { 0 };
	struct ranged   f;
	pthread_t       t;
	int             from = file_of(RANGED);

	ranged_open(&f, dir, false);
	streams(suite, &c, &d, carry, integrity);
	c.rx.n_record = d.tx.n_record = spent;
	start(&t, &j, &d, from);
	incoming_range(&in, 1, f.a.fd, RANGED, off, len);
	in.resume = &f.r;
	in.only = re;
	in.allocated = f.a.allocated;
	int r = receiving(&c, &in, &over);
	pthread_join(t, NULL);
	bool good = r == 0 && j.result == 0 && !over.flags && !in.bad_count && in.next == in.until && in.until == off + len && !in.note_error && (!re || in.used == re);
	if (!good || in.fail.status)
		note("r %d sender %d flags %d bad %zu fail %u note %d", r, j.result, over.flags, in.bad_count, in.fail.status, in.note_error);
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
	close(j.other);
	close(from);
	ranged_keep(&f);
	return good ? ranged_missing(dir) : SIZE_MAX;
}

static size_t ranged(const struct suite *suite, enum carry carry, int integrity, const struct engine *re, int dir, uint64_t off, uint64_t len)
{
	return ranged_after(0, suite, carry, integrity, re, dir, off, len);
}

static void begin_anew(int dir)
{
	struct ranged f;

	ranged_open(&f, dir, true);
	ranged_keep(&f);
}

/* Ranges at any offsets, by every engine: all of them are noted, and right when they are read back; then the file is whole. */
static void noted(const struct suite *suite, enum carry carry, int integrity, const struct engine *re, int dir)
{
	const uint64_t odd = 2 * 1024 * 1024 + 777;
	struct ranged  f;

	begin_anew(dir);
	size_t first = ranged(suite, carry, integrity, re, dir, odd, 3 * 1024 * 1024 + 1);
	size_t second = ranged(suite, carry, integrity, re, dir, 0, odd);
	size_t third = ranged(suite, carry, integrity, re, dir, odd + 3 * 1024 * 1024 + 1, RANGED - odd - 3 * 1024 * 1024 - 1);
	ranged_open(&f, dir, false);
	ok(first == RANGED - 3 * 1024 * 1024 - 1 && second == first - odd && third == 0 && resume_commit(&f.a, &f.r, 0) == 0 && same(f.a.fd, RANGED),
	   "journal: %s, %s%s, %s: three ranges are noted, and whole", suite->name, carry == CARRY_RAW ? "raw" : "sealed", integrity == INTEGRITY_NONE ? " unchecked" : "", re ? re->name : "auto");
	struct kinds k = kinds_in(&f);
	bool         tagged = carry == CARRY_RAW && integrity == INTEGRITY_MAC;
	ok(tagged ? k.n[3] == 3 && k.n[2] >= RANGED / SEAL_RAW_CHUNK && !k.n[1] : !k.n[3] && !k.n[2] && k.n[1],
	   tagged ? "... with the streams' tags, each stream's key once, and no others" : "... with tags of its own");
	ranged_keep(&f);
}

/* A stream whose epoch ends in the midst of a file: between two segments, or with the end of one. */
static void noted_rekeyed(const struct suite *suite, int dir)
{
	for (uint64_t before = 1; before <= 4; before++) {
		struct ranged f;

		begin_anew(dir);
		size_t missing = ranged_after(SEAL_EPOCH_RECORDS - before, suite, CARRY_RAW, INTEGRITY_MAC, NULL, dir, 0, RANGED);
		ranged_open(&f, dir, false);
		struct kinds k = kinds_in(&f);
		/* with the first SEGMENT the keys change before anything is tagged */
		ok(missing == 0 && k.n[3] == (before == 1 ? 1 : 2) && !k.n[1], "journal: %s: an epoch ends after %u records: %u keys, all is there", suite->name, (unsigned)before, k.n[3]);
		ranged_keep(&f);
	}
}

/* What is damaged on its way is not noted, until it has come again. */
static void noted_mended(const struct suite *suite, int dir)
{
	struct stream   c, d;
	struct incoming in;
	struct transfer t = { .end = 600000, .size = RANGED, .carry = CARRY_RAW, .mac = true };
	union wire_body b = { .segment = { 1, 0, 600000, CARRY_RAW } };
	struct record   rec;
	struct ranged   f;
	int             from = file_of(RANGED);

	begin_anew(dir);
	ranged_open(&f, dir, false);
	streams(suite, &c, &d, CARRY_RAW, INTEGRITY_MAC);
	t.stream = &d;
	t.file = from;
	stream_put(&d, WIRE_SEGMENT, &b, true);
	stream_flush(&d, true);
	engine_send(&t, NULL);
	t.tags[1 * c.rx.mac->tag] ^= 1;
	b.segment_end = (struct wire_segment_end){ 1, 0, 600000, 0, 0, { t.tags, t.tag_count * c.rx.mac->tag } };
	stream_put(&d, WIRE_SEGMENT_END, &b, true);
	stream_flush(&d, false);
	incoming_range(&in, 1, f.a.fd, RANGED, 0, 600000);
	in.resume = &f.r;
	ok(stream_get(&c, &rec) == 0 && receive_segment(&c, &in, &rec.body.segment) == 0 && in.bad_count == 1, "journal: one chunk of three is damaged");
	ranged_keep(&f);
	ok(ranged_missing(dir) == RANGED - 600000 + SEAL_RAW_CHUNK, "it is not noted, the others are");
	ranged_open(&f, dir, false);
	in.file = f.a.fd;
	in.range = true;
	again(&c, &d, &in, from, SEAL_RAW_CHUNK, SEAL_RAW_CHUNK);
	struct kinds k = kinds_in(&f);
	ok(!in.bad_count && !in.note_error && k.n[1] && k.n[2] == 2 && k.n[3] == 1, "sealed, it is right, and tagged here");
	ranged_keep(&f);
	ok(ranged_missing(dir) == RANGED - 600000, "and noted");
	engine_close(&t);
	window_close(&t.window);
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
	close(from);
}

/* A segment whose end never came is not noted; neither is what the sender says it made up, nor what could not be written. */
static void not_noted(const struct suite *suite, int dir)
{
	struct stream   c, d;
	struct incoming in;
	struct record   rec;
	struct ranged   f;
	int             from = file_of(RANGED), nowhere = open("/dev/full", O_RDWR | O_CLOEXEC);

	for (int way = 0; way < 8; way++) {
		bool            raw = way & 4;
		enum carry      carry = raw ? CARRY_RAW : CARRY_SEALED;
		union wire_body b = { .segment = { 1, 0, 600000, carry } };
		struct transfer t = { .stream = &d, .file = from, .end = 600000, .size = RANGED, .carry = carry, .mac = raw };

		begin_anew(dir);
		ranged_open(&f, dir, false);
		streams(suite, &c, &d, carry, INTEGRITY_MAC);
		stream_put(&d, WIRE_SEGMENT, &b, true);
		stream_flush(&d, true);
		engine_send(&t, NULL);
		b.segment_end = (struct wire_segment_end){ 1, 0, 600000, (way & 3) == 1 ? SENT_SHRANK : 0, 0, { t.tags, raw ? t.tag_count * c.rx.mac->tag : 0 } };
		if (way & 3)
			stream_put(&d, WIRE_SEGMENT_END, &b, true);
		stream_flush(&d, false);
		shutdown(d.sock, SHUT_WR);
		incoming_range(&in, 1, (way & 3) == 2 ? nowhere : f.a.fd, RANGED, 0, 600000);
		in.resume = &f.r;
		int log = f.r.log;
		if ((way & 3) == 3)
			f.r.log = nowhere;
		int r = stream_get(&c, &rec);
		r = r < 0 ? r : receive_segment(&c, &in, &rec.body.segment);
		f.r.log = log;
		bool good = (way & 3) == 0 ? r < 0 : (way & 3) == 2 ? r == 0 && in.fail.status == ST_NO_SPACE :
		            (way & 3) == 3 ? r == 0 && in.note_error == -ENOSPC && !in.resume && !in.fail.status : r == 0;
		ranged_keep(&f);
		ok(good && ranged_missing(dir) == RANGED, "journal: %s: nothing is noted: %s", raw ? "raw" : "sealed",
		   ((const char *[]){ "the segment was cut", "the source shrank", "the disk is full", "the journal's disk is full, which is not the file's failure" })[way & 3]);
		engine_close(&t);
		window_close(&t.window);
		incoming_clear(&in);
		stream_clear(&c);
		stream_clear(&d);
	}
	close(from);
	close(nowhere);
}

/* Only [off, off + len), in order. */
static void range_borders(const struct suite *suite)
{
	struct stream       c, d;
	struct incoming     in;
	struct wire_segment s[] = { { 1, 999, 10, CARRY_SEALED }, { 1, 1001, 10, CARRY_SEALED }, { 1, 1000, 101, CARRY_SEALED }, { 1, 1101, 0, CARRY_SEALED } };
	bool                all = true;

	streams(suite, &c, &d, CARRY_SEALED, INTEGRITY_MAC);
	incoming_range(&in, 1, -1, 5000, 1000, 100);
	ok(in.next == 1000 && in.until == 1100 && in.size == 5000, "a range: where it is, and where it ends");
	for (size_t i = 0; i < sizeof s / sizeof *s; i++)
		all &= receive_segment(&c, &in, &s[i]) == -EPROTO;
	in.range = true;
	all &= receive_segment(&c, &in, &s[3]) == -EPROTO;
	ok(all, "contents before, behind or beyond it are refused, and out of order");
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
}

int main(int argc, char **argv)
{
	const struct suite *best = NULL, *every = NULL;

	if (sodium_init() < 0)
		return 1;
	every = suite_by_id(SUITE_CHACHA20POLY1305);
	for (size_t i = 0; suites[i] && !best; i++)
		best = suite_usable(suites[i]) ? suites[i] : NULL;
	int dir = scratch(argc > 1 ? argv[1] : NULL);
	if (!best || dir < 0)
		return 1;

	noted(best, CARRY_SEALED, INTEGRITY_MAC, NULL, dir);
	noted(best, CARRY_RAW, INTEGRITY_MAC, NULL, dir);
	noted(best, CARRY_RAW, INTEGRITY_NONE, NULL, dir);
	for (size_t i = 0; engines[i]; i++) {
		if (engines[i]->id == ENGINE_NULL || !(engines[i]->can & CAN_RECV))
			continue;
		noted(best, CARRY_RAW, INTEGRITY_NONE, engines[i], dir);
		if (engines[i]->can & CAN_SEAL)
			noted(best, CARRY_SEALED, INTEGRITY_MAC, engines[i], dir);
		if (engines[i]->can & CAN_MAC_RECV)
			noted(best, CARRY_RAW, INTEGRITY_MAC, engines[i], dir);
	}
	begin_anew(dir);
	ok(ranged(best, CARRY_SEALED, INTEGRITY_MAC, engine_by_name("null"), dir, 0, RANGED) == RANGED, "journal: what goes nowhere is not noted");
	noted(every, CARRY_RAW, INTEGRITY_MAC, NULL, dir);
	noted(every, CARRY_SEALED, INTEGRITY_MAC, NULL, dir);
	noted_mended(best, dir);
	noted_mended(every, dir);
	noted_rekeyed(best, dir);
	noted_rekeyed(every, dir);
	not_noted(best, dir);
	range_borders(best);
	close(dir);
	free(pattern());
	free(found());
	return done();
}
