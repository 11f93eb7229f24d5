/*
 * wire.h - every message: its struct, its encoder and decoder, one table row. Bytes by shifts, never structs.
 *
 * Record   u32 word, then AEAD(plain text); associated data = the 4 bytes of the word. word & WIRE_LENGTH = bytes that follow (tag
 *          included). Without WIRE_CONTENTS the plain text is `u8 type || body`; with it, it is file contents alone (the length of each
 *          follows from the SEGMENT before it), so that contents go from a mapping through the cipher without a copy.
 *          WIRE_SKIPPED: one nonce before this record was spent on a record that was never sent (the source vanished under the cipher).
 * Numbers  little-endian. str = u16 length + bytes, no NUL inside. ext = u16 length + (u8 tag, u16 length, value)*: what not every file has (extras, below),
 *          sent only where it was asked for, and fields of later versions, each sent only after its capability bit; unknown tags are skipped.
 * Bounds   are in the table (min, max, reply_max) and checked before decoding; counts and lengths inside before use.
 * Decoded strings and contents point INTO the record: valid until the next read of the stream; not terminated.
 * Returns  wire_decode: 0, -EPROTO (no such type, or not this side's to send), -EMSGSIZE (bounds), -EBADMSG (short or left over).
 * Source   zcp-wire(7), one heading per row. Proof tests/unit/wire.c walks the table; tests/manual.bats compares names.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "common/err.h"

enum {
	WIRE_CONTENTS = 1u << 31, WIRE_SKIPPED = 1u << 30, WIRE_LENGTH = 0x00ffffff,
	WIRE_BODY_MAX = 256 * 1024,             /* largest typed body */
	WIRE_CONTENTS_MAX = 256 * 1024,         /* largest contents record's plain text: two fit the L2 cache (0.43 s per GiB; 1 MiB: 0.53) */
	WIRE_INLINE_MAX = 64 * 1024,            /* files up to this ride inside FILE and STORE */
	WIRE_PATH_MAX = 4095, WIRE_NAME_MAX = 255, WIRE_LINK_MAX = 4095,
	WIRE_FETCH_BODY = 64 * 1024,            /* largest FETCH record */
	WIRE_SEGMENT_MAX = 16 * 1024 * 1024, WIRE_SEGMENT_LEAST = 64 * 1024,
	WIRE_REQUESTS_MAX = 256 * 1024,         /* unanswered request bytes, download and upload */
	WIRE_REPLIES_MAX = 128 * 1024,          /* sum of reply_max of unanswered STOREs */
	WIRE_EAGER_MAX = 1024 * 1024,           /* an OPEN above this waits for its OK before contents follow */
	WIRE_OPEN_MAX = 16,                     /* files a stream may have open for writing */
	WIRE_PAGE = 256 * 1024,                 /* largest ENTRIES body */
	WIRE_TAGS_MAX = WIRE_SEGMENT_MAX / (256 * 1024),
	WIRE_EXPORTS_MAX = 64,
	WIRE_DEPTH_MAX = 1000,
	WIRE_RUN = 16,                          /* bytes of a run id */
	WIRE_GAPS_MAX = 256,                    /* of one ASIDE */
	WIRE_EXT_MAX = 60000,                   /* of the messages that carry extras */
	WIRE_LOOKS_MAX = 256,                   /* names of one LOOKS */
	WIRE_LOOKS_BODY = 64 * 1024,
	WIRE_TARGET_MAX = 255,                  /* longest link target that LOOKED says */
	WIRE_KEY_BYTES = 32, WIRE_DIGEST_BYTES = 32,
	WIRE_CALLS_MAX = 32,                    /* system calls that USED counts */
};

enum wire_type {
	WIRE_SETUP = 1, WIRE_STAT, WIRE_LIST, WIRE_NEXT, WIRE_FETCH, WIRE_STORE, WIRE_OPEN, WIRE_MKDIR, WIRE_SYMLINK, WIRE_SETMETA,
	WIRE_BYE,       WIRE_OPEN_ASIDE, WIRE_RANGE, WIRE_COMMIT, WIRE_LOOKS, WIRE_HASH, WIRE_REMOVE, WIRE_LINK,      WIRE_USAGE,
	WIRE_CANCEL = 20, WIRE_WAIT,
	WIRE_FILE = 30, WIRE_SEGMENT, WIRE_SEGMENT_END, WIRE_DONE, WIRE_HOLE,
	WIRE_WELCOME = 40, WIRE_REFUSED, WIRE_OK, WIRE_ERROR, WIRE_ATTR, WIRE_ENTRIES, WIRE_END, WIRE_RESEND, WIRE_ASIDE,
	WIRE_LOOKED, WIRE_DIGEST, WIRE_USED,
	WIRE_TYPES
};

