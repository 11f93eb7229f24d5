/*
 * resume_keys.c - raw chunks noted with their stream's tags and keys: proved again when the journal is opened, and nothing else is believed.
 */
#include "tests/unit/resume.h"

#include "common/seal.h"

enum { CHUNK = KIB256, KIND = 0, NONCE_AT = 12, ID_AT = 16, TAG_AT = 24, SUM_AT = 56 };

/* Both ends of one direction of a stream. */
struct direction { struct seal tx, rx; struct resume_key key; };

static void direction_init(struct direction *d, const struct suite *suite, uint8_t seed)
{
	uint8_t h[64] = { seed }, k[2][32];

	memset(k, seed, sizeof k);
	*d = (struct direction){ .key.suite = 0 };
	if (seal_init(&d->tx, suite, k[0], h) < 0 || seal_init(&d->rx, suite, k[1], h) < 0)
		exit(2);
}

static void direction_clear(struct direction *d)
{
	seal_clear(&d->tx);
	seal_clear(&d->rx);
}

/* Some record passes. */
static void record(struct direction *d)
{
	uint8_t bytes[1 + SUITE_TAG_MAX] = { 0 }, ad[4] = { 0 };

	if (seal_record(&d->tx, bytes, bytes, 1, ad) < 0 || open_record(&d->rx, bytes, bytes, 1 + d->tx.suite->tag, ad) < 0)
		exit(2);
}

/* A raw segment as receive.c takes it: the key before its bytes, its end after them, then the notes. */
static int segment(struct both *b, struct direction *d, uint64_t off, uint64_t len)
{
	struct resume_piece p[SIZE / CHUNK + 1] = { { .off = 0 } };
	struct resume_key   k = { .suite = d->rx.mac->id };
	uint64_t            counter;
	size_t              n = 0;

	record(d);
	counter = seal_raw_key(&d->rx, k.key);
	k.noted = d->key.noted && memcmp(d->key.key, k.key, sizeof k.key) == 0;
	d->key = k;
	for (uint64_t at = 0; at < len; at += CHUNK, n++) {
		uint8_t theirs[SUITE_TAG_MAX];

		p[n].off = off + at;
		p[n].len = len - at < CHUNK ? (uint32_t)(len - at) : CHUNK;
		p[n].nonce = (uint32_t)(counter + n);
		if (pwrite(b->a.fd, the_data() + p[n].off, p[n].len, (off_t)p[n].off) != (ssize_t)p[n].len ||
		    seal_raw_tag(&d->tx, theirs, the_data() + p[n].off, p[n].len) < 0 || seal_raw_tag(&d->rx, p[n].tag, the_data() + p[n].off, p[n].len) < 0 ||
		    memcmp(theirs, p[n].tag, d->rx.mac->tag) != 0)
			exit(2);
	}
	record(d);
	return resume_note_keyed(&b->r, &d->key, p, n);
}

static off_t entries_of(const struct both *b)
{
	struct stat st;

	return fstat(b->r.fd, &st) == 0 ? (st.st_size - HEADER) / ENTRY : -1;
}

static void entry_read(const struct both *b, off_t n, uint8_t e[ENTRY])
{
	if (pread(b->r.fd, e, ENTRY, HEADER + n * ENTRY) != ENTRY)
		exit(2);
}

/* Written with its checksum right: what only the tags can tell. */
static void forge(const struct both *b, off_t n, uint8_t e[ENTRY])
{
	crypto_shorthash(e + SUM_AT, e, SUM_AT, b->r.key + 16);
	if (pwrite(b->r.fd, e, ENTRY, HEADER + n * ENTRY) != ENTRY)
		exit(2);
}

/* --- what is believed ---------------------------------------------------------------------------------------------- */

