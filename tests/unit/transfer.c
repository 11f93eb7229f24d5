/*
 * transfer.c - send.h into receive.h over a real TCP connection: every pair of engines, plain and sealed, sizes around every border;
 * sources that shrink, grow and are rewritten between two segments; full disks; wrong tags; then the stream goes on.
 */
#include "tests/unit/transfer.h"

/* segment: bytes of the first one; 0: as any stream begins. */
static bool one_paced(const struct suite *suite, enum carry carry, int integrity, const struct engine *se, const struct engine *re, size_t size,
                      size_t segment)
{
	struct stream   c, d;
	struct job      j = { .only = se };
	struct incoming in;
	struct wire_done over = { 0 };
	pthread_t       t;
	int             from = file_of(size), to = file_of(0);

	streams(suite, &c, &d, carry, integrity);
	d.segment = segment;
	start(&t, &j, &d, from);
	incoming_init(&in, 1, to, size);
	in.only = re;
	in.allocated = size && fallocate(to, 0, 0, (off_t)size) == 0;
	int r = receiving(&c, &in, &over);
	pthread_join(t, NULL);
	engine_close(&in.transfer);             /* direct: O_DIRECT comes off the descriptor */
	bool good = r == 0 && j.result == 0 && !over.flags && !in.bad_count && !in.fail.status && same(to, size)
	         && (!se || !size || j.sent.engine == se) && (!re || !size || in.used == re);
	if (!good)
		note("r %d sender %d flags %d bad %zu fail %u/%u/%u", r, j.result, over.flags, in.bad_count, in.fail.status, in.fail.why, in.fail.err);
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
	close(j.other);
	close(from);
	close(to);
	return good;
}

static bool one(const struct suite *suite, enum carry carry, int integrity, const struct engine *se, const struct engine *re, size_t size)
{
	return one_paced(suite, carry, integrity, se, re, size, 0);
}

static const size_t sizes[] = { 0, 1, 4095, 4096, 65536, 65537, 262143, 262144, 262145, 786432, 1048575, 1048577, 1835008, 3145729 };

static void pairs(const struct suite *suite, enum carry carry, int integrity)
{
	for (size_t i = 0; engines[i]; i++) {
		for (size_t k = 0; engines[k]; k++) {
			unsigned s = CAN_SEND | (carry == CARRY_SEALED ? CAN_SEAL : 0);
			unsigned r = CAN_RECV | (carry == CARRY_SEALED ? CAN_SEAL : integrity == INTEGRITY_MAC ? CAN_MAC_RECV : 0);
			if (engines[i]->id == ENGINE_NULL || engines[k]->id == ENGINE_NULL)
				continue;
			if (engine_check(engines[i], s).status || engine_check(engines[k], r).status)
				continue;
			size_t n, good = 0;
			for (n = 0; n < sizeof sizes / sizeof *sizes; n++)
				good += one(suite, carry, integrity, engines[i], engines[k], sizes[n]);
			ok(good == n, "%s %s%s: %s -> %s, %zu sizes", suite->name, carry == CARRY_RAW ? "raw" : "sealed",
			   integrity == INTEGRITY_NONE ? " unchecked" : "", engines[i]->name, engines[k]->name, n);
		}
	}
}

/* The largest segment there is, to and from every engine: more than what a mapping or a pipe holds at once. */
static void largest(const struct suite *suite, enum carry carry, int integrity)
{
	const struct engine *any = engine_by_name("readwrite");
	unsigned             seal = carry == CARRY_SEALED ? CAN_SEAL : integrity == INTEGRITY_MAC ? CAN_MAC_RECV : 0;
	size_t               all = 0, good = 0;

	for (size_t i = 0; engines[i]; i++) {
		if (engines[i]->id == ENGINE_NULL)
			continue;
		if (!engine_check(engines[i], CAN_SEND | (seal & CAN_SEAL)).status) {
			all++;
			good += one_paced(suite, carry, integrity, engines[i], any, WIRE_SEGMENT_MAX + 4097, WIRE_SEGMENT_MAX);
		}
		if (!engine_check(engines[i], CAN_RECV | seal).status) {
			all++;
			good += one_paced(suite, carry, integrity, any, engines[i], WIRE_SEGMENT_MAX + 4097, WIRE_SEGMENT_MAX);
		}
	}
	ok(good == all, "%s%s: a segment of 16 MiB arrives whole, whatever sends and takes it", carry == CARRY_RAW ? "raw" : "sealed",
	   integrity == INTEGRITY_NONE ? " unchecked" : "");
}

enum { CHANGING = 8 * 1024 * 1024 };

