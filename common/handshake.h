/*
 * handshake.h - preface, three Noise messages, offer and choice; ends with two seals.
 *
 * Wire     client: 16-byte preface (the Noise prologue) | u16 len, message 1 (32 bytes, empty payload)
 *          daemon: u16 len, message 2 (payload: offer)      client: u16 len, message 3 (payload: choice)
 *          A full daemon answers with HANDSHAKE_BUSY, 16 fixed bytes, in the place of message 2.
 * Offer    {versions, suites best first, raw flags, place, capabilities}; choice {version, suite, raw, integrity, place, capabilities}.
 *          The daemon closes on a choice it did not offer. All numbers little-endian; payloads are tag-length-value.
 * Returns  0, or -errno: -EPROTO (what came is no zcp; `first` keeps up to 16 of its bytes for the message. Or it is one, and its offer
 *          or choice is malformed: first_len 0), -EBADMSG (a tag is wrong), -EBUSY (HANDSHAKE_BUSY), -ENOKEY (check_key said no),
 *          -EOPNOTSUPP (no suite or version in common; or a choice that was not offered), -ENODATA (closed), -ETIMEDOUT.
 * Effects  none outside the socket. Secrets are wiped on every path.
 * Source   zcp-wire(7) OPENING A STREAM. Proof tests/unit/handshake.c, tests/peer/ (second implementation), tests/handshake.bats.
 */
#pragma once
#include "common/carry.h"
#include "common/keys.h"
#include "common/seal.h"

enum { HANDSHAKE_PREFACE = 16, HANDSHAKE_VERSION = 1, PROTOCOL_VERSION = 1 };
enum { OFFER_RAW_NETWORK = 1, OFFER_RAW_ONE_MACHINE = 2, OFFER_INTEGRITY_NONE = 4 };
enum {
	CAPABILITY_HAND = 1,            /* descriptors come instead of contents: over a Unix socket, where contents may be raw */
	CAPABILITY_USAGE = 2,           /* zcpd answers USAGE */
};
extern const uint8_t handshake_preface_xx[HANDSHAKE_PREFACE], handshake_busy[HANDSHAKE_PREFACE];

struct handshake {
	/* in, both sides */
	int                   sock;
	const struct keypair *own;
	uint8_t               suites[SUITE_ID_MAX + 1];  /* ids in this side's order, 0 ends; client: what --cipher leaves */
	const char           *boot_id;                   /* place_boot_id()'s, read before the sandbox; NULL: read now. Without: sealed */
	uint32_t              capable;                   /* CAPABILITY_... that this side would use. The client chooses one only where both are proved to be one machine */
	/* in, daemon */
	uint8_t               offer_flags;
	/* in, client: called between messages 2 and 3 with the server's key; anything but 0 sends nothing more, returns -ENOKEY */
	int                 (*check_key)(void *arg, const uint8_t server[static KEY_BYTES]);
	void                 *check_arg;
	const char           *path;                      /* client: of the Unix socket that it connected to; NULL: of no such */
	enum carry_wish       wish;
	enum integrity        integrity;                 /* client: wished, afterwards what was chosen; daemon: out, what was chosen */
	/* out */
	uint8_t               peer_key[KEY_BYTES];       /* also after -ENOKEY */
	const struct suite   *suite;
	struct seal           tx, rx;                    /* owned by the caller after 0 */
	enum carry            carry;                     /* client: what was chosen (WELCOME confirms); daemon: what is granted */
	enum carry_reason     reason;                    /* daemon: BECAUSE_NOTHING where the client chose sealed for its own reason */
	uint32_t              capabilities;              /* that both use */
	uint8_t               first[16];                 /* what the peer said first, when it was no zcp */
	size_t                first_len;
	bool                  offered;                   /* daemon: message 2 has been sent: the peer has seen this key */
};

int handshake_client(struct handshake *);
int handshake_daemon(struct handshake *);