static void proved(const struct suite *suite, int dir)
{
	struct direction d;
	struct both      b;
	uint8_t          e[ENTRY];

	direction_init(&d, suite, 1);
	open_as(&b, dir, "f", me, id_of(SIZE), true);
	ok(segment(&b, &d, MIB + 777, 2 * MIB) == 0 && entries_of(&b) == 9, "%s: eight chunks, and their key before them", suite->name);
	entry_read(&b, 0, e);
	ok(e[KIND] == 3 && memcmp(e + 2, d.key.key, sizeof d.key.key) == 0 && d.key.noted, "it is the one that tagged them");
	ok(segment(&b, &d, 3 * MIB + 777, 100) == 0 && entries_of(&b) == 10, "the next segment's has been noted");
	keep(&b);
	ok(open_it(&b, dir) == 0 && b.r.why == RESUME_GOES_ON && !b.r.cut && b.r.have == 2 * MIB + 100 &&
	   GAPS(&b, { 0, MIB + 777 }, { 3 * MIB + 877, SIZE - 3 * MIB - 877 }) && entries_of(&b) == 10, "opened again: proved with that key");

	/* the rest with another stream's key, this one's after an epoch, and the local one */
	struct direction second;
	uint8_t          first_key[SUITE_KEY_MAX];
	direction_init(&second, suite, 2);
	memcpy(first_key, d.key.key, sizeof first_key);
	ok(segment(&b, &second, 0, MIB + 777) == 0 && entries_of(&b) == 16 && memcmp(second.key.key, first_key, sizeof first_key) != 0, "a second stream has a key of its own");
	while (d.rx.epoch == 0)
		record(&d);
	ok(segment(&b, &d, 3 * MIB + 877, MIB) == 0 && entries_of(&b) == 21 && memcmp(d.key.key, first_key, sizeof first_key) != 0, "an epoch later, the first has another");
	ok(come(&b, 4 * MIB + 877, MIB) == 0 && segment(&b, &second, 5 * MIB + 877, SIZE - 5 * MIB - 877) == 0, "between them, sealed contents");
	off_t all = entries_of(&b);
	keep(&b);
	ok(open_it(&b, dir) == 0 && !b.r.cut && b.count == 0 && b.r.have == SIZE && entries_of(&b) == all, "two streams, two epochs and local entries: all of it is proved");
	ok(resume_commit(&b.a, &b.r, 0) == 0, "and whole");
	drop(&b);

	/* the segment's own end is the epoch's last record: the key was asked for before */
	direction_clear(&d);
	direction_init(&d, suite, 3);
	for (int i = 0; i < SEAL_EPOCH_RECORDS - 2; i++)
		record(&d);
	open_it(&b, dir);
	ok(segment(&b, &d, 0, MIB) == 0 && d.rx.epoch == 1 && segment(&b, &d, MIB, MIB) == 0 && entries_of(&b) == 10, "an epoch ends with the segment");
	keep(&b);
	ok(open_it(&b, dir) == 0 && !b.r.cut && b.r.have == 2 * MIB, "both are proved, each with its key");
	drop(&b);
	direction_clear(&second);
	direction_clear(&d);
}

/* --- what is not --------------------------------------------------------------------------------------------------- */

/* 0 key, 1 2 chunks of the first stream, 3 key, 4 5 of the second, 6 local, 7 of the first: each a MiB apart. */
static void mixed(struct both *b, int dir, const struct suite *suite)
{
	struct direction d[2];

	direction_init(&d[0], suite, 1);
	direction_init(&d[1], suite, 2);
	if (open_as(b, dir, "f", me, id_of(SIZE), true) < 0 || segment(b, &d[0], 0, 2 * CHUNK) < 0 || segment(b, &d[1], MIB, 2 * CHUNK) < 0 ||
	    come(b, 2 * MIB, CHUNK) < 0 || segment(b, &d[0], 3 * MIB, CHUNK) < 0 || entries_of(b) != 8)
		exit(2);
	direction_clear(&d[0]);
	direction_clear(&d[1]);
}

/* What is there when entry n is the first that is wrong; a key that nothing follows is cut away with it. */
static bool ends_at(struct both *b, int dir, off_t n)
{
	static const struct { uint64_t have; off_t left; } at[] = { { 0, 0 }, { 0, 0 }, { 1, 2 }, { 2, 3 }, { 2, 3 }, { 3, 5 }, { 4, 6 }, { 5, 7 } };

	keep(b);
	bool good = open_it(b, dir) == 0 && b->r.why == RESUME_GOES_ON && b->r.cut && b->r.have == at[n].have * CHUNK && entries_of(b) == at[n].left;
	if (!good)
		note("entry %d: %d, why %d, have %llu, %d left", (int)n, b->result, b->r.why, (unsigned long long)b->r.have, (int)entries_of(b));
	return good;
}

