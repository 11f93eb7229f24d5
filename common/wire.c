/* wire.c - one row per message; encoder and decoder side by side. */
#include <errno.h>
#include "common/wire_own.h"
#include "common/suite.h"

enum {
	META = 25, IDENTITY = 28, FAIL = 4, GAP = WIRE_GAP_BYTES,
	/* what an answer adds around its body: record word, type, the longest tag */
	FRAME = 4 + 1 + SUITE_TAG_MAX,
	ANSWER = FRAME + 4 + 8 + 4,             /* RESEND is the longest of OK, ERROR, RESEND */
};

static void put_setup(struct writer *w, const union wire_body *b)
{
	put(w, b->setup.send_engine, 1);
	put(w, b->setup.recv_engine, 1);
	put(w, b->setup.flags, 1);
	put(w, b->setup.cc.len, 1);
	w->bad |= b->setup.cc.len > 15;
	put_bytes(w, b->setup.cc);
	put_no_ext(w);
}

static void get_setup(struct reader *r, union wire_body *b)
{
	b->setup.send_engine = (uint8_t)get(r, 1);
	b->setup.recv_engine = (uint8_t)get(r, 1);
	b->setup.flags = (uint8_t)get(r, 1);
	b->setup.cc = get_bytes(r, get(r, 1));
	if (b->setup.cc.len > 15 || (b->setup.cc.len && memchr(b->setup.cc.p, 0, b->setup.cc.len)))
		r->bad = true;
	get_ext(r);
}

static void put_look(struct writer *w, const union wire_body *b)
{
	put(w, b->look.id, 4);
	put(w, b->look.flags, 1);
	put_str(w, b->look.path, WIRE_PATH_MAX);
	put_no_ext(w);
}

static void get_look(struct reader *r, union wire_body *b)
{
	b->look.id = (uint32_t)get(r, 4);
	b->look.flags = (uint8_t)get(r, 1);
	b->look.path = get_str(r, WIRE_PATH_MAX);
	get_ext(r);
}

static void put_id(struct writer *w, const union wire_body *b)    { put(w, b->id.id, 4); }
static void get_id(struct reader *r, union wire_body *b)          { b->id.id = (uint32_t)get(r, 4); }
static void put_bye(struct writer *w, const union wire_body *b)
{
	put(w, b->bye.disk_ns, 8);
	put(w, b->bye.cipher_ns, 8);
	put(w, b->bye.wait_ns, 8);
	put(w, b->bye.rate_ns, 8);
}

static void get_bye(struct reader *r, union wire_body *b)
{
	b->bye.disk_ns = get(r, 8);
	b->bye.cipher_ns = get(r, 8);
	b->bye.wait_ns = get(r, 8);
	b->bye.rate_ns = get(r, 8);
}

static void put_nothing(struct writer *w, const union wire_body *b) { (void)w, (void)b; }
static void get_nothing(struct reader *r, union wire_body *b)       { (void)r, (void)b; }

static void put_fetch(struct writer *w, const union wire_body *b)
{
	put(w, b->fetch.first, 4);
	put(w, b->fetch.count, 2);
	put_bytes(w, b->fetch.items);
}

static void get_fetch(struct reader *r, union wire_body *b)
{
	b->fetch.first = (uint32_t)get(r, 4);
	b->fetch.count = (uint16_t)get(r, 2);
	b->fetch.items = get_rest(r);

	/* all items are checked here, so that no handler meets a broken one half-way through its answers */
	struct wire_str        rest = b->fetch.items;
	struct wire_fetch_item item;
	unsigned               seen = 0;
	int                    got;
	while ((got = wire_fetch_next(&rest, &item)) > 0)
		seen++;
	r->bad |= got < 0 || seen != b->fetch.count || seen == 0;
}

static void put_store(struct writer *w, const union wire_body *b)
{
	put(w, b->store.id, 4);
	put(w, b->store.flags, 1);
	put_meta(w, &b->store.meta);
	put_str(w, b->store.path, WIRE_PATH_MAX);
	put_ext(w, b->store.ext);
	put_bytes(w, b->store.contents);
	w->bad |= b->store.contents.len != b->store.meta.size;
}

static void get_store(struct reader *r, union wire_body *b)
{
	b->store.id = (uint32_t)get(r, 4);
	b->store.flags = (uint8_t)get(r, 1);
	b->store.meta = get_meta(r);
	b->store.path = get_str(r, WIRE_PATH_MAX);
	b->store.ext = get_ext(r);
	b->store.contents = get_rest(r);
	r->bad |= b->store.contents.len != b->store.meta.size || b->store.contents.len > WIRE_INLINE_MAX
	       || b->store.meta.type != 'f';
}

