/*
 * rate.h - -l and --bwlimit: one rate for the whole job, over all its streams, changeable while it runs.
 *
 * Forms    -l KBIT/S (1,024 bit, as scp); --bwlimit=RATE: K, M, G of 1,024 bytes a second, no suffix: KiB/s (as rsync); 0: no limit; --bwlimit=@FILE: the first word of FILE, re-read when
 *          FILE is written or replaced. Least: 4 KiB/s (below that zcpd takes a stream for dead).
 * Watch    inotify on FILE's directory, from a thread of its own; opened before the confinement, which gets the directory (rate_dir()). Something in FILE that is no rate, or no
 *          FILE any more: said once, the old rate stays. A new rate is said at -v and holds for pieces that wait already, too (throttle.h).
 * Reads    zcp on download, writes on upload: one throttle (throttle.h), shared by all threads.
 * Proof    tests/unit/throttle.c (fake clock), tests/unit/rate.c (forms), tests/rate.bats.
 */
#pragma once
#include <stdbool.h>
#include "common/err.h"
#include "common/throttle.h"

struct options;
struct rate {
	struct throttle throttle;
	int             dir, notify;            /* -1: no @FILE. Owned */
	char            name[256], shown[400];  /* FILE in dir; FILE as given, visible */
	unsigned long   thread;
	bool            watched;
};
enum status rate_begin(struct rate *, const struct options *);  /* parses; opens and reads FILE. ST_OK or 1, said */
void rate_watch(struct rate *);                                 /* starts the thread; nothing without a FILE */
struct throttle *rate_throttle(struct rate *);                  /* NULL: no limit now and never */
int  rate_dir(const struct rate *);
void rate_end(struct rate *);
/* "50M", "800" (KiB) -> bytes a second; 0 or -EINVAL (form), -ERANGE */
int  rate_parse(const char *text, uint64_t *bytes_per_s);
/* So many streams at the most, or each would be too slow for zcpd (stream.h, Slow). 0 bytes a second: no limit */
unsigned rate_streams_most(uint64_t bytes_per_s);
