/*
 * engine.h - one technique of moving file bytes per file here, one struct, one table, one loop.
 *
 *   name       sends                              receives                           can seal
 *   sendfile   page cache -> socket               -                                  no
 *   splice     page cache -> pipe -> socket       socket -> pipe -> page cache       no
 *   mmap       mapping -> (seal ->) socket        (open ->) mapping of the file      yes
 *   readwrite  pread -> (seal ->) socket          (open ->) buffer -> pwrite         yes
 *   direct     O_DIRECT pread -> (seal ->) socket (open ->) buffer -> O_DIRECT pwrite yes
 *   null       zeros -> (seal ->) socket          discards                           yes
 *
 * "can seal" no: the pages go from the page cache to the socket inside the kernel; libsodium never sees the bytes.
 * Step     send: at most max bytes at t->off; how many; 0 = the file ended early; -EOPNOTSUPP = not this file system: the next row goes on from
 *          t->off (nothing half moved); -EFAULT = the mapping lost its file. recv: bytes taken off the stream. Neither touches t->off.
 * Loop     engine_run() (engine.c) is the only place where an offset moves. It waits before a piece for what the piece costs, where there is a rate,
 *          and tells the stream how long those engines took that use the socket themselves (stream_paced()).
 * Proof    tests/engines.bats: same bytes by every pair, sizes around the borders, strace counts; tests/unit/transfer.c.
 */
#pragma once
#include "common/stream.h"
#include "common/throttle.h"
#include "common/window.h"

enum { ENGINE_AUTO = 0, ENGINE_SENDFILE = 1, ENGINE_SPLICE, ENGINE_MMAP, ENGINE_READWRITE, ENGINE_DIRECT, ENGINE_NULL, ENGINE_HANDED, ENGINE_IDS };
enum { CAN_SEND = 1, CAN_RECV = 2, CAN_SEAL = 4, CAN_MAC_RECV = 8 /* sees raw bytes before they are written */ };
enum { AUTO_RAW_SEND = 1, AUTO_SEALED_SEND = 2, AUTO_RECV = 4 };        /* where `auto` takes this row */

struct engine;
struct transfer {
	struct stream *stream;          /* borrowed */
	int            file;            /* borrowed; no engine closes it */
	uint64_t       off, end;        /* bytes: next file offset, one past the last of this run */
	uint64_t       size;            /* of the whole file: how far a mapping may look ahead */
	enum carry     carry;           /* CARRY_NONE is refused */
	bool           mac;             /* raw: chunks are tagged */
	bool           allocated;       /* receiver: fallocate granted all of the file: mmap may write */
	struct throttle *rate;          /* borrowed; NULL: as fast as it goes */
	bool           in_order;        /* receiver: a pipe or what stands for one: write, not pwrite */
	uint8_t        tags[WIRE_TAGS_MAX * SUITE_TAG_MAX];     /* of this run: the sender's, or what the receiver computed */
	size_t         tag_count;
	bool           tag_taken;       /* the chunk at hand has spent its nonce */
	int            file_error;      /* receiver: -errno of a write; the bytes were taken off the stream all the same */
	struct window  window;          /* where raw chunks are tagged in place, and the mmap engine's */
	void         (*moved)(void *arg, const struct engine *, uint64_t off);  /* receiver: where it is, within a piece too; for display. NULL: nobody asks */
	void          *moved_arg;
	void         (*took)(void *arg, uint64_t off, const void *bytes, size_t n);     /* receiver: each piece, opened or as it came, before it is known to be right. NULL.
	                                 * Bytes may lie in a mapping that is guarded: it frees nothing after it looked at them. Engines that see none are left out */
	void          *took_arg;
	const struct engine *used;      /* out: the engine that moved the last bytes */
	const struct engine *opened;    /* whose `own` it is */
	void          *own;             /* the engine's, open() to close() */
};

struct engine {
	const char *name;                               /* --engine=NAME and log text */
	uint8_t     id;                                 /* ENGINE_*: on the wire */
	unsigned    can, automatic;
	int       (*open)(struct transfer *, unsigned way);         /* CAN_SEND or CAN_RECV; 0 or -errno; NULL: nothing to do */
	ssize_t   (*send)(struct transfer *, size_t max);
	ssize_t   (*recv)(struct transfer *, size_t max);
	void      (*close)(struct transfer *);          /* takes a half-opened transfer too */
};

extern const struct engine *const engines[];            /* best first, NULL at the end */
/* A name and an id for what no engine moves: a descriptor was handed over, and the receiver copies. In no table; engine_by_id() knows it. */
extern const struct engine engine_handed;
const struct engine *engine_by_name(const char *name);
const struct engine *engine_by_id(uint8_t id);          /* NULL: auto, or no such engine */
/* Why `only` cannot do `need` (CAN_SEND/CAN_RECV | CAN_SEAL | CAN_MAC_RECV), as a fail with a teaching sentence; ST_OK if it can. */
struct fail engine_check(const struct engine *only, unsigned need);

/* Move [t->off, t->end) with the best row, or with `only`. 0; -ENODATA: the source ended early (t->off tells where); -EFAULT: it vanished
 * under a mapping; -EOPNOTSUPP: no row can, or `only` cannot here; -EINVAL: CARRY_NONE; else -errno: stream->broken tells a stream's from a file's. */
int  engine_send(struct transfer *, const struct engine *only);
/* The same, inwards. Writing errors are kept in t->file_error, with the bytes taken off the stream. */
int  engine_recv(struct transfer *, const struct engine *only);
/* What a vanished source owes: zeros for [t->off, t->end), so that the stream stays in step. start: where the segment began. */
int  engine_pad(struct transfer *, uint64_t start);
void engine_close(struct transfer *);                   /* once, after the last run over this file */

/* For the engines. n plain bytes (what is left of a chunk, or a whole record) leave, tagged or sealed as t says; bytes may lie in t->window:
 * fewer than n left if its file was shortened meanwhile, -EFAULT if none could. */
ssize_t transfer_give(struct transfer *, const void *bytes, size_t n);
/* The next n plain bytes, opened or tagged as t says (n as engine_recv asks: a whole chunk or record). */
int  transfer_take(struct transfer *, void *buf, size_t n);
/* Bytes a step moves at once: a sealed record, a tagged chunk, or all that is left. */
size_t transfer_piece(const struct transfer *);
