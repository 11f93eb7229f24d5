/* wire.c - walks the message table: encode, decode, compare; every shorter length and one byte more; a million damaged bodies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/wire.h"
#include "tests/unit/tap.h"

static uint8_t list[4096];
static size_t  list_len;

static struct meta some_meta(uint64_t size)
{
	return (struct meta){ .type = 'f', .mode = 0640, .size = size, .mtime = -1234567890123, .mtime_ns = 999999999 };
}

static struct wire_str bytes(const char *s)
{
	return wire_cstr(s);
}

/* One of each kind. */
static struct wire_str extras(void)
{
	static uint8_t ext[512];
	size_t         used = 0;

	wire_owner_add(ext, sizeof ext, &used, &(struct owner){ 1000, 100, "anna", "" });
	wire_links_add(ext, sizeof ext, &used, &(struct hard_links){ 1ull << 60, 5, 2 });
	wire_xattr_add(ext, sizeof ext, &used, "user.a", bytes("value"));
	wire_extra_add(ext, sizeof ext, &used, EXTRA_ACL, (struct wire_str){ (const uint8_t *)"\2\0\0\0", 4 });
	wire_extra_add(ext, sizeof ext, &used, 200, bytes("of a later version"));
	return (struct wire_str){ ext, used };
}

static void fill_list(unsigned type)
{
	list_len = 0;
	if (type == WIRE_FETCH) {
		struct wire_fetch_item a = { .flags = FETCH_RANGE, .offset = 1ull << 40, .length = 7, .path = bytes("a/b\n\377") };
		struct wire_fetch_item b = { .flags = FETCH_SEALED, .length = UINT64_MAX, .path = bytes("") };
		wire_fetch_add(list, sizeof list, &list_len, &a);
		wire_fetch_add(list, sizeof list, &list_len, &b);
	} else if (type == WIRE_ENTRIES) {
		struct wire_entry a = { .parent = 1, .meta = some_meta(3), .name = bytes("x"), .link = bytes("y/z") };
		struct wire_entry c = { .unread = true, .parent = 1, .meta = some_meta(4), .name = bytes("z"), .ext = extras() };
		c.meta.type = 'd';
		struct wire_entry b = { .what = ENTRY_FAILED, .parent = 9, .meta = some_meta(0), .name = bytes("n"), .fail = { ST_FILE_IO, WHY_ERRNO, EACCES } };
		wire_entry_add(list, sizeof list, &list_len, &a);
		wire_entry_add(list, sizeof list, &list_len, &b);
		wire_entry_add(list, sizeof list, &list_len, &c);
	} else if (type == WIRE_LOOKS) {
		char prev[WIRE_PATH_MAX + 1] = "";
		wire_looks_add(list, sizeof list, &list_len, 0, "dir/one", prev);
		wire_looks_add(list, sizeof list, &list_len, LOOKS_LINK, "dir/on", prev);
		wire_looks_add(list, sizeof list, &list_len, 0, "\377", prev);
	} else if (type == WIRE_LOOKED) {
		struct wire_looked_item a = { .what = LOOKED_THERE, .meta = some_meta(7), .link = bytes("to") }, b = { .what = LOOKED_MISSING };
		struct wire_looked_item c = { .what = LOOKED_FAILED, .fail = { ST_FILE_IO, WHY_ERRNO, EACCES } };
		wire_looked_add(list, sizeof list, &list_len, &a);
		struct wire_looked_item d = { .what = LOOKED_THERE, .coarse = true, .meta = some_meta(8) };
		wire_looked_add(list, sizeof list, &list_len, &b);
		wire_looked_add(list, sizeof list, &list_len, &c);
		wire_looked_add(list, sizeof list, &list_len, &d);
	} else if (type == WIRE_WELCOME) {
		wire_export_add(list, sizeof list, &list_len, bytes(""), EXPORT_WRITE);
		wire_export_add(list, sizeof list, &list_len, bytes("a/b"), EXPORT_RAW);
	} else if (type == WIRE_ASIDE) {
		wire_gap_add(list, sizeof list, &list_len, 0, 1);
		wire_gap_add(list, sizeof list, &list_len, 2, 1ull << 40);
		wire_gap_add(list, sizeof list, &list_len, 1ull << 62, (1ull << 62) - 1);
	}
}

