/*
 * joblog_own.h - between joblog.c and joblog_file.c: the log's form, and its file.
 *
 * Header   magic (8), version (4), zeros (4), hash of the job (32), key (16), checksum of all that (16: BLAKE2b). Numbers are little-endian.
 * Entry    path's length (2), size (8), mtime (8), its nanoseconds (4), path, checksum (8): SipHash under the header's key of the entry's offset and the entry, so that none counts
 *          in another place.
 */
#pragma once
#include <pthread.h>
#include <stddef.h>
#include "zcp/joblog.h"
#include "common/wire.h"

enum {
	JOBLOG_HASH = 32, JOBLOG_KEY = 16, JOBLOG_SUM = 16, JOBLOG_VERSION = 1,
	JOBLOG_HEADER = 8 + 4 + 4 + JOBLOG_HASH + JOBLOG_KEY + JOBLOG_SUM,
	JOBLOG_ENTRY_HEAD = 2 + 8 + 8 + 4, JOBLOG_ENTRY_SUM = 8,
	JOBLOG_ENTRY_MAX = JOBLOG_ENTRY_HEAD + WIRE_PATH_MAX + JOBLOG_ENTRY_SUM,
};
struct joblog_mark { uint64_t a, b; };          /* an entry in memory; both 0: none */

struct joblog {
	int      dir, fd;                       /* dir -1: the file has no name */
	char     name[JOBLOG_HASH + 1];         /* half of the hash, in hexadecimal */
	uint8_t  hash[JOBLOG_HASH], key[JOBLOG_KEY], mark_keys[2][16];
	uint64_t end;                           /* of what is in the file, all right */
	bool     dead;                          /* it cannot be written: said */
	bool     resumes;
	struct joblog_mark *marks;              /* open addressing */
	size_t   room, count;
	pthread_mutex_t lock;                   /* for what follows, end and dead */
	uint8_t *piece; size_t held;
	int64_t  wrote_ms;
};

/* Entries -> bytes, and back. Returns its length; 0: no such path. */
size_t joblog_encode(const struct joblog *, uint64_t at, const struct joblog_file *, uint8_t out[static JOBLOG_ENTRY_MAX]);
/* Every entry from the header on, until one is wrong or the file ends; path is terminated. Returns how far, or -errno. */
int64_t joblog_walk(const struct joblog *, void (*each)(void *arg, const struct joblog_file *), void *arg);
/* The file of log->hash, opened, locked and with a header of ours: found, made or begun anew; else one without a name. Sweeps. 0 or -errno */
int  joblog_file_open(struct joblog *, bool no_resume);
