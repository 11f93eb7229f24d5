/*
 * upload.h - files from here to the host: small ones whole in one record each, many to a write; large ones opened, then sent when the host is ready.
 *
 * Budget   the answers that may be due at once fit WIRE_REPLIES_MAX, so that this side may block while it writes contents; they are read between files and
 *          between segments. At most OPEN_MOST files are open; what waits for its OK does not keep others from being sent.
 * Trees    walked here (links followed, or kept with -a); MKDIR as they come; links, then modes and times at the end, deepest first.
 * Files    one that changes while it is read is sent once more, then it is a failure; ERROR for the file being sent ends it after the segment.
 * Proof    tests/destination.bats, tests/tree.bats, tests/changing.bats, tests/integrity.bats.
 */
#pragma once
#include "common/send.h"
#include "common/walk.h"
#include "zcp/plan.h"
#include "zcp/tree.h"

enum { OPEN_MOST = 12 };

enum slot_state { SLOT_FREE = 0, SLOT_ASKED /* waits for OK */, SLOT_READY, SLOT_SENDING, SLOT_SENT /* waits for its answer */, SLOT_RESEND,
                  SLOT_AGAIN /* its source changed: opened anew */ };

struct slot {                   /* a file of segments */
	enum slot_state state;
	uint32_t    id, source, dir;
	int         fd;                 /* owned */
	struct stat st;
	uint8_t     flags;              /* SENT_* of its last DONE */
	uint8_t     tries;
	bool        answered;           /* ERROR came while it was being sent: `fail` */
	struct fail fail;
	uint64_t    off; uint32_t len;  /* RESEND */
	uint64_t    resends, counted;   /* bytes shown as sent */
	char       *path;               /* owned: at the destination */
};

enum due_kind { DUE_FILE, DUE_DIR, DUE_LINK, DUE_META, DUE_LOOK_BEFORE, DUE_LOOK_AFTER };

struct due {                    /* a request whose answer comes in its turn */
	uint32_t    id, cost, source, dir, own;     /* own: the directory's id for DUE_DIR and DUE_LOOK_* */
	uint8_t     kind, flags;        /* flags: SENT_* of a small file */
	uint64_t    bytes;
	char       *path;               /* owned: at the destination */
};

struct upload {
	struct job   *job;
	struct plan  *plan;
	struct tree **trees;
	struct due   *dues; size_t first, count, room;
	uint32_t      cost;             /* of all answers that are due */
	struct slot   slots[OPEN_MOST];
	unsigned      since;            /* files since answers were last looked for */
	struct sender sender;
};

void upload_run(struct job *, struct plan *);

/* answers.c. 0 or -errno: the stream is beyond use */
int  due_add(struct upload *, const struct due *);      /* takes over path */
int  answers_room(struct upload *, uint32_t cost);      /* waits until so much more fits */
int  answers_take(struct upload *);                     /* what is there, without waiting */
int  answer_wait(struct upload *);                      /* one, waiting */
void upload_fail(struct upload *, const char *path, struct fail);              /* said of the destination */
bool upload_dir_failed(struct upload *, uint32_t source, uint32_t dir);
void upload_done(struct upload *, const char *path, uint64_t bytes, uint8_t flags);

/* sending.c */
int  send_file(struct upload *, uint32_t source, uint32_t dir, int fd, const struct stat *, const char *path);     /* takes over fd */
int  send_ready(struct upload *);                       /* contents of those whose OK or RESEND has come */
int  send_rest(struct upload *);                        /* until no file is open */
void slot_free(struct upload *, struct slot *);

/* upload_tree.c */
int  tree_upload(struct upload *, uint32_t source);
int  tree_upload_finish(struct upload *);               /* links, then modes and times; waits for their answers */
int  answers_rest(struct upload *);                     /* until none is due */
/* A link or a directory's SETMETA ... the request, and its answer to come. Takes over nothing. */
int  request_put(struct upload *, unsigned type, const union wire_body *, struct due);