static union wire_body sample(unsigned type)
{
	union wire_body b;
	static const struct identity who = { 1ull << 63, 42, -5, 17 };

	memset(&b, 0, sizeof b);
	fill_list(type);
	struct wire_str l = { list, list_len };
	switch (type) {
	case WIRE_SETUP:       b.setup = (struct wire_setup){ 1, 2, SETUP_FSYNC, bytes("cubic") }; break;
	case WIRE_STAT:
	case WIRE_LIST:        b.look = (struct wire_look){ 7, LOOK_FOLLOW, bytes("dir/name") }; break;
	case WIRE_NEXT:
	case WIRE_CANCEL:      b.id.id = 0xfffffffe; break;
	case WIRE_FETCH:       b.fetch = (struct wire_fetch){ 3, 2, l }; break;
	case WIRE_STORE:       b.store = (struct wire_store){ 9, STORE_KEEP_MODE, some_meta(5), bytes("p"), extras(), bytes("12345") }; break;
	case WIRE_OPEN:
	case WIRE_MKDIR:
	case WIRE_SETMETA:     b.open = (struct wire_open){ 1, STORE_EAGER, some_meta(1ull << 62), bytes("q/r"), extras() }; break;
	case WIRE_SYMLINK:     b.symlink = (struct wire_symlink){ 2, some_meta(0), bytes("l"), bytes("../t") }; break;
	case WIRE_FILE:        b.file = (struct wire_file){ 4, SENT_INLINE, some_meta(3), who, extras(), bytes("abc") }; break;
	case WIRE_SEGMENT:     b.segment = (struct wire_segment){ 5, 1ull << 41, WIRE_SEGMENT_MAX, 2 }; break;
	case WIRE_SEGMENT_END: b.segment_end = (struct wire_segment_end){ 5, 1, 2, SENT_SHRANK, 1, bytes("0123456789abcdef") }; break;
	case WIRE_DONE:        b.done = (struct wire_done){ 6, SENT_FAILED, { ST_FILE_IO, WHY_ERRNO, EIO } }; break;
	case WIRE_WELCOME:     b.welcome = (struct wire_welcome){ 2, 4, 2, l }; break;
	case WIRE_REFUSED:     b.refused.fail = (struct fail){ ST_REFUSED, WHY_KEY, 0 }; break;
	case WIRE_OK:          b.ok = (struct wire_ok){ 1, 4, OK_NO_ACLS }; break;
	case WIRE_ERROR:       b.error = (struct wire_error){ 1, { ST_NO_SPACE, WHY_ERRNO, ENOSPC } }; break;
	case WIRE_ATTR:        b.attr = (struct wire_attr){ 1, some_meta(1), who, bytes("to"), extras() }; break;
	case WIRE_ENTRIES:     b.entries = (struct wire_entries){ 1, l }; break;
	case WIRE_END:         b.end = (struct wire_end){ 1, { 0 }, 77 }; break;
	case WIRE_OPEN_ASIDE:  b.open_aside = (struct wire_open_aside){ 3, STORE_FRESH, some_meta(1ull << 40), who, bytes("q/r") }; break;
	case WIRE_RANGE:       b.range = (struct wire_range){ 4, "0123456789abcde", 1ull << 40, 1ull << 30, bytes("q/r") }; break;
	case WIRE_COMMIT:      b.commit = (struct wire_commit){ 5, STORE_DROP, "\377" "123456789abcde", some_meta(9), bytes("q/r"), extras() }; break;
	case WIRE_ASIDE:       b.aside = (struct wire_aside){ 3, "abcdefghijklmno", 3, l }; break;
	case WIRE_LOOKS:       b.looks = (struct wire_looks){ 8, LOOK_FOLLOW, 3, bytes("d"), l }; break;
	case WIRE_LOOKED:      b.looked = (struct wire_looked){ 8, 4, l }; break;
	case WIRE_HASH:        b.hash = (struct wire_hash){ 9, LOOK_FOLLOW, 1ull << 40, 5, "0123456789abcdef0123456789abcde", bytes("h") }; break;
	case WIRE_DIGEST:      b.digest = (struct wire_digest){ 9, some_meta(5), who, 5, "fedcba9876543210fedcba987654321" }; break;
	case WIRE_REMOVE:      b.remove = (struct wire_remove){ 10, 1, bytes("gone") }; break;
	case WIRE_LINK:        b.link = (struct wire_link){ 11, bytes("second"), bytes("dir/first") }; break;
	case WIRE_HOLE:        b.hole = (struct wire_hole){ 12, 1ull << 41, 1ull << 40 }; break;
	case WIRE_BYE:         b.bye = (struct wire_bye){ 1ull << 40, 2, 3, 1ull << 50 }; break;
	case WIRE_USED:        b.used = (struct wire_used){ 1ull << 40, 2, 3, 4, 5, 1ull << 50, 3, { 7, 8, 1ull << 63 } }; break;
	case WIRE_RESEND:      b.resend = (struct wire_resend){ 1, 2, 3 }; break;
	default:               break;
	}
	return b;
}

