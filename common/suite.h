/*
 * suite.h - the AEADs of libsodium as one table. Nothing here is our own cryptography.
 *
 * Table    one row per suite, best first; a row is absent where libsodium lacks it (AEGIS before 1.0.19) and unusable where the
 *          processor lacks AES instructions (suite_usable()).
 * Nonce    LE64(n) filled with zeros to the suite's length.
 * MAC      the tag of an empty message with the chunk as associated data: aegis128l for the AEGIS suites, chacha20poly1305
 *          for the others (suite->mac names the row).
 * Source   libsodium manual "Secret-key cryptography / AEAD"; draft-irtf-cfrg-aegis-aead; zcp-wire(7) SUITES.
 * Proof    tests/unit/suite.c: the draft's and RFC 8439's vectors, every flipped bit refused, tests/suites.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SUITE_AEGIS128L = 1, SUITE_AEGIS256 = 2, SUITE_AES256GCM = 3, SUITE_CHACHA20POLY1305 = 4, SUITE_ID_MAX = 4 };
enum { SUITE_KEY_MAX = 32, SUITE_NONCE_MAX = 32, SUITE_TAG_MAX = 32 };

struct suite {
	const char *name;               /* --cipher=NAME, and alg in the key schedule */
	uint8_t     id;                 /* on the wire */
	uint8_t     key, nonce, tag;    /* bytes */
	uint8_t     mac;                /* id of the suite that makes raw chunks' tags */
	bool      (*usable)(void);      /* NULL: everywhere */
	/* out = cipher text || tag; in and out may be the same address (in place), else must not overlap */
	int       (*seal)(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
	                  const uint8_t *nonce, const void *key);
	/* len = cipher text and tag. 0, or -EBADMSG (out undefined) */
	int       (*open)(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *ad, size_t ad_len,
	                  const uint8_t *nonce, const void *key);
	/* AES-GCM expands its key once: bytes of the 16-aligned expanded key, 0 = the key itself */
	size_t    (*expanded)(void);
	void      (*expand)(void *expanded, const uint8_t *key);
};

extern const struct suite *const suites[];              /* best first, NULL at the end; only rows of this libsodium */
const struct suite *suite_by_id(uint8_t id);            /* NULL: unknown here or not usable on this processor */
const struct suite *suite_by_name(const char *name);
bool suite_usable(const struct suite *);
/* "--cipher=aegis128l,chacha20poly1305": ids of known and usable names in that order into out; count, or -EINVAL (unknown
 * name; *bad points at it), -EOPNOTSUPP (known, but not with this libsodium or processor) */
int suite_parse_list(const char *list, uint8_t out[static SUITE_ID_MAX], const char **bad);
