/*
 * send.h - one file out: inline, or FILE / OPEN, segments and DONE; the same code for zcpd's FETCH and zcp's uploads.
 *
 * A source may change while it is read (zcp-wire(7) SOURCES THAT CHANGE): fstat at open and after the last byte. Shorter or rewritten: the rest of the
 * announced segment is zeros, DONE says SENT_SHRANK. Longer: the size at open is sent, DONE says SENT_GREW. The stream stays in step, always.
 * Segment  at most 4 MiB (a kill costs each stream one), and at most what it moved in the last half second (at least WIRE_SEGMENT_LEAST; where there is a rate,
 *          THROTTLE_LEAST, and a quarter of a second's worth at the most), so that cancel, progress and padding stay prompt on slow links.
 * Holes    are announced and not read (HOLE), where the receiver takes them: they cost neither time nor rate. Else a file's holes are sent as zeros.
 * Returns  0: the stream is in step, sent->flags and sent->fail tell about the file. <0: the stream is beyond use.
 * Proof    tests/changing.bats, tests/sparse.bats, tests/unit/transfer.c.
 */
#pragma once
#include <sys/stat.h>
#include "common/engine/engine.h"

struct sender {
	struct stream *stream;
	const struct engine *only;      /* forced engine, NULL = auto */
	bool  holes;                    /* this file has some (holes_in()), and the receiver takes them */
	bool  sealed;                   /* this file sealed even where raw is granted (a chunk asked for again, an export that is not raw) */
	struct throttle *rate;          /* contents wait for it; NULL: as fast as it goes */
	/* Between segments: 0 go on, 1 give this file up, <0 the stream is beyond use. */
	int  (*between)(void *arg, uint32_t id);
	void *arg;
	void (*moved)(void *arg, uint64_t bytes);       /* progress; may be NULL */
	void (*passed)(void *arg, uint64_t bytes);      /* the same of holes: it is further, though nothing moved; may be NULL */
};

struct sent {
	uint8_t     flags;              /* SENT_* as in DONE */
	struct fail fail;
	const struct engine *engine;    /* NULL: inline */
	uint64_t    bytes, holes;       /* contents; and what was no contents */
};

/* Read a file of at most WIRE_INLINE_MAX bytes straight into room; st from fstat at open. Bytes; *flags SENT_SHRANK/GREW.
 * -errno; -EFBIG: it says it is empty and has more than that */
ssize_t send_inline(int file, const struct stat *st, uint8_t *room, uint8_t *flags);
/* Segments and holes of [off, off+len), and DONE. The head (FILE or OPEN) is the caller's and already in the buffer. */
int  send_contents(struct sender *, uint32_t id, int file, const struct stat *st, uint64_t off, uint64_t len, struct sent *);
/* What became of a source between two looks at it: SENT_SHRANK (shorter or rewritten), SENT_GREW, or 0. */
uint8_t source_changed(const struct stat *was, const struct stat *is);
