/*
 * transfer_holes.c - files with holes through send.h and receive.h: every pair of engines, plain and sealed, on a disk and in memory; what was there before; sources that
 * change; and holes as no honest sender would announce them.
 */
#include "common/holes.h"
#include "tests/unit/transfer.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* Bytes of pattern() in these places, and nothing between them. */
struct shape { const char *name; uint64_t size; struct extent data[6]; };
static const struct shape shapes[] = {
	{ "all hole", 3 * MIB, { { 0, 0 } } },
	{ "hole first", 3 * MIB + 5, { { 2 * MIB, 3 * MIB + 5 } } },
	{ "hole last", 3 * MIB + 5, { { 0, 300000 } } },
	{ "hole in the middle", 5 * MIB, { { 0, MIB + 1 }, { 4 * MIB, 5 * MIB } } },
	{ "odd places", 2 * MIB + 77, { { 0, 1 }, { 10000, 10001 }, { 300000, 700001 }, { MIB + 4095, MIB + 4097 }, { 2 * MIB + 76, 2 * MIB + 77 } } },
	{ "a block among holes", 20 * MIB, { { 10 * MIB, 10 * MIB + 4096 } } },
};

static int empty_file(const char *where)
{
	char name[64];

	snprintf(name, sizeof name, "%s/zcp-unit-XXXXXX", where);
	int fd = mkstemp(name);
	unlink(name);
	if (fd < 0)
		abort();
	return fd;
}

static int shaped(const char *where, const struct shape *s)
{
	int fd = empty_file(where);

	if (ftruncate(fd, (off_t)s->size) < 0)
		abort();
	for (size_t i = 0; i < 6 && s->data[i].end; i++) {
		size_t len = (size_t)(s->data[i].end - s->data[i].from);
		if (pwrite(fd, pattern() + s->data[i].from, len, (off_t)s->data[i].from) != (ssize_t)len)
			abort();
	}
	return fd;
}

static bool same_bytes(int a, int b, uint64_t size)
{
	static uint8_t one[MIB], two[MIB];
	bool           good = true;

	for (uint64_t k = 0; good && k < size; k += MIB) {
		size_t n = size - k < MIB ? (size_t)(size - k) : MIB;
		good = pread(a, one, n, (off_t)k) == (ssize_t)n && pread(b, two, n, (off_t)k) == (ssize_t)n && memcmp(one, two, n) == 0;
	}
	return good;
}

static bool same_holes(int a, int b, uint64_t size)
{
	for (uint64_t at = 0; at < size;) {
		struct extent e = holes_next(a, at, size), f = holes_next(b, at, size);
		if (e.from != f.from || e.end != f.end) {
			note("at %llu: %llu to %llu, and %llu to %llu", (unsigned long long)at, (unsigned long long)e.from, (unsigned long long)e.end,
			     (unsigned long long)f.from, (unsigned long long)f.end);
			return false;
		}
		at = e.end;
	}
	return true;
}

/* Holes first: to read a file may put something into them. */
static bool alike(int a, int b, uint64_t size, bool holes)
{
	struct stat st;

	return fstat(b, &st) == 0 && (uint64_t)st.st_size == size && (!holes || same_holes(a, b, size)) && same_bytes(a, b, size);
}

static uint64_t data_in(int fd, uint64_t size)
{
	uint64_t sum = 0;

	for (uint64_t at = 0; at < size;) {
		struct extent e = holes_next(fd, at, size);
		sum += e.end - e.from;
		at = e.end;
	}
	return sum;
}

struct way { const struct suite *suite; enum carry carry; int integrity; const struct engine *send, *recv; const char *where; bool bytes_only; };

