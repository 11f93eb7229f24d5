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
 * Step     moves at most max bytes at t->off and returns how many; 0 = the file ended early; -EOPNOTSUPP = not this file system, the next row
 *          goes on from t->off (nothing half moved); -EFAULT = the mapping lost its file. Never touches t->off itself.
 * Loop     engine_run() (engine.c) is the only place where an offset moves.
 * Proof    tests/engines.bats: same bytes by every pair, sizes around the borders, strace counts; tests/unit/engine.c.
 */
#pragma once
#include "common/stream.h"

enum { ENGINE_AUTO = 0, ENGINE_SENDFILE = 1, ENGINE_SPLICE, ENGINE_MMAP, ENGINE_READWRITE, ENGINE_DIRECT, ENGINE_NULL, ENGINE_IDS };
enum { CAN_SEND = 1, CAN_RECV = 2, CAN_SEAL = 4, CAN_MAC_RECV = 8 /* sees raw bytes before they are written */ };

struct transfer {
	struct stream *stream;          /* borrowed */
	int            file;            /* borrowed; no engine closes it */
	uint64_t       off, end;        /* bytes: next file offset, one past the last of this run */
	enum carry     carry;           /* CARRY_NONE is refused */
	bool           mac;             /* raw: chunks are tagged */
	uint8_t       *tags;            /* of this segment, mac->tag bytes each; sender fills, receiver fills with what it computed */
	size_t         tag_count;
	bool           allocated;       /* receiver: fallocate granted [0, end): mmap may write */
	const struct engine *used;      /* out: the engine that moved the last bytes */
	void          *own;             /* the engine's, open() to close() */
	const struct engine *opened;    /* whose `own` it is */
};

struct engine {
	const char *name;                               /* --engine=NAME and log text */
	uint8_t     id;                                 /* ENGINE_*: on the wire */
	unsigned    can;
	int       (*open)(struct transfer *, unsigned way);         /* CAN_SEND or CAN_RECV; 0 or -errno; NULL: nothing to do */
	ssize_t   (*send)(struct transfer *, size_t max);
	ssize_t   (*recv)(struct transfer *, size_t max);
	void      (*close)(struct transfer *);          /* takes a half-opened transfer too */
};

extern const struct engine *const engines[];            /* best first, NULL at the end */
const struct engine *engine_by_name(const char *name);
const struct engine *engine_by_id(uint8_t id);
/* Why `only` cannot do `need` (CAN_SEND/CAN_RECV | CAN_SEAL | CAN_MAC_RECV), as a fail with a teaching sentence; ST_OK if it can. */
struct fail engine_check(const struct engine *only, unsigned need);

/* Move [t->off, t->end) with the best row that can `need`, or with `only`. 0; -ENODATA: the source ended early (t->off tells where);
 * -EFAULT; -EOPNOTSUPP: no row can (or `only` cannot here); -EINVAL: CARRY_NONE; else -errno. */
int  engine_send(struct transfer *, const struct engine *only);
int  engine_recv(struct transfer *, const struct engine *only);
void engine_close(struct transfer *);                   /* once, after the last run over this file */

/* For the engines: n plain bytes leave as one chunk or record, tagged or sealed as t says. */
int  transfer_give(struct transfer *, const void *bytes, size_t n);
/* For the engines: the next n plain bytes, opened or tagged as t says (n as engine_recv asks: a whole chunk or record). */
int  transfer_take(struct transfer *, void *buf, size_t n);
