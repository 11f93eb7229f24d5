/*
 * costs.h - what a job's one stream has cost on both sides, between its WELCOME and its BYE: asked for by who sets job->costs (--bench), else none of it happens.
 *
 * Asked    USAGE leaves behind SETUP and before BYE; a zcpd that does not know it (told by the handshake's capabilities) is not asked: `there` stays false.
 * Returns  0, or -errno: the stream is beyond use, said.
 * Source   zcp-wire(7) USAGE. Proof tests/bench.bats.
 */
#pragma once
#include "common/usage.h"

struct worker;
struct costs {
	bool         begun, done, there;        /* there: the host has told its own */
	struct usage here[2], host[2];          /* at WELCOME, and before BYE */
	uint64_t     began_ns, ended_ns;        /* clock_ns(): the first contents began to come, the last have come; 0: none did */
	uint8_t      sender, receiver;          /* engine ids, as far as contents came in segments */
	uint8_t      carry, integrity;          /* as it was in the end */
	const struct suite *suite;
	char         cc[16], nic[160];          /* congestion control of this side's socket; the interface it goes by (nic.h), looked at before the confinement */
};

int costs_ask(struct worker *);                 /* behind SETUP */
int costs_begin(struct worker *);               /* SETUP has been answered: what was asked is next */
int costs_end(struct worker *);                 /* all answers have come */
