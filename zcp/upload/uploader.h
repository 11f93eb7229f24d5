/*
 * uploader.h - one stream of an upload: small files whole in one record each, many to a write; larger ones opened, then sent when the host is ready; ranges at once.
 *
 * Budget   the answers that may be due at once fit WIRE_REPLIES_MAX, so that this side may block while it writes contents; they are read between files and
 *          between segments. At most OPEN_MOST files are open; what waits for its OK does not keep others from being sent.
 * Turn     step(): what has become ready, then what is in hand, then what the queue has, then one answer, then sleep until there is something. Answers only change states: they
 *          never send, so nothing here calls itself.
 * Blocks   on its own stream, only for answers to what it has sent, which the host gives whatever other streams do; else in queue_wait_for(), which ends when the queue has
 *          something, when a file that this stream holds has all its ranges (held.h), or after TICK_MS. Nobody waits for another stream's work with the queue's lock.
 * End      of the queue: 0. Of the stream: -errno, and what was not answered is back in the queue.
 */
#pragma once
#include "common/send.h"
#include "common/walk.h"
#include "zcp/upload/held.h"
#include "zcp/upload/upload.h"

enum { OPEN_MOST = 12, HELD_MOST = 4, HAND_MOST = 64, HAND_BYTES = 4 << 20, TICK_MS = 5000 };

enum slot_state { SLOT_FREE = 0, SLOT_ASKED /* waits for OK */, SLOT_READY, SLOT_SENDING, SLOT_SENT /* waits for its answer */, SLOT_RESEND,
                  SLOT_AGAIN /* its source changed: opened anew */ };

struct slot {                   /* a file of segments, or a range of one */
	enum slot_state state;
	uint32_t    id;
	int         fd;                 /* owned */
	uint8_t     flags;              /* SENT_* of its last DONE */
	bool        answered;           /* ERROR came while it was being sent: `fail` */
	struct fail fail;
	uint64_t    from, size;         /* its contents */
	uint64_t    off; uint32_t len;  /* RESEND */
	uint64_t    resends, counted;   /* bytes shown as sent */
	struct stat st;
	bool        sparse;             /* it has holes */
	struct errand errand;           /* owned */
};

enum due_kind { DUE_FILE, DUE_DIR, DUE_LINK, DUE_META /* of a directory */, DUE_LOOK /* what was made of it */, DUE_LOOKS, DUE_HASH, DUE_FILE_META, DUE_HARD_LINK, DUE_REMOVE /* flags: its type */ };

struct due {                    /* a request whose answer comes in its turn */
	uint32_t    id, cost, own;      /* own: the directory's id; of links 1 + the link's number in its tree, 0: the source itself */
	uint8_t     kind, flags;        /* flags: SENT_* of a small file */
	uint64_t    bytes;
	uint8_t     digest[WIRE_DIGEST_BYTES];  /* DUE_HASH: of the file here */
	char       *path;               /* owned: on the host, of all but files */
	struct errand errand;           /* owned: the file; of others source and dir */
};

struct uploader {
	struct upload *u;
	struct worker *w;
	bool           lead;
	struct due    *dues; size_t first, count, room;
	uint32_t       cost;            /* of all answers that are due */
	struct slot    slots[OPEN_MOST];
	struct held    held[HELD_MOST];
	struct errand  hand[HAND_MOST]; unsigned hand_at, hand_count;   /* taken, not begun */
	unsigned       since;           /* files since answers were last looked for */
	struct sender  sender;
	uint8_t       *ext;             /* owned: room for what one file has besides, when it is asked for first */
};

/* uploading.c */
void uploader_begin(struct uploader *, struct upload *, struct worker *);
void uploader_end(struct uploader *);                   /* what it has in hand goes back to the queue */
int  uploader_step(struct uploader *);                  /* 1: something was done; 0: the queue is over or stopped; -errno */
bool hand_back(struct uploader *, const struct errand *);       /* the one begun last, unchanged. false: there is no place */
int  upload_work(struct worker *, void *upload);        /* a further stream's: pool.h */

