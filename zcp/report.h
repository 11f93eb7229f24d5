/*
 * report.h - what went wrong and what was copied; which exit status that makes.
 *
 * Lines    one per failure on stderr: `zcp: host:path: words`. Every name goes through vis(). Of files that found no space in a row, REPORT_FULL are named, and the others counted
 *          at the end (report_say_rest()).
 * Status   protocol.md 11 as one table (report.c): what ends a job comes first, in its order; otherwise per file: none failed 0; one file was asked for:
 *          its own; all failures 24: 24; a failure for space: 44; else 23. A file of --failed-to that lacks names makes 11 of 0, 24 and 23. A file that another run is filling (46) makes 46 of the job when all else is copied: it is
 *          worth another try (--retries).
 * Threads  all that count take the lock; zeros are an unlocked one.
 * Proof    tests/unit/report.c: one test per line of that paragraph.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "common/err.h"

enum { REPORT_FULL = 16 };
struct report_failed { uint64_t failed, changed, no_space, busy; uint8_t last; };
struct job;
struct report {
	struct job *job;                /* whom all of it is told, too (--json); NULL: nobody */
	uint64_t ended;                 /* bit s: the job ended with status s */
	uint64_t files, dirs, links, bytes;     /* dirs: that were made */
	uint64_t same, removed, own;    /* own: what an attempt before this one copied may be found to be the same now */
	uint64_t failed, changed, no_space, busy, skipped;
	struct report_failed lasting;   /* of these, what no further attempt looks at again */
	uint64_t same_bytes;
	uint64_t left;                  /* stay as they are: newer, there, or not there (-u, --ignore-existing, --existing) */
	uint64_t changed_meta;          /* files that need not be copied, and got another mode, time or the like */
	uint64_t listed;                /* --list */
	uint64_t full_row, unnamed;     /* without space, since the last file that was copied; of those, not said */
	uint8_t  last;                  /* status of the last failure */
	bool     one_file;              /* the job is one file, asked for by name */
	bool     unwritten;             /* --failed-to's file lacks names */
	bool     again;                 /* a further attempt is left for files that are busy: their failures are warnings */
	pthread_mutex_t lock;
};

/* What has failed, or was left out. All borrowed. */
struct failing {
	const char *host, *path;        /* as it is called in messages: raw bytes; host is visible text, NULL: a local name */
	const char *source, *rest;      /* where it comes from: a source as the plan has it, and what is below it, "" = the source itself. NULL: from nowhere, or nobody knows */
	struct fail why;
};

/* 40 for one file is the job's status: the key was taken away. */
void report_fail(struct report *, const struct failing *);      /* said and counted */
void report_skip(struct report *, const struct failing *);      /* left out, which is no failure: a warning, counted */
void report_unwritten(struct report *, int minus_errno);        /* --failed-to's file: said and counted; 0: nothing */
void report_count(struct report *, struct fail);        /* counted only */
void report_say_rest(struct report *);                  /* "N more files: no space left", if there are any: once */
void report_copied(struct report *, uint64_t bytes);    /* one file */
void report_same(struct report *, uint64_t bytes);      /* ... that need not be copied */
void report_left(struct report *);
void report_meta(struct report *);                      /* one file got another mode or time */
void report_removed(struct report *);
/* The job itself cannot go on: said by the caller. Returns st. */
enum status report_end(struct report *, enum status st);
/* What has failed so far was found out once, for all attempts. */
void report_lasts(struct report *);
/* A further attempt: what ended the one before it does not count any more, nor do its failures, but for those that last. What was copied does. */
void report_again(struct report *);
enum status status_job(const struct report *);
