/* resume_file.c - the journal's bytes: header, entries, tags. See resume_own.h */
#include "common/resume_own.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/seal.h"

enum { VERSION = 3, MAGIC = 12, SUM = 32, CHECK = crypto_shorthash_BYTES, READ_ENTRIES = 1024 };
enum { KIND_PIECE = 1 /* local key */, KIND_CHUNK = 2 /* a stream's */, KIND_KEY = 3, KIND_VOID = 4, KIND_PROVED = 5, KIND_HOLE = 6 };
static const char magic[MAGIC] = "zcp journal";

/* What tags pieces here: the quickest there is. A journal of another one is of another version. */
static const struct suite *tagger(void)
{
	const struct suite *s = suite_by_id(SUITE_AEGIS128L);

	return s ? s : suite_by_id(SUITE_CHACHA20POLY1305);
}

static struct wire_str bytes_of(const void *p, size_t len)
{
	return (struct wire_str){ p, len };
}

static void take(struct reader *c, uint8_t *to, size_t len)
{
	struct wire_str s = get_bytes(c, len);

	if (s.p)
		memcpy(to, s.p, len);
}

static void put_id(struct writer *w, const struct resume_id *id)
{
	put_bytes(w, bytes_of(id->of, sizeof id->of));
	put(w, id->size, 8);
	put(w, (uint64_t)id->mtime, 8);
	put(w, id->mtime_ns, 4);
	put(w, id->identity.dev, 8);
	put(w, id->identity.ino, 8);
	put(w, (uint64_t)id->identity.ctime, 8);
	put(w, id->identity.ctime_ns, 4);
}

static void get_id(struct reader *c, struct resume_id *id)
{
	take(c, id->of, sizeof id->of);
	id->size = get(c, 8);
	id->mtime = (int64_t)get(c, 8);
	id->mtime_ns = (uint32_t)get(c, 4);
	id->identity.dev = get(c, 8);
	id->identity.ino = get(c, 8);
	id->identity.ctime = (int64_t)get(c, 8);
	id->identity.ctime_ns = (uint32_t)get(c, 4);
}

bool resume_same(const struct resume_id *a, const struct resume_id *b)
{
	return memcmp(a->of, b->of, sizeof a->of) == 0 && a->size == b->size && a->mtime == b->mtime && a->mtime_ns == b->mtime_ns &&
	       a->identity.dev == b->identity.dev && a->identity.ino == b->identity.ino && a->identity.ctime == b->identity.ctime &&
	       a->identity.ctime_ns == b->identity.ctime_ns;
}

int resume_header_put(int fd, const struct resume_header *h)
{
	uint8_t       b[RESUME_HEADER] = { 0 };
	struct writer w = { b, b + RESUME_HEADER - SUM, false };

	put_bytes(&w, bytes_of(magic, MAGIC));
	put(&w, VERSION, 2);
	put(&w, tagger()->id, 1);
	put_bytes(&w, bytes_of(h->run, sizeof h->run));
	put_bytes(&w, bytes_of(h->owner, sizeof h->owner));
	put_bytes(&w, bytes_of(h->key, sizeof h->key));
	put_id(&w, &h->id);
	if (w.bad)
		return -EOVERFLOW;
	crypto_generichash(b + RESUME_HEADER - SUM, SUM, b, RESUME_HEADER - SUM, NULL, 0);
	ssize_t n = io_pwrite_full(fd, b, sizeof b, 0);
	sodium_memzero(b, sizeof b);
	return n < 0 ? (int)n : 0;
}

int resume_header_get(int fd, struct resume_header *h)
{
	uint8_t       b[RESUME_HEADER], sum[SUM];
	struct reader c = { b, b + RESUME_HEADER - SUM, false };
	ssize_t       n = io_pread_full(fd, b, sizeof b, 0);

	if (n <= 0)
		return n < 0 ? (int)n : RESUME_NEW;
	if (n < RESUME_HEADER || memcmp(get_bytes(&c, MAGIC).p, magic, MAGIC) != 0)
		return RESUME_BROKEN;
	/* before the checksum: another version may have its own */
	if (get(&c, 2) != VERSION || get(&c, 1) != tagger()->id)
		return RESUME_VERSION;
	crypto_generichash(sum, SUM, b, RESUME_HEADER - SUM, NULL, 0);
	if (memcmp(sum, b + RESUME_HEADER - SUM, SUM) != 0)
		return RESUME_BROKEN;
	take(&c, h->run, sizeof h->run);
	take(&c, h->owner, sizeof h->owner);
	take(&c, h->key, sizeof h->key);
	get_id(&c, &h->id);
	return c.bad ? RESUME_BROKEN : RESUME_GOES_ON;
}

/* --- entries ------------------------------------------------------------------------------------------------------- */

static void check_of(const struct resume *r, const uint8_t entry[static RESUME_ENTRY], uint8_t check[static CHECK])
{
	_Static_assert(crypto_shorthash_KEYBYTES <= sizeof r->key / 2, "half of the local key keys the checksums");
	crypto_shorthash(check, entry, RESUME_ENTRY - CHECK, r->key + sizeof r->key / 2);
}

