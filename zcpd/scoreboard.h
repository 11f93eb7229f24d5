/*
 * scoreboard.h - what each stream is doing, in shared memory: for display only. No limit and no decision rests on it.
 *
 * Shape    one page of totals (the listener alone writes it), then one page per slot. A slot is written by its stream's process alone, without
 *          locks; readers take what they see: numbers are relaxed atomics, texts are bounded and may be torn while they change (`turn` is odd
 *          meanwhile: read it before and after). Readers clamp and escape everything.
 * Borders  MAP_SHARED of a memfd. All pages are MADV_DONTFORK but the slot of the child that is forked next, so a process has no neighbour (and no
 *          totals) to write to. A stream's process closes board.fd (board_forget()), or it could map the rest; so does every other child.
 * Reading  a process of the listener's that shows the board (status, metrics) calls board_view() first: all pages, for reading only.
 * Totals   when a stream ends the listener adds its slot to the totals (clamped to what that time can hold), so they never run backwards; their
 *          `turn` is odd meanwhile, so that board_sum() finds a stream in its slot or in the totals, never in both. Bytes are counted as they
 *          move (board_moved), so those of a stream that is killed are not lost.
 * Revoked  board_revoke(): the listener tells a stream that its key was taken away; the stream ends at its next request.
 * Proof    tests/unit/scoreboard.c, tests/scoreboard.bats (mremap and neighbours: tests/sandbox.bats).
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/engine/engine.h"
#include "common/net.h"
#include "zcpd/limits.h"

enum {
	BOARD_VERSION = 2, BOARD_PAGE = 4096, BOARD_NAME = 128, BOARD_EXPORT = 256, BOARD_FILE = 1024, BOARD_STATUSES = 64,
	BOARD_BUCKETS = 16,             /* of a latency histogram, bounds in board_bounds_us[] */
};
enum board_way   { BOARD_SENT, BOARD_RECEIVED, BOARD_WAYS };
enum board_state { BOARD_FREE = 0, BOARD_GREETING, BOARD_IDLE, BOARD_LISTING, BOARD_SENDING, BOARD_RECEIVING, BOARD_STATES };
/* Why a stream never got to its first request; one counter each. */
enum board_cause { CAUSE_NONE = 0, CAUSE_NO_ZCP, CAUSE_HANDSHAKE, CAUSE_DEADLINE, CAUSE_KEY, CAUSE_BUSY, CAUSE_PENALTY, CAUSE_CRASH, CAUSE_COUNT };

struct board_counts {
	_Atomic uint64_t bytes[BOARD_WAYS][ENGINE_IDS];         /* file contents; index 0: inside records */
	_Atomic uint64_t files[BOARD_WAYS];
	_Atomic uint64_t errors[BOARD_STATUSES];                /* answers with this exit status */
	_Atomic uint64_t requests;
	_Atomic uint64_t latency[BOARD_BUCKETS + 1];            /* request read -> its last answer byte is in the stream; last: above all bounds */
	_Atomic uint64_t latency_us;                            /* the sum */
};

struct board_slot {                     /* one page */
	_Alignas(4096) _Atomic uint32_t turn;
	_Atomic uint32_t state, revoked;
	_Atomic uint64_t pid, began_ms;                         /* CLOCK_BOOTTIME */
	struct net_addr  peer;
	_Atomic uint64_t file_size, file_done, file_began_ms;
	_Atomic uint32_t engine, sealed;                        /* id; 0 inline / 1: the last contents that moved, if any, were encrypted */
	char             suite[24], key[BOARD_NAME + 1], export[BOARD_EXPORT], file[BOARD_FILE];       /* a peer's bytes: escape */
	struct board_counts counts;
};

struct board_totals {                   /* one page */
	_Alignas(4096) uint32_t version;
	uint32_t         slots;
	_Atomic uint32_t turn;                                  /* odd while a stream begins or is added */
	_Atomic uint32_t used;                                  /* no slot from here on has ever been used: readers stop */
	_Atomic uint64_t began_ms, reloads, streams, live;      /* began_ms: CLOCK_BOOTTIME; streams: accepted so far */
	_Atomic uint64_t causes[CAUSE_COUNT];
	_Atomic uint64_t crashes;
	struct board_counts ended;                              /* of streams that have ended */
};