static uint8_t first[300000], second[300000];

static void round_trip(unsigned type)
{
	const struct wire_row *row = wire_row(type);
	unsigned               from = row->from & FROM_CLIENT ? FROM_CLIENT : FROM_DAEMON;
	union wire_body        in = sample(type), out;
	ssize_t                len = wire_encode(type, &in, first, sizeof first);

	ok(len >= 0, "%s: a sample encodes", row->name);
	ok(len >= 0 && wire_decode(type, from, first, (size_t)len, &out) == 0, "%s: and decodes", row->name);
	ssize_t again = wire_encode(type, &out, second, sizeof second);
	ok(again == len && memcmp(first, second, (size_t)len) == 0, "%s: to the same thing", row->name);
	if (row->from != (FROM_CLIENT | FROM_DAEMON))
		ok(wire_decode(type, (FROM_CLIENT | FROM_DAEMON) ^ from, first, (size_t)len, &out) == -EPROTO, "%s: not from the other side", row->name);

	/* a list's or tags' shorter body can be a smaller true one: only those that end in one may pass */
	bool open_ended = type == WIRE_ENTRIES || type == WIRE_SEGMENT_END;
	int  passed = 0;
	for (ssize_t n = 0; n < len; n++)
		passed += wire_decode(type, from, first, (size_t)n, &out) == 0;
	ok(open_ended || passed == 0, "%s: no shorter body passes", row->name);
	first[len] = 1;
	ok(open_ended || wire_decode(type, from, first, (size_t)len + 1, &out) < 0, "%s: nor one byte more", row->name);

	size_t room = (size_t)len;
	int    fits = 0;
	for (size_t n = 0; n < room; n++)
		fits += wire_encode(type, &in, second, n) >= 0;
	ok(fits == 0, "%s: and none is written past its room", row->name);
}

static uint32_t state = 2463534242u;
static uint32_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	return state ^= state << 5;
}

/* Ascending, apart, in bounds. */
static bool good_gaps(struct wire_aside *a)
{
	uint64_t off, len, end = 0;
	bool     good = true, first_one = true;

	for (; wire_gap_next(&a->gaps, &off, &len) > 0; first_one = false, end = off + len)
		good &= (first_one || off > end) && len > 0 && off <= INT64_MAX && len <= INT64_MAX - off;
	return good;
}

/* As many names as it says, each of one to 4,095 bytes. */
static bool good_looks(struct wire_looks *l)
{
	char     name[WIRE_PATH_MAX + 1] = "";
	uint8_t  flags;
	unsigned n = 0;
	bool     good = true;

	for (; wire_looks_next(&l->items, &flags, name) > 0; n++)
		good &= *name && strlen(name) <= WIRE_PATH_MAX;
	return good && n == l->count && n <= WIRE_LOOKS_MAX;
}

