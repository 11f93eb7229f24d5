/*
 * tell.h - --json: what happens in a job, as one JSON object a line on standard output.
 *
 * Which    start, file, entry, progress, error, summary: zcp-json(7) has their fields. The first one is always `start`, and is written with what is known by then; the last one is `summary`.
 * Errors   each line that a person sees as an error or a warning has its object. Of files by tell_failure(); of what ends the job or a stream by tell_end(), which knows the status; all others come
 *          through log.h's tee. An error from there is held until its status is known: report_end() (tell_ended()), at the latest the summary; a warning until the start is said. What -q hides
 *          has none.
 * Signal   tell_farewell() is for a signal's handler alone, while nothing has begun that must be tidied up: it writes the end (interrupted), which tell_prepare() has made ready.
 * Fails    standard output cannot be written: status 11 is counted and said, and job_stopped() is true from then on.
 * Threads  all but prepare, farewell, watch and summary may be called by several. No lock of the job may be held.
 * Proof    tests/json.bats: real jobs, each line against the tables of zcp-json(7).
 */
#pragma once
#include "common/log.h"
#include "zcp/events/output.h"
#include "zcp/progress.h"
#include "zcp/report.h"

enum { TELL_SCHEMA = 1, TELL_HELD = 8 };

/* Lines, but for the number of seconds at `at`. */
struct farewell { char *text; size_t at, behind, len; };

struct told {
	struct output out;
	bool     started, over;         /* over: the summary has been written */
	struct { enum log_level level; char *words; } held[TELL_HELD];         /* owned */
	unsigned held_count;
	struct farewell ready[2];       /* tell_prepare()'s */
	volatile sig_atomic_t which;    /* 1 + that of them which counts; 0: none */
};

/* What --list found. Borrowed; owner NULL: not known; link NULL: it is none. */
struct entry { const struct meta *meta; const struct owner *owner; const char *path, *link; };

struct job;
struct event;
void tell_init(struct job *);
void tell_clear(struct job *);
void tell_start(struct job *);
void tell_file(struct job *, const struct event *);
void tell_entry(struct job *, const struct entry *);
/* Objects of other rooms, one after the other, between these: the first one's writer (NULL: nobody hears), the next one's, and the end. */
struct json *tell_objects(struct job *);
struct json *tell_objects_next(struct job *);
void tell_objects_done(struct job *);
void tell_progress(void *job, const struct progress_view *);
/* A file has failed (error), or was left out (warning). */
void tell_failure(struct job *, enum log_level, const struct failing *, const char *words, bool retried);
void tell_end(struct job *, enum log_level, enum status, const char *words, bool retried);
void tell_line(struct job *, enum log_level, const char *words);        /* log.h's tee */
void tell_ended(struct job *, enum status);
void tell_watch(struct job *);          /* a reader that goes away ends the job at once. When the job is confined */
void tell_summary(struct job *);        /* with status_job() */
void tell_prepare(struct job *);
bool tell_farewell(const struct job *);         /* false: a line is just being written, or the last one was: the job ends by itself */

/* Between the files of this room: the members of an object. */
void tell_object_start(const struct job *, struct json *);
void tell_object_error(struct json *, enum status, const char *words);          /* that ends the job */
void tell_object_summary(const struct job *, struct json *, enum status);
