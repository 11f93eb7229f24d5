/*
 * arrival.h - a file, or a range of one, while its bytes come: opened here, filled segment by segment, and kept open for damaged chunks until they have come again.
 *
 * Given up    what has failed, or is for nothing by now, is cancelled at the host, and the rest of it read and thrown away: the stream stays in step.
 * Chunks      asked for again, sealed, twice at the most; meanwhile the arrival has the errand, and the last of their answers ends it.
 * Returns     0; -errno: the stream is beyond use.
 * Proof       tests/integrity.bats, tests/changing.bats, tests/streams.bats.
 */
#pragma once
#include "zcp/download/fetcher.h"

struct arrival {
	struct errand   errand;         /* owned while chunks are due */
	struct aside    aside;          /* a range's: another descriptor of the large file's */
	struct resume   resume;         /* a range's; fd -1: none */
	struct incoming in;
	struct meta     meta;
	struct identity identity;
	struct kept_ext ext;            /* what it has besides; not of a range */
	uint8_t         flags;          /* of the answer that brought it */
	unsigned        due;            /* chunks asked for again, still to come in this round */
	bool            changed;        /* the source is another one by now */
};

struct arriving {                       /* one answer */
	struct arrival  *p;
	struct large    *large;         /* NULL: no range */
	struct wire_done done;
	uint64_t         got;           /* bytes of segments and holes: shown */
	uint8_t          flags;         /* of all segments and DONE */
	bool             cancelled;
};

struct arrival *arrival_new(const struct fetcher *, const struct wire_file *);          /* for f->now; NULL: no memory */
void arrival_drop(struct arrival *, bool of_large);
/* f->now's aside file, at `path`. A failure is in p->in.fail, too. */
int  arrival_open(struct fetcher *, struct arrival *, const struct wire_file *, char path[static WIRE_PATH_MAX + 1]);
int  arrive(struct fetcher *, struct arriving *);       /* segments until DONE. -EINTR: a signal asks to end */

/* handed.c: all of it, from its descriptor. *again: the source changed meanwhile, and nothing was said; else it is over, and f->now's errand, too. */
int  handed_come(struct fetcher *, const struct wire_file *, bool *again);

/* chunks.c. f->now's errand goes to p; *keep: p lives on, also when the stream has died. */
int  chunks_ask(struct fetcher *, struct arrival *, bool *keep);
int  chunks_come(struct fetcher *, const struct wire_file *);   /* NULL: it cannot be had any more */
void arrival_publish(struct fetcher *, const struct errand *, struct arrival *, uint8_t flags);