struct wire_str { const uint8_t *p; size_t len; };      /* borrowed from the record */

struct meta {                   /* u8 type, u32 mode, u64 size, i64 mtime, u32 ns */
	uint8_t  type;          /* 'f' regular, 'd' directory, 'l' symbolic link, 'o' other */
	uint32_t mode;          /* & 07777 as sent; the receiver masks & 0777, always */
	uint64_t size;
	int64_t  mtime;
	uint32_t mtime_ns;      /* < 1e9, else -EBADMSG */
};

struct identity {               /* of the descriptor a sender sends from */
	uint64_t dev, ino;
	int64_t  ctime;
	uint32_t ctime_ns;
};

enum { SETUP_FSYNC = 1, SETUP_PLAIN = 2 /* raw contents, or nothing */, SETUP_NO_TAGS = 4 /* without tags, or nothing */,
       /* wanted in FILE, ENTRIES and ATTR: */ SETUP_HOLES = 8, SETUP_OWNERS = 16, SETUP_XATTRS = 32, SETUP_ACLS = 64, SETUP_LINKS = 128 };
enum { LOOK_FOLLOW = 1, LOOK_RECURSE = 2, LOOK_ONE_FS = 4 /* what is mounted below is not walked into */,
       LOOK_EXTRAS = 8 /* HASH: of attributes and ACLs, not of contents */ };     /* STAT, LIST, LOOKS, HASH */
enum { STORE_KEEP_MODE = 1, STORE_KEEP_TIMES = 2, STORE_EAGER = 4,      /* -p: mode and times are applied as sent */
       STORE_FRESH = 8 /* OPEN_ASIDE: what is there already counts for nothing */, STORE_DROP = 16 /* COMMIT: it comes to nothing */,
       STORE_SPARSE = 32 /* OPEN, OPEN_ASIDE: it has holes, so no space is taken beforehand */ };
enum { FETCH_SEALED = 1, FETCH_RANGE = 2, FETCH_FOLLOW = 4, FETCH_HAND = 8 };   /* per item; RANGE: offset and length follow the flags; HAND: a descriptor, if it may be */
enum { SENT_INLINE = 1, SENT_SHRANK = 2, SENT_GREW = 4, SENT_GIVEN_UP = 8, SENT_FAILED = 16, SENT_SPARSE = 32,
       SENT_HANDED = 64 /* FILE: its descriptor came with this, and nothing else comes */ };   /* FILE, SEGMENT_END, DONE */
enum { ENTRY_OK = 0, ENTRY_FAILED = 1 };
enum { LOOKS_LINK = 1 /* its target is wanted */ };
enum { LOOKED_MISSING = 0, LOOKED_THERE = 1, LOOKED_FAILED = 2, LOOKED_COARSE = 3 /* on the wire alone: there, coarse */ };
enum { OK_EXISTED = 1 /* MKDIR: it was there; LINK: it was that file's name */, OK_NO_XATTRS = 2, OK_NO_ACLS = 4 /* published, but these could not be set */ };
enum { EXTRA_OWNER = 1, EXTRA_XATTR = 2, EXTRA_ACL = 3, EXTRA_DEFAULT_ACL = 4, EXTRA_LINKS = 5, EXTRA_SPARSE = 6 /* ATTR: it has holes; no value */ };     /* tags of ext */