/* answers.c. 0 or -errno: the stream is beyond use */
int  due_add(struct uploader *, const struct due *);    /* takes over path and errand */
bool due_has_file(const struct due *);                  /* is its errand one of the queue's? */
int  answers_room(struct uploader *, uint32_t cost);    /* waits until so much more fits */
int  answers_take(struct uploader *);                   /* what is there, without waiting */
int  answer_wait(struct uploader *);                    /* one, waiting */
int  answers_rest(struct uploader *);                   /* upload_finish.c: all that are due */
void upload_fail(struct upload *, uint32_t source, const char *path, struct fail);     /* said of the destination: path begins with what the source is called there */
void upload_fail_gone(struct upload *, const char *path, struct fail);          /* the same, of what is in no source */
void upload_done(struct upload *, const struct errand *, uint64_t bytes, uint8_t flags, uint8_t ok_flags);      /* meta: as it was sent; ok_flags: OK_* */
unsigned upload_missed(const struct upload *, uint8_t ok_flags);        /* EXTRAS_*: what the host could not set */
void upload_without(struct upload *, uint32_t source, const char *path, unsigned missed);       /* ... is said */
/* A file has failed on the host: said once for all that is in a directory that has. Takes over the errand. */
void errand_failed(struct upload *, struct errand *, struct fail);
void errand_unread(struct upload *, struct errand *, struct fail);      /* the same, here */
void upload_back(struct upload *, struct errand *);     /* to the queue, or it has failed. Takes it over */
void upload_over(struct upload *, struct errand *);     /* takes it over */
bool upload_dir_failed(struct upload *, uint32_t source, uint32_t dir);

/* sending.c */
/* What an open file or directory has besides, as far as it is copied; valid until the next call. 0, or -1 and *f */
int  source_extras(struct uploader *, int fd, bool directory, struct wire_str *ext, struct fail *f);
uint8_t  store_flags(const struct uploader *);
uint32_t cost_of(unsigned type);
int  send_errand(struct uploader *, struct errand *);   /* takes it over */
int  send_opened(struct uploader *, struct errand *, int fd, const struct stat *, const char *path);     /* takes over errand and fd */
int  send_range(struct uploader *, struct errand *, int fd, const struct large *);       /* a piece. Takes over errand and fd */
int  send_ready(struct uploader *);                     /* contents of those whose OK or RESEND has come. 1: some were sent */
void slot_free(struct uploader *, struct slot *);
void slot_over(struct uploader *, struct slot *, struct fail);  /* it failed */

/* decided.c */
void upload_tell(struct upload *, enum event_what, const struct errand *, const char *target);
void upload_same(struct upload *, const struct errand *);       /* the same is there: counted */
void upload_meta(struct upload *, const struct errand *, uint8_t ok_flags);     /* ... and all but its bytes has been set */
void upload_would_copy(struct upload *, struct errand *);       /* -n. Takes it over */

/* checking.c */
int  check_begin(struct uploader *, struct errand *, int fd, const struct stat *, const char *path);     /* takes over errand and fd */
int  check_answer(struct uploader *, struct due *, const struct record *);
int  send_meta(struct uploader *, struct errand *, int fd, const char *path);     /* fd: -1 where no extras are copied. Takes over errand and fd */

/* upload_tree.c */
struct growing;                 /* grow.h */
int  tree_upload(struct uploader *, uint32_t source);
int  tree_walk(struct growing *, int base, const char *below);  /* of the source: "" = all of it */
int  named_upload(struct growing *, int base);          /* named.c: what the list names (--files-from) */
int  upload_put(struct uploader *, struct looked *);    /* a file: onto the queue, or asked about first. Takes it over */
int  upload_own_link(struct upload *, uint32_t source); /* a source that is a link itself: made at the end */

/* remove.c: --delete */
int  upload_provides(struct upload *, uint32_t source, const char *rest, bool dir);    /* --delete: this is here. 0, -ENOMEM */
int  upload_remove(struct uploader *);                  /* after all has been answered */
void upload_removed(struct upload *, const char *path, uint8_t type);

/* upload_finish.c */
int  request_put(struct uploader *, unsigned type, const union wire_body *, struct due);
int  tree_upload_finish(struct uploader *);             /* links, then modes and times; waits for their answers */
