/*
 * rate.h - -l and --bwlimit: one rate for the whole job, over all its streams, changeable while it runs.
 *
 * Forms    -l KBIT/S (1,024 bit, as scp); --bwlimit=RATE: K, M, G of 1,024 bytes a second, no suffix: KiB/s (as rsync); 0: no limit; --bwlimit=@FILE: the first word of FILE, re-read when
 *          FILE is written or replaced. Least: 4 KiB/s (below that zcpd takes a stream for dead).
 * Watch    inotify on FILE's directory, by a process of its own, forked in rate_begin() before there are threads, keys or peers. The confined zcp has neither the directory nor FILE: who
 *          took it over could otherwise open all that lies beside FILE. The process has nothing open but the two and a pipe on which it tells rates, one way; it is told nothing, and
 *          ends when the pipe has no reader, so however zcp ends. zcp (which may not wait for it once it is confined) leaves the reaping to init. FILE is a regular file, links resolved once at the start. Something in FILE that is no rate, or no FILE any more, for a second (editors take it away for a moment): said once, the old rate stays. A new rate is said at -v
 *          and holds for pieces that wait already, too (throttle.h).
 * Thread   takes what is told: all signals blocked; poll, read, futex, and a line on stderr are what it calls. rate_end() ends it, before streams and options are cleared.
 * Reads    zcp on download, writes on upload: one throttle (throttle.h), shared by all threads.
 * Streams  zcpd ends one that moves less than STREAM_LEAST_A_MINUTE: rate_streams_most(), to be asked again when another one is to be opened or to go on.
 * Proof    tests/unit/throttle.c (fake clock), tests/unit/rate.c (forms, the file), tests/rate.bats.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include "common/err.h"
#include "common/throttle.h"

struct options;
enum { RATE_LEAST = 4096, RATE_WORDS = 300 };
#define RATE_MOST ((uint64_t)INT64_MAX)
struct rate {
	struct throttle throttle;
	int             from, stop;             /* -1: no @FILE. Owned; from: what the watcher tells; stop: an eventfd, the thread is to end */
	bool            watched;                /* the thread runs */
	pthread_t       thread;
	char            name[256], shown[400];  /* FILE in its directory; FILE as given, visible */
	char            said[RATE_WORDS];              /* what was last found wrong with it; "": nothing */
};
enum status rate_begin(struct rate *, const struct options *);  /* parses; opens and reads FILE, starts its watcher. ST_OK or 1, said; rate_end() in either case */
void rate_watch(struct rate *);                                 /* starts the thread; nothing without a FILE */
struct throttle *rate_throttle(struct rate *);                  /* NULL: no limit now and never */
void rate_end(struct rate *);                                   /* takes one that was never begun (-1) */
/* How many streams may share this rate so that none is taken for dead: 1..STREAMS_MAX; 0 (no limit): STREAMS_MAX */
unsigned rate_streams_most(uint64_t bytes_per_s);
/* "50M", "800" (KiB) -> bytes a second; 0 or -EINVAL (form), -ERANGE */
int  rate_parse(const char *text, uint64_t *bytes_per_s);
/* "a rate: ...": goes on from "'12Q' is not " */
extern const char rate_form[];