/* to: what stands there already. */
static bool copied(const struct way *w, int from, int to, uint64_t size, bool allocated)
{
	struct stream    c, d;
	struct job       j = { .only = w->send, .holes = true };
	struct incoming  in;
	struct wire_done over = { 0 };
	pthread_t        t;

	streams(w->suite, &c, &d, w->carry, w->integrity);
	start(&t, &j, &d, from);
	incoming_init(&in, 1, to, size);
	in.only = w->recv;
	in.allocated = allocated;
	int r = receiving(&c, &in, &over);
	pthread_join(t, NULL);
	engine_close(&in.transfer);             /* direct: O_DIRECT comes off the descriptor */
	bool good = r == 0 && j.result == 0 && !over.flags && !in.bad_count && !in.fail.status && in.next == size && alike(from, to, size, !w->bytes_only);
	good &= j.sent.bytes == data_in(from, size) && j.sent.bytes + j.sent.holes == size && in.holes == j.sent.holes;
	good &= !w->send || !j.sent.bytes || j.sent.engine == w->send;
	good &= !w->recv || !j.sent.bytes || in.used == w->recv;
	if (!good)
		note("r %d sender %d flags %d bad %zu fail %u/%u/%u sent %llu holes %llu", r, j.result, over.flags, in.bad_count, in.fail.status, in.fail.why, in.fail.err,
		     (unsigned long long)j.sent.bytes, (unsigned long long)j.sent.holes);
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
	close(j.other);
	return good;
}

static bool all_shapes(const struct way *w)
{
	bool good = true;

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		int  from = shaped(w->where, &shapes[i]), to = empty_file(w->where);
		bool same_map = copied(w, from, to, shapes[i].size, false);

		close(to);
		to = empty_file(w->where);      /* one that has its size already, as where ranges come */
		same_map &= ftruncate(to, (off_t)shapes[i].size) == 0 && copied(w, from, to, shapes[i].size, false);
		if (!same_map)
			note("%s", shapes[i].name);
		good &= same_map;
		close(from);
		close(to);
	}
	return good;
}

static bool direct_here(const char *where)
{
	int  fd = empty_file(where), flags = fcntl(fd, F_GETFL);
	bool can = fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;

	close(fd);
	return can;
}

static void pairs(const struct way *as)
{
	unsigned seal = as->carry == CARRY_SEALED ? CAN_SEAL : 0, mac = as->carry == CARRY_RAW && as->integrity == INTEGRITY_MAC ? CAN_MAC_RECV : 0;

	for (size_t i = 0; engines[i]; i++) {
		for (size_t k = 0; engines[k]; k++) {
			struct way w = *as;
			w.send = engines[i];
			w.recv = engines[k];
			bool direct = w.send->id == ENGINE_DIRECT || w.recv->id == ENGINE_DIRECT;
			if (w.send->id == ENGINE_NULL || w.recv->id == ENGINE_NULL || (direct && !direct_here(as->where)))
				continue;
			if (engine_check(w.send, CAN_SEND | seal).status || engine_check(w.recv, CAN_RECV | seal | mac).status)
				continue;
			ok(all_shapes(&w), "%s %s%s, %s: %s -> %s: same bytes, same holes", w.suite->name, w.carry == CARRY_RAW ? "raw" : "sealed",
			   w.integrity == INTEGRITY_NONE ? " unchecked" : "", w.where, w.send->name, w.recv->name);
		}
	}
	ok(all_shapes(as), "%s, %s: by whatever is best", as->carry == CARRY_RAW ? "raw" : "sealed", as->where);
}

/* --- what is there ------------------------------------------------------------------------------------------------------ */

static void over_others(const struct way *as)
{
	for (size_t k = 0; engines[k]; k++) {
		struct way w = *as;
		unsigned   mac = w.carry == CARRY_SEALED ? CAN_SEAL : CAN_MAC_RECV;
		w.recv = engines[k];
		if (w.recv->id == ENGINE_NULL || engine_check(w.recv, CAN_RECV | mac).status || (w.recv->id == ENGINE_DIRECT && !direct_here(w.where)))
			continue;
		bool stale = true, granted = true;
		/* the page cache may have what was there in larger pieces than blocks: a mapping that writes to a part of one takes room for all of it */
		bool pages = w.recv->id == ENGINE_MMAP;
		for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
			int from = shaped(w.where, &shapes[i]), to = empty_file(w.where);
			for (uint64_t at = 0; at < shapes[i].size; at += MIB)
				if (pwrite(to, pattern(), shapes[i].size - at < MIB ? (size_t)(shapes[i].size - at) : MIB, (off_t)at) < 0)
					abort();
			w.bytes_only = pages;
			stale &= copied(&w, from, to, shapes[i].size, false);
			w.bytes_only = false;
			close(to);
			to = empty_file(w.where);
			bool room = fallocate(to, 0, 0, (off_t)shapes[i].size) == 0;
			struct stat is, was;
			granted &= copied(&w, from, to, shapes[i].size, room) && fstat(from, &was) == 0 && fstat(to, &is) == 0 && is.st_blocks <= was.st_blocks + 16;
			close(to);
			close(from);
		}
		ok(stale, "%s, %s: what an earlier copy left in a hole's place is removed", w.recv->name, w.where);
		ok(granted, "%s, %s: room that was granted beforehand is given back", w.recv->name, w.where);
	}
}

