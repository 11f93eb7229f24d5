/* suite.c - the published vectors, every flipped bit refused, in place as out of place, and the list of --cipher. */
#include <errno.h>
#include "common/suite.h"
#include "tests/unit/hex.h"
#include "tests/unit/tap.h"

enum { ROOM = 256, EXPANDED = 1024 };

struct vector {
	uint8_t     id;
	const char *name, *key, *nonce, *ad, *msg, *sealed;     /* msg NULL: must be refused */
};

#define K128 "10010000000000000000000000000000"
#define N128 "10000200000000000000000000000000"
#define ZERO "00000000000000000000000000000000"
#define COUNT "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define AD42 COUNT "20212223242526272829"
#define MSG40 "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"
#define TAG4 "86f1b80bfb463aba711d15405d094baf4a55a15dbfec81a76f35ed0b9c8b04a"
#define TAG4_256 "8c1cc703c81281bee3f6d9966e14948b4a175b2efbdc31e61a98b4465235c2d"

/* draft-irtf-cfrg-aegis-aead, appendices A.2 and A.3, with tags of 256 bits; RFC 8439, 2.8.2; the GCM specification, test case 16 */
static const struct vector vectors[] = {
	{ SUITE_AEGIS128L, "1", K128, N128, "", ZERO,
	  "c1c0e58bd913006feba00f4b3cc3594e25835bfbb21632176cf03840687cb968cace4617af1bd0f7d064c639a5c79ee4" },
	{ SUITE_AEGIS128L, "2", K128, N128, "", "", "1360dc9db8ae42455f6e5b6a9d488ea4f2184c4e12120249335c4ee84bafe25d" },
	{ SUITE_AEGIS128L, "3", K128, N128, "0001020304050607", COUNT,
	  "79d94593d8c2119d7e8fd9b8fc77845c5c077a05b2528b6ac54b563aed8efe84"
	  "022cb796fe7e0ae1197525ff67e309484cfbab6528ddef89f17d74ef8ecd82b3" },
	{ SUITE_AEGIS128L, "4", K128, N128, "0001020304050607", "000102030405060708090a0b0c0d", "79d94593d8c2119d7e8fd9b8fc77" TAG4 "c" },
	{ SUITE_AEGIS128L, "5", K128, N128, AD42, MSG40,
	  "b31052ad1cca4e291abcf2df3502e6bdb1bfd6db36798be3607b1f94d34478aa7ede7f7a990fec10"
	  "b91e2947a33da8bee89b6794e647baf0fc835ff574aca3fc27c33be0db2aff98" },
	{ SUITE_AEGIS128L, "6", N128, K128, "0001020304050607", NULL, "79d94593d8c2119d7e8fd9b8fc77" TAG4 "c" },
	{ SUITE_AEGIS128L, "7", K128, N128, "0001020304050607", NULL, "79d94593d8c2119d7e8fd9b8fc78" TAG4 "c" },
	{ SUITE_AEGIS128L, "8", K128, N128, "0001020304050608", NULL, "79d94593d8c2119d7e8fd9b8fc77" TAG4 "c" },
	{ SUITE_AEGIS128L, "9", K128, N128, "0001020304050607", NULL, "79d94593d8c2119d7e8fd9b8fc77" TAG4 "d" },
	{ SUITE_AEGIS256, "1", K128 ZERO, N128 ZERO, "", ZERO,
	  "754fc3d8c973246dcc6d741412a4b2361181a1d18091082bf0266f66297d167d2e68b845f61a3b0527d31fc7b7b89f13" },
	{ SUITE_AEGIS256, "2", K128 ZERO, N128 ZERO, "", "", "6a348c930adbd654896e1666aad67de989ea75ebaa2b82fb588977b1ffec864a" },
	{ SUITE_AEGIS256, "3", K128 ZERO, N128 ZERO, "0001020304050607", COUNT,
	  "f373079ed84b2709faee373584585d60accd191db310ef5d8b11833df9dec711"
	  "b7d28d0c3c0ebd409fd22b44160503073a547412da0854bfb9723020dab8da1a" },
	{ SUITE_AEGIS256, "4", K128 ZERO, N128 ZERO, "0001020304050607", "000102030405060708090a0b0c0d",
	  "f373079ed84b2709faee37358458" TAG4_256 "9" },
	{ SUITE_AEGIS256, "5", K128 ZERO, N128 ZERO, AD42, MSG40,
	  "57754a7d09963e7c787583a2e7b859bb24fa1e04d49fd550b2511a358e3bca252a9b1b8b30cc4a67"
	  "a3aca270c006094d71c20e6910b5161c0826df233d08919a566ec2c05990f734" },
	{ SUITE_AEGIS256, "6", N128 ZERO, K128 ZERO, "0001020304050607", NULL, "f373079ed84b2709faee37358458" TAG4_256 "9" },
	{ SUITE_AEGIS256, "7", K128 ZERO, N128 ZERO, "0001020304050607", NULL, "f373079ed84b2709faee37358459" TAG4_256 "9" },
	{ SUITE_AEGIS256, "8", K128 ZERO, N128 ZERO, "0001020304050608", NULL, "f373079ed84b2709faee37358458" TAG4_256 "9" },
	{ SUITE_AEGIS256, "9", K128 ZERO, N128 ZERO, "0001020304050607", NULL, "f373079ed84b2709faee37358458" TAG4_256 "a" },
	{ SUITE_AES256GCM, "test case 16", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
	{ SUITE_CHACHA20POLY1305, "RFC 8439 2.8.2", "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	  "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f6666657220796f"
	  "75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742e",
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67e"
	  "cd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116"
	  "1ae10b594f09e26a7e902ecbd0600691" },
};

/* The row itself, usable here or not: AEGIS is computed without AES instructions too. */
static const struct suite *row(uint8_t id)
{
	for (const struct suite *const *s = suites; *s; s++)
		if ((*s)->id == id)
			return id == SUITE_AES256GCM && !suite_usable(*s) ? NULL : *s;
	return NULL;
}

static const char *name_of(uint8_t id)
{
	static const char *const names[] = { "", "aegis128l", "aegis256", "aes256gcm", "chacha20poly1305" };

	return names[id];
}

static const void *ready(const struct suite *s, const uint8_t *key)
{
	static _Alignas(16) uint8_t expanded[EXPANDED];

	if (!s->expanded() || s->expanded() > sizeof expanded)
		return key;
	s->expand(expanded, key);
	return expanded;
}

static void check_vector(const struct vector *v)
{
	const struct suite *s = row(v->id);
	uint8_t key[32], nonce[32], ad[64], msg[ROOM], sealed[ROOM], out[ROOM];
	size_t  ad_len = unhex(ad, sizeof ad, v->ad), sealed_len = unhex(sealed, sizeof sealed, v->sealed);

	if (!s) {
		skip(1, "%s %s: not in this libsodium, or not on this processor", name_of(v->id), v->name);
		return;
	}
	bool sizes = unhex(key, sizeof key, v->key) == s->key && unhex(nonce, sizeof nonce, v->nonce) == s->nonce;
	const void *k = ready(s, key);
	if (!v->msg) {
		ok(sizes && s->open(out, sealed, sealed_len, ad, ad_len, nonce, k) == -EBADMSG, "%s vector %s is refused", s->name, v->name);
		return;
	}
	size_t len = unhex(msg, sizeof msg, v->msg);
	bool   same = sizes && len + s->tag == sealed_len && s->seal(out, msg, len, ad, ad_len, nonce, k) == 0 &&
	              !memcmp(out, sealed, sealed_len);
	same = same && s->open(out, sealed, sealed_len, ad, ad_len, nonce, k) == 0 && !memcmp(out, msg, len);
	ok(same, "%s vector %s, both ways", s->name, v->name);
}

static void check_flips(const struct suite *s)
{
	uint8_t key[32], nonce[32], ad[4] = { 96, 0, 0, 0 }, msg[64], sealed[64 + SUITE_TAG_MAX], out[64 + SUITE_TAG_MAX];
	size_t  len = sizeof msg + s->tag;
	unsigned passed = 0;

	randombytes_buf_deterministic(key, 32, (const uint8_t[randombytes_SEEDBYTES]){ 1 });
	randombytes_buf_deterministic(nonce, 32, (const uint8_t[randombytes_SEEDBYTES]){ 2 });
	randombytes_buf_deterministic(msg, 64, (const uint8_t[randombytes_SEEDBYTES]){ 3 });
	const void *k = ready(s, key);
	s->seal(sealed, msg, sizeof msg, ad, sizeof ad, nonce, k);
	for (size_t i = 0; i < 8 * len; i++) {
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
		passed += s->open(out, sealed, len, ad, sizeof ad, nonce, k) == 0;
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < 8 * (sizeof ad + s->nonce); i++) {
		uint8_t *p = i / 8 < sizeof ad ? &ad[i / 8] : &nonce[i / 8 - sizeof ad];
		*p ^= (uint8_t)(1 << i % 8);
		passed += s->open(out, sealed, len, ad, sizeof ad, nonce, k) == 0;
		*p ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < len; n++)
		passed += s->open(out, sealed, n, ad, sizeof ad, nonce, k) == 0;
	ok(passed == 0, "%s: every flipped bit of message, tag, associated data and nonce, and every shorter length is refused", s->name);
	ok(s->open(out, sealed, len, ad, sizeof ad, nonce, k) == 0 && !memcmp(out, msg, sizeof msg), "%s: and the message itself is not", s->name);
}

static void check_in_place(const struct suite *s)
{
	uint8_t key[32] = { 7 }, nonce[32] = { 9 }, ad[4] = { 1 }, msg[3000], apart[3000 + SUITE_TAG_MAX], place[3000 + SUITE_TAG_MAX];
	const void *k = ready(s, key);
	bool    same = true;

	randombytes_buf_deterministic(msg, sizeof msg, (const uint8_t[randombytes_SEEDBYTES]){ 4 });
	for (size_t len = 0; len <= sizeof msg; len += len < 300 ? 1 : 211) {
		s->seal(apart, msg, len, ad, sizeof ad, nonce, k);
		memcpy(place, msg, len);
		s->seal(place, place, len, ad, sizeof ad, nonce, k);
		same &= !memcmp(apart, place, len + s->tag);
		same &= s->open(place, place, len + s->tag, ad, sizeof ad, nonce, k) == 0 && !memcmp(place, msg, len);
	}
	ok(same, "%s: in place is the same as out of place, at every length", s->name);
}

static void check_rows(void)
{
	bool sizes = true, macs = true;
	unsigned last = 0;

	for (const struct suite *const *s = suites; *s; s++) {
		sizes &= (*s)->key <= SUITE_KEY_MAX && (*s)->nonce <= SUITE_NONCE_MAX && (*s)->tag <= SUITE_TAG_MAX;
		sizes &= (*s)->id > last && (*s)->id <= SUITE_ID_MAX && (*s)->expanded() % 16 == 0;
		last = (*s)->id;
		if (suite_usable(*s))
			macs &= suite_by_id((*s)->id) == *s && suite_by_name((*s)->name) == *s && suite_by_id((*s)->mac);
		else
			macs &= !suite_by_id((*s)->id) && !suite_by_name((*s)->name);
	}
	ok(sizes && last == SUITE_CHACHA20POLY1305, "rows keep within the bounds, best first, chacha20poly1305 last");
	ok(macs, "a usable row is found by id and by name and has a usable MAC; another is not found");
	ok(!suite_by_id(0) && !suite_by_id(5) && !suite_by_id(255) && !suite_by_name("") && !suite_by_name("chacha20"), "unknown ids and names");
	ok(suite_usable(suite_by_id(SUITE_CHACHA20POLY1305)), "chacha20poly1305 is everywhere");
}

static void check_list(void)
{
	uint8_t     ids[SUITE_ID_MAX] = { 99 };
	const char *bad = NULL, *text;
	bool        aegis = suite_by_name("aegis128l");

	ok(suite_parse_list("chacha20poly1305", ids, &bad) == 1 && ids[0] == SUITE_CHACHA20POLY1305, "one name");
	ok(suite_parse_list("chacha20poly1305,chacha20poly1305,chacha20poly1305,chacha20poly1305,chacha20poly1305", ids, &bad) == 1, "a name again counts once");
	static const char *const wrong[] = { "", ",", "chacha20poly1305,", "aes", "aes256gcmx", "AES256GCM", " chacha20poly1305", "none" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ok(suite_parse_list(wrong[i], ids, &bad) == -EINVAL && ids[0] == SUITE_CHACHA20POLY1305, "no list: \"%s\"", wrong[i]);
	text = "chacha20poly1305,rot13,aes256gcm";
	ok(suite_parse_list(text, ids, &bad) == -EINVAL && bad == text + 17, "the wrong name is pointed at");
	text = "chacha20poly1305,aegis128l";
	int r = suite_parse_list(text, ids, &bad);
	ok(aegis ? r == 2 && ids[1] == SUITE_AEGIS128L : r == -EOPNOTSUPP && bad == text + 17, "a known name: %s", aegis ? "usable here" : "not usable here, and said so");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	note("libsodium %s", sodium_version_string());
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
		check_vector(&vectors[i]);
	for (const struct suite *const *s = suites; *s; s++) {
		if (!row((*s)->id))
			continue;
		check_flips(*s);
		check_in_place(*s);
	}
	check_rows();
	check_list();
	return done();
}