static int shrink(void *arg, uint32_t id)
{
	struct job *j = arg;
	(void)id;
	return ftruncate(j->other, 2 * 1024 * 1024 + 12345) < 0 ? -errno : 0;
}

static int grow(void *arg, uint32_t id)
{
	struct job *j = arg;
	(void)id;
	return pwrite(j->other, "more", 4, CHANGING) < 0 ? -errno : 0;
}

static int rewrite(void *arg, uint32_t id)
{
	struct job *j = arg;
	(void)id;
	return pwrite(j->other, "other bytes", 11, 0) < 0 ? -errno : 0;
}

static int give_up(void *arg, uint32_t id)
{
	(void)arg, (void)id;
	return 1;
}

/* A change while it is sent: said in DONE, and the next file on the same stream is whole. Pages that sendfile has queued and that are
 * rewritten before they are read arrive rewritten: their tag is wrong then, as it should be. */
static void changing(const struct suite *suite, enum carry carry, const struct engine *e, int (*how)(void *, uint32_t), uint8_t flag, const char *what)
{
	struct stream   c, d;
	struct job      j = { .only = e, .between = how };
	struct incoming in;
	struct wire_done over = { 0 };
	pthread_t       t;
	int             from = file_of(CHANGING), to = file_of(0);

	streams(suite, &c, &d, carry, INTEGRITY_MAC);
	start(&t, &j, &d, from);
	incoming_init(&in, 1, to, CHANGING);
	int r = receiving(&c, &in, &over);
	pthread_join(t, NULL);
	ok(r == 0 && j.result == 0 && over.flags == flag && (!in.bad_count || how == rewrite) && !in.fail.status, "%s %s %s: %s is said (r %d flags %d bad %zu)", suite->name,
	   carry == CARRY_RAW ? "raw" : "sealed", e->name, what, r, over.flags, in.bad_count);
	incoming_clear(&in);
	close(j.other);
	close(from);
	from = file_of(700000);
	j.between = NULL;
	start(&t, &j, &d, from);
	incoming_init(&in, 1, to, 700000);
	if (ftruncate(to, 0) < 0)
		abort();
	r = receiving(&c, &in, &over);
	pthread_join(t, NULL);
	ok(r == 0 && !over.flags && !in.bad_count && same(to, 700000), "... and the stream goes on");
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
	close(j.other);
	close(from);
	close(to);
}

static void full_disk(const struct suite *suite, enum carry carry, const struct engine *re)
{
	struct stream   c, d;
	struct job      j = { 0 };
	struct incoming in;
	struct wire_done over = { 0 };
	pthread_t       t;
	int             from = file_of(3000000), to = open("/dev/full", O_WRONLY);

	streams(suite, &c, &d, carry, INTEGRITY_MAC);
	start(&t, &j, &d, from);
	incoming_init(&in, 1, to, 3000000);
	in.only = re;
	int r = receiving(&c, &in, &over);
	pthread_join(t, NULL);
	ok(r == 0 && in.fail.status == ST_NO_SPACE && !over.flags, "%s %s: a full disk is the file's failure, not the stream's", suite->name, re->name);
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
	close(j.other);
	close(from);
	close(to);
}

/* One raw byte flipped on the way: that chunk, and only that, is bad; sent again sealed, it is right. */
static void flipped(const struct suite *suite)
{
	struct stream   c, d;
	struct incoming in;
	struct transfer t = { 0 };
	struct record   rec;
	int             from = file_of(600000), to = file_of(0);

	streams(suite, &c, &d, CARRY_RAW, INTEGRITY_MAC);
	union wire_body b = { .segment = { 1, 0, 600000, CARRY_RAW } };
	stream_put(&d, WIRE_SEGMENT, &b, true);
	stream_flush(&d, true);
	t = (struct transfer){ .stream = &d, .file = from, .end = 600000, .size = 600000, .carry = CARRY_RAW, .mac = true };
	pattern()[300000] ^= 1;                   /* tagged as it was, sent as it is: the tag is computed over the file ... */
	ok(engine_send(&t, engine_by_name("sendfile")) == 0 && t.tag_count == 3, "three chunks leave");
	t.tags[1 * c.rx.mac->tag] ^= 1;         /* ... and one of the three is made wrong */
	pattern()[300000] ^= 1;
	b.segment_end = (struct wire_segment_end){ 1, 0, 600000, 0, 0, { t.tags, t.tag_count * c.rx.mac->tag } };
	stream_put(&d, WIRE_SEGMENT_END, &b, true);
	stream_flush(&d, false);
	incoming_init(&in, 1, to, 600000);
	ok(stream_get(&c, &rec) == 0 && receive_segment(&c, &in, &rec.body.segment) == 0, "a wrong tag leaves the stream in step");
	ok(in.bad_count == 1 && in.bad[0].off == SEAL_RAW_CHUNK && in.bad[0].len == SEAL_RAW_CHUNK, "and names the chunk");
	engine_close(&t);
	window_close(&t.window);

	in.range = true;
	again(&c, &d, &in, from, SEAL_RAW_CHUNK, WIRE_SEGMENT_LEAST);
	ok(in.bad_count == 1 && in.bad[0].off == SEAL_RAW_CHUNK + WIRE_SEGMENT_LEAST && in.bad[0].len == SEAL_RAW_CHUNK - WIRE_SEGMENT_LEAST,
	   "a part of it, sealed, mends no more than that part");
	again(&c, &d, &in, from, SEAL_RAW_CHUNK + WIRE_SEGMENT_LEAST, SEAL_RAW_CHUNK - WIRE_SEGMENT_LEAST);
	ok(in.bad_count == 0, "all of it, sealed, is right");
	ok(same(to, 600000), "and the file is whole");
	engine_close(&t);
	window_close(&t.window);
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
	close(from);
	close(to);
}

