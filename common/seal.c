/* seal.c - see seal.h */
#include "common/seal.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { PRK_BYTES = crypto_auth_hmacsha512_BYTES };

/* What `secret` points to. The size is a multiple of 16, so that what sodium_malloc() puts at a page's end is aligned. */
struct secret {
	_Alignas(16) uint8_t prk[PRK_BYTES];
	uint8_t record[SUITE_KEY_MAX], raw[SUITE_KEY_MAX];
	/* the expanded record key, then the expanded raw key: as much as the suites want */
};

static struct secret *secret_of(const struct seal *s)
{
	return (struct secret *)(void *)s->secret;
}

static void *record_key(const struct seal *s)
{
	return s->suite->expanded() ? s->secret + sizeof(struct secret) : secret_of(s)->record;
}

static void *raw_key(const struct seal *s)
{
	return s->mac->expanded() ? s->secret + sizeof(struct secret) + s->suite->expanded() : secret_of(s)->raw;
}

/* out = HMAC-SHA512(key, a || b); out may be the key. */
static void hmac(uint8_t out[static PRK_BYTES], const uint8_t *key, size_t key_len, const char *a, size_t a_len, const uint8_t *b,
                 size_t b_len)
{
	crypto_auth_hmacsha512_state st;

	crypto_auth_hmacsha512_init(&st, key, key_len);
	crypto_auth_hmacsha512_update(&st, (const uint8_t *)a, a_len);
	if (b_len)
		crypto_auth_hmacsha512_update(&st, b, b_len);
	crypto_auth_hmacsha512_final(&st, out);
	sodium_memzero(&st, sizeof st);
}

/* K(label, alg): both are hashed with the zero that ends them. */
static void derive(struct seal *s, const char *label, const struct suite *alg, uint8_t key[static SUITE_KEY_MAX])
{
	uint8_t k[PRK_BYTES];

	hmac(k, secret_of(s)->prk, PRK_BYTES, label, strlen(label) + 1, (const uint8_t *)alg->name, strlen(alg->name) + 1);
	memcpy(key, k, alg->key);
	sodium_memzero(k, sizeof k);
}

static void derive_both(struct seal *s)
{
	struct secret *x = secret_of(s);

	derive(s, "record", s->suite, x->record);
	derive(s, "rawmac", s->mac, x->raw);
	if (s->suite->expanded())
		s->suite->expand(record_key(s), x->record);
	if (s->mac->expanded())
		s->mac->expand(raw_key(s), x->raw);
	s->n_record = s->n_raw = 0;
}

int seal_init(struct seal *s, const struct suite *suite, uint8_t k[static 32], const uint8_t h[static 64])
{
	const struct suite *mac = suite_by_id(suite->mac);
	uint8_t            *secret = NULL;

	memset(s, 0, sizeof *s);
	if (mac)
		secret = sodium_malloc(sizeof(struct secret) + suite->expanded() + mac->expanded());
	if (secret) {
		*s = (struct seal){ .suite = suite, .mac = mac, .secret = secret };
		hmac(secret_of(s)->prk, k, 32, "zcp1 dir", 8, h, 64);
		derive_both(s);
	}
	sodium_memzero(k, 32);
	return secret ? 0 : -ENOMEM;
}

void seal_clear(struct seal *s)
{
	sodium_free(s->secret);                 /* wipes; takes NULL */
	memset(s, 0, sizeof *s);
}

/* An epoch that is over gets its keys replaced. Also asked before use: a cipher cut short by a vanished source never came to the end. */
static void settle(struct seal *s)
{
	uint8_t *prk = secret_of(s)->prk;

	if (s->n_record < SEAL_EPOCH_RECORDS)
		return;
	hmac(prk, prk, PRK_BYTES, "zcp1 rekey", 10, NULL, 0);
	derive_both(s);
	s->epoch++;
}

static void nonce_of(uint64_t n, uint8_t nonce[static SUITE_NONCE_MAX])
{
	memset(nonce, 0, SUITE_NONCE_MAX);
	for (unsigned i = 0; i < 8; i++)
		nonce[i] = (uint8_t)(n >> (8 * i));
}

int seal_record(struct seal *s, uint8_t *out, const uint8_t *in, size_t len, const uint8_t ad[static 4])
{
	uint8_t nonce[SUITE_NONCE_MAX];

	settle(s);
	nonce_of(s->n_record++, nonce);
	int r = s->suite->seal(out, in, len, ad, 4, nonce, record_key(s));
	settle(s);
	return r;
}

int open_record(struct seal *s, uint8_t *out, const uint8_t *in, size_t len, const uint8_t ad[static 4])
{
	uint8_t nonce[SUITE_NONCE_MAX];

	settle(s);
	nonce_of(s->n_record++, nonce);
	int r = len < s->suite->tag ? -EBADMSG : s->suite->open(out, in, len, ad, 4, nonce, record_key(s));
	settle(s);
	return r;
}

int seal_skip(struct seal *s)
{
	settle(s);
	s->n_record++;
	settle(s);
	return 0;
}

int seal_raw_tag(struct seal *s, uint8_t tag[static SUITE_TAG_MAX], const void *chunk, size_t len)
{
	uint8_t nonce[SUITE_NONCE_MAX];

	settle(s);
	if (s->n_raw >> 32)
		return -EOVERFLOW;
	nonce_of(s->n_raw++, nonce);
	/* the empty message's cipher text is nothing but its tag */
	return s->mac->seal(tag, tag, 0, chunk, len, nonce, raw_key(s));
}

uint64_t seal_raw_key(struct seal *s, uint8_t key[static SUITE_KEY_MAX])
{
	settle(s);
	memset(key, 0, SUITE_KEY_MAX);
	memcpy(key, secret_of(s)->raw, s->mac->key);
	return s->n_raw;
}

int seal_raw_again(const struct suite *mac, const uint8_t key[static SUITE_KEY_MAX], uint64_t counter, const void *chunk, size_t len,
                   uint8_t tag[static SUITE_TAG_MAX])
{
	uint8_t nonce[SUITE_NONCE_MAX];

	memset(tag, 0, SUITE_TAG_MAX);
	nonce_of(counter, nonce);
	return mac->seal(tag, tag, 0, chunk, len, nonce, key);
}