struct wire_setup    { uint8_t send_engine, recv_engine, flags; struct wire_str cc; };       /* engine ids; 0 = auto */
struct wire_look     { uint32_t id; uint8_t flags; struct wire_str path; };                  /* STAT, LIST */
struct wire_id       { uint32_t id; };                                                       /* NEXT, CANCEL */
struct wire_fetch    { uint32_t first; uint16_t count; struct wire_str items; };             /* walk with wire_fetch_next() */
struct wire_fetch_item { uint8_t flags; uint64_t offset, length; struct wire_str path; };
struct wire_store    { uint32_t id; uint8_t flags; struct meta meta; struct wire_str path, ext, contents; };
struct wire_open     { uint32_t id; uint8_t flags; struct meta meta; struct wire_str path, ext; };   /* OPEN, MKDIR, SETMETA */
/* A file stored by ranges (zcp-wire(7) RANGES): identity is the source's, so that what is there already is known to be of this file. */
struct wire_open_aside { uint32_t id; uint8_t flags; struct meta meta; struct identity identity; struct wire_str path; };
struct wire_range    { uint32_t id; uint8_t run[WIRE_RUN]; uint64_t offset, length; struct wire_str path; };   /* SEGMENTs and DONE follow at once */
struct wire_commit   { uint32_t id; uint8_t flags, run[WIRE_RUN]; struct meta meta; struct wire_str path, ext; };   /* meta: its mode and times count */
struct wire_aside    { uint32_t id; uint8_t run[WIRE_RUN]; uint16_t count; struct wire_str gaps; };             /* walk with wire_gap_next() */
struct wire_symlink  { uint32_t id; struct meta meta; struct wire_str path, target; };
struct wire_file     { uint32_t id; uint8_t flags; struct meta meta; struct identity identity; struct wire_str ext, contents; };
struct wire_segment  { uint32_t id; uint64_t offset; uint32_t length; uint8_t carry; };
struct wire_segment_end { uint32_t id; uint64_t offset; uint32_t length; uint8_t flags, engine; struct wire_str tags; };   /* engine that sent */
struct wire_done     { uint32_t id; uint8_t flags; struct fail fail; };
struct wire_welcome  { uint8_t carry, reason; uint16_t count; struct wire_str exports; };    /* {str prefix, u8 flags}* */
enum { EXPORT_WRITE = 1, EXPORT_RAW = 2 };
struct wire_refused  { struct fail fail; };
struct wire_ok       { uint32_t id; uint8_t engine, flags; };   /* the engine that received; 0 = none did */
struct wire_error    { uint32_t id; struct fail fail; };
struct wire_attr     { uint32_t id; struct meta meta; struct identity identity; struct wire_str link, ext; };
struct wire_entries  { uint32_t id; struct wire_str items; };   /* walk with wire_entry_next() */
struct wire_entry    { uint8_t what; bool unread /* a directory that LOOK_ONE_FS keeps from being read */; uint32_t parent; struct meta meta; struct wire_str name, link; struct fail fail; struct wire_str ext; };
struct wire_end      { uint32_t id; struct fail fail; uint32_t entries; };
struct wire_resend   { uint32_t id; uint64_t offset; uint32_t length; };
struct wire_looks    { uint32_t id; uint8_t flags; uint16_t count; struct wire_str dir, items; };               /* walk with wire_looks_next() */
struct wire_looked   { uint32_t id; uint16_t count; struct wire_str items; };                                   /* walk with wire_looked_next() */
struct wire_looked_item { uint8_t what; bool coarse; struct meta meta; struct wire_str link; struct fail fail; };        /* coarse: its times are whole seconds (walk.h) */
struct wire_hash     { uint32_t id; uint8_t flags; uint64_t offset, length; uint8_t key[WIRE_KEY_BYTES]; struct wire_str path; };    /* length 0: all of it */
struct wire_digest   { uint32_t id; struct meta meta; struct identity identity; uint64_t length; uint8_t digest[WIRE_DIGEST_BYTES]; };
struct wire_remove   { uint32_t id; uint8_t directory; struct wire_str path; };
struct wire_link     { uint32_t id; struct wire_str path, to; };               /* path becomes another name of what `to` names */
struct wire_hole     { uint32_t id; uint64_t offset, length; };
struct wire_bye      { uint64_t disk_ns, cipher_ns, wait_ns, rate_ns; };       /* where this side's time went (stages.h) */
struct wire_used     { uint64_t user_us, system_us, scheduled, faults, disk, through; uint8_t count; uint64_t calls[WIRE_CALLS_MAX]; };     /* usage.h; calls in the order of count.h */

union wire_body {
	struct wire_setup setup;       struct wire_look look;     struct wire_id id;           struct wire_fetch fetch;
	struct wire_store store;       struct wire_open open;     struct wire_symlink symlink; struct wire_file file;
	struct wire_segment segment;   struct wire_segment_end segment_end;                    struct wire_done done;
	struct wire_welcome welcome;   struct wire_refused refused; struct wire_ok ok;         struct wire_error error;
	struct wire_attr attr;         struct wire_entries entries; struct wire_end end;       struct wire_resend resend;
	struct wire_open_aside open_aside; struct wire_range range; struct wire_commit commit; struct wire_aside aside;
	struct wire_looks looks;       struct wire_looked looked; struct wire_hash hash;       struct wire_digest digest;
	struct wire_remove remove;     struct wire_link link;    struct wire_hole hole;       struct wire_bye bye;
	struct wire_used used;
};

