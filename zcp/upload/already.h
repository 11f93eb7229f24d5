/*
 * already.h - which files stand at the destination, how large and how old they are: what a job that goes on may leave out.
 *
 * How      one recursive LIST for each source that is a directory, one STAT for each that is a file. Where nothing is to be seen there is nothing: all is sent.
 * Memory   32 bytes a file, in a table that is at most two thirds full: a keyed hash of its path, its size and time.
 * Bound    ALREADY_EACH entries are read for each of the job's log, and ALREADY_BESIDE: then the listing is cancelled, and what it did not come to is sent. A listing without end
 *          costs no more than that.
 * Trust    none in the host: what it says only makes less to be sent, and the listing is held to the rules of every listing (listing.h).
 * Returns  0, or -errno: the job cannot go on (said and counted).
 * Proof    tests/resume-upload.bats, tests/hostile.bats.
 */
#pragma once
#include "zcp/plan.h"

struct already_file { uint64_t hash, size; int64_t mtime; uint32_t mtime_ns; };
enum { ALREADY_EACH = 4, ALREADY_BESIDE = 100000 };
struct already { uint64_t left /* entries to be read */; uint8_t key[16]; struct already_file *v; size_t count, room; };        /* open addressing; hash 0 = free */

int  already_look(struct already *, struct job *, const struct plan *);
/* A file of that size; times: and of that time (one without nanoseconds: its file system has none). */
bool already_has(const struct already *, const char *path, const struct meta *, bool times);
void already_clear(struct already *);