/* with: NULL for the local key */
static void piece_put(const struct resume *r, uint8_t b[static RESUME_ENTRY], const struct resume_piece *p, const uint64_t *with)
{
	struct writer w = { b, b + RESUME_ENTRY, false };

	memset(b, 0, RESUME_ENTRY);
	put(&w, with ? KIND_CHUNK : KIND_PIECE, 1);
	put(&w, p->len, 3);
	put(&w, p->off, 8);
	put(&w, with ? p->nonce : 0, 4);
	put(&w, with ? *with : 0, 8);
	put_bytes(&w, bytes_of(p->tag, RESUME_TAG));
	check_of(r, b, b + RESUME_ENTRY - CHECK);
}

/* off and len of a void; none of what was proved. */
static void mark_put(const struct resume *r, uint8_t b[static RESUME_ENTRY], uint8_t kind, uint64_t off, uint32_t len)
{
	struct writer w = { b, b + RESUME_ENTRY, false };

	memset(b, 0, RESUME_ENTRY);
	put(&w, kind, 1);
	put(&w, len, 3);
	put(&w, off, 8);
	check_of(r, b, b + RESUME_ENTRY - CHECK);
}

static void key_put(const struct resume *r, uint8_t b[static RESUME_ENTRY], const struct resume_key *k)
{
	struct writer w = { b, b + RESUME_ENTRY, false };

	memset(b, 0, RESUME_ENTRY);
	put(&w, KIND_KEY, 1);
	put(&w, k->suite, 1);
	put_bytes(&w, bytes_of(k->key, sizeof k->key));
	check_of(r, b, b + RESUME_ENTRY - CHECK);
}

static int append(const struct resume *r, const uint8_t *b, size_t len)
{
	ssize_t n;

	do
		n = len ? write(r->log, b, len) : 0;
	while (n < 0 && errno == EINTR);        /* nothing was written yet */
	/* cut short by a full disk: the rest would stand apart, so what is here ends the claim */
	return n < 0 ? -errno : (size_t)n < len ? -ENOSPC : 0;
}

static int note_all(const struct resume *r, const struct resume_key *k, const struct resume_piece *pieces, size_t count)
{
	size_t   key = k && !k->noted, len = (key + count) * RESUME_ENTRY;
	uint64_t id = k ? resume_key_id(r, k) : 0;
	uint8_t *b = malloc(len ? len : 1);

	if (!b)
		return -ENOMEM;
	if (key)
		key_put(r, b, k);
	for (size_t i = 0; i < count; i++)
		piece_put(r, b + (key + i) * RESUME_ENTRY, &pieces[i], k ? &id : NULL);
	int e = append(r, b, len);
	if (key)
		sodium_memzero(b, RESUME_ENTRY);
	free(b);
	return e;
}

int resume_note(struct resume *r, const struct resume_piece *pieces, size_t count)
{
	return note_all(r, NULL, pieces, count);
}

int resume_note_keyed(struct resume *r, struct resume_key *k, const struct resume_piece *pieces, size_t count)
{
	int e = count ? note_all(r, k, pieces, count) : 0;

	if (e == 0 && count)
		k->noted = true;
	return e;
}

int resume_void(struct resume *r, uint64_t off, uint64_t len)
{
	uint8_t b[RESUME_ENTRY];
	int     e = 0;

	for (uint64_t n; e == 0 && len > 0; off += n, len -= n) {
		n = len < RESUME_PIECE ? len : RESUME_PIECE;
		mark_put(r, b, KIND_VOID, off, (uint32_t)n);
		e = append(r, b, sizeof b);
	}
	return e;
}

int resume_note_hole(struct resume *r, uint64_t off, uint64_t len)
{
	uint8_t       b[RESUME_ENTRY] = { 0 };
	struct writer w = { b, b + RESUME_ENTRY, false };

	put(&w, KIND_HOLE, 1);
	put(&w, 0, 3);
	put(&w, off, 8);
	put(&w, 0, 4);
	put(&w, len, 8);
	check_of(r, b, b + RESUME_ENTRY - CHECK);
	return append(r, b, sizeof b);
}

int resume_proved(const struct resume *r)
{
	uint8_t b[RESUME_ENTRY];

	mark_put(r, b, KIND_PROVED, 0, 0);
	return append(r, b, sizeof b);
}

/* --- read ---------------------------------------------------------------------------------------------------------- */

/* In the claim only if it can be of this file at all. */
static int piece_get(struct resume_reader *e, struct reader *c, bool local, struct resume_piece *p)
{
	const struct resume *r = e->r;

	p->len = (uint32_t)get(c, 3);
	p->off = get(c, 8);
	p->nonce = (uint32_t)get(c, 4);
	uint64_t id = get(c, 8);
	take(c, p->tag, RESUME_TAG);
	e->with = local || !e->proving ? NULL : known_keys_find(&e->keys, id);
	if (!local && e->proving && !e->with)
		return -EBADMSG;
	return p->len > 0 && p->len <= RESUME_PIECE && p->len <= r->size && p->off <= r->size - p->len ? ENTRY_PIECE : -EBADMSG;
}

