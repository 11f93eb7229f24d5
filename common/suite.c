/* suite.c - see suite.h */
#include "common/suite.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static size_t not_expanded(void)
{
	return 0;
}

#ifdef crypto_aead_aegis128l_KEYBYTES
/* libsodium computes AEGIS everywhere; without AES instructions, slower than chacha20poly1305. */
static bool has_aes(void)
{
	return sodium_runtime_has_aesni() || sodium_runtime_has_armcrypto();
}

static int aegis128l_seal(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
                          const uint8_t *nonce, const void *key)
{
	return crypto_aead_aegis128l_encrypt(out, NULL, in, len, ad, ad_len, NULL, nonce, key) ? -EINVAL : 0;
}

static int aegis128l_open(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
                          const uint8_t *nonce, const void *key)
{
	return crypto_aead_aegis128l_decrypt(out, NULL, NULL, in, len, ad, ad_len, nonce, key) ? -EBADMSG : 0;
}

static int aegis256_seal(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
                         const uint8_t *nonce, const void *key)
{
	return crypto_aead_aegis256_encrypt(out, NULL, in, len, ad, ad_len, NULL, nonce, key) ? -EINVAL : 0;
}

static int aegis256_open(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
                         const uint8_t *nonce, const void *key)
{
	return crypto_aead_aegis256_decrypt(out, NULL, NULL, in, len, ad, ad_len, nonce, key) ? -EBADMSG : 0;
}

static const struct suite aegis128l = {
	.name = "aegis128l", .id = SUITE_AEGIS128L, .mac = SUITE_AEGIS128L, .usable = has_aes,
	.key = crypto_aead_aegis128l_KEYBYTES, .nonce = crypto_aead_aegis128l_NPUBBYTES, .tag = crypto_aead_aegis128l_ABYTES,
	.seal = aegis128l_seal, .open = aegis128l_open, .expanded = not_expanded,
};

static const struct suite aegis256 = {
	.name = "aegis256", .id = SUITE_AEGIS256, .mac = SUITE_AEGIS128L, .usable = has_aes,
	.key = crypto_aead_aegis256_KEYBYTES, .nonce = crypto_aead_aegis256_NPUBBYTES, .tag = crypto_aead_aegis256_ABYTES,
	.seal = aegis256_seal, .open = aegis256_open, .expanded = not_expanded,
};
#endif

static bool has_aes256gcm(void)
{
	return crypto_aead_aes256gcm_is_available();
}

static size_t aes256gcm_expanded(void)
{
	return (crypto_aead_aes256gcm_statebytes() + 15) & ~(size_t)15;
}

static void aes256gcm_expand(void *expanded, const uint8_t *key)
{
	crypto_aead_aes256gcm_beforenm(expanded, key);
}

static int aes256gcm_seal(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
                          const uint8_t *nonce, const void *key)
{
	return crypto_aead_aes256gcm_encrypt_afternm(out, NULL, in, len, ad, ad_len, NULL, nonce, key) ? -EINVAL : 0;
}

static int aes256gcm_open(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
                          const uint8_t *nonce, const void *key)
{
	return crypto_aead_aes256gcm_decrypt_afternm(out, NULL, NULL, in, len, ad, ad_len, nonce, key) ? -EBADMSG : 0;
}

static const struct suite aes256gcm = {
	.name = "aes256gcm", .id = SUITE_AES256GCM, .mac = SUITE_CHACHA20POLY1305, .usable = has_aes256gcm,
	.key = crypto_aead_aes256gcm_KEYBYTES, .nonce = crypto_aead_aes256gcm_NPUBBYTES, .tag = crypto_aead_aes256gcm_ABYTES,
	.seal = aes256gcm_seal, .open = aes256gcm_open, .expanded = aes256gcm_expanded, .expand = aes256gcm_expand,
};

static int chacha_seal(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
                       const uint8_t *nonce, const void *key)
{
	return crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len, ad, ad_len, NULL, nonce, key) ? -EINVAL : 0;
}

static int chacha_open(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
                       const uint8_t *nonce, const void *key)
{
	return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, ad, ad_len, nonce, key) ? -EBADMSG : 0;
}

static const struct suite chacha20poly1305 = {
	.name = "chacha20poly1305", .id = SUITE_CHACHA20POLY1305, .mac = SUITE_CHACHA20POLY1305,
	.key = crypto_aead_chacha20poly1305_ietf_KEYBYTES, .nonce = crypto_aead_chacha20poly1305_ietf_NPUBBYTES,
	.tag = crypto_aead_chacha20poly1305_ietf_ABYTES,
	.seal = chacha_seal, .open = chacha_open, .expanded = not_expanded,
};

const struct suite *const suites[] = {
#ifdef crypto_aead_aegis128l_KEYBYTES
	&aegis128l, &aegis256,
#endif
	&aes256gcm, &chacha20poly1305, NULL
};

/* Every suite there is, also those this libsodium lacks: a name that is known is told apart from one that is wrong. */
static const char *const names[] = { "aegis128l", "aegis256", "aes256gcm", "chacha20poly1305" };

bool suite_usable(const struct suite *s)
{
	return !s->usable || s->usable();
}

const struct suite *suite_by_id(uint8_t id)
{
	for (const struct suite *const *s = suites; *s; s++)
		if ((*s)->id == id)
			return suite_usable(*s) ? *s : NULL;
	return NULL;
}

static bool same(const char *name, const char *p, size_t len)
{
	return strlen(name) == len && !memcmp(name, p, len);
}

static const struct suite *by_name(const char *p, size_t len)
{
	for (const struct suite *const *s = suites; *s; s++)
		if (same((*s)->name, p, len))
			return suite_usable(*s) ? *s : NULL;
	return NULL;
}

const struct suite *suite_by_name(const char *name)
{
	return by_name(name, strlen(name));
}

static bool known(const char *p, size_t len)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (same(names[i], p, len))
			return true;
	return false;
}

int suite_parse_list(const char *list, uint8_t out[static SUITE_ID_MAX], const char **bad)
{
	uint8_t ids[SUITE_ID_MAX] = { 0 };
	int     n = 0;

	for (const char *p = list;; p++) {
		size_t              len = strcspn(p, ",");
		const struct suite *s = by_name(p, len);

		if (!s) {
			if (bad)
				*bad = p;
			return known(p, len) ? -EOPNOTSUPP : -EINVAL;
		}
		if (!memchr(ids, s->id, (size_t)n))             /* a name given twice counts once: never more than there are ids */
			ids[n++] = s->id;
		p += len;
		if (!*p)
			break;
	}
	memcpy(out, ids, (size_t)n);
	return n;
}
