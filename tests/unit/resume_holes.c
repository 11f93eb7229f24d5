/*
 * resume_holes.c - holes in the journal: noted whatever their length, believed when nothing is there, and never otherwise.
 */
#include "tests/unit/resume.h"

enum { FAR = 5 * MIB };
static const uint64_t tib = UINT64_C(1) << 40;

static int open_sparse(struct both *b, int dir, uint64_t size, unsigned how)
{
	struct resume_id id = id_of(size);

	return b->result = resume_open(&b->a, &b->r, dir, "f", me, &id, how | RESUME_SPARSE, b->gaps, &b->count);
}

static void put_byte(const struct both *b, off_t at, uint8_t byte)
{
	if (pwrite(b->a.fd, &byte, 1, at) != 1)
		exit(2);
}

/* [0, 1 MiB) came, the rest is a hole. */
static void begun(struct both *b, int dir)
{
	if (open_sparse(b, dir, SIZE, RESUME_FRESH) < 0 || come(b, 0, MIB) < 0 || resume_note_hole(&b->r, MIB, SIZE - MIB) < 0)
		exit(2);
}

static long long blocks(const struct both *b)
{
	struct stat st;

	return fstat(b->a.fd, &st) == 0 ? (long long)st.st_blocks : -1;
}

static void whole(int dir)
{
	struct both b, c;

	begun(&b, dir);
	ok(!b.a.allocated && blocks(&b) * 512 < 2 * MIB && size_of(dir, b.a.name) == SIZE, "no room is taken for what has holes; it has its size");
	ok(resume_commit(&b.a, &b.r, 0) == 0, "pieces and a hole cover the file: committed");
	keep(&b);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && c.r.why == RESUME_GOES_ON && !c.r.cut && c.count == 0 && c.r.have == SIZE, "opened again: nothing is missing");
	drop(&c);
	open_sparse(&b, dir, SIZE, 0);
	ok(resume_note_hole(&b.r, 2 * MIB, MIB) == 0 && resume_commit(&b.a, &b.r, 0) == -ENODATA, "beside a hole there are gaps: not committed");
	keep(&b);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && GAPS(&c, { 0, 2 * MIB }, { 3 * MIB, SIZE - 3 * MIB }) && c.r.have == MIB, "and they are told");
	drop(&c);
}

static void terabyte(int dir)
{
	struct both b, c;
	char        journal[ASIDE_NAME + 2];

	if (open_sparse(&b, dir, tib, 0) < 0) {
		ok(b.result == -EFBIG, "no such large files here");
		return;
	}
	ok(resume_note_hole(&b.r, 0, tib - MIB) == 0 && resume_commit(&b.a, &b.r, 0) == -ENODATA, "1 TiB, a hole but for its last MiB");
	snprintf(journal, sizeof journal, "%s.j", b.a.name);
	keep(&b);
	ok(size_of(dir, journal) == HEADER + ENTRY, "is one entry");
	ok(open_sparse(&c, dir, tib, 0) == 0 && GAPS(&c, { tib - MIB, MIB }) && c.r.have == tib - MIB, "and what is missing is that MiB");
	ok(resume_note_hole(&c.r, tib - MIB, MIB) == 0 && resume_commit(&c.a, &c.r, 0) == 0, "then it is whole");
	drop(&c);
}

static void looked_at(int dir)
{
	static const off_t places[] = { MIB, FAR, SIZE - 1 };
	struct both b, c;

	for (size_t i = 0; i < 3; i++) {
		begun(&b, dir);
		put_byte(&b, places[i], 1);
		keep(&b);
		ok(open_sparse(&c, dir, SIZE, 0) == 0 && c.r.cut && c.r.have == MIB && GAPS(&c, { MIB, SIZE - MIB }), "a byte at %lld of the hole: it is not believed",
		   (long long)places[i]);
		ok(resume_note_hole(&c.r, MIB, SIZE - MIB) == 0, "... noted once more, and still not true");
		keep(&c);
		ok(open_sparse(&c, dir, SIZE, 0) == 0 && c.r.cut && c.r.have == MIB, "... nor is it then");
		drop(&c);
	}
	begun(&b, dir);
	for (off_t at = 2 * MIB; at < 3 * MIB; at += 4096)
		put_byte(&b, at, 0);
	keep(&b);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && !c.r.cut && c.r.have == SIZE && c.count == 0, "zeros in its place are as good");
	drop(&c);
}

