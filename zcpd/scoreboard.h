/*
 * scoreboard.h - what each stream is doing, in shared memory: for display only. No limit and no decision rests on it.
 *
 * Shape    one page of totals (the listener alone writes it), then one page per slot. A slot is written by its stream's process alone, without
 *          locks; readers take what they see: numbers are relaxed atomics, texts are bounded and may be torn while they change (`turn` is odd
 *          meanwhile: read it before and after). Readers clamp and escape everything.
 * Borders  MAP_SHARED of a memfd. Before a fork all slots but the child's are MADV_DONTFORK, so a process has no neighbour to write to.
 * Totals   when a stream ends the listener adds its slot to the totals (clamped), so counters never run backwards.
 * Revoked  board_revoke(): the listener tells a stream that its key was taken away; the stream ends at its next request.
 * Proof    tests/unit/scoreboard.c, tests/status.bats (mremap and neighbours: tests/sandbox.bats).
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include "common/engine/engine.h"
#include "common/net.h"
#include "zcpd/limits.h"

enum {
	BOARD_VERSION = 1, BOARD_PAGE = 4096, BOARD_NAME = 128, BOARD_EXPORT = 256, BOARD_FILE = 1024, BOARD_STATUSES = 64,
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
	_Atomic uint32_t turn, state, revoked;
	_Atomic uint64_t pid, began_ms;                         /* CLOCK_BOOTTIME */
	struct net_addr  peer;
	_Atomic uint64_t file_size, file_done, file_began_ms;
	_Atomic uint32_t engine, sealed;                        /* id; 0 inline / 1: the contents are encrypted */
	char             suite[24], key[BOARD_NAME + 1], export[BOARD_EXPORT], file[BOARD_FILE];       /* a peer's bytes: escape */
	struct board_counts counts;
};

struct board_totals {                   /* one page */
	uint32_t         version, slots;
	_Atomic uint64_t began_ms, reloads, streams, live, unauthenticated;     /* streams: accepted so far */
	_Atomic uint64_t causes[CAUSE_COUNT];
	_Atomic uint64_t crashes;
	struct board_counts ended;                              /* of streams that have ended */
};

struct board { struct board_totals *totals; struct board_slot *slot; size_t slots; int fd; };  /* fd: the memfd, for a re-executed listener */

extern const uint32_t board_bounds_us[BOARD_BUCKETS];

/* The listener's. fd -1: new; else a board inherited over exec. 0 or -errno */
int  board_open(struct board *, size_t slots, int fd);
void board_close(struct board *);
void board_only(struct board *, size_t keep);           /* before fork: this slot (or none: SIZE_MAX) is inherited; also in the child, nothing to do */
void board_begin(struct board *, size_t i, const struct net_addr *peer);        /* before fork */
void board_pid(struct board *, size_t i, int pid);                              /* after fork */
void board_end(struct board *, size_t i, enum board_cause);                     /* after reaping: adds to the totals, frees the slot */
void board_cause(struct board *, enum board_cause);                             /* of a stream that had no slot */
void board_revoke(struct board *, size_t i);

/* The stream's. slot NULL: nothing is kept (tests). */
void board_key(struct board_slot *, const char *name, const char *suite, bool sealed);
void board_file(struct board_slot *, enum board_state, const char *export, const char *path, size_t path_len, uint64_t size);
void board_moved(struct board_slot *, uint64_t bytes);                          /* of the file at hand, so far in all */
/* The file at hand is over: counted by way and engine (NULL: inline). */
void board_done(struct board_slot *, enum board_way, const struct engine *, uint64_t bytes);
void board_state(struct board_slot *, enum board_state);
void board_error(struct board_slot *, unsigned status);
void board_request(struct board_slot *, uint64_t took_us);
bool board_revoked(const struct board_slot *);

/* The readers'. A snapshot: totals page and slots as bytes, so it can travel over a socket. */
size_t board_bytes(const struct board *);
