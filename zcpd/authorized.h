/*
 * authorized.h - which client keys are let in.
 *
 * File     lines `zcp-x25519 KEY [NAME [OPTION...]]`; '#' begins a comment line; empty lines. NAME: one word, unique, by default the key's
 *          fingerprint; nothing that could be an option whose NAME was forgotten.
 *          One line that is not so, a key or NAME that stands twice, a file others may write, a file that cannot be read: nobody is let in.
 * Options  write | export=NAME, from=CIDR (both repeatable) | expires=YYYY-MM-DD[THH:MM:SSZ] | plaintext=no. One value each.
 *          expires: from that second of UTC on the key is refused; a date alone is its 00:00:00.
 * Rules    FILE (named with --authorized-keys), ANY (--authorized-keys=any), DEFAULT: STATE/authorized_keys; where there is none, on loopback
 *          addresses only, the identity of the user who started zcpd.
 * Reread   by authorized_refresh(), before each fork, when device, inode, size, mtime or ctime of the file is another; logs each change once.
 * Files    authorized.c: lines and lookup; authorized_options.c: the options; admission.c: which file, and reading it anew. A broken file: ->fail is what clients are told.
 * Proof    tests/unit/authorized.c (tables of hostile lines and options), tests/keys.bats, tests/daemon.bats.
 */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include "common/err.h"
#include "common/keys.h"
#include "zcpd/settings.h"

enum { AUTHORIZED_NAME_MAX = 128, AUTHORIZED_FILE_MAX = 1024 * 1024, AUTHORIZED_LINE_MAX = 1024 };

struct authorized_key {
	uint8_t           pk[KEY_BYTES];
	char              name[AUTHORIZED_NAME_MAX + 1];
	bool              write, sealed;        /* sealed: plaintext=no */
	int64_t           expires;              /* seconds since 1970, UTC; AUTHORIZED_FOREVER */
	struct names      exports;              /* count 0: the line confines it to none */
	struct net_cidr  *from;                 /* from_count 0: from everywhere */
	size_t            from_count;
	unsigned          line;
};
#define AUTHORIZED_FOREVER INT64_MAX
struct authorized_list { struct authorized_key *keys; size_t count; };
struct authorized_bad  { unsigned line; const char *what; char word[100]; };    /* of the first bad line; word: the one meant, to be shown, or "" */
enum { AUTHORIZED_SAYS = 400 };
const char *authorized_says(const struct authorized_bad *, char buf[static AUTHORIZED_SAYS]);  /* what, and the word */

/* len bytes of text (terminated, for safety) into a list of its own. 0, -EINVAL (*bad says where and what), -ENOMEM */
int  authorized_parse(const char *text, size_t len, struct authorized_list *, struct authorized_bad *bad);
void authorized_list_clear(struct authorized_list *);

enum authorized_rule { AUTHORIZED_DEFAULT = 0, AUTHORIZED_FILE, AUTHORIZED_ANY };
enum authorized_from { FROM_NOTHING = 0, FROM_FILE, FROM_IDENTITY };
struct authorized_stamp { int err; dev_t dev; ino_t ino; off_t size; struct timespec mtim, ctim; };

struct authorized {
	enum authorized_rule rule;
	char *file, *identity;          /* owned; identity NULL: no such rule (not loopback, or no home) */
	struct authorized_list list;
	struct fail fail;               /* ST_OK: list counts; else everybody is refused with this */
	enum authorized_from from;
	struct authorized_stamp file_stamp, identity_stamp;
	bool read_once;
};

void authorized_refresh(struct authorized *);
/* The line of this key; NULL if it is not let in from `peer` at `now` (seconds since 1970): *fail says why. `any`: room for a key that
 * --authorized-keys=any lets in; its name is its fingerprint. */
const struct authorized_key *authorized_find(const struct authorized *, const uint8_t pk[static KEY_BYTES], const struct net_addr *peer,
                                             int64_t now, struct authorized_key *any, struct fail *fail);
void authorized_clear(struct authorized *);