static int hole_get(struct resume_reader *e, struct reader *c)
{
	uint64_t size = e->r->size;

	get(c, 3);
	e->hole.off = get(c, 8);
	get(c, 4);
	e->hole.len = get(c, 8);
	return e->hole.len > 0 && e->hole.len <= size && e->hole.off <= size - e->hole.len ? ENTRY_HOLE : -EBADMSG;
}

static int key_get(struct resume_reader *e, struct reader *c)
{
	struct resume_key k = { .suite = (uint8_t)get(c, 1) };
	const struct suite *s = suite_by_id(k.suite);

	if (!s || s->mac != s->id)
		return -EBADMSG;
	take(c, k.key, sizeof k.key);
	int r = e->proving ? known_keys_add(&e->keys, resume_key_id(e->r, &k), &k) : 0;
	sodium_memzero(&k, sizeof k);
	return r < 0 ? r : ENTRY_KEY;
}

static int entry_get(struct resume_reader *e, const uint8_t b[static RESUME_ENTRY], struct resume_piece *p)
{
	struct reader c = { b, b + RESUME_ENTRY, false };
	uint8_t       check[CHECK];

	check_of(e->r, b, check);
	if (memcmp(check, b + RESUME_ENTRY - CHECK, CHECK) != 0)
		return -EBADMSG;
	uint8_t kind = (uint8_t)get(&c, 1);
	if (kind == KIND_KEY)
		return key_get(e, &c);
	if (kind == KIND_PROVED)
		return ENTRY_PROVED;
	if (kind == KIND_HOLE)
		return hole_get(e, &c);
	if (kind == KIND_VOID)
		return piece_get(e, &c, true, p) < 0 ? -EBADMSG : ENTRY_VOID;
	return kind == KIND_PIECE || kind == KIND_CHUNK ? piece_get(e, &c, kind == KIND_PIECE, p) : -EBADMSG;
}

int resume_reader_init(struct resume_reader *e, const struct resume *r, bool proving)
{
	*e = (struct resume_reader){ .r = r, .at = RESUME_HEADER, .proving = proving, .buf = malloc((size_t)READ_ENTRIES * RESUME_ENTRY) };
	return e->buf ? 0 : -ENOMEM;
}

void resume_reader_clear(struct resume_reader *e)
{
	if (e->buf)
		sodium_memzero(e->buf, (size_t)READ_ENTRIES * RESUME_ENTRY);
	free(e->buf);
	e->buf = NULL;
	e->with = NULL;
	known_keys_clear(&e->keys);
}

int resume_reader_next(struct resume_reader *e, struct resume_piece *p)
{
	if (e->used == e->got) {
		ssize_t n = io_pread_full(e->r->fd, e->buf, (size_t)READ_ENTRIES * RESUME_ENTRY, e->at);
		if (n < RESUME_ENTRY)
			return n < 0 ? (int)n : ENTRY_END;
		e->got = (size_t)n / RESUME_ENTRY * RESUME_ENTRY;
		e->used = 0;
	}
	int kind = entry_get(e, e->buf + e->used, p);
	if (kind < 0)
		return kind;
	e->used += RESUME_ENTRY;
	e->at += RESUME_ENTRY;
	return kind;
}

/* --- tags ---------------------------------------------------------------------------------------------------------- */

static int tag_of(const struct resume *r, uint64_t off, const void *bytes, size_t len, uint8_t tag[static RESUME_TAG])
{
	uint8_t       nonce[SUITE_NONCE_MAX] = { 0 };
	struct writer w = { nonce, nonce + sizeof nonce, false };

	put(&w, off, 8);
	memset(tag, 0, RESUME_TAG);
	/* the empty message's cipher text is nothing but its tag */
	return tagger()->seal(tag, tag, 0, bytes, len, nonce, r->key);
}

void resume_tag(const struct resume *r, uint64_t off, const void *bytes, size_t len, uint8_t tag[static 32])
{
	if (tag_of(r, off, bytes, len, tag) < 0)
		memset(tag, 0, RESUME_TAG);     /* never right: see resume_tag_is() */
}

bool resume_tag_is(const struct resume *r, const struct resume_key *with, const struct resume_piece *p, const void *bytes)
{
	_Static_assert((int)RESUME_TAG == (int)SUITE_TAG_MAX && (int)RESUME_PIECE == (int)SEAL_RAW_CHUNK, "a raw chunk is a piece");
	uint8_t tag[RESUME_TAG];
	int     e = with ? seal_raw_again(suite_by_id(with->suite), with->key, p->nonce, bytes, p->len, tag) : tag_of(r, p->off, bytes, p->len, tag);

	return e == 0 && memcmp(tag, p->tag, RESUME_TAG) == 0;
}
