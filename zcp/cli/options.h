/*
 * options.h - the command line: one popt table -> struct options.
 *
 * Numbers   strictly base 10 (num_parse); popt only finds the words. Aliases of popt's files are read, their exec lines never.
 * Unknown   options, those of scp and rsync that zcp does not have (foreign.h), and what contradicts itself: one line each, and the status to end with.
 * Returns   ST_OK, or the status to end with, said on stderr already.
 * Ownership options_clear() frees everything; strings live until then.
 * Source    zcp(1) OPTIONS. Proof tests/cli.bats, tests/manual.bats (every option stands in the page).
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include "common/engine/engine.h"
#include "common/err.h"
#include "common/handshake.h"
#include "zcp/local/copy.h"
#include "zcp/select/rules.h"

enum { DEFAULT_PORT = 7722, DEFAULT_STALL_S = 60, DEFAULT_CONNECT_S = 10, STREAMS_MAX = 64 };

struct options {
	bool      recurse, recurse_typed /* -r, not by -a alone */, archive;
	bool      keep_meta, keep_links;        /* keep_meta: modes and times */
	bool      keep_owners, numeric_ids, xattrs, acls;       /* keep_owners: where root receives; acls keep modes, too */
	bool      quiet, batch, accept_new, progress, json, stats;
	bool      public_key, version, help;
	bool      dry_run, list;
	/* what is copied: verdict.h */
	bool      update, ignore_existing, existing, checksum, ignore_times, size_only, one_fs, hard_links;
	bool      remove, remove_excluded;      /* --delete, --delete-excluded */
	bool      pattern_list;                 /* --include-from, --exclude-from */
	bool      zero;                         /* -0: names in lists end with a NUL, and patterns in files that are named after it */
	uint64_t  min_size, max_size;
	int       verbose, family;              /* AF_UNSPEC, AF_INET, AF_INET6 */
	uint16_t  port;                         /* 0: not given */
	unsigned  stall_s, connect_s;
	unsigned  streams;                      /* -j; 0: chosen (pool.h) */
	unsigned  retries;
	bool      no_resume;
	bool      bench, cold, size_given, rounds_given;
	uint64_t  bench_size;                   /* --size */
	unsigned  rounds;
	char      unfit[40];                    /* the first option that does not go with --bench, as a word; "": all do */
	bool      kbit_given, rate_given;       /* -l, --bwlimit */
	uint64_t  bytes_per_s;                  /* -l, --bwlimit; 0: no limit */
	uint64_t  kbit_bytes_per_s;             /* of -l alone */
	char     *identity, *config, *forget_host, *cc, *rate_file;      /* config: -F, "none": none; rate_file: of --bwlimit=@FILE */
	char     *files_from;                   /* "-": standard input */
	char     *failed_to;
	char     *plot;                         /* with --bench: zcp/bench/plot.h */
	bool      pinned;                       /* --host-key: by the key, or by its fingerprint */
	uint8_t   pin_key[KEY_BYTES];
	char      pin_fingerprint[KEY_FINGERPRINT];
	enum carry_wish wish;
	enum integrity  integrity;
	uint8_t   suites[SUITE_ID_MAX + 1];     /* ids, in the order of --cipher or of the table; 0 ends */
	const struct engine *send, *recv;       /* NULL: auto */
	const struct copier *copier;            /* the same word as a technique of copies on this machine; NULL: auto, or it is none */
	const char *of_host;                    /* the first option that only means something with a host, or NULL */
	struct rules rules;                     /* --include, --exclude and their -from, as typed */
	char    **args;                         /* SRC... DST */
	int       count;
};

/* Contents go nowhere (engine null, which --bench alone asks for). */
static inline bool options_discard(const struct options *o)
{
	return o->recv && o->recv->id == ENGINE_NULL;
}

enum status options_parse(struct options *, int argc, char **argv);
void options_help(FILE *);
void options_clear(struct options *);
