/*
 * resume.h - the journal beside an aside file: what of a file is here already, and how that is known again.
 *
 * File     the aside file's name + ".j", 0600, same directory: one header (version, run id, who and what it is of, a random local key, checksum), then one entry
 *          for each piece that is in the file and was right when it came: {offset, length, which key, nonce, tag, checksum}. Entries are appended, each
 *          with one write(2), by any number of processes and threads; the header is only written by who holds the lock. Nothing is fsynced: what a power cut
 *          leaves of file and journal is found out by the tags.
 * Lock     flock(2), exclusive, on the journal: who fills the file, commits it or throws it away. A second one is told -EWOULDBLOCK (status 46).
 *          Who writes a range without holding it (zcpd's other streams) holds a shared lock on the ASIDE file meanwhile; opening and committing take that one
 *          exclusively, after another run id was written: who joined an earlier run has ended then, and writes no more into what is proved.
 * Trust    none. resume_open() reads the header (another version, another file, another key, a wrong checksum: begun anew, and `why` says so), then recomputes
 *          every entry's tag from the aside file; the first entry that is wrong ends the claim, and the journal is cut there.
 * Holes    a part that is to be a hole has an entry of its own, whatever its length. It is believed when nothing is found there, or nothing but zeros: what there is is read.
 * Tag      the AEAD tag of an empty message with the piece as associated data (aegis128l, else chacha20poly1305), nonce = the offset. It finds what a power
 *          cut or a disk made of the bytes; it is no defence against who may write the file, and the local key stands beside it.
 *          Of a raw chunk the stream has made and compared such a tag already (seal.h): that one is noted, and none computed; its key stands in the journal before it.
 * Keys     a stream's raw key authenticates raw chunks of one direction, in one epoch, while it lives, and no other key follows from it (HMAC); the journal is 0600
 *          beside the aside file: who may read the key there, as this user, may write the file anyway.
 * Hostile  an aside file or journal is used only if it is regular, has one link, is this process's own and 0600, opened O_NOFOLLOW: else it is left alone and -EPERM.
 * Returns  0 or -errno.
 * Source   zcp-wire(7) RANGES, HOLES. Proof tests/unit/resume.c (flipped bits, another file, the future, cut entries, zeros after a "power cut"), tests/unit/resume_holes.c,
 *          tests/unit/resume_keys.c
 *          (streams' keys: forged, unknown, too many), tests/unit/noted.c, tests/unit/sweep.c, tests/resume.bats.
 */
#pragma once
#include "common/aside.h"
#include "common/keys.h"
#include "common/suite.h"

enum { RESUME_FROM = 8 << 20 };         /* smaller files are not worth a journal: they are sent again */
enum { RESUME_OF = 32, RESUME_GAPS = WIRE_GAPS_MAX };

struct span { uint64_t off, len; };

struct resume_id {                      /* what the bytes are of: all of it must be equal, or the journal is of another file */
	uint8_t  of[RESUME_OF];         /* hash of who serves it and its path there (resume_of()); zeros where only the identity counts */
	uint64_t size;
	int64_t  mtime; uint32_t mtime_ns;
	struct identity identity;
};

enum resume_why { RESUME_NEW = 0 /* there was none */, RESUME_GOES_ON /* also with have 0 */, RESUME_ANOTHER /* file, or it changed */, RESUME_BROKEN, RESUME_VERSION, RESUME_REFUSED /* not asked for */ };

struct resume {                         /* sides: the holder (resume_open), or a writer of ranges (resume_join) */
	int      fd;                    /* journal, O_RDWR; holds the lock when `holder`. Owned */
	int      log;                   /* journal, O_APPEND: entries. Owned */
	bool     holder;
	uint8_t  run[WIRE_RUN];
	uint8_t  key[32];               /* local key */
	uint64_t size, have;            /* have: bytes that were proved by resume_open(): all but the gaps */
	enum resume_why why;
	bool     cut;                   /* RESUME_GOES_ON: an entry was wrong, or what it says of the file; from there on all comes again */
};

/* The aside file of this owner's copy to `final` in dir: its name is found again by the hash of key and name. Made or opened, and its journal too; sizes it.
 * RESUME_FRESH: nothing of what is there counts. RESUME_SPARSE: it has holes, so no space is asked for, and where it is begun anew nothing of an older one stays. gaps: what is missing, ascending, at most RESUME_GAPS (close ones are joined); *count of them.
 * -EWOULDBLOCK: somebody else is at it, or still writes for an earlier run (waited for, at most RESUME_STALE_MS); -EPERM: what stands there is not ours;
 * -ENOSPC and so on as aside_open() (both files are gone then). After 0, a and r are the caller's to end; after a failure there is nothing to end. */