/* --- a source that changes -------------------------------------------------------------------------------------------------- */

static int fill(void *arg, uint32_t id)
{
	struct job *j = arg;
	(void)id;
	return pwrite(j->other, "no hole any more", 16, 3 * MIB) < 0 ? -errno : 0;
}

static int punch(void *arg, uint32_t id)
{
	struct job *j = arg;
	(void)id;
	return fallocate(j->other, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * MIB, MIB) < 0 ? -errno : 0;
}

static int cut(void *arg, uint32_t id)
{
	struct job *j = arg;
	(void)id;
	return ftruncate(j->other, 2 * MIB + 5) < 0 ? -errno : 0;
}

static int grow(void *arg, uint32_t id)
{
	struct job *j = arg;
	(void)id;
	return pwrite(j->other, "more", 4, 6 * MIB) < 0 ? -errno : 0;
}

static void changing(const struct way *w, int (*how)(void *, uint32_t), uint8_t flag, const char *what)
{
	const struct shape s = { "changing", 5 * MIB, { { 0, MIB + 1 }, { 4 * MIB, 5 * MIB } } };
	struct stream      c, d;
	struct job         j = { .only = w->send, .holes = true, .between = how };
	struct incoming    in;
	struct wire_done   over = { 0 };
	pthread_t          t;
	int                from = shaped(w->where, &s), to = empty_file(w->where);

	streams(w->suite, &c, &d, w->carry, w->integrity);
	start(&t, &j, &d, from);
	incoming_init(&in, 1, to, s.size);
	int r = receiving(&c, &in, &over);
	pthread_join(t, NULL);
	ok(r == 0 && j.result == 0 && (over.flags & flag), "%s, %s: %s: noticed (%d)", w->carry == CARRY_RAW ? "raw" : "sealed", w->send ? w->send->name : "auto", what, over.flags);
	incoming_clear(&in);
	close(j.other);
	close(to);

	/* the stream is in step */
	struct job j2 = { .holes = true };
	to = empty_file(w->where);
	close(from);
	from = shaped(w->where, &s);
	start(&t, &j2, &d, from);
	incoming_init(&in, 1, to, s.size);
	r = receiving(&c, &in, &over);
	pthread_join(t, NULL);
	ok(r == 0 && !over.flags && alike(from, to, s.size, true), "... and the next file is whole");
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
	close(j2.other);
	close(from);
	close(to);
}

/* --- as no honest sender ----------------------------------------------------------------------------------------------------- */

struct lie { const char *what; struct wire_hole first, second; bool again, poured; int want; uint64_t next; };

