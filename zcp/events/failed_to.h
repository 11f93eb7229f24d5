/*
 * failed_to.h - --failed-to=FILE: the name of everything that failed, as --files-from=FILE -0 takes it.
 *
 * Names    raw bytes, each with a NUL behind it, each once. Where the one source is a directory they are what is below it ("." is the directory itself); else the source as zcp calls it (a local
 *          path as it was typed, a host's from its root) and what is below that. What is in a directory that failed is not named beside it.
 * File     opened and emptied before anything is copied: failed_place.h says where it may not be. A regular file has each name as soon as it fails; standard output (`-`), and what is no regular file, have all of them at the
 *          end, since a further attempt begins anew: failed_to_again() takes back what failed since failed_to_lasts().
 * Errors   stick: after the first one nothing is written any more, and half a name does not stay. Returned once, as -errno.
 * Memory   16 bytes a name and its place in a table: their keyed hashes.
 * Threads  failed_to_add() may be called by several.
 * Proof    tests/failed.bats, tests/unit/failed_to.c.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FAILED_HASH = 16 };

struct failed_to {
	int      fd, to;                /* owned. fd: where names are written, -1: none are wanted; to: where they go at the end, -1: fd is that file */
	bool     below;                 /* the one source is a directory */
	int      error;
	off_t    end, lasting_end;
	uint8_t (*hashes)[FAILED_HASH]; size_t count, room, lasting;    /* in their order */
	uint32_t *slots; size_t slot_room;                              /* 1 + index of a hash; 0 = free */
	uint8_t  key[32];
	pthread_mutex_t lock;
};

void failed_to_init(struct failed_to *);
int  failed_to_open(struct failed_to *, const char *file);      /* 0 or -errno */
bool failed_to_wanted(const struct failed_to *);
int  failed_to_add(struct failed_to *, const char *source, const char *rest);   /* 0, or -errno when it is the first time that it cannot be written */
void failed_to_lasts(struct failed_to *);
int  failed_to_again(struct failed_to *);
int  failed_to_end(struct failed_to *);                         /* closes */
