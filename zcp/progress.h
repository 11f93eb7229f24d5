/*
 * progress.h - how far it is: pure text functions (bytes and clock -> one line), and one writer.
 *
 * Line     name, part, bytes, rate, time left; as much of it as fits, down to 20 columns; never more than `columns`, by wcwidth. Trees: files
 *          and bytes of the whole. While it is still being listed: what is known of it so far, "120/5311+", "5.0 MiB/50 MiB+"; "part" and "time left" when all of it is known.
 * Forward  what is shown goes forward only, whatever has to come again (progress_back(), progress_again()): counts and totals keep the most that they were, so does the part, of which
 *          100% stands in the last line alone. Time left is at the pace of the last 16 seconds, from 2 seconds on, and goes up by a quarter a second at most, and down by half.
 * Writer   stderr, at most 10 times a second, where stderr is a terminal and -q was not given; --progress elsewhere: whole lines, at most one a
 *          second. The width is asked for at every drawing, so a resized window needs no signal.
 * Threads  the writer's functions may be called by several, after progress_init(). What a line of the log does (clear) waits for a drawing, no more.
 * Effects  the pure functions: none. progress_clear() is what log_hook() calls before a line.
 * Proof    tests/unit/progress.c (a fake clock), tests/progress.bats (a real terminal).
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress_view {
	const char *name;               /* visible text */
	uint64_t    files, files_all;   /* files_all: 0 = one file, not counted */
	uint64_t    bytes, bytes_all;
	bool        whole;              /* files_all and bytes_all are final */
	bool        done;               /* time is what it took, else what is left */
	unsigned    part;               /* percent; counts when it is whole */
	uint64_t    rate;               /* bytes a second */
	uint64_t    left_ms;            /* PROGRESS_UNKNOWN: not known */
	uint64_t    elapsed_ms;
};

enum { PROGRESS_LINE = 1024 };
#define PROGRESS_UNKNOWN UINT64_MAX

/* Terminated; returns its columns. */
unsigned progress_line(const struct progress_view *, unsigned columns, char *buf, size_t len);
/* The first `columns` columns of visible text, "..." at the end where it was cut. Returns columns used. */
unsigned progress_cut(const char *visible, unsigned columns, char *buf, size_t len);
/* "0:07", "12:34", "1:02:03", "--:--" from 100 hours on */
const char *progress_time(uint64_t ms, char buf[static 16]);

enum { RATE_SAMPLES = 8, RATE_EVERY_MS = 500, PACE_EVERY_MS = 2000 };
struct speed { uint64_t every_ms, at_ms[RATE_SAMPLES], bytes[RATE_SAMPLES]; unsigned count, next; };        /* every_ms 0: RATE_EVERY_MS */
/* Bytes a second over the last RATE_SAMPLES times every_ms; samples itself. */
uint64_t speed_now(struct speed *, uint64_t now_ms, uint64_t bytes);

struct progress_count { uint64_t files, files_all, bytes, bytes_all; };
struct progress {
	bool     on, terminal, shown;
	bool     plain;                 /* a terminal without escape sequences */
	uint64_t start_ms, drawn_ms;
	uint64_t moved;                 /* bytes, by this run: with what came twice, without what was there */
	unsigned last_columns;
	struct speed rate, pace;
	char     name[256];
	void   (*hears)(void *arg, const struct progress_view *);
	void    *arg;
	uint64_t heard_ms;
	struct progress_count is, most; /* as it is; the most that was shown of each */
	bool     whole;                 /* is.files_all and is.bytes_all are final */
	unsigned part;                  /* shown last */
	uint64_t left_ms, left_at_ms;   /* shown last */
	pthread_mutex_t lock;
};

void progress_init(struct progress *, bool wanted, bool forced);
/* `hears` is told how far it is, at most once a second, by whoever gets on, without a lock of this room. After progress_init(). */
void progress_hear(struct progress *, void (*hears)(void *arg, const struct progress_view *), void *arg);
void progress_name(struct progress *, const char *path);        /* raw bytes */
void progress_moved(struct progress *, uint64_t bytes);
void progress_there(struct progress *, uint64_t bytes);         /* they need not move: an earlier run's */
void progress_back(struct progress *, uint64_t bytes);          /* they counted too early: they come again */
void progress_totals(struct progress *, uint64_t files, uint64_t bytes, bool whole);
void progress_again(struct progress *);                         /* a further attempt: counted from the start, with what is there */
void progress_file(struct progress *, uint64_t bytes);          /* one file done, with so many bytes not yet counted */
void progress_tick(struct progress *);
/* These words (visible text) in the line's place, as far as they fit: on a terminal alone. */
void progress_words(struct progress *, const char *words);
void progress_clear(struct progress *);
void progress_end(struct progress *);                           /* the last line stays */
/* What would be drawn now. Has the lock, or is alone. */
void progress_look(struct progress *, uint64_t now_ms, bool last, struct progress_view *);
uint64_t progress_clock_ms(void);
