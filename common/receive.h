/*
 * receive.h - one file in: segments into a descriptor, checked chunk by chunk; the same code for zcp's downloads and zcpd's STOREs.
 *
 * A raw segment's bytes may reach the aside file before their tags are known, never a final name: chunks whose tag is wrong are kept in `bad`
 * (and asked for again, sealed) until none is left; more than BAD_CHUNKS_MAX of them are a failure. Sealed contents are right or the stream ends.
 * With a journal (in->resume), each segment's pieces are noted when its SEGMENT_END has proved them: with the stream's own tags where it has made any, else with
 * tags that are computed as they come. Damaged chunks not, until they have come again. A journal that cannot be written is not the file's failure: in->note_error says so, and nothing more is noted.
 * A hole brings no bytes: what is there is removed (holes.h), or becomes zeros where it cannot be, and it is noted at once; the file's last one gives it its size.
 * Errors of the file (ENOSPC, EIO ...) are kept in in->fail, and the rest of the segment is read and thrown away: the stream stays in step.
 * Returns  0 in step, or -errno: the stream is beyond use. A hole out of its turn, in what is poured or in a chunk that comes again, is -EPROTO.
 * Proof    tests/sparse.bats, tests/integrity.bats (flipped raw byte: asked again, sealed, right), tests/faults.bats, tests/unit/transfer.c.
 */
#pragma once
#include "common/engine/engine.h"
#include "common/resume.h"

enum { BAD_CHUNKS_MAX = 1024 };         /* of one file: a quarter of a GiB; with more, the file has failed */

struct bad_chunk { uint64_t off; uint32_t len; uint8_t tries; };

struct incoming {
	uint32_t    id;
	int         file;               /* borrowed; -1: everything is discarded */
	uint64_t    size;               /* announced: a segment beyond it is -EPROTO */
	uint64_t    next, until;        /* offset expected next, and where that ends; segments of a first pass come in order */
	uint64_t    holes;              /* how much of what came was holes, and no contents */
	bool        allocated;          /* the whole size was granted: mmap may receive, until a hole has given some of it back */
	struct fail fail;
	struct bad_chunk *bad; size_t bad_count;        /* owned: incoming_clear() */
	const struct engine *only, *used;               /* forced (NULL = auto), and what it was */
	struct throttle *rate;          /* contents wait for it; NULL: as fast as they come */
	void      (*moved)(void *arg, const struct engine *, uint64_t off);     /* on the way: engine.h; NULL: nobody asks */
	void       *moved_arg;
	bool        in_order;           /* a pipe, a device, standard output: written one after the other */
	bool        range;              /* a chunk sent again: any offset before `until` */
	struct resume *resume;          /* what came and was right is noted there, segment by segment; NULL: nobody will go on with it */
	int         note_error;         /* -errno of the journal, and resume is NULL from there on: who needs all of it noted to commit cannot */
	bool        shared;             /* others write into the file at the same time, and may have been given what this one was: zcpd's streams */
	uint64_t    unproved, unproved_len;     /* shared: of the segment at hand, where it comes raw into what `resume` notes */
	struct resume_piece *pieces; size_t piece_count;        /* owned: of the segment at hand, not known to be right yet */
	struct resume_key key; uint64_t counter;        /* what tags the segment at hand, if the stream does, and its first chunk's nonce; wiped by incoming_clear() */
	uint8_t     flags;              /* SENT_* of all SEGMENT_ENDs so far */
	uint8_t     sender;             /* id of the engine that sent, as the last SEGMENT_END that names one has it */
	struct transfer transfer;       /* receive.c's */
};
void incoming_init(struct incoming *, uint32_t id, int file, uint64_t size);
/* Only [off, off + len) of a file of `size` bytes is to come, in order. in->next is where it goes on; complete when it is in->until. */
void incoming_range(struct incoming *, uint32_t id, int file, uint64_t size, uint64_t off, uint64_t len);
void incoming_clear(struct incoming *);
/* After SEGMENT was read for this id: takes its contents and its SEGMENT_END. */
int  receive_segment(struct stream *, struct incoming *, const struct wire_segment *);
/* After HOLE was read for this id. */
int  receive_hole(struct stream *, struct incoming *, const struct wire_hole *);
/* A segment nobody wants (refused file, cancelled id): read and thrown away. */
int  receive_discard(struct stream *, const struct wire_segment *);