_Static_assert(sizeof(struct board_slot) == BOARD_PAGE && sizeof(struct board_totals) == BOARD_PAGE, "a slot is one page, or it has neighbours");

/* fd: the memfd, close-on-exec, for a re-executed listener; -1: a view. kept: the slot that the next child inherits, SIZE_MAX: none */
struct board { struct board_totals *totals; struct board_slot *slot; size_t slots; int fd; size_t kept; };

/* Plain numbers: all that has been counted, of the live streams too. */
struct board_sum {
	uint64_t bytes[BOARD_WAYS][ENGINE_IDS], files[BOARD_WAYS], errors[BOARD_STATUSES], requests, latency[BOARD_BUCKETS + 1], latency_us;
	uint64_t causes[CAUSE_COUNT], crashes, reloads, streams, began_ms;
	uint64_t states[BOARD_STATES];                          /* live streams in each; BOARD_FREE: 0 */
};

extern const uint32_t board_bounds_us[BOARD_BUCKETS];

/* The listener's. fd -1: new; else a board inherited over exec (taken over), -EINVAL: not one of this shape. 0 or -errno */
int  board_open(struct board *, size_t slots, int fd);
void board_close(struct board *);
int  board_only(struct board *, size_t keep);           /* before fork: this slot (or none: SIZE_MAX) is inherited. 0 or -errno: do not fork */
void board_forget(struct board *);                      /* in a child: closes fd; its own slot stays mapped */
int  board_view(struct board *);                        /* in a child that shows the board, before its sandbox: 0 or -errno */
void board_begin(struct board *, size_t i, const struct net_addr *peer);        /* before fork */
void board_pid(struct board *, size_t i, int pid);                              /* after fork */
/* After reaping: adds to the totals, frees the slot. CAUSE_CRASH: counted as a crash, and as a failed greeting when it had not got further. */
void board_end(struct board *, size_t i, enum board_cause);
void board_cause(struct board *, enum board_cause);                             /* of a stream that had no slot */
void board_revoke(struct board *, size_t i);
void board_reload(struct board *);                      /* one more configuration has been taken */

/* The stream's. slot NULL: nothing is kept (tests). */
void board_key(struct board_slot *, const char *name, const char *suite, bool sealed);
void board_file(struct board_slot *, enum board_state, const char *export, const char *path, size_t path_len, uint64_t size);
/* Of the file at hand, so far in all, by this engine (NULL: inline); the state says which way. */
void board_moved(struct board_slot *, const struct engine *, uint64_t bytes);
void board_resume(struct board_slot *, uint64_t done);          /* after board_file(): so much of it has been counted before */
void board_carried(struct board_slot *, bool sealed);           /* how its contents travel; those inside records are sealed */
/* The file at hand is over, or one that travelled inside records: what board_moved() has not counted yet is, by way and engine (NULL: inline). */
void board_done(struct board_slot *, enum board_way, const struct engine *, uint64_t bytes);
void board_state(struct board_slot *, enum board_state);
void board_error(struct board_slot *, unsigned status);
void board_request(struct board_slot *, uint64_t took_us);
bool board_revoked(const struct board_slot *);

/* The readers'. Of a board or a view; of a snapshot (status.c) as well, whose bytes are copies that nobody writes. */
uint64_t board_now_ms(void);                            /* CLOCK_BOOTTIME */
size_t board_used(const struct board *);
/* "sending", "handshake", "sendfile" ("inline" for 0): words for tables and labels; "?" for a number that there is not */
const char *board_state_name(unsigned), *board_cause_name(unsigned), *board_engine_name(unsigned);
void board_sum(const struct board *, struct board_sum *);
bool board_copy(const struct board_slot *, struct board_slot *out);   /* false: free. Texts that kept changing are blank */