enum { FROM_CLIENT = 1, FROM_DAEMON = 2 };

struct wire_row {
	const char *name;               /* log text, and the heading in zcp-wire(7) */
	uint32_t    min, max;           /* body bytes, checked before decoding */
	uint8_t     from;
	uint32_t    reply_max;          /* bytes on the wire its answer can take before contents; 0: answered by contents or pages */
};
const struct wire_row *wire_row(unsigned type);         /* NULL: no such type */

/* Encode a body at p (room for max bytes). Bytes, or -EMSGSIZE. Strings and contents are copied from where they point. */
ssize_t wire_encode(unsigned type, const union wire_body *, uint8_t *p, size_t max);
int     wire_decode(unsigned type, unsigned from, const uint8_t *p, size_t len, union wire_body *out);

/* FETCH, ENTRIES, WELCOME, ASIDE, LOOKS and LOOKED carry lists: each call takes one item off the front. 1 = item, 0 = end, -EBADMSG */
int     wire_fetch_next(struct wire_str *items, struct wire_fetch_item *);
int     wire_entry_next(struct wire_str *items, struct wire_entry *);
int     wire_export_next(struct wire_str *items, struct wire_str *prefix, uint8_t *flags);
int     wire_gap_next(struct wire_str *gaps, uint64_t *offset, uint64_t *length);       /* u64 offset, u64 length; ascending, apart, length > 0 */
/* name: the one before, "" at first; becomes this one, below `dir`, terminated */
int     wire_looks_next(struct wire_str *items, uint8_t *flags, char name[static WIRE_PATH_MAX + 1]);
int     wire_looked_next(struct wire_str *items, struct wire_looked_item *);
/* ext: the extras of one file. An ext that was decoded has the shape; the values are checked by their own getters. */
int     wire_extra_next(struct wire_str *ext, uint8_t *tag, struct wire_str *value);
/* ... and these append one to a buffer at *used: 0, or -EMSGSIZE when it does not fit (nothing appended). */
int     wire_fetch_add(uint8_t *p, size_t max, size_t *used, const struct wire_fetch_item *);
int     wire_entry_add(uint8_t *p, size_t max, size_t *used, const struct wire_entry *);
int     wire_export_add(uint8_t *p, size_t max, size_t *used, struct wire_str prefix, uint8_t flags);
int     wire_gap_add(uint8_t *p, size_t max, size_t *used, uint64_t offset, uint64_t length);
int     wire_looks_add(uint8_t *p, size_t max, size_t *used, uint8_t flags, const char *name, char prev[static WIRE_PATH_MAX + 1]);      /* prev: the name before; becomes this one */
int     wire_looked_add(uint8_t *p, size_t max, size_t *used, const struct wire_looked_item *);
int     wire_extra_add(uint8_t *p, size_t max, size_t *used, uint8_t tag, struct wire_str value);
uint32_t wire_looks_cost(size_t names, size_t links);   /* bytes on the wire that the answer can take: so many names, of those so many with LOOKS_LINK */

/* Values of extras. get: 0, or -EBADMSG. Names of owners are terminated, "" where the other side knows none. */
struct owner { uint32_t uid, gid; char user[33], group[33]; };
struct hard_links { uint64_t dev, ino; uint32_t count; };
int     wire_owner_get(struct wire_str value, struct owner *);
int     wire_owner_add(uint8_t *p, size_t max, size_t *used, const struct owner *);
int     wire_links_get(struct wire_str value, struct hard_links *);
int     wire_links_add(uint8_t *p, size_t max, size_t *used, const struct hard_links *);
int     wire_xattr_get(struct wire_str value, char name[static 256], struct wire_str *bytes);
int     wire_xattr_add(uint8_t *p, size_t max, size_t *used, const char *name, struct wire_str bytes);

/* Fixed heads of the two messages that carry contents, for callers that read contents in place behind them. */
size_t  wire_file_head(size_t ext_len);                 /* bytes of FILE before its contents */
size_t  wire_store_head(size_t path_len, size_t ext_len);
struct wire_str wire_cstr(const char *s);