static void flipped(const struct suite *suite, int dir)
{
	struct both b;
	uint8_t     e[ENTRY];
	bool        sums = true, tags = true, keys = true, data = true;
	const int   key_bytes = 2 + 32;

	for (off_t at = 0; at < ENTRY; at++)
		for (off_t n = 3; n < 6; n += 2) {
			mixed(&b, dir, suite);
			char journal[ASIDE_NAME + 2];
			snprintf(journal, sizeof journal, "%s.j", b.a.name);
			flip(dir, journal, HEADER + n * ENTRY + at);
			sums &= ends_at(&b, dir, n);
			keep(&b);
		}
	ok(sums, "%s: a flipped bit in any byte of a key or a chunk ends the claim there", suite->name);
	for (int at = 0; at < SUM_AT; at++) {
		mixed(&b, dir, suite);
		entry_read(&b, 5, e);
		e[at] ^= 1;
		forge(&b, 5, e);
		tags &= ends_at(&b, dir, 5);
		keep(&b);
	}
	ok(tags, "also where its checksum is right: kind, length, offset, nonce, key and tag of a chunk");
	for (int at = 1; at < key_bytes; at++) {
		mixed(&b, dir, suite);
		entry_read(&b, 3, e);
		e[at] ^= at == 1 ? 0x40 : 1;
		forge(&b, 3, e);
		keys &= ends_at(&b, dir, 3);
		keep(&b);
	}
	ok(keys, "and suite and bytes of a key");
	for (int n = 0; n < 5; n++) {
		mixed(&b, dir, suite);
		flip(dir, b.a.name, (off_t[]){ 5, CHUNK + 5, MIB, MIB + 2 * CHUNK - 1, 3 * MIB + 9 }[n]);
		data &= ends_at(&b, dir, (off_t[]){ 1, 2, 4, 5, 7 }[n]);
		keep(&b);
	}
	ok(data, "a flipped bit in the data, too");
}

static void strangers(const struct suite *suite, int dir)
{
	struct both b;
	uint8_t     e[ENTRY], key[ENTRY];

	mixed(&b, dir, suite);
	entry_read(&b, 3, key);
	entry_read(&b, 6, e);
	forge(&b, 3, e);
	forge(&b, 6, key);
	keep(&b);
	ok(open_it(&b, dir) == 0 && b.r.cut && b.r.have == 3 * CHUNK && entries_of(&b) == 4, "%s: a key that comes after its chunks is unknown to them", suite->name);
	keep(&b);
	mixed(&b, dir, suite);
	entry_read(&b, 5, e);
	e[KIND] = 1;
	forge(&b, 5, e);
	ok(ends_at(&b, dir, 5), "a stream's tag is none of the local key's");
	keep(&b);
	mixed(&b, dir, suite);
	entry_read(&b, 6, e);
	e[KIND] = 2;
	forge(&b, 6, e);
	ok(ends_at(&b, dir, 6), "nor the reverse");
	keep(&b);
	mixed(&b, dir, suite);
	entry_read(&b, 0, key);
	forge(&b, 3, key);
	ok(ends_at(&b, dir, 3), "a chunk whose key is not noted ends the claim");
	keep(&b);
	mixed(&b, dir, suite);
	entry_read(&b, 1, e);
	uint8_t theirs[ENTRY];
	entry_read(&b, 4, theirs);
	memcpy(theirs + ID_AT, e + ID_AT, 8);
	forge(&b, 4, theirs);
	ok(ends_at(&b, dir, 4), "and one that names another stream's");
	keep(&b);
	for (int i = 0; i < 3; i++) {
		mixed(&b, dir, suite);
		entry_read(&b, 3, key);
		key[i ? 1 : KIND] = (uint8_t[]){ 4, SUITE_AES256GCM, 0 }[i];
		forge(&b, 3, key);
		ok(ends_at(&b, dir, 3), "%s is no entry", (const char *[]){ "an unknown kind", "a key of a suite that tags nothing", "a key of no suite" }[i]);
		keep(&b);
	}
	/* the append was cut after its key */
	mixed(&b, dir, suite);
	if (ftruncate(b.r.fd, HEADER + 4 * ENTRY + 40) < 0)
		exit(2);
	keep(&b);
	ok(open_it(&b, dir) == 0 && !b.r.cut && b.r.have == 2 * CHUNK && entries_of(&b) == 3, "a key whose chunks were cut away claims nothing, and goes");
	drop(&b);
}

