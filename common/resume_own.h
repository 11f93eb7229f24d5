/*
 * resume_own.h - what resume.c, resume_open.c, resume_file.c, resume_keys.c, resume_spans.c and resume_sweep.c share; nobody else includes it.
 *
 * Header   RESUME_HEADER bytes: magic, version, suite of the tags, run id, owner, resume_id, local key; BLAKE2b over all of it at the end. Integers little-endian.
 * Entry    RESUME_ENTRY bytes: u8 kind; of a piece u24 length, u64 offset, u32 nonce, u64 key id (both 0 with the local key), tag; of a key u8 suite, key; zeros; and
 *          SipHash over these, keyed with part of the local key: another file's entry is wrong here. Where in the journal it stands is no part of it: several
 *          append, and none knows where its entries will be. One that stands there twice, or elsewhere, says nothing that is not so. But a key comes before its pieces.
 * Hole     no tag, and a u64 length where the key id of a piece stands.
 * Void     of what a writer of raw bytes wrote and could not prove: its bytes may lie over those of a piece, whether that was noted before or will be. A gap for COMMIT, until
 *          resume_open() has read all back and says so (PROVED): what is void before that counts no more.
 * Key id   SipHash of suite and key, keyed alike: writers need not agree on numbers, and a key that is noted twice is one.
 */
#pragma once
#include "common/aside_own.h"
#include "common/resume.h"

enum { RESUME_HEADER = 256, RESUME_ENTRY = 64, RESUME_PIECE = 256 * 1024, RESUME_TAG = 32 };

struct resume_header {
	struct resume_id id;
	uint8_t run[WIRE_RUN], owner[KEY_BYTES], key[32];
};

/* RESUME_GOES_ON: read, and right. RESUME_NEW: an empty file. Else BROKEN or VERSION, and nothing is in *h. -errno */
int  resume_header_get(int fd, struct resume_header *h);
int  resume_header_put(int fd, const struct resume_header *h);
bool resume_same(const struct resume_id *a, const struct resume_id *b);
/* with: NULL for the local key */
bool resume_tag_is(const struct resume *r, const struct resume_key *with, const struct resume_piece *p, const void *bytes);

int  resume_proved(const struct resume *);                                     /* the entry that says so. 0, -errno */
/* Streams' keys by their ids; begins as zeros. */
uint64_t resume_key_id(const struct resume *, const struct resume_key *);
struct known_key { uint64_t id; struct resume_key key; };
struct known_keys { struct known_key *v; size_t count, room; };                 /* sorted by id */
int  known_keys_add(struct known_keys *, uint64_t id, const struct resume_key *);       /* 0; -EBADMSG: RESUME_KEYS are known, or this id is another's; -ENOMEM */
const struct resume_key *known_keys_find(const struct known_keys *, uint64_t id);       /* good until the next is added; NULL: unknown */
void known_keys_clear(struct known_keys *);                                     /* wipes */

/* The entries in order. at: of the one after the last that was given, so that a journal can be cut there. */
enum { ENTRY_END, ENTRY_PIECE, ENTRY_KEY, ENTRY_VOID, ENTRY_PROVED, ENTRY_HOLE };
struct resume_reader { const struct resume *r; uint64_t at; size_t used, got; uint8_t *buf; bool proving; struct known_keys keys; const struct resume_key *with; struct span hole; };
/* proving: the pieces' keys are wanted, and `with` is that of the last piece; else nobody looks whether they are known. 0, -ENOMEM */
int  resume_reader_init(struct resume_reader *, const struct resume *, bool proving);
/* ENTRY_PIECE, ENTRY_VOID: *p; ENTRY_HOLE: hole; ENTRY_KEY, ENTRY_PROVED: neither; ENTRY_END, where one may be cut; -EBADMSG: a wrong one; -errno */
int  resume_reader_next(struct resume_reader *, struct resume_piece *p);
void resume_reader_clear(struct resume_reader *);                               /* wipes */

/* Sorted, not touching; begins as { .lost = UINT64_MAX }. At most SPANS_MAX: then those at the end go, and count as not there; lost is where they began. */
enum { SPANS_MAX = 16384 };
struct spans { struct span *v; size_t count, room; uint64_t lost; };
int  spans_add(struct spans *, uint64_t off, uint64_t len);                     /* 0, -ENOMEM */
int  spans_remove(struct spans *, uint64_t off, uint64_t len);                  /* 0, -ENOMEM */
bool spans_cover(const struct spans *, uint64_t off, uint64_t len);
/* What of [0, size) they leave out, joined to at most RESUME_GAPS by leaving the smallest spans out, too. -ENOMEM */
int  spans_gaps(struct spans *, uint64_t size, struct span gaps[static RESUME_GAPS], size_t *count);
void spans_clear(struct spans *);

extern const struct resume resume_nothing;
/* flock(2), not waited for: -EWOULDBLOCK */
int  resume_lock(int fd, int how);
/* LOCK_EX, waited for: until who joined has ended its write. */
int  resume_lock_alone(int fd, int wait_ms);
/* Does this name stand for this descriptor's file, still? */
bool resume_is(int dir, const char *name, int fd);
/* Found again by owner and final name. */
void resume_aside_name(char name[static ASIDE_NAME], const char *final, const uint8_t owner[static KEY_BYTES]);
enum { JOURNAL_NAME = ASIDE_NAME + 2 };
void resume_journal_name(char out[static JOURNAL_NAME], const char *aside);
