/*
 * trust.h - is that the host's key? Default answer: no.
 *
 * Order    --host-key decides alone and touches no file; else known_hosts; an unknown key is asked about on a terminal, taken with
 *          --accept-new, refused (41) everywhere else; another key than the known one is refused, always (42).
 * Asking   the connection is closed meanwhile; the answer is written under a lock after reading again; the next handshake demands exactly
 *          that key.
 * Proof    tests/handshake.bats, tests/unit/known_hosts.c.
 */
#pragma once
#include "zcp/home.h"
#include "zcp/job.h"
#include "zcp/host/known_hosts.h"

struct trust {
	const struct options *opt;
	char     file[HOME_PATH], name[KNOWN_NAME];
	bool     demanded;              /* `key` and no other */
	uint8_t  key[KEY_BYTES];
	uint8_t  seen[KEY_BYTES];       /* what the host showed */
	struct known_answer answer;
};

enum status trust_begin(struct job *, struct trust *);
/* handshake.h's check_key */
int         trust_check(void *trust, const uint8_t server[static KEY_BYTES]);
/* After the check said no: ST_OK = connect again, the key is known now; else the status to end with, said and counted. */
enum status trust_verdict(struct job *, struct trust *);
