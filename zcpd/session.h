/*
 * session.h - one authenticated peer: its records, one after the other, to the handler of their type.
 *
 * Handlers return 0 (the session goes on; what failed was answered with ERROR) or -errno (the stream is beyond use: -EPROTO and its like are the
 *          peer's fault). A body is valid until the handler reads from the stream.
 * Revoked  before every request the board is asked whether the key still holds: if not, this request is answered with 40 and the stream ends. An
 *          opened file whose contents begin to come is a request, too; one whose contents had begun is finished.
 * Raw      contents of an export that is not raw for this peer leave sealed; a raw segment for one is -EPROTO, whatever the stream was granted.
 * Replies  leave when no complete request is waiting, so many answers travel in one write. Answers to STORE and its like never block
 *          as long as the client keeps its budget (zcp-wire(7) DEADLOCK).
 * Source   zcp-wire(7) MESSAGES. Proof tests/engines.bats, tests/tree.bats, tests/hostile.bats, tests/peer.bats, tests/session.bats.
 */
#pragma once
#include "common/aside.h"
#include "common/receive.h"
#include "common/send.h"
#include "common/walk.h"
#include "zcpd/export.h"
#include "zcpd/mask.h"
#include "zcpd/scoreboard.h"
#include "zcpd/transfers.h"

struct open_file {              /* a STORE of segments, or a RANGE; id 0 = free */
	uint32_t        id;
	const struct export *export;
	char           *path;           /* owned: as the peer named it */
	uint64_t        began_ns;       /* when its contents began to come */
	uint64_t        from;           /* where its contents begin */
	bool            begun, raw;     /* raw: some of it came raw */
	bool            range;          /* of a file that its holder will commit: this stream's only to write to */
	struct resume   resume;         /* of a range */
	struct aside    aside;
	struct incoming in;
	struct publish  publish;
	struct extras   extras;         /* of publish */
	struct kept_ext ext;            /* what came of them */
};

struct held_file {              /* from OPEN_ASIDE to COMMIT; path NULL = free */
	char                *path;      /* owned: as the peer named it */
	const struct export *export;
	uint64_t             began_ns, came;    /* came: bytes of its ranges on this stream */
	const struct engine *engine;    /* of those; NULL: none came here */
	off_t                journal;   /* its size at first: has anything been noted since? */
	struct fail          fail;      /* of the last of those that failed */
	bool                 fresh;     /* nobody is to go on with it */
	struct aside         aside;
	struct resume        resume;    /* holds the lock */
};

struct parts {                  /* ranges of one file that went out here, one after the other: they share a line of the log; path NULL = none */
	char                *path;      /* owned */
	const struct export *export;
	uint64_t             bytes, took_us;
	const struct engine *engine;
	bool                 raw;
};

enum { SWEPT_MAX = 1024, SWEEP_ENTRIES = 100000 };

struct listing {                /* the one LIST at a time; walk NULL = none */
	struct walk      *walk;
	struct walk_entry entry;        /* read from the walk, not yet sent */
	bool              held;
	uint32_t          id, entries;
	size_t            page;         /* bytes of the next page: small at first, so that the client has something to ask for early */
	const struct export *of;
	bool              follow;
	struct export_id  covered[WIRE_EXPORTS_MAX];    /* where inner exports are: not shown as what the outer one has there */
	size_t            covered_count;
	struct wire_str   names[WIRE_EXPORTS_MAX];      /* of exports below its path */
	size_t            name_count;
	bool              recurse, inner;               /* inner: exports lie below; a recursive listing leaves them out, and its end says so */
};

/* A directory that stays open while names in it come, and is judged once. By what is open, not by its name: a client that writes can put a link in its place. */
struct seen_dir {
	struct path_cache    cache;
	const struct export *of;
	unsigned             opened;    /* the cache's count when it was judged */
	struct mask_id       id;
	bool                 hidden;
};

struct tally { uint64_t files, bytes; const struct engine *engine; };

