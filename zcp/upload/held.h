/*
 * held.h - one file that is sent by ranges: opened by one stream, filled by all, committed by who opened it.
 *
 * Held     the stream that sent OPEN_ASIDE holds the file on the host and is the only one that may COMMIT; it keeps a struct held. The gaps of ASIDE become errands on the queue, each a
 *          piece; whoever takes one sends it as RANGE. `out` counts pieces that have not come back: answered, failed, or not wanted any more.
 * Over     a piece that failed, or found the source changed, says so here: what still waits in the queue then comes back unsent. When all are back the holder drops the file on the host; a
 *          changed one is sent once more, from the start.
 * Wake     who brings the last piece back wakes the queue, where the holder sleeps (queue_wait_for). It counts down first and wakes then, under the queue's lock, and the sleeper
 *          looks under that lock: no wake is lost. The holder never waits for `out` anywhere else.
 * Orphan   the holder's stream died: the host has let go of the file and kept it. Pieces in other hands go on; when the last is back, the whole file is an errand again, and whoever takes
 *          it is told what is missing. For a while the host may not have noticed: 46 is asked again then (BUSY_*), while other work goes on. So it
 *          may be with a piece's stream: then it is COMMIT that is busy, or finds a gap where that stream may still write, and the file is opened again.
 * Source   zcp-wire(7) RANGES. Proof tests/resume-upload.bats.
 */
#pragma once
#include <stdatomic.h>
#include <sys/stat.h>
#include "common/resume.h"
#include "zcp/queue.h"

struct upload;
struct uploader;
struct slot;
enum { BUSY_TRIES = 60, BUSY_RESUMING = 5, BUSY_MS = 3000, BUSY_FIRST_MS = 500 };

struct large {
	struct large *next, *prev;      /* upload->larges */
	unsigned      refs;             /* its holder, and each piece */
	_Atomic unsigned out;
	_Atomic bool  over;             /* nothing more of it is sent */
	bool          changed, grew, orphan, opened;   /* opened: the host has had it open before */
	struct fail   fail;             /* why it is over, unless its source changed */
	int           fd;               /* owned */
	struct stat   st;               /* when it was opened */
	bool          sparse;           /* it has holes */
	uint8_t       run[WIRE_RUN];
	unsigned      busy;             /* so often 46 */
	uint64_t      there, counted;   /* bytes the host had; bytes shown as moved, those too */
	struct errand file;             /* owned */
	char         *path;             /* owned: on the host */
	struct kept_ext ext;            /* what it had besides when it was opened: COMMIT says it */
};

enum held_state { HELD_FREE = 0, HELD_ASKED /* waits for ASIDE */, HELD_OPEN /* its pieces are out */, HELD_BUSY, HELD_COMMITTING, HELD_DROPPING, HELD_AGAIN };

struct held { enum held_state state; uint32_t id; uint64_t again_ms; struct large *large; };

bool errand_large(const struct uploader *, const struct errand *);      /* will be held, as far as is known */
bool held_room(const struct uploader *);
int  held_open(struct uploader *, struct errand *, int fd, const struct stat *, const char *path);       /* takes over errand and fd */
int  held_ready(struct uploader *);             /* commits, drops, asks again. 1: something was done */
bool held_waits(const struct uploader *);       /* an answer is due */
bool held_back(void *uploader);                 /* queue_wait_for(): all pieces of one are back */
int  held_ms(const struct uploader *);          /* until one is to be asked for again; at most TICK_MS */
void held_lost(struct uploader *);              /* the stream is beyond use */
struct held *held_of(struct uploader *, uint32_t id);
/* Answers: 0 or -EPROTO */
int  held_aside(struct uploader *, struct held *, const struct wire_aside *);
int  held_ok(struct uploader *, struct held *, const struct wire_ok *);
int  held_error(struct uploader *, struct held *, struct fail);

/* pieces.c */
int  piece_begin(struct uploader *, struct errand *);   /* takes it over */
void piece_over(struct upload *, struct large *, uint64_t counted, struct fail);       /* come back; ST_OK: it is there, or not wanted any more */
void piece_lost(struct upload *, struct errand *, uint64_t counted);    /* its stream died */
void piece_unsplit(struct upload *, struct large *);
void upload_orphan(struct upload *, struct large *);
void upload_changed(struct upload *, struct large *);
void upload_grew(struct upload *, struct large *);
void upload_unref(struct upload *, struct large *);
void larges_clear(struct upload *);