static void walk_extras(struct wire_str ext)
{
	struct wire_str   value, rest;
	struct owner      o;
	struct hard_links h;
	char              name[256];
	uint8_t           tag;

	while (wire_extra_next(&ext, &tag, &value) > 0) {
		wire_owner_get(value, &o);
		wire_links_get(value, &h);
		wire_xattr_get(value, name, &rest);
	}
}

/* What a damaged body decodes to is still a body: it encodes, and its lists end. */
static void damage(unsigned type)
{
	const struct wire_row *row = wire_row(type);
	unsigned               from = row->from & FROM_CLIENT ? FROM_CLIENT : FROM_DAEMON;
	union wire_body        in = sample(type);
	ssize_t                len = wire_encode(type, &in, first, sizeof first);
	int                    wrong = 0;

	for (int i = 0; i < 40000; i++) {
		uint8_t *copy = malloc((size_t)len + 1);        /* exact size: a sanitizer sees one byte too far */
		memcpy(copy, first, (size_t)len);
		for (unsigned k = rnd() % 4; k < 4 && len; k++)
			copy[rnd() % (uint32_t)len] = (uint8_t)rnd();
		union wire_body b;
		if (wire_decode(type, from, copy, (size_t)len - (len ? rnd() % 2 : 0), &b) == 0) {
			struct wire_fetch_item f;
			struct wire_entry      e;
			if (type == WIRE_ASIDE)
				wrong += !good_gaps(&b.aside);
			wrong += type == WIRE_RANGE && (!b.range.length || b.range.offset > INT64_MAX || b.range.length > INT64_MAX - b.range.offset);
			wrong += type == WIRE_LOOKS && !good_looks(&b.looks);
			wrong += type == WIRE_HOLE && (!b.hole.length || b.hole.offset > INT64_MAX || b.hole.length > INT64_MAX - b.hole.offset);
			walk_extras(type == WIRE_STORE ? b.store.ext : type == WIRE_FILE ? b.file.ext : type == WIRE_ATTR ? b.attr.ext : bytes(""));
			while (type == WIRE_FETCH && wire_fetch_next(&b.fetch.items, &f) > 0) {}
			while (type == WIRE_ENTRIES && wire_entry_next(&b.entries.items, &e) > 0)
				wrong += e.name.len > WIRE_NAME_MAX || (e.name.len && memchr(e.name.p, 0, e.name.len));
		}
		free(copy);
	}
	ok(wrong == 0, "%s: 40,000 damaged bodies do no harm", row->name);
}

/* An ASIDE with these gaps, as bytes that no encoder of ours would write. */
static int decoded(const uint64_t (*gaps)[2], unsigned count, unsigned said)
{
	union wire_body in = { .aside = { .id = 1, .count = 0 } }, out;
	ssize_t         len = wire_encode(WIRE_ASIDE, &in, first, sizeof first);
	size_t          at = (size_t)len - 2 - 2;       /* count, ext */

	first[at++] = (uint8_t)said;
	first[at++] = (uint8_t)(said >> 8);
	for (unsigned i = 0; i < count; i++)
		wire_gap_add(first, sizeof first, &at, gaps[i][0], gaps[i][1]);
	first[at] = first[at + 1] = 0;
	return wire_decode(WIRE_ASIDE, FROM_DAEMON, first, at + 2, &out);
}