static void refusals(const struct suite *suite)
{
	struct stream       c, d;
	struct incoming     in;
	struct transfer     t = { .carry = CARRY_NONE };
	struct wire_segment raw = { 1, 0, 100, CARRY_RAW };

	ok(engine_send(&t, NULL) == -EINVAL && engine_recv(&t, NULL) == -EINVAL, "CARRY_NONE moves nothing");
	streams(suite, &c, &d, CARRY_SEALED, INTEGRITY_MAC);
	incoming_init(&in, 1, -1, 1000);
	ok(receive_segment(&c, &in, &raw) == -EPROTO, "a raw segment where sealed was agreed is refused");
	raw = (struct wire_segment){ 1, 950, 100, CARRY_SEALED };
	in.next = 950;
	ok(receive_segment(&c, &in, &raw) == -EPROTO, "contents beyond the size are refused");
	raw = (struct wire_segment){ 1, 10, 100, CARRY_SEALED };
	in.next = 0;
	ok(receive_segment(&c, &in, &raw) == -EPROTO, "a gap is refused");
	ok(engine_check(engine_by_name("sendfile"), CAN_SEND | CAN_SEAL).why == WHY_ENGINE_SEAL, "sendfile cannot seal");
	ok(engine_check(engine_by_name("sendfile"), CAN_RECV).why == WHY_ENGINE_SIDE, "nor receive");
	ok(engine_check(engine_by_name("splice"), CAN_RECV | CAN_MAC_RECV).why == WHY_ENGINE_MAC, "splice cannot check before it writes");
	stream_clear(&c);
	stream_clear(&d);
}

int main(void)
{
	const struct suite *best = NULL;

	if (sodium_init() < 0)
		return 1;
	for (size_t i = 0; suites[i]; i++) {
		if (!suite_usable(suites[i]))
			continue;
		best = best ? best : suites[i];
		ok(one(suites[i], CARRY_SEALED, INTEGRITY_MAC, NULL, NULL, 3145729), "%s: sealed, auto", suites[i]->name);
		ok(one(suites[i], CARRY_RAW, INTEGRITY_MAC, NULL, NULL, 3145729), "%s: raw, auto", suites[i]->name);
	}
	if (!best)
		return 1;
	pairs(best, CARRY_SEALED, INTEGRITY_MAC);
	pairs(best, CARRY_RAW, INTEGRITY_MAC);
	pairs(best, CARRY_RAW, INTEGRITY_NONE);
	largest(best, CARRY_SEALED, INTEGRITY_MAC);
	largest(best, CARRY_RAW, INTEGRITY_MAC);
	largest(best, CARRY_RAW, INTEGRITY_NONE);
	for (size_t i = 0; engines[i]; i++) {
		if (engines[i]->id == ENGINE_NULL)
			continue;
		for (enum carry carry = CARRY_SEALED; carry <= CARRY_RAW; carry++) {
			if (carry == CARRY_SEALED && !(engines[i]->can & CAN_SEAL))
				continue;
			changing(best, carry, engines[i], shrink, SENT_SHRANK, "a shorter source");
			changing(best, carry, engines[i], grow, SENT_GREW, "a longer source");
			changing(best, carry, engines[i], rewrite, SENT_SHRANK, "a rewritten source");
			changing(best, carry, engines[i], give_up, SENT_GIVEN_UP, "giving up");
		}
	}
	full_disk(best, CARRY_RAW, engine_by_name("readwrite"));
	full_disk(best, CARRY_SEALED, engine_by_name("readwrite"));
	flipped(best);
	refusals(best);
	free(pattern());
	free(found());
	return done();
}