static void torn(int dir)
{
	struct both b, c;
	char        aside[ASIDE_NAME];

	begun(&b, dir);
	memcpy(aside, b.a.name, sizeof aside);
	keep(&b);
	set_length(dir, aside, FAR);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && c.r.have == SIZE && size_of(dir, aside) == SIZE, "an aside file that was cut short in the hole: it is one again");
	keep(&c);
	set_length(dir, aside, MIB - 1);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && c.r.cut && GAPS(&c, { 768 * 1024, SIZE - 768 * 1024 }), "cut short before it: the claim ends there");
	drop(&c);
}

static void void_of(int dir)
{
	struct both b, c;

	begun(&b, dir);
	ok(resume_void(&b.r, FAR, 10) == 0 && resume_commit(&b.a, &b.r, 0) == -ENODATA, "somebody wrote into the hole and could not prove it: not committed");
	keep(&b);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && c.r.have == SIZE && resume_commit(&c.a, &c.r, 0) == 0, "read back, and nothing was there: it is");
	drop(&c);
	begun(&b, dir);
	put_byte(&b, FAR, 7);
	ok(resume_void(&b.r, FAR, 1) == 0, "the same, and something is there");
	keep(&b);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && c.r.cut && c.r.have == MIB && resume_commit(&c.a, &c.r, 0) == -ENODATA, "found");
	drop(&c);
}

static void forged(int dir)
{
	const struct span bad[] = { { SIZE, 1 }, { SIZE - 1, 2 }, { 0, SIZE + 1 }, { 0, 0 }, { UINT64_MAX, 2 }, { 2, UINT64_MAX }, { UINT64_C(1) << 63, UINT64_C(1) << 63 } };
	struct both b, c;
	char        journal[ASIDE_NAME + 2];
	bool        all = true;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		open_sparse(&b, dir, SIZE, RESUME_FRESH);
		all &= come(&b, 0, MIB) == 0 && resume_note_hole(&b.r, bad[i].off, bad[i].len) == 0 && resume_note_hole(&b.r, MIB, SIZE - MIB) == 0;
		all &= resume_commit(&b.a, &b.r, 0) == -ENODATA;
		keep(&b);
		bool good = open_sparse(&c, dir, SIZE, 0) == 0 && c.r.cut && c.r.have == MIB;
		if (!good)
			note("%zu: have %llu", i, (unsigned long long)c.r.have);
		all &= good;
		keep(&c);
	}
	ok(all, "holes of no length, beyond the size, or beyond all numbers end the claim");
	all = true;
	for (off_t at = 0; at < ENTRY; at++) {
		begun(&b, dir);
		snprintf(journal, sizeof journal, "%s.j", b.a.name);
		keep(&b);
		flip(dir, journal, HEADER + 4 * ENTRY + at);
		all &= open_sparse(&c, dir, SIZE, 0) == 0 && c.r.cut && c.r.have == MIB;
		keep(&c);
	}
	ok(all, "a flipped bit in any byte of its entry: not believed");
	for (off_t cut = 1; cut < ENTRY; cut += 9) {
		begun(&b, dir);
		keep(&b);
		set_length(dir, journal, HEADER + 4 * ENTRY + cut);
		all &= open_sparse(&c, dir, SIZE, 0) == 0 && c.r.have == MIB;
		keep(&c);
	}
	ok(all, "an entry that is cut is none");
	open_sparse(&c, dir, SIZE, RESUME_FRESH);
	drop(&c);
}