struct session {
	struct stream         stream;
	const struct exports *exports;
	struct mask          *mask;
	const struct owners  *owners;           /* names of this machine's users and groups */
	unsigned              extras;           /* kinds that SETUP asked for */
	uint8_t              *ext;              /* room for those of one file, WIRE_EXT_MAX bytes, from SETUP on */
	const char           *who;              /* peer and key name, for the log; visible text */
	uint8_t               key[KEY_BYTES];   /* the peer's: whose aside files are its own */
	const struct engine  *send_only, *recv_only;
	bool                  set_up, fsync, ended;
	bool                  hands;            /* descriptors may go out: handover.c */
	uint32_t              peer_uid;         /* where hands */
	uint8_t               wants;            /* SETUP_HOLES, SETUP_LINKS: in what is sent */
	struct seen_dir       read_from, written_to;            /* last */
	struct open_file      open[WIRE_OPEN_MAX];
	struct held_file      held[WIRE_OPEN_MAX];
	struct parts          parts;
	struct mask_id        swept[SWEPT_MAX]; /* directories looked through for what nobody will go on with; the oldest makes room */
	size_t                swept_count;
	const struct open_file *shown;          /* the one that the board shows; NULL: it shows something else */
	struct listing        listing;
	struct tally          sent, received;
	uint64_t              failed;
	bool                  raw, said_no;     /* raw: contents moved unencrypted; said_no: that something is forbidden has been logged */
	struct board_slot    *slot;             /* NULL: nothing is shown */
	struct transfers      transfers;
	int                   idle_ms;          /* without a request, and without a file that is open */
};

void session_init(struct session *s);
/* Runs until BYE (0) or the stream's end (-errno; -EKEYREVOKED: the key was taken away and the peer has been told). The stream and what is set in *s before are the caller's. */
int  session_run(struct session *s);
/* Drops what is unfinished: aside files, the listing; lets go of files that come by ranges, which are kept. The stream is the caller's to clear. r: how the stream ended, for the transfer log. */
void session_clear(struct session *s, int r);

/* A peer's path, checked, and its export. 0, or the failure to answer with in *f (-1); export is NULL then. */
struct target { const struct export *export; const char *rest; char path[WIRE_PATH_MAX + 1]; };
int  session_target(const struct session *s, struct wire_str path, bool allow_empty, struct target *t, struct fail *f);
/* The directory that t is read from, kept open; not hidden. fd, *last: the name in it; or -1 and *f. */
int  session_directory(struct session *s, const struct target *t, const char **last, struct fail *f);
/* The same, if it was the last one that was read from; else -1. */
int  session_seen(struct session *s, const struct target *t, const char **last);
/* Opened for reading: not masked; st filled. fd >= 0, or -1 and *f. */
int  session_open(struct session *s, const struct target *t, int flags, bool follow, struct stat *st, struct fail *f);
/* Where t is to be made or changed: the directory (the cache's descriptor) and the last component. fd, or -1 and *f. */
int  session_parent(struct session *s, const struct target *t, const char **last, struct fail *f);

int  session_ok(struct session *s, uint32_t id, const struct engine *engine, uint8_t flags);      /* flags: OK_* */
/* ERROR, logged once at debug level. what: the verb; path: the peer's bytes, may be empty. Refused: counted as a failure; a mere
 * "is it there?" answered with no is not. */
int  session_error(struct session *s, uint32_t id, struct fail f, const char *what, struct wire_str path);
int  session_refuse(struct session *s, uint32_t id, struct fail f, const char *what, struct wire_str path);
/* The key was taken away, and the peer has been told, or has not (r): the stream ends. */
int  session_end_revoked(struct session *s, int r);
int  session_reply(struct session *s, unsigned type, const union wire_body *b);
void session_wait(struct session *s);                                   /* WAIT: still at work, in silence */
/* 0 -> OK, -errno -> ERROR: how the requests without contents end. EEXIST is "something else stands there". */
int  session_answer(struct session *s, uint32_t id, int r, const char *what, struct wire_str path);
/* A file is over: the transfer log's line (peer's bytes in l->path), the board's count when all of it moved. began: clock_ns() */
void session_moved(struct session *s, struct transfer_line *l, uint64_t began_ns);
/* ... and one that was refused: its line, and ERROR. */
int  session_refuse_file(struct session *s, uint32_t id, struct fail f, struct transfer_line *l, uint64_t began_ns);
struct fail fail_destination(int r);            /* store.c: -errno of something made -> what the client is told */

