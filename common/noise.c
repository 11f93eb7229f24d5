/* noise.c - see noise.h. Names are the specification's: h, ck, k, n; e, s, re, rs; MixHash, MixKey, EncryptAndHash. */
#include "common/noise.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const char protocol_name[] = "Noise_XX_25519_ChaChaPoly_SHA512";

static void mix_hash(struct noise *x, const void *data, size_t len)
{
	crypto_hash_sha512_state st;

	crypto_hash_sha512_init(&st);
	crypto_hash_sha512_update(&st, x->h, NOISE_HASH);
	if (len)
		crypto_hash_sha512_update(&st, data, len);
	crypto_hash_sha512_final(&st, x->h);
}

static void hmac(uint8_t out[static NOISE_HASH], const uint8_t key[static NOISE_HASH], const void *a, size_t a_len, uint8_t last)
{
	crypto_auth_hmacsha512_state st;

	crypto_auth_hmacsha512_init(&st, key, NOISE_HASH);
	if (a_len)
		crypto_auth_hmacsha512_update(&st, a, a_len);
	if (last)
		crypto_auth_hmacsha512_update(&st, &last, 1);
	crypto_auth_hmacsha512_final(&st, out);
	sodium_memzero(&st, sizeof st);
}

/* HKDF with two outputs; one may be ck itself. */
static void hkdf(const uint8_t ck[static NOISE_HASH], const void *ikm, size_t len, uint8_t one[static NOISE_HASH],
                 uint8_t two[static NOISE_HASH])
{
	uint8_t temp[NOISE_HASH];

	hmac(temp, ck, ikm, len, 0);
	hmac(one, temp, NULL, 0, 1);
	hmac(two, temp, one, NOISE_HASH, 2);
	sodium_memzero(temp, sizeof temp);
}

static void mix_key(struct noise *x, const uint8_t ikm[static 32])
{
	uint8_t temp[NOISE_HASH];

	hkdf(x->ck, ikm, 32, x->ck, temp);
	memcpy(x->k, temp, NOISE_KEY);
	sodium_memzero(temp, sizeof temp);
	x->n = 0;
	x->has_key = true;
}

/* A point of low order gives a secret that everybody knows: libsodium says -1. */
static int mix_dh(struct noise *x, const uint8_t sk[static 32], const uint8_t pk[static 32])
{
	uint8_t shared[32];
	int     r = crypto_scalarmult(shared, sk, pk) ? -EBADMSG : 0;

	if (r == 0)
		mix_key(x, shared);
	sodium_memzero(shared, sizeof shared);
	return r;
}

static void nonce_of(uint64_t n, uint8_t nonce[static 12])
{
	memset(nonce, 0, 4);
	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(n >> (8 * i));
}

/* out has room for len + NOISE_TAG. Returns how much was written. */
static size_t encrypt_and_hash(struct noise *x, const void *plain, size_t len, uint8_t *out)
{
	uint8_t nonce[12];

	if (x->has_key) {
		nonce_of(x->n++, nonce);
		crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, len, x->h, NOISE_HASH, NULL, nonce, x->k);
		len += NOISE_TAG;
	} else if (len) {
		memcpy(out, plain, len);
	}
	mix_hash(x, out, len);
	return len;
}

/* plain has room for what len holds. 0, or -EBADMSG */
static int decrypt_and_hash(struct noise *x, const uint8_t *in, size_t len, uint8_t *plain)
{
	uint8_t nonce[12], before[NOISE_HASH];

	memcpy(before, x->h, NOISE_HASH);
	mix_hash(x, in, len);
	if (!x->has_key) {
		if (len)
			memcpy(plain, in, len);
		return 0;
	}
	nonce_of(x->n++, nonce);
	return crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, in, len, before, NOISE_HASH, nonce, x->k) ? -EBADMSG : 0;
}

void noise_init(struct noise *x, bool initiator, const void *prologue, size_t prologue_len,
                const uint8_t s_pk[static 32], const uint8_t s_sk[static 32])
{
	uint8_t e_sk[32];

	memset(x, 0, sizeof *x);
	x->initiator = initiator;
	_Static_assert(sizeof protocol_name - 1 <= NOISE_HASH, "a longer name would be hashed");
	memcpy(x->h, protocol_name, sizeof protocol_name - 1);
	memcpy(x->ck, x->h, NOISE_HASH);
	mix_hash(x, prologue, prologue_len);
	memcpy(x->s_pk, s_pk, 32);
	memcpy(x->s_sk, s_sk, 32);
	randombytes_buf(e_sk, sizeof e_sk);
	noise_fix_ephemeral(x, e_sk);
	sodium_memzero(e_sk, sizeof e_sk);
}

