/*
 * known_hosts.h - which key a host has shown before: known_hosts beside the identity.
 *
 * Lines    `name:port zcp-x25519 BASE64 [comment]`, "[v6]:port" for addresses, "unix:/path" for a Unix socket; several keys per name are allowed; # begins a comment.
 * Answer   KNOWN_BROKEN is 0: whatever cannot be read, locked or understood refuses, with a sentence in why. Nobody else may be able to write it.
 * Adding   under an exclusive flock, after reading again; a name that got another key meanwhile is KNOWN_CHANGED.
 * Forgetting writes a new file beside it and renames it, under the same lock.
 * Source   zcp(1) HOST KEYS. Proof tests/unit/known_hosts.c, tests/cli.bats.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "common/keys.h"

enum known { KNOWN_BROKEN = 0, KNOWN_SAME, KNOWN_NEW, KNOWN_CHANGED };

enum { KNOWN_NAME = 280, KNOWN_WHY = 400 };

struct known_answer {
	enum known known;
	unsigned   line;                        /* CHANGED: where the other key stands; BROKEN: the line, or 0 */
	char       old[KEY_FINGERPRINT];        /* CHANGED */
	char       why[KNOWN_WHY];              /* BROKEN: what is wrong with the file */
};

void known_hosts_name(const char *host, uint16_t port, char out[static KNOWN_NAME]);   /* lower case, brackets around ':'; "unix:/path" as it is */
void known_hosts_look(const char *file, const char *name, const uint8_t key[static KEY_BYTES], struct known_answer *);
/* SAME: it stands there now. */
void known_hosts_add(const char *file, const char *name, const uint8_t key[static KEY_BYTES], struct known_answer *);
/* Lines removed, or -1 with a sentence in why. port 0: the name at every port. */
int  known_hosts_forget(const char *file, const char *host, uint16_t port, char why[static KNOWN_WHY]);
