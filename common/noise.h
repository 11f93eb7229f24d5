/*
 * noise.h - Noise_XX_25519_ChaChaPoly_SHA512: the state machine of the Noise specification, on libsodium's primitives.
 *
 * Messages are written and read in XX's order by one struct per side; a call out of order is -EPROTO.
 * Returns  length of the result, or -EBADMSG (tag wrong, low-order point), -EMSGSIZE, -EPROTO (not this message's turn).
 * Source   The Noise Protocol Framework, revision 34, sections 5 and 7.
 * Proof    tests/unit/noise.c: the published cacophony vector, every bit of every message flipped, all-zero points.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { NOISE_KEY = 32, NOISE_TAG = 16, NOISE_HASH = 64, NOISE_MESSAGE_MAX = 1024 };

struct noise {
	uint8_t  h[NOISE_HASH], ck[NOISE_HASH], k[32];
	uint64_t n;
	bool     has_key, initiator, failed;
	int      step;                                  /* messages done: 0..3 */
	uint8_t  s_pk[32], s_sk[32], e_pk[32], e_sk[32], rs[32], re[32];
};

void noise_init(struct noise *, bool initiator, const void *prologue, size_t prologue_len,
                const uint8_t s_pk[static 32], const uint8_t s_sk[static 32]);
void noise_fix_ephemeral(struct noise *, const uint8_t e_sk[static 32]);        /* tests: the vectors' keys */
ssize_t noise_write(struct noise *, const void *payload, size_t len, uint8_t *out, size_t out_max);
ssize_t noise_read(struct noise *, const uint8_t *in, size_t len, void *payload, size_t payload_max);
/* After message 3: initiator-to-responder and responder-to-initiator keys, and h. Wipes the rest. */
int  noise_split(struct noise *, uint8_t i2r[static 32], uint8_t r2i[static 32], uint8_t h[static 64]);
void noise_clear(struct noise *);
