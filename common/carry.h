/*
 * carry.h - may file contents travel unencrypted on this stream? ONE function answers, for both sides.
 *
 * Raw only where both ends want it: the daemon's --plaintext-from names the peer's network (and --plaintext or the client's configuration wants it), or both ends are PROVED to be one machine: both see
 * loopback and their handshake payloads carry mirror images of {own, peer, proof} (a loopback address alone
 * proves nothing: ssh -L, socat and container proxies look the same from both ends). A Unix socket has no addresses, and can be relayed, too: its path, as
 * the listening side is bound to it, is part of the proof, and the client must have connected to that path (a path is one in a mount namespace alone).
 * CARRY_NONE is refused by the transfer loop, so a forgotten decision moves nothing.
 * Source   zcp-wire(7) PLAINTEXT. Proof tests/unit/carry.c (the whole table), tests/plaintext.bats (a relay on loopback).
 */
#pragma once
#include <stdbool.h>
#include "common/net.h"

enum carry { CARRY_NONE = 0, CARRY_SEALED, CARRY_RAW };

enum integrity { INTEGRITY_MAC = 0, INTEGRITY_NONE = 1 };        /* raw contents only: sealed ones are always checked */

/* The client's command line; WISH_NETWORK: it says nothing, and the client's configuration names the daemon's network: raw where the daemon allows it, else sealed. */
enum carry_wish { WISH_AUTO = 0, WISH_PLAIN, WISH_SEALED, WISH_NETWORK };

enum carry_reason {             /* words in carry.c, printed by -v */
	BECAUSE_NOTHING = 0, BECAUSE_ENCRYPT, BECAUSE_NOT_ONE_MACHINE, BECAUSE_DAEMON_SEALS, BECAUSE_ONE_MACHINE, BECAUSE_NETWORK,
	BECAUSE_INTEGRITY_NONE, BECAUSE_POURED, BECAUSE_CONFIGURED,
};

enum { PLACE_PROOF = 32, PLACE_BOOT_ID = 36 };
struct place { struct net_addr own, peer; uint8_t proof[PLACE_PROOF]; };

/* This kernel's boot id, not terminated. Read before the sandbox closes /proc, and handed down. -errno */
int  place_boot_id(char out[static PLACE_BOOT_ID]);
/* Fill own, peer and proof for this socket and handshake. -errno (-EADDRNOTAVAIL: not both ends are loopback, or a Unix socket has no path): then no place is
 * sent and nothing is proved. */
int  place_here(struct place *, int sock, const char boot_id[static PLACE_BOOT_ID], const uint8_t e_i[static 32],
                const uint8_t e_r[static 32]);
/* Both loopback, addresses mirrored, proofs equal (sodium_memcmp). NULL: false. */
bool place_mirrors(const struct place *here, const struct place *there);

struct carry_facts {
	enum carry_wish wish;           /* client's; the daemon passes WISH_PLAIN when raw was chosen by name, else WISH_AUTO */
	bool network_named;             /* the daemon's policy names the client's network */
	bool one_machine;               /* place_mirrors() */
	bool daemon_allows_auto;        /* the daemon lets proved same-machine clients go raw (default) */
};
enum carry carry_decide(const struct carry_facts *, enum carry_reason *why);
const char *carry_words(enum carry, enum carry_reason);