/* As many keys as are believed, one chunk of the last; or one key more. */
static void many(const struct suite *suite, int dir)
{
	enum { MANY = 256 << 20 };              /* so large that so many entries are read at all */
	struct both       b;
	struct direction  d;
	struct resume_key k = { .suite = suite->mac };
	uint8_t           e[ENTRY], *all = malloc((size_t)RESUME_KEYS * ENTRY);

	for (int more = 0; more < 2; more++) {
		size_t count = RESUME_KEYS - 1 + (size_t)more;

		direction_init(&d, suite, 4);
		open_as(&b, dir, "f", me, id_of(MANY), true);
		for (size_t i = 0; i < count; i++) {
			memset(all + i * ENTRY, 0, ENTRY);
			all[i * ENTRY + KIND] = 3;
			all[i * ENTRY + 1] = k.suite;
			memcpy(all + i * ENTRY + 2, &i, sizeof i);
			crypto_shorthash(all + i * ENTRY + SUM_AT, all + i * ENTRY, SUM_AT, b.r.key + 16);
		}
		if (come(&b, 0, CHUNK) < 0 || pwrite(b.r.fd, all, count * ENTRY, HEADER + ENTRY) != (ssize_t)(count * ENTRY) || segment(&b, &d, MIB, CHUNK) < 0)
			exit(2);
		keep(&b);
		open_as(&b, dir, "f", me, id_of(MANY), false);
		ok(b.result == 0 && b.r.cut == more && b.r.have == (more ? CHUNK : 2 * CHUNK), "%s: %zu keys, and one more that tags a chunk: %s", suite->name, count, more ? "too many" : "believed");
		keep(&b);
		direction_clear(&d);
	}
	/* one key again and again says nothing new, and is not heard for ever */
	mixed(&b, dir, suite);
	entry_read(&b, 0, e);
	for (size_t i = 0; i < RESUME_KEYS; i++)
		memcpy(all + i * ENTRY, e, ENTRY);
	if (pwrite(b.r.fd, all, 1000 * ENTRY, HEADER + 8 * ENTRY) != 1000 * ENTRY || come(&b, 4 * MIB, CHUNK) < 0)
		exit(2);
	keep(&b);
	ok(open_it(&b, dir) == 0 && !b.r.cut && b.r.have == 7 * CHUNK, "a key that stands there a thousand times is one");
	if (pwrite(b.r.fd, all, (size_t)RESUME_KEYS * ENTRY, HEADER + 1009 * ENTRY) != (ssize_t)RESUME_KEYS * ENTRY || come(&b, 5 * MIB, CHUNK) < 0)
		exit(2);
	keep(&b);
	ok(open_it(&b, dir) == 0 && b.r.cut && b.r.have == 7 * CHUNK && entries_of(&b) == 1009, "for ever, it is not");
	drop(&b);
	free(all);
}