static void lies(const struct suite *suite)
{
	static const struct lie all[] = {
		{ "a hole of all there is", { 1, 0, MIB }, { 0 }, false, false, 0, MIB },
		{ "two that follow each other", { 1, 0, 4096 }, { 1, 4096, 4096 }, false, false, 0, 8192 },
		{ "one that leaves something out", { 1, 4096, 4096 }, { 0 }, false, false, -EPROTO, 0 },
		{ "one that comes twice", { 1, 0, 4096 }, { 1, 0, 4096 }, false, false, -EPROTO, 4096 },
		{ "two that overlap", { 1, 0, 8192 }, { 1, 4096, 8192 }, false, false, -EPROTO, 8192 },
		{ "one that goes back", { 1, 0, 8192 }, { 1, 0, 1 }, false, false, -EPROTO, 8192 },
		{ "one beyond the end", { 1, 0, MIB + 1 }, { 0 }, false, false, -EPROTO, 0 },
		{ "one behind the end", { 1, 0, MIB }, { 1, MIB, 1 }, false, false, -EPROTO, MIB },
		{ "one as long as there can be", { 1, 0, INT64_MAX }, { 0 }, false, false, -EPROTO, 0 },
		{ "one behind all numbers", { 1, UINT64_MAX, UINT64_MAX }, { 0 }, false, false, -EPROTO, 0 },
		{ "one that is as long as a number goes", { 1, 0, 8192 }, { 1, 8192, UINT64_MAX - 8191 }, false, false, -EPROTO, 8192 },
		{ "one among chunks that come again", { 1, 0, 4096 }, { 0 }, true, false, -EPROTO, 0 },
		{ "one in what is poured", { 1, 0, 4096 }, { 0 }, false, true, -EPROTO, 0 },
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct stream   c, d;
		struct incoming in;
		int             to = file_of(0);

		streams(suite, &c, &d, CARRY_SEALED, INTEGRITY_MAC);
		incoming_init(&in, 1, to, MIB);
		in.range = all[i].again;
		in.in_order = all[i].poured;
		int r = receive_hole(&c, &in, &all[i].first);
		if (r == 0 && all[i].second.length)
			r = receive_hole(&c, &in, &all[i].second);
		struct stat st;
		ok(r == all[i].want && in.next == all[i].next && !in.fail.status && fstat(to, &st) == 0 && st.st_size <= MIB && st.st_blocks == 0, "%s: %d", all[i].what, r);
		incoming_clear(&in);
		stream_clear(&c);
		stream_clear(&d);
		close(to);
	}
}

static void failures(const struct suite *suite)
{
	const struct wire_hole one = { 1, 0, 8192 }, two = { 1, 8192, MIB - 8192 };
	struct stream   c, d;
	struct incoming in;

	streams(suite, &c, &d, CARRY_SEALED, INTEGRITY_MAC);
	incoming_init(&in, 1, -1, MIB);
	ok(receive_hole(&c, &in, &one) == 0 && in.next == 8192 && !in.fail.status, "of a file that nobody keeps: counted, no more");
	incoming_clear(&in);
	int to = file_of(MIB), ro;
	char name[40];
	snprintf(name, sizeof name, "/proc/self/fd/%d", to);
	ro = open(name, O_RDONLY | O_CLOEXEC);
	incoming_init(&in, 1, ro, MIB);
	ok(receive_hole(&c, &in, &one) == 0 && in.fail.err == EBADF && in.next == 8192, "what cannot be removed is the file's failure, not the stream's");
	ok(receive_hole(&c, &in, &two) == 0 && in.next == MIB && in.fail.err == EBADF, "and what follows is counted, no more");
	incoming_clear(&in);
	ok(same(to, MIB), "not a byte of it has changed");
	incoming_init(&in, 1, to, MIB);
	in.only = engine_by_id(ENGINE_NULL);
	ok(receive_hole(&c, &in, &one) == 0 && same(to, MIB), "where contents go nowhere, holes do");
	incoming_clear(&in);
	stream_clear(&c);
	stream_clear(&d);
	close(ro);
	close(to);
}

int main(void)
{
	static const char *const places[] = { "/tmp", "/dev/shm" };
	const struct suite      *suite = suite_by_id(SUITE_CHACHA20POLY1305);

	if (sodium_init() < 0)
		return 1;
	for (size_t i = 0; i < 2; i++) {
		struct way raw = { suite, CARRY_RAW, INTEGRITY_MAC, NULL, NULL, places[i], false };
		struct way bare = { suite, CARRY_RAW, INTEGRITY_NONE, NULL, NULL, places[i], false };
		struct way sealed = { suite, CARRY_SEALED, INTEGRITY_MAC, NULL, NULL, places[i], false };
		pairs(&raw);
		pairs(&bare);
		pairs(&sealed);
		over_others(&raw);
		over_others(&sealed);
		const struct way ways[] = { raw, sealed };
		for (size_t k = 0; k < 2; k++) {
			changing(&ways[k], fill, SENT_SHRANK, "its hole is written to");
			changing(&ways[k], punch, SENT_SHRANK, "its data becomes a hole");
			changing(&ways[k], cut, SENT_SHRANK, "it is cut in the hole");
			changing(&ways[k], grow, SENT_GREW, "it grows");
		}
	}
	lies(suite);
	failures(suite);
	return done();
}
