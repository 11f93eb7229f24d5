/*
 * settings.h - what zcpd was told, by its command line and by zcpd.conf: one struct, whoever filled it.
 *
 * Order    defaults, then the file (config.c), then the command line's own words, which win; then settings_check().
 * Owns     every string and list in it; settings_clear() frees them. A reload makes a new struct and throws the old one away when it counts.
 * Units    in the names: _s seconds, bytes otherwise. 0 = no limit where a field says "0: none".
 * Source   zcpd.conf(5), zcpd(8). Proof tests/config.bats, tests/daemon.bats.
 */
#pragma once
#include <stdbool.h>
#include "common/net.h"
#include "common/suite.h"
#include "common/wire.h"
#include "zcpd/limits.h"

enum { SETTINGS_LISTEN_MAX = 16, SETTINGS_NETWORKS_MAX = 64, DEFAULT_PORT = 7722, DEFAULT_STALL_S = 60, DEFAULT_DRAIN_S = 30 /* under --config; with --root 0 */ };

struct names    { char **list; size_t count; };
struct networks { struct net_cidr list[SETTINGS_NETWORKS_MAX]; int count; };

struct settings_export {
	char           *name, *prefix, *path, *comment;         /* name: the section's title; comment NULL: none */
	uint64_t        max_bytes;                              /* of one file stored here; 0: none */
	uint64_t        bwlimit;                                /* bytes a second, all streams together; 0: none */
	struct names    allow, allow_write;                     /* key names */
	unsigned        line, allow_line, allow_write_line;     /* of its path, allow and allow-write in the file; 0: not there */
	struct networks plain;
	bool            plain_given;                            /* without: the daemon's own networks */
	bool            allow_given;                            /* without `allow`: every key that its line does not confine */
	bool            writable;                               /* mode = rw */
	bool            fsync;
};

struct settings {
	bool            config;                                 /* a zcpd.conf was read: its rules for keys count */
	char           *config_file;                            /* NULL: --root */
	char           *listen[SETTINGS_LISTEN_MAX]; int listen_count;
	char           *state, *host_key, *authorized_keys, *user;      /* NULL: the default */
	unsigned        user_line;                              /* of user in the file */
	char           *status_socket;                          /* NULL: the default; "none" */
	char           *metrics;                                /* "ADDR:PORT" on loopback, "unix:/path"; NULL: none */
	char           *transfer_log;                           /* NULL: none; "log": where the other lines go; else a file */
	struct networks plain;
	bool            plain_auto;                             /* raw for clients proved to be on this machine */
	bool            integrity_none;
	uint8_t         suites[SUITE_ID_MAX + 1];               /* ids in order, 0 ends */
	int             log_level;                              /* enum log_level; -v and -q are added by main */
	struct limits_set limits;
	struct settings_export *exports; size_t export_count;   /* --root: one, prefix "" */
};

void settings_defaults(struct settings *);
void settings_clear(struct settings *);
/* A copy of e's scalars and ownership of its pointers. 0, -ENOMEM, -E2BIG */
int  settings_add_export(struct settings *, struct settings_export *e);
void settings_clear_export(struct settings_export *);
/* What the file system and the user database say to a file's settings: 0, or -EINVAL after saying file, line and word. */
int  settings_check(const struct settings *);