void noise_fix_ephemeral(struct noise *x, const uint8_t e_sk[static 32])
{
	memcpy(x->e_sk, e_sk, 32);
	crypto_scalarmult_base(x->e_pk, x->e_sk);
}

/* Bytes that message `step` (0..2) has besides its payload. */
static size_t overhead(int step)
{
	static const size_t bytes[] = { 32, 32 + 32 + NOISE_TAG + NOISE_TAG, 32 + NOISE_TAG + NOISE_TAG };

	return bytes[step];
}

/* es is the initiator's e with the responder's s; se the other way round. */
static int mix_es(struct noise *x)
{
	return x->initiator ? mix_dh(x, x->e_sk, x->rs) : mix_dh(x, x->s_sk, x->re);
}

static int mix_se(struct noise *x)
{
	return x->initiator ? mix_dh(x, x->s_sk, x->re) : mix_dh(x, x->e_sk, x->rs);
}

static ssize_t fail(struct noise *x, int error)
{
	x->failed = true;
	return error;
}

static bool my_turn(const struct noise *x, bool writing)
{
	return !x->failed && x->step < 3 && (x->step % 2 == 0) == (x->initiator == writing);
}

/* -> e | e, ee, s, es | s, se */
static int write_tokens(struct noise *x, uint8_t **p)
{
	int r = 0;

	if (x->step < 2) {
		memcpy(*p, x->e_pk, 32);
		mix_hash(x, *p, 32);
		*p += 32;
	}
	if (x->step == 0)
		return 0;
	if (x->step == 1)
		r = mix_dh(x, x->e_sk, x->re);
	if (r == 0) {
		*p += encrypt_and_hash(x, x->s_pk, 32, *p);
		r = x->step == 1 ? mix_es(x) : mix_se(x);
	}
	return r;
}

ssize_t noise_write(struct noise *x, const void *payload, size_t len, uint8_t *out, size_t out_max)
{
	uint8_t *p = out;

	if (!my_turn(x, true))
		return fail(x, -EPROTO);
	if (len > NOISE_MESSAGE_MAX - overhead(x->step) || out_max < len + overhead(x->step))
		return fail(x, -EMSGSIZE);
	int r = write_tokens(x, &p);
	if (r < 0)
		return fail(x, r);
	p += encrypt_and_hash(x, payload, len, p);
	x->step++;
	return p - out;
}

static int read_tokens(struct noise *x, const uint8_t **p)
{
	uint8_t rs[32];
	int     r = 0;

	if (x->step < 2) {
		memcpy(x->re, *p, 32);
		mix_hash(x, *p, 32);
		*p += 32;
	}
	if (x->step == 0)
		return 0;
	if (x->step == 1)
		r = mix_dh(x, x->e_sk, x->re);
	if (r == 0)
		r = decrypt_and_hash(x, *p, 32 + NOISE_TAG, rs);
	if (r < 0)
		return r;
	*p += 32 + NOISE_TAG;
	memcpy(x->rs, rs, 32);
	return x->step == 1 ? mix_es(x) : mix_se(x);
}

ssize_t noise_read(struct noise *x, const uint8_t *in, size_t len, void *payload, size_t payload_max)
{
	const uint8_t *p = in;

	if (!my_turn(x, false))
		return fail(x, -EPROTO);
	size_t over = overhead(x->step);
	if (len < over || len > NOISE_MESSAGE_MAX || len - over > payload_max)
		return fail(x, -EMSGSIZE);
	int r = read_tokens(x, &p);
	if (r == 0)
		r = decrypt_and_hash(x, p, len - (size_t)(p - in), payload);
	if (r < 0)
		return fail(x, r);
	x->step++;
	return (ssize_t)(len - over);
}

int noise_split(struct noise *x, uint8_t i2r[static 32], uint8_t r2i[static 32], uint8_t h[static 64])
{
	uint8_t one[NOISE_HASH], two[NOISE_HASH];

	if (x->failed || x->step != 3)
		return (int)fail(x, -EPROTO);
	hkdf(x->ck, NULL, 0, one, two);
	memcpy(i2r, one, 32);
	memcpy(r2i, two, 32);
	memcpy(h, x->h, NOISE_HASH);
	sodium_memzero(one, sizeof one);
	sodium_memzero(two, sizeof two);
	noise_clear(x);
	return 0;
}

void noise_clear(struct noise *x)
{
	sodium_memzero(x, sizeof *x);
	x->failed = true;
}
