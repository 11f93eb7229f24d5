/*
 * report.h - what went wrong and what was copied; which exit status that makes.
 *
 * Lines    one per failure on stderr: `zcp: host:path: words`. Every name goes through vis(). Of files that found no space in a row, REPORT_FULL are named, and the others counted
 *          at the end (report_say_rest()).
 * Status   protocol.md 11 as one table (report.c): what ends a job comes first, in its order; otherwise per file: none failed 0; one file was asked for:
 *          its own; all failures 24: 24; a failure for space: 44; else 23. A file that another run is filling (46) makes 46 of the job when all else is copied: it is
 *          worth another try (--retries).
 * Again    what an attempt copied, the next one finds there: that is not counted as the same.
 * Threads  report_fail(), report_count(), report_end(), report_copied() and report_same() take the lock; zeros are an unlocked one.
 * Proof    tests/unit/report.c: one test per line of that paragraph.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "common/err.h"

enum { REPORT_FULL = 16 };
struct report {
	uint64_t ended;                 /* bit s: the job ended with status s */
	uint64_t files, dirs, links, bytes;
	uint64_t failed, changed, no_space, busy, skipped;
	uint64_t same, removed, changed_meta, made_dirs;        /* found there already; removed there; times, modes and the like of what was there; of dirs, those that were not there */
	uint64_t earlier;               /* copied by earlier attempts, and not found again yet */
	uint64_t full_row, unnamed;     /* without space, since the last file that was copied; of those, not said */
	uint8_t  last;                  /* status of the last failure */
	bool     one_file;              /* the job is one file, asked for by name */
	bool     again;                 /* a further attempt is left for files that are busy: their failures are warnings */
	pthread_mutex_t lock;
};

/* 40 for one file is the job's status: the key was taken away. */
/* One file failed: said and counted. `host` NULL: a local name. */
void report_fail(struct report *, const char *host, const char *path, struct fail);
void report_count(struct report *, struct fail);        /* counted only */
void report_say_rest(struct report *);                  /* "N more files: no space left", if there are any: once */
void report_copied(struct report *, uint64_t bytes);    /* one file */
void report_same(struct report *);                      /* one that need not be */
/* The job itself cannot go on: said by the caller. Returns st. */
enum status report_end(struct report *, enum status st);
/* A further attempt: what ended the one before it does not count any more, nor do its failures. What was copied does. */
void report_again(struct report *);
enum status status_job(const struct report *);