/* Committing asks for notes, not for their proof: the writers proved them. */
static void commits(const struct suite *suite, int dir)
{
	struct direction d;
	struct both      b;
	uint8_t          e[ENTRY];

	direction_init(&d, suite, 5);
	open_as(&b, dir, "f", me, id_of(SIZE), true);
	ok(segment(&b, &d, 0, SIZE - 1) == 0 && resume_commit(&b.a, &b.r, 0) == -ENODATA, "%s: chunks up to the last byte but one are not all", suite->name);
	ok(segment(&b, &d, SIZE - 1, 1) == 0, "the last one comes");
	entry_read(&b, 5, e);
	e[TAG_AT] ^= 1;
	if (pwrite(b.r.fd, e, ENTRY, HEADER + 5 * ENTRY) != ENTRY)
		exit(2);
	ok(resume_commit(&b.a, &b.r, 0) == -ENODATA, "a wrong checksum among them");
	e[TAG_AT] ^= 1;
	forge(&b, 5, e);
	ok(resume_commit(&b.a, &b.r, 0) == 0, "right again: committed");
	drop(&b);

	/* a key that could not be written is written with the next segment */
	open_it(&b, dir);
	direction_clear(&d);
	direction_init(&d, suite, 6);
	int log = b.r.log, full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	b.r.log = full;
	ok(segment(&b, &d, 0, CHUNK) == -ENOSPC && !d.key.noted && entries_of(&b) == 0, "no space for the notes: the key is not noted");
	b.r.log = log;
	close(full);
	ok(segment(&b, &d, CHUNK, CHUNK) == 0 && d.key.noted && entries_of(&b) == 2, "it comes with the next");
	ok(resume_note_keyed(&b.r, &d.key, NULL, 0) == 0 && entries_of(&b) == 2, "no chunks, no entries");
	keep(&b);
	ok(open_it(&b, dir) == 0 && b.r.have == CHUNK && !b.r.cut, "and is proved");
	drop(&b);
	direction_clear(&d);
}

/* Bytes that came raw and were never proved lie over a piece that another stream had right: its note comes before the void, or after it. */
static void unproved(int top, bool after)
{
	const char *name = after ? "void-after" : "void-before";
	struct both b, c;
	int         dir;

	mkdirat(top, name, 0755);
	dir = openat(top, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ok(open_it(&b, dir) == 0 && come(&b, 0, SIZE) == 0, "%s: all of it is noted", name);
	ok(pwrite(b.a.fd, "EVIL", 4, 3 * MIB + 70000) == 4 && resume_void(&b.r, 3 * MIB, MIB) == 0, "%s: a stream is cut that has written there", name);
	if (after) {
		struct resume_piece p = { .off = 3 * MIB, .len = KIB256 };
		resume_tag(&b.r, p.off, the_data() + p.off, p.len, p.tag);
		ok(resume_note(&b.r, &p, 1) == 0, "%s: what was written before that is noted now", name);
	}
	ok(resume_commit(&b.a, &b.r, 0) == -ENODATA, "%s: it is not committed", name);
	keep(&b);
	ok(open_it(&c, dir) == 0 && c.count > 0 && c.gaps[0].off <= 3 * MIB + 70000, "%s: read back, it is missing", name);
	for (size_t i = 0; i < c.count; i++)
		come(&c, c.gaps[i].off, c.gaps[i].len);
	ok(resume_commit(&c.a, &c.r, 0) == 0, "%s: it came again: committed", name);
	drop(&c);
	ok(open_it(&b, dir) == 0 && come(&b, 0, SIZE) == 0 && resume_void(&b.r, MIB, 10) == 0, "%s: a void over what is right all the same", name);
	keep(&b);
	ok(open_it(&c, dir) == 0 && c.count == 0 && resume_commit(&c.a, &c.r, 0) == 0, "%s: is proved when it is opened again, and then counts no more", name);
	drop(&c);
	close(dir);
}

int main(int argc, char **argv)
{
	umask(022);
	if (sodium_init() < 0)
		return 1;
	randombytes_buf_deterministic(the_data(), SIZE, (const unsigned char *)"0123456789abcdef0123456789abcdef");
	int dir = scratch(argc > 1 ? argv[1] : NULL);
	for (size_t i = 0; suites[i]; i++)
		if (suite_usable(suites[i]))
			proved(suites[i], dir);
	for (size_t i = 0; suites[i]; i++) {    /* the rows that tag; another's chunks are tagged by one of these */
		if (!suite_usable(suites[i]) || suites[i]->mac != suites[i]->id)
			continue;
		flipped(suites[i], dir);
		strangers(suites[i], dir);
		many(suites[i], dir);
		commits(suites[i], dir);
	}
	unproved(dir, false);
	unproved(dir, true);
	return done();
}
