/*
 * connect.h - from a host's name to a stream that is welcome: address, connection, key, handshake, SETUP.
 *
 * connect_job     connects (at most --contimeout), loads or makes the identity, checks the host's key (known_hosts.h, --host-key), and leaves SETUP in the
 *                 stream's buffer: requests may be put behind it at once.
 * connect_worker  the same for a further stream, or a second attempt: the address and the host's key of the first one, no file is read, nothing is asked.
 * connect_welcome reads WELCOME or REFUSED and SETUP's answer, and compares what was granted with what was asked for. No raw contents before.
 * connect_bye     BYE both ways: only then was nothing cut off. A job that failed before a file was on its way says it, too, and no more.
 * Returns  ST_OK, or a status, said: the lead's on stderr (what, where, what to do), and counted: the job ends with it. Another worker's at -v, and no more.
 * Source   zcp-wire(7) OPENING A STREAM, zcp(1) HOST KEYS. Proof tests/handshake.bats, tests/cli.bats.
 */
#pragma once
#include "zcp/job.h"

/* The client's identity: loaded, or made (only the default one, and any for --public-key). */
enum status connect_identity(struct job *, struct keypair *, bool make);
enum status connect_job(struct job *);
enum status connect_worker(struct worker *);
enum status connect_welcome(struct worker *);
/* Can the forced engines do it when contents travel so? The sentence that teaches, and ST_CANNOT. */
enum status connect_check_engines(struct job *, enum carry);
void        connect_bye(struct worker *);