static void put_open(struct writer *w, const union wire_body *b)
{
	put(w, b->open.id, 4);
	put(w, b->open.flags, 1);
	put_meta(w, &b->open.meta);
	put_str(w, b->open.path, WIRE_PATH_MAX);
	put_ext(w, b->open.ext);
}

static void get_open(struct reader *r, union wire_body *b)
{
	b->open.id = (uint32_t)get(r, 4);
	b->open.flags = (uint8_t)get(r, 1);
	b->open.meta = get_meta(r);
	b->open.path = get_str(r, WIRE_PATH_MAX);
	b->open.ext = get_ext(r);
}

static void put_symlink(struct writer *w, const union wire_body *b)
{
	put(w, b->symlink.id, 4);
	put_meta(w, &b->symlink.meta);
	put_str(w, b->symlink.path, WIRE_PATH_MAX);
	put_str(w, b->symlink.target, WIRE_LINK_MAX);
	put_no_ext(w);
}

static void get_symlink(struct reader *r, union wire_body *b)
{
	b->symlink.id = (uint32_t)get(r, 4);
	b->symlink.meta = get_meta(r);
	b->symlink.path = get_str(r, WIRE_PATH_MAX);
	b->symlink.target = get_str(r, WIRE_LINK_MAX);
	get_ext(r);
	r->bad |= b->symlink.target.len == 0;
}

static void put_file(struct writer *w, const union wire_body *b)
{
	put(w, b->file.id, 4);
	put(w, b->file.flags, 1);
	put_meta(w, &b->file.meta);
	put_identity(w, &b->file.identity);
	put_ext(w, b->file.ext);
	put_bytes(w, b->file.contents);
}

static void get_file(struct reader *r, union wire_body *b)
{
	b->file.id = (uint32_t)get(r, 4);
	b->file.flags = (uint8_t)get(r, 1);
	b->file.meta = get_meta(r);
	b->file.identity = get_identity(r);
	b->file.ext = get_ext(r);
	b->file.contents = get_rest(r);
	if (b->file.flags & SENT_INLINE)
		r->bad |= b->file.contents.len != b->file.meta.size || b->file.contents.len > WIRE_INLINE_MAX;
	else
		r->bad |= b->file.contents.len != 0;
	r->bad |= (b->file.flags & SENT_HANDED) && (b->file.flags & ~(SENT_HANDED | SENT_SPARSE));
	r->bad |= b->file.meta.type != 'f' && (b->file.meta.type != 'd' || b->file.flags);      /* a directory: what it has besides, no more */
}

static void put_segment(struct writer *w, const union wire_body *b)
{
	put(w, b->segment.id, 4);
	put(w, b->segment.offset, 8);
	put(w, b->segment.length, 4);
	put(w, b->segment.carry, 1);
}

static void get_segment(struct reader *r, union wire_body *b)
{
	b->segment.id = (uint32_t)get(r, 4);
	b->segment.offset = get(r, 8);
	b->segment.length = (uint32_t)get(r, 4);
	b->segment.carry = (uint8_t)get(r, 1);
	r->bad |= b->segment.length == 0 || b->segment.length > WIRE_SEGMENT_MAX || b->segment.offset > INT64_MAX
	       || b->segment.carry < 1 || b->segment.carry > 2;
}

static void put_segment_end(struct writer *w, const union wire_body *b)
{
	put(w, b->segment_end.id, 4);
	put(w, b->segment_end.offset, 8);
	put(w, b->segment_end.length, 4);
	put(w, b->segment_end.flags, 1);
	put(w, b->segment_end.engine, 1);
	put_bytes(w, b->segment_end.tags);
}

static void get_segment_end(struct reader *r, union wire_body *b)
{
	b->segment_end.id = (uint32_t)get(r, 4);
	b->segment_end.offset = get(r, 8);
	b->segment_end.length = (uint32_t)get(r, 4);
	b->segment_end.flags = (uint8_t)get(r, 1);
	b->segment_end.engine = (uint8_t)get(r, 1);
	b->segment_end.tags = get_rest(r);
}

static void put_done(struct writer *w, const union wire_body *b)
{
	put(w, b->done.id, 4);
	put(w, b->done.flags, 1);
	put_fail(w, b->done.fail);
}