enum { RESUME_STALE_MS = 1000 };
enum { RESUME_FRESH = 1, RESUME_SPARSE = 2 };
int  resume_open(struct aside *a, struct resume *r, int dirfd, const char *final, const uint8_t owner[static KEY_BYTES], const struct resume_id *,
                 unsigned how, struct span gaps[static RESUME_GAPS], size_t *count);
/* The same; and beat() is called while the file is read back, at once and then at most ten times a second: a large one takes long. < 0 ends it: -errno, both files stay. */
struct resume_pulse { int (*beat)(void *arg); void *arg; };
int  resume_open_pulsed(struct aside *a, struct resume *r, int dirfd, const char *final, const uint8_t owner[static KEY_BYTES], const struct resume_id *,
                        unsigned how, struct span gaps[static RESUME_GAPS], size_t *count, const struct resume_pulse *);
/* The same file from another process or thread, for one range: checks form, owner and run id (-ESTALE: another run by now, or none), shared lock on the aside file
 * (in a->fd's description; -EWOULDBLOCK: it is being opened or committed). End: resume_close(), aside_keep(). */
int  resume_join(struct aside *a, struct resume *r, int dirfd, const char *final, const uint8_t owner[static KEY_BYTES], const uint8_t run[static WIRE_RUN]);
/* These pieces (at most 256 KiB each) are in the file, and right: one write(2). pieces[i].tag by resume_tag(). Several threads may. */
struct resume_piece { uint64_t off; uint32_t len, nonce /* with a stream's key alone */; uint8_t tag[32]; };
void resume_tag(const struct resume *, uint64_t off, const void *bytes, size_t len, uint8_t tag[static 32]);
/* Bytes that came raw have been written there and were not proved to be right (a cut in mid-segment, a wrong tag): whatever is noted of it, it must be read back before
 * the file is whole (resume_commit() is -ENODATA, resume_open() tells). By who wrote them, before it lets go of its lock. */
int  resume_void(struct resume *, uint64_t off, uint64_t len);
int  resume_note(struct resume *, const struct resume_piece *, size_t count);
/* Nothing is there, or zeros: of any length. */
int  resume_note_hole(struct resume *, uint64_t off, uint64_t len);
/* The same for a stream's raw chunks: tag as it came, zeros behind it, nonce = the chunk's counter. The key is written before them, in the same write(2), unless
 * `noted` says that it stands in this journal; one key is one thread's. Opening believes RESUME_KEYS different keys; what refers to more is no claim. The caller wipes it. */
enum { RESUME_KEYS = 16384 };
struct resume_key { uint8_t suite /* id of the MAC row */; bool noted; uint8_t key[SUITE_KEY_MAX]; };
int  resume_note_keyed(struct resume *, struct resume_key *, const struct resume_piece *, size_t count);
/* Holder only. Nobody else writes any more (waits up to wait_ms for the exclusive lock on the aside: -EWOULDBLOCK), the run id is another from here on, and
 * the entries cover [0, size) without a gap (-ENODATA; -ESTALE: it is no longer the file by that name). Then aside_publish() and resume_drop(). After
 * -EWOULDBLOCK and -ENODATA it may be tried again. */
int  resume_commit(struct aside *, struct resume *, int wait_ms);
void resume_drop(struct resume *, int dirfd, const char *aside_name);   /* unlinks the journal, closes. The aside file is aside_drop()'s */
void resume_close(struct resume *);             /* keeps both files for the next run; takes a zeroed (-1) one */

/* BLAKE2b of the parts, each with its length. */
void resume_of(uint8_t of[static RESUME_OF], const uint8_t who[static KEY_BYTES], const char *path);
/* Removes from a directory what nobody will go on with: names of the aside form (and their journals), regular, one link, own euid, older than
 * SWEEP_AGE_S by mtime (never one from the future), and not locked. An aside file goes only with its journal, where it has one, and the reverse.
 * Returns how many files. max: directory entries looked at. */
enum { SWEEP_AGE_S = 7 * 86400 };
int  resume_sweep(int dirfd, size_t max);