static void gaps(void)
{
	static const struct { const char *what; uint64_t gap[2][2]; int good; } rows[] = {
		{ "two gaps that are apart", { { 0, 5 }, { 6, 1 } }, 1 },
		{ "gaps that touch", { { 0, 5 }, { 5, 1 } }, 0 },
		{ "gaps that overlap", { { 0, 5 }, { 4, 9 } }, 0 },
		{ "gaps in the wrong order", { { 9, 5 }, { 2, 1 } }, 0 },
		{ "the same gap twice", { { 9, 5 }, { 9, 5 } }, 0 },
		{ "an empty gap", { { 0, 5 }, { 9, 0 } }, 0 },
		{ "a gap up to 2^63 - 1", { { 0, 5 }, { 9, INT64_MAX - 9 } }, 1 },
		{ "a gap beyond 2^63 - 1", { { 0, 5 }, { 9, INT64_MAX - 8 } }, 0 },
		{ "a gap that wraps around", { { 0, 5 }, { UINT64_MAX, 2 } }, 0 },
		{ "a length above 2^63", { { 0, 5 }, { 9, 1ull << 63 } }, 0 },
	};
	static uint64_t many[WIRE_GAPS_MAX + 1][2];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ok((decoded(rows[i].gap, 2, 2) == 0) == rows[i].good, "ASIDE: %s", rows[i].what);
	ok(decoded(rows[0].gap, 2, 1) == -EBADMSG && decoded(rows[0].gap, 2, 3) == -EBADMSG, "ASIDE: a count that is not theirs");
	for (uint64_t i = 0; i <= WIRE_GAPS_MAX; i++)
		many[i][0] = 10 * i, many[i][1] = 1;
	ok(decoded(many, WIRE_GAPS_MAX, WIRE_GAPS_MAX) == 0, "ASIDE: as many gaps as it may have");
	ok(decoded(many, WIRE_GAPS_MAX + 1, WIRE_GAPS_MAX + 1) == -EBADMSG, "ASIDE: one more");

	union wire_body b = { .range = { .offset = 10, .length = INT64_MAX - 10, .path = bytes("p") } }, out;
	ssize_t         len = wire_encode(WIRE_RANGE, &b, first, sizeof first);
	ok(len > 0 && wire_decode(WIRE_RANGE, FROM_CLIENT, first, (size_t)len, &out) == 0, "RANGE: up to 2^63 - 1");
	b.range.length++;
	len = wire_encode(WIRE_RANGE, &b, first, sizeof first);
	ok(len > 0 && wire_decode(WIRE_RANGE, FROM_CLIENT, first, (size_t)len, &out) == -EBADMSG, "RANGE: beyond it");
	b.range.length = 0;
	len = wire_encode(WIRE_RANGE, &b, first, sizeof first);
	ok(len > 0 && wire_decode(WIRE_RANGE, FROM_CLIENT, first, (size_t)len, &out) == -EBADMSG, "RANGE: of nothing");
	b = (union wire_body){ .open_aside = { .meta = some_meta(1), .path = bytes("p") } };
	b.open_aside.meta.type = 'd';
	len = wire_encode(WIRE_OPEN_ASIDE, &b, first, sizeof first);
	ok(len > 0 && wire_decode(WIRE_OPEN_ASIDE, FROM_CLIENT, first, (size_t)len, &out) == -EBADMSG, "OPEN_ASIDE: of a directory");
}

