/*
 * seal.h - one direction's record keys: counter nonces, raw chunk tags, rekeying.
 *
 * Keys     PRK_0 = HMAC-SHA512(k, "zcp1 dir" || h); K(label, alg) = HMAC-SHA512(PRK_e, label || 0 || alg || 0) cut to alg's key
 *          length, labels "record" (alg = the suite) and "rawmac" (alg = the suite's MAC row). k is wiped by seal_init().
 * Nonce    LE64(n), n from 0, taken BEFORE the cipher runs, also when the result is thrown away. Records and raw tags
 *          count separately.
 * Epoch    after 2^16 records: PRK_{e+1} = HMAC-SHA512(PRK_e, "zcp1 rekey"), both counters back to 0. Both sides count alike, nothing
 *          is sent.
 * Copy     a raw key may be known longer than its epoch, by who has to prove chunks again (resume.h): no other key follows from it.
 * Returns  0 or -EBADMSG (open: forged, cut or out of order), -EOVERFLOW (raw tag counter at 2^32: cannot happen within an epoch's segments).
 * Source   zcp-wire(7) RECORD KEYS. Proof tests/unit/seal.c (worked examples, rekey at the border, wipe).
 */
#pragma once
#include "common/suite.h"

enum { SEAL_EPOCH_RECORDS = 1 << 16, SEAL_RAW_CHUNK = 256 * 1024 };

struct seal {
	const struct suite *suite, *mac;
	uint64_t n_record, n_raw;       /* of this epoch */
	uint64_t epoch;
	uint8_t *secret;                /* sodium_malloc: PRK, both keys, expanded keys */
};

/* k: this direction's 32 bytes from Split, wiped here. h: the 64-byte handshake hash. -ENOMEM */
int  seal_init(struct seal *, const struct suite *, uint8_t k[static 32], const uint8_t h[static 64]);
void seal_clear(struct seal *);                         /* wipes; takes a zeroed struct too */
/* One record: len bytes become len + suite->tag in out; ad = the record's 4 length bytes. in == out allowed. */
int  seal_record(struct seal *, uint8_t *out, const uint8_t *in, size_t len, const uint8_t ad[static 4]);
int  open_record(struct seal *, uint8_t *out, const uint8_t *in, size_t len, const uint8_t ad[static 4]);
/* One record's nonce is spent without a record (a source that vanished under the cipher): both sides call it. */
int  seal_skip(struct seal *);
/* Tag of one raw chunk (1..SEAL_RAW_CHUNK bytes); mac->tag bytes. Sender and receiver call it once per chunk, in order. */
int  seal_raw_tag(struct seal *, uint8_t tag[static SUITE_TAG_MAX], const void *chunk, size_t len);
/* The key (mac->key bytes, then zeros) and the counter of the next raw tag, for seal_raw_again(). The caller wipes it. */
uint64_t seal_raw_key(struct seal *, uint8_t key[static SUITE_KEY_MAX]);
/* Any chunk's tag again; mac: the row whose key it is. Zeros fill what it does not. */
int  seal_raw_again(const struct suite *mac, const uint8_t key[static SUITE_KEY_MAX], uint64_t counter, const void *chunk, size_t len,
                    uint8_t tag[static SUITE_TAG_MAX]);