static void get_done(struct reader *r, union wire_body *b)
{
	b->done.id = (uint32_t)get(r, 4);
	b->done.flags = (uint8_t)get(r, 1);
	b->done.fail = get_fail(r);
}

static void put_welcome(struct writer *w, const union wire_body *b)
{
	put(w, b->welcome.carry, 1);
	put(w, b->welcome.reason, 1);
	put(w, b->welcome.count, 2);
	put_bytes(w, b->welcome.exports);
	put_no_ext(w);
}

static void get_welcome(struct reader *r, union wire_body *b)
{
	b->welcome.carry = (uint8_t)get(r, 1);
	b->welcome.reason = (uint8_t)get(r, 1);
	b->welcome.count = (uint16_t)get(r, 2);
	r->bad |= b->welcome.carry < 1 || b->welcome.carry > 2 || b->welcome.count > WIRE_EXPORTS_MAX;

	const uint8_t *from = r->p;
	for (unsigned i = 0; i < b->welcome.count && !r->bad; i++) {
		get_str(r, WIRE_NAME_MAX);
		get(r, 1);
	}
	b->welcome.exports = (struct wire_str){ from, (size_t)(r->p - from) };
	get_ext(r);
}

static void put_refused(struct writer *w, const union wire_body *b) { put_fail(w, b->refused.fail); }
static void get_refused(struct reader *r, union wire_body *b)
{
	b->refused.fail = get_fail(r);
	r->bad |= b->refused.fail.status == ST_OK;      /* a refusal that says "all is well" is none */
}

static void put_ok(struct writer *w, const union wire_body *b)
{
	put(w, b->ok.id, 4);
	put(w, b->ok.engine, 1);
	put(w, b->ok.flags, 1);
}

static void get_ok(struct reader *r, union wire_body *b)
{
	b->ok.id = (uint32_t)get(r, 4);
	b->ok.engine = (uint8_t)get(r, 1);
	b->ok.flags = (uint8_t)get(r, 1);
}

static void put_error(struct writer *w, const union wire_body *b)
{
	put(w, b->error.id, 4);
	put_fail(w, b->error.fail);
}

static void get_error(struct reader *r, union wire_body *b)
{
	b->error.id = (uint32_t)get(r, 4);
	b->error.fail = get_fail(r);
	r->bad |= b->error.fail.status == ST_OK;
}

static void put_attr(struct writer *w, const union wire_body *b)
{
	put(w, b->attr.id, 4);
	put_meta(w, &b->attr.meta);
	put_identity(w, &b->attr.identity);
	put_str(w, b->attr.link, WIRE_LINK_MAX);
	put_ext(w, b->attr.ext);
}

static void get_attr(struct reader *r, union wire_body *b)
{
	b->attr.id = (uint32_t)get(r, 4);
	b->attr.meta = get_meta(r);
	b->attr.identity = get_identity(r);
	b->attr.link = get_str(r, WIRE_LINK_MAX);
	b->attr.ext = get_ext(r);
}

static void put_entries(struct writer *w, const union wire_body *b)
{
	put(w, b->entries.id, 4);
	put_bytes(w, b->entries.items);
}

static void get_entries(struct reader *r, union wire_body *b)
{
	b->entries.id = (uint32_t)get(r, 4);
	b->entries.items = get_rest(r);
}

static void put_end(struct writer *w, const union wire_body *b)
{
	put(w, b->end.id, 4);
	put_fail(w, b->end.fail);
	put(w, b->end.entries, 4);
}

static void get_end(struct reader *r, union wire_body *b)
{
	b->end.id = (uint32_t)get(r, 4);
	b->end.fail = get_fail(r);
	b->end.entries = (uint32_t)get(r, 4);
}

static void put_resend(struct writer *w, const union wire_body *b)
{
	put(w, b->resend.id, 4);
	put(w, b->resend.offset, 8);
	put(w, b->resend.length, 4);
}

static void get_resend(struct reader *r, union wire_body *b)
{
	b->resend.id = (uint32_t)get(r, 4);
	b->resend.offset = get(r, 8);
	b->resend.length = (uint32_t)get(r, 4);
	r->bad |= b->resend.length == 0 || b->resend.length > WIRE_SEGMENT_MAX || b->resend.offset > INT64_MAX;
}

enum { BOTH = FROM_CLIENT | FROM_DAEMON, CLIENT = FROM_CLIENT, DAEMON = FROM_DAEMON };

