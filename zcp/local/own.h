/*
 * own.h - what the files of this room share; nobody else includes it.
 */
#pragma once
#include "zcp/download/download.h"
#include "zcp/local/copy.h"

struct local {
	struct download d;              /* lead.w has no stream: it is the worker that names, compares and publishes here */
	struct copying  c;
	int             base;           /* of the source whose tree is walked, owned; -1 */
	uint8_t        *ext;            /* WIRE_EXT_MAX bytes */
	struct identity to, made;       /* the directory that is copied into, and what the source at hand becomes, once they are there: ino 0 before */
	bool            met;            /* it was found in a source */
	uint64_t        shown;          /* of the file at hand, as moved */
	struct { uint64_t from, to; unsigned opened; } apart;   /* small.c: device numbers of file systems that share nothing; which directory's `to` is */
};

/* tree.c: what is in source i, which is a directory. 0 or -errno */
int  local_tree(void *local, uint32_t i);
/* run.c: what is queued, copied. 0, -EINTR */
int  local_drain(struct local *);
/* file.c: takes the errand over. 0; -EINTR: it has not been copied, nor has it failed */
int  local_file(struct local *, struct errand *);
/* The file that was opened for it, with what is below d's names; -1 and *f */
int  local_open(const struct local *, const struct errand *, struct stat *, struct fail *f);
/* itself.c: download.h's itself(); and a file that was named, and would be copied or poured onto itself: that has failed */
bool local_itself(void *local, const struct errand *, const char *path, const struct stat *there);
bool local_onto_itself(struct local *, uint32_t source);
/* small.c: small_fits(): it can be read and written at once. small_copy(): 0, l->c as local_copy() leaves it, but published where l->c.flags has no SENT_SHRANK; -errno */
void small_learn(struct local *, int dir);
bool small_fits(struct local *, int dir);
int  small_copy(struct local *, int fd, int dir, const char *last, const struct publish *);
int  local_pour(struct local *, int fd);                /* pour.c: l->c.st's contents, in order. 0 or -errno, l->c as local_copy() leaves it */
/* same.c: are the bytes here already? True: all else has been set, and it has been counted. r: -EINTR */
bool local_is_same(struct local *, struct errand *, int fd, const struct stat *, int *r);
/* What else it has, in l->ext. 0; -1 and *f */
int  local_extras(struct local *, int fd, const struct stat *, struct wire_str *ext, struct fail *f);
