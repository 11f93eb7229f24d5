/*
 * handshake_tlv.h - offer and choice: the payloads of messages 2 and 3, as bytes.
 *
 * Bytes    (u8 tag, u8 length, value)*, tags ascending, each at most once, none 0. Unknown tags are skipped. A known tag has exactly its
 *          length; tags 1-4 are required in both.
 * Returns  put: bytes, or -EMSGSIZE. get: 0, or -EPROTO (out untouched). Lists point into the payload.
 * Source   zcp-wire(7) OPENING A STREAM. Proof tests/unit/handshake.c (cut at every length, every order, every count).
 */
#pragma once
#include "common/carry.h"
#include "common/wire.h"

enum { CHOICE_SEALED = 0, CHOICE_NETWORK = 1, CHOICE_ONE_MACHINE = 2 };         /* choice.raw */

struct offer {
	struct wire_str versions, suites;       /* u8 each, at least one */
	uint8_t         flags;                  /* OFFER_... */
	uint32_t        capabilities;
	bool            placed;
	struct place    place;
};

struct choice {
	uint8_t         version, suite, raw, integrity;
	uint32_t        capabilities;
	bool            placed;
	struct place    place;
};

ssize_t offer_put(const struct offer *, uint8_t *p, size_t max);
int     offer_get(struct offer *, const uint8_t *p, size_t len);
ssize_t choice_put(const struct choice *, uint8_t *p, size_t max);
int     choice_get(struct choice *, const uint8_t *p, size_t len);