/* What SETUP asked for besides. -ENOMEM */
int  extras_begin(struct session *s, uint8_t setup_flags);              /* extras.c */
/* Of an open file or directory (fd -1: its owner alone), those of these kinds that were asked for; valid until the next call. -1 and *f */
int  extras_of(struct session *s, int fd, const struct stat *st, unsigned kinds, struct wire_str *ext, struct fail *f);
/* What is to be set on something that is stored; the file system's answer is in its `missed` afterwards. NULL: nothing */
struct extras *extras_to_set(const struct session *s, struct wire_str ext, struct extras *e);
uint8_t extras_missed(const struct extras *e);                          /* OK's flags; e may be NULL */

int  handle_setup(struct session *s, const union wire_body *b);
int  handle_stat(struct session *s, const union wire_body *b);          /* list.c */
int  handle_list(struct session *s, const union wire_body *b);
int  handle_next(struct session *s, const union wire_body *b);
int  handle_cancel(struct session *s, const union wire_body *b);
void listing_end(struct listing *l);
int  handle_fetch(struct session *s, const union wire_body *b);         /* fetch.c */
int  handle_store(struct session *s, const union wire_body *b);         /* store.c */
int  handle_open(struct session *s, const union wire_body *b);
int  handle_segment(struct session *s, const union wire_body *b);
int  handle_hole(struct session *s, const union wire_body *b);
int  handle_done(struct session *s, const union wire_body *b);
/* Where a file of so many bytes is to be made: the directory and the last component; line->export is set when there is one. fd, or -1 and *f. */
int  store_destination(struct session *s, struct transfer_line *line, uint64_t size, struct target *t, const char **last, struct fail *f);
struct publish store_how(const struct session *s, const struct export *e, const struct meta *meta, uint8_t flags);
struct open_file *open_file_find(struct session *s, uint32_t id);       /* 0: one that is free; NULL: none */
void open_file_ready(struct session *s, struct open_file *o, const struct target *t);  /* what all contents have in common, after incoming_init() */
uint64_t open_file_came(const struct open_file *o);                     /* bytes, of a segment that was cut, too; not holes */
void open_file_drop(struct open_file *o);
void open_file_lost(struct session *s, struct open_file *o, unsigned status);  /* the stream ends before the file does */
int  handle_open_aside(struct session *s, const union wire_body *b);    /* ranges.c */
int  handle_range(struct session *s, const union wire_body *b);
int  handle_commit(struct session *s, const union wire_body *b);
int  range_over(struct session *s, struct open_file *o, struct fail f); /* answered; ST_OK: all of it came and was right */
void range_lost(struct session *s, struct open_file *o);                /* the stream ends before it does */
void held_file_lost(struct session *s, struct held_file *h, unsigned status);
/* The directory of this descriptor (O_PATH will do), once per stream: removes what nobody will go on with. */
void session_sweep(struct session *s, int dir);
void parts_end(struct session *s, unsigned status);                     /* fetch.c: their line */
/* fetch.c: a regular file opened for reading; nothing else is opened at all. fd, or -1 and *f */
int  session_source(struct session *s, const struct target *t, bool follow, struct stat *st, struct fail *f);
/* handover.c: what the peer may have of t, which is open for reading as fd: fd, *still (to be closed then), or -1: its contents. */
int  handover_fd(const struct session *s, const struct target *t, bool follow, int fd, const struct stat *st, int *still);
int  handle_looks(struct session *s, const union wire_body *b);         /* looks.c */
int  handle_hash(struct session *s, const union wire_body *b);          /* hash.c */
int  handle_usage(struct session *s, const union wire_body *b);         /* usage.c */
int  handle_mkdir(struct session *s, const union wire_body *b);         /* tree.c */
int  handle_symlink(struct session *s, const union wire_body *b);
int  handle_setmeta(struct session *s, const union wire_body *b);
int  handle_remove(struct session *s, const union wire_body *b);
int  handle_link(struct session *s, const union wire_body *b);