/* Values that no encoder of ours would write. */
static void values(void)
{
	struct wire_str   ext = extras(), value, rest;
	struct owner      o;
	struct hard_links h;
	char              name[256];
	uint8_t           tag;
	unsigned          seen = 0;

	while (wire_extra_next(&ext, &tag, &value) > 0) {
		seen++;
		if (tag == EXTRA_OWNER)
			ok(wire_owner_get(value, &o) == 0 && o.uid == 1000 && o.gid == 100 && strcmp(o.user, "anna") == 0 && !*o.group, "an owner");
		if (tag == EXTRA_LINKS)
			ok(wire_links_get(value, &h) == 0 && h.dev == 1ull << 60 && h.ino == 5 && h.count == 2, "hard links");
		if (tag == EXTRA_XATTR)
			ok(wire_xattr_get(value, name, &rest) == 0 && strcmp(name, "user.a") == 0 && rest.len == 5, "an attribute");
	}
	ok(seen == 5, "all extras are walked, unknown ones too");
	ok(wire_owner_get((struct wire_str){ (const uint8_t *)"\377\377\377\377\0\0\0\0\0\0", 10 }, &o) == -EBADMSG, "uid -1, which chown takes for 'leave it', is refused");
	ok(wire_owner_get((struct wire_str){ (const uint8_t *)"\0\0\0\0\377\377\377\377\0\0", 10 }, &o) == -EBADMSG, "and gid -1");
	ok(wire_owner_get((struct wire_str){ (const uint8_t *)"\0\0\0\0\0\0\0\0\3a\0b\0", 13 }, &o) == -EBADMSG, "a NUL in a user's name");
	ok(wire_owner_get((struct wire_str){ (const uint8_t *)"\0\0\0\0\0\0\0\0\41aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0", 43 }, &o) == -EBADMSG, "one of 33 bytes");
	ok(wire_owner_get((struct wire_str){ (const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0", 11 }, &o) == -EBADMSG, "an owner with a byte left over");
	ok(wire_xattr_get((struct wire_str){ (const uint8_t *)"\3a\0bv", 5 }, name, &rest) == -EBADMSG, "a NUL in an attribute's name");
	ok(wire_xattr_get((struct wire_str){ (const uint8_t *)"\0v", 2 }, name, &rest) == -EBADMSG, "an attribute without a name");

	static uint8_t big[WIRE_EXT_MAX + 100];
	size_t         used = 0;
	ok(wire_xattr_add(big, sizeof big, &used, "user.big", (struct wire_str){ first, WIRE_EXT_MAX }) == -EMSGSIZE && used == 0, "what is too large for a message is not begun");
	ok(wire_xattr_add(big, sizeof big, &used, "user.big", (struct wire_str){ first, WIRE_EXT_MAX - 12 }) == 0 && used == WIRE_EXT_MAX, "the largest fits");
	ok(wire_xattr_add(big, sizeof big, &used, "user.b", bytes("")) == -EMSGSIZE && used == WIRE_EXT_MAX, "and nothing beside it");
	ok(wire_looks_cost(WIRE_LOOKS_MAX, WIRE_LOOKS_MAX) == wire_row(WIRE_LOOKS)->reply_max, "the dearest LOOKS costs what the table says");
}

static void coarse(void)
{
	struct wire_looked_item i = { .what = LOOKED_THERE, .coarse = true, .meta = some_meta(7) }, out;
	uint8_t                 p[200];
	size_t                  used = 0;

	ok(wire_looked_add(p, sizeof p, &used, &i) == 0 && p[0] == LOOKED_COARSE, "LOOKED: there, on a file system of whole seconds");
	struct wire_str items = { p, used };
	ok(wire_looked_next(&items, &out) == 1 && out.what == LOOKED_THERE && out.coarse && out.meta.size == 7, "and it is there, and coarse");
	i.coarse = false;
	used = 0;
	wire_looked_add(p, sizeof p, &used, &i);
	items = (struct wire_str){ p, used };
	ok(p[0] == LOOKED_THERE && wire_looked_next(&items, &out) == 1 && !out.coarse, "elsewhere it is not");
	p[0] = LOOKED_COARSE + 1;
	items = (struct wire_str){ p, used };
	ok(wire_looked_next(&items, &out) == -EBADMSG, "LOOKED: a fifth kind of item is none");
}

/* What zcp-wire(7) BOUNDS must say: tests/manual.bats compares. */
static int print_table(void)
{
	for (unsigned type = 0; type < WIRE_TYPES; type++) {
		const struct wire_row *row = wire_row(type);
		if (row)
			printf("%s\t%u\t%u\t%u\t%u, %s\n", row->name, row->min, row->max, row->reply_max, type,
			       row->from == FROM_CLIENT ? "C" : row->from == FROM_DAEMON ? "D" : "C and D");
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "--table") == 0 ? print_table() : 1;
	for (unsigned type = 0; type < WIRE_TYPES + 10; type++) {
		union wire_body out;
		if (wire_row(type)) {
			round_trip(type);
			damage(type);
		} else {
			ok(wire_decode(type, FROM_CLIENT, first, 0, &out) == -EPROTO, "type %u is no message", type);
		}
	}
	union wire_body b = { .look = { 1, 0, { (const uint8_t *)"a\0b", 3 } } };
	ok(wire_encode(WIRE_STAT, &b, first, sizeof first) == -EMSGSIZE, "a NUL in a path is not written");
	gaps();
	values();
	coarse();
	return done();
}