static const struct {
	struct wire_row row;
	void (*put)(struct writer *, const union wire_body *);
	void (*get)(struct reader *, union wire_body *);
} rows[WIRE_TYPES] = {
#define PATHS(n) ((n) * (2 + WIRE_PATH_MAX))
#define EXT_MAX 1024            /* of those that carry no extras */
#define EXTRAS WIRE_EXT_MAX
#define ATTR_EXTRAS (3 + 8 + 2 * 33 + 3 + 20 + 3)      /* an owner, hard links, and that it is sparse, no more */
#define LOOKED_MAX (6 + WIRE_LOOKS_MAX * (1 + META + 2 + WIRE_TARGET_MAX))
#define USED_MAX (49 + 8 * WIRE_CALLS_MAX)
#define ASIDE_MAX (8 + WIRE_RUN + WIRE_GAPS_MAX * GAP)
	[WIRE_SETUP]       = { { "SETUP",       6,                      6 + 15 + EXT_MAX,                    CLIENT, ANSWER }, put_setup, get_setup },
	[WIRE_STAT]        = { { "STAT",        9,                      7 + PATHS(1) + EXT_MAX,              CLIENT, FRAME + 4 + META + IDENTITY + PATHS(1) + 2 + ATTR_EXTRAS }, put_look, get_look },
	[WIRE_LIST]        = { { "LIST",        9,                      7 + PATHS(1) + EXT_MAX,              CLIENT, 0 }, put_look, get_look },
	[WIRE_NEXT]        = { { "NEXT",        4,                      4,                                   CLIENT, 0 }, put_id, get_id },
	[WIRE_FETCH]       = { { "FETCH",       9,                      WIRE_FETCH_BODY,                     CLIENT, 0 }, put_fetch, get_fetch },
	[WIRE_STORE]       = { { "STORE",       9 + META,               7 + META + PATHS(1) + EXTRAS + WIRE_INLINE_MAX, CLIENT, ANSWER }, put_store, get_store },
	[WIRE_OPEN]        = { { "OPEN",        9 + META,               7 + META + PATHS(1) + EXTRAS,       CLIENT, 2 * ANSWER }, put_open, get_open },
	[WIRE_MKDIR]       = { { "MKDIR",       9 + META,               7 + META + PATHS(1) + EXTRAS,       CLIENT, ANSWER }, put_open, get_open },
	[WIRE_SYMLINK]     = { { "SYMLINK",     10 + META,              6 + META + PATHS(2) + EXT_MAX,       CLIENT, ANSWER }, put_symlink, get_symlink },
	[WIRE_SETMETA]     = { { "SETMETA",     9 + META,               7 + META + PATHS(1) + EXTRAS,       CLIENT, ANSWER }, put_open, get_open },
	[WIRE_BYE]         = { { "BYE",         32,                     32,                                  BOTH,   FRAME + 32 }, put_bye, get_bye },
	[WIRE_OPEN_ASIDE]  = { { "OPEN_ASIDE",  9 + META + IDENTITY,    7 + META + IDENTITY + PATHS(1) + EXT_MAX, CLIENT, FRAME + ASIDE_MAX }, put_open_aside, get_open_aside },
	[WIRE_RANGE]       = { { "RANGE",       24 + WIRE_RUN,          22 + WIRE_RUN + PATHS(1) + EXT_MAX,  CLIENT, ANSWER }, put_range, get_range },
	[WIRE_COMMIT]      = { { "COMMIT",      9 + WIRE_RUN + META,    7 + WIRE_RUN + META + PATHS(1) + EXTRAS, CLIENT, ANSWER }, put_commit, get_commit },
	[WIRE_CANCEL]      = { { "CANCEL",      4,                      4,                                   BOTH,   0 }, put_id, get_id },
	[WIRE_WAIT]        = { { "WAIT",        0,                      0,                                   BOTH,   0 }, put_nothing, get_nothing },
	[WIRE_FILE]        = { { "FILE",        7 + META + IDENTITY,    7 + META + IDENTITY + EXTRAS + WIRE_INLINE_MAX, DAEMON, 0 }, put_file, get_file },
	[WIRE_SEGMENT]     = { { "SEGMENT",     17,                     17,                                  BOTH,   0 }, put_segment, get_segment },
	[WIRE_SEGMENT_END] = { { "SEGMENT_END", 18,                     18 + WIRE_TAGS_MAX * SUITE_TAG_MAX,  BOTH,   0 }, put_segment_end, get_segment_end },
	[WIRE_DONE]        = { { "DONE",        9,                      9,                                   BOTH,   ANSWER }, put_done, get_done },
	[WIRE_WELCOME]     = { { "WELCOME",     6,                      6 + WIRE_EXPORTS_MAX * (3 + WIRE_NAME_MAX) + EXT_MAX, DAEMON, 0 }, put_welcome, get_welcome },
	[WIRE_REFUSED]     = { { "REFUSED",     4,                      4,                                   DAEMON, 0 }, put_refused, get_refused },
	[WIRE_OK]          = { { "OK",          6,                      6,                                   DAEMON, 0 }, put_ok, get_ok },
	[WIRE_ERROR]       = { { "ERROR",       8,                      8,                                   DAEMON, 0 }, put_error, get_error },
	[WIRE_ATTR]        = { { "ATTR",        8 + META + IDENTITY,    6 + META + IDENTITY + PATHS(1) + EXT_MAX, DAEMON, 0 }, put_attr, get_attr },
	[WIRE_ENTRIES]     = { { "ENTRIES",     4,                      WIRE_PAGE,                           DAEMON, 0 }, put_entries, get_entries },
	[WIRE_END]         = { { "END",         12,                     12,                                  DAEMON, 0 }, put_end, get_end },
	[WIRE_RESEND]      = { { "RESEND",      16,                     16,                                  DAEMON, 0 }, put_resend, get_resend },
	[WIRE_LOOKS]       = { { "LOOKS",       15,                     WIRE_LOOKS_BODY,                     CLIENT, FRAME + LOOKED_MAX }, put_looks, get_looks },
	[WIRE_HASH]        = { { "HASH",        25 + WIRE_KEY_BYTES,          23 + WIRE_KEY_BYTES + PATHS(1) + EXT_MAX,  CLIENT, FRAME + 12 + META + IDENTITY + WIRE_DIGEST_BYTES }, put_hash, get_hash },
	[WIRE_REMOVE]      = { { "REMOVE",      9,                      7 + PATHS(1) + EXT_MAX,              CLIENT, ANSWER }, put_remove, get_remove },
	[WIRE_LINK]        = { { "LINK",        10,                     6 + PATHS(2) + EXT_MAX,              CLIENT, ANSWER }, put_link, get_link },
	[WIRE_USAGE]       = { { "USAGE",       0,                      0,                                   CLIENT, FRAME + USED_MAX }, put_nothing, get_nothing },
	[WIRE_HOLE]        = { { "HOLE",        20,                     20,                                  BOTH,   0 }, put_hole, get_hole },
	[WIRE_LOOKED]      = { { "LOOKED",      6,                      LOOKED_MAX,                          DAEMON, 0 }, put_looked, get_looked },
	[WIRE_DIGEST]   = { { "DIGEST",      12 + META + IDENTITY + WIRE_DIGEST_BYTES, 12 + META + IDENTITY + WIRE_DIGEST_BYTES, DAEMON, 0 }, put_digest, get_digest },
	[WIRE_USED]        = { { "USED",        49,                     USED_MAX,                            DAEMON, 0 }, put_used, get_used },
	[WIRE_ASIDE]       = { { "ASIDE",       8 + WIRE_RUN,           ASIDE_MAX + EXT_MAX,                 DAEMON, 0 }, put_aside, get_aside },
};

const struct wire_row *wire_row(unsigned type)
{
	return type < WIRE_TYPES && rows[type].put ? &rows[type].row : NULL;
}

ssize_t wire_encode(unsigned type, const union wire_body *b, uint8_t *p, size_t max)
{
	struct writer w = { p, p + max, false };

	if (!wire_row(type))
		return -EMSGSIZE;
	rows[type].put(&w, b);

	size_t len = (size_t)(w.p - p);
	return w.bad || len < rows[type].row.min || len > rows[type].row.max ? -EMSGSIZE : (ssize_t)len;
}

int wire_decode(unsigned type, unsigned from, const uint8_t *p, size_t len, union wire_body *out)
{
	struct reader r = { p, p + len, false };

	if (!wire_row(type) || !(rows[type].row.from & from))
		return -EPROTO;
	if (len < rows[type].row.min || len > rows[type].row.max)
		return -EMSGSIZE;
	memset(out, 0, sizeof *out);
	rows[type].get(&r, out);
	return r.bad || r.p != r.end ? -EBADMSG : 0;    /* short, or bytes left over */
}