/* What is read is bounded by the file's size, however often the journal says it. */
static void bounded(int dir)
{
	struct both b, c;

	open_sparse(&b, dir, SIZE, RESUME_FRESH);
	for (off_t at = 0; at < SIZE; at += MIB)
		for (off_t k = 0; k < MIB && at + k < SIZE; k += 4096)
			put_byte(&b, at + k, 0);
	for (uint64_t len = MIB; len < SIZE; len += MIB / 4)
		if (resume_note_hole(&b.r, 0, len) < 0)
			exit(2);
	keep(&b);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && c.r.cut && c.r.have >= 2 * MIB && c.r.have < 5 * MIB, "holes that grow, over zeros that are there: read twice at most (%llu)",
	   (unsigned long long)c.r.have);
	drop(&c);
	open_sparse(&b, dir, SIZE, RESUME_FRESH);
	for (int i = 0; i < 8192; i++)
		if (resume_note_hole(&b.r, 0, MIB) < 0)
			exit(2);
	keep(&b);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && c.r.cut && c.r.have == MIB, "one that is said again and again is cut");
	drop(&c);
}

static void many(int dir)
{
	struct both b, c;
	uint64_t    n = 0;

	open_sparse(&b, dir, SIZE, RESUME_FRESH);
	/* a block, a hole of a block, and so on; the last is a hole */
	for (uint64_t at = 0; at + 8192 <= SIZE; at += 8192, n++)
		if (come_in(&b, at, 4096, 4096) < 0 || resume_note_hole(&b.r, at + 4096, 4096) < 0)
			exit(2);
	ok(resume_note_hole(&b.r, n * 8192, SIZE - n * 8192) == 0 && resume_commit(&b.a, &b.r, 0) == 0, "%llu blocks with holes between them: whole", (unsigned long long)n);
	keep(&b);
	ok(open_sparse(&c, dir, SIZE, 0) == 0 && !c.r.cut && c.count == 0 && c.r.have == SIZE && blocks(&c) * 512 < SIZE * 3 / 4, "opened again: all of it is there, and no hole was filled");
	drop(&c);
}

static void older(int dir)
{
	struct both b, c;
	struct resume_id id = id_of(SIZE);
	bool        memory;

	/* a dense file was begun; by now it is one with holes */
	open_it(&b, dir);
	ok(come(&b, 0, SIZE) == 0, "all of a file came");
	long long full = blocks(&b);
	memory = !b.a.allocated;
	keep(&b);
	id.mtime++;
	c.result = resume_open(&c.a, &c.r, dir, "f", me, &id, RESUME_SPARSE, c.gaps, &c.count);
	ok(c.result == 0 && c.r.why == RESUME_ANOTHER && all_missing(&c) && blocks(&c) == 0 && size_of(dir, c.a.name) == SIZE, "another, with holes: nothing of the older one stays");
	ok(resume_note_hole(&c.r, 0, SIZE) == 0 && resume_commit(&c.a, &c.r, 0) == 0, "and a hole is all of it");
	keep(&c);
	open_it(&b, dir);
	ok(b.r.why == RESUME_ANOTHER && (memory || blocks(&b) >= full), "one without is granted its room, as always");
	drop(&b);
}

static int count_beats(void *arg)
{
	int *left = arg;

	return --*left < 0 ? -ECANCELED : 0;
}

static void beats(int dir)
{
	int left = 0;
	struct resume_pulse p = { count_beats, &left };
	struct resume_id id = id_of(SIZE);
	struct both b;

	begun(&b, dir);
	put_byte(&b, FAR, 0);
	keep(&b);
	b.result = resume_open_pulsed(&b.a, &b.r, dir, "f", me, &id, RESUME_SPARSE, b.gaps, &b.count, &p);
	ok(b.result == -ECANCELED, "a beat that fails ends it");
	ok(open_sparse(&b, dir, SIZE, 0) == 0 && b.r.have == SIZE && !b.r.cut, "and nothing of the journal goes");
	drop(&b);
}

static void everything(const char *where)
{
	int dir = scratch(where);

	whole(dir);
	terabyte(dir);
	looked_at(dir);
	torn(dir);
	void_of(dir);
	forged(dir);
	bounded(dir);
	many(dir);
	older(dir);
	beats(dir);
	close(dir);
	scratch_remove();
}

int main(int argc, char **argv)
{
	umask(022);
	if (sodium_init() < 0)
		return 1;
	randombytes_buf_deterministic(the_data(), SIZE, (const unsigned char *)"0123456789abcdef0123456789abcdef");
	everything(argc > 1 ? argv[1] : NULL);
	everything("/dev/shm");
	return done();
}
