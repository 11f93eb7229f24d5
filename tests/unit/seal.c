/* seal.c - record keys against values that a Python script made with hmac, hashlib, cryptography and a pure-Python AEGIS; the epoch's
 * border; counters after failures. */
#include <errno.h>
#include "common/seal.h"
#include "tests/unit/hex.h"
#include "tests/unit/tap.h"

/* k = 00 01 .. 1f, h = 40 41 .. 7f, record = type 0b "zcp", chunk = i % 251 for i < 1000 */
struct example {
	const char *name, *word;
	const char *records[4];         /* 0, 1, 65535 of epoch 0; 0 of epoch 1 */
	const char *tags[3];            /* 0, 1 of epoch 0; 0 of epoch 1 */
};

#define AEGIS_TAGS { "7bb957f53a29f62b12fcb6fa4f6b19796ec3a4412c6cef8f16f3b9ee90b47e49", \
                     "d93ae1f77d152b6453ec14910cb7acc3bd86d4aaf41eda7cf8a9cac49451eb01", \
                     "470d4fcb88f5dbe46fbbcb025debd5b1c73d62dcb18423f178a6dda0a2dc26a1" }
#define CHACHA_TAGS { "3f6317049e2653444e4eb8e83c1b86af", "370db4fa299e5978b385193d3cf285e3", "9a363ca434514225bfdcc00b93f62fe0" }

static const struct example examples[] = {
	{ "aegis128l", "24000000", { "a318a7d579c1ac4f6f683b6d5829ac5ee8d0a8428e04dfbc7d51bf0e1afbe3a84869475c",
	                             "7bddf989557e0d00c01e863d72c84de3c967381b918cd2148d367dc2443fb4f373fb5ce9",
	                             "3986c9154cdd41721888fb2e4acf1539fc4a3a620b0a8ed652f13280ebde36a0ee5f6d2b",
	                             "f917a3b79a1f48b7243b11cfe5b251e8c66ce5608e73e8ca8f16ae09fa8906cbea006eb1" }, AEGIS_TAGS },
	{ "aegis256", "24000000", { "ea5029265675f75d91ab2e61a283ccbaab5aec29d194e4e3ccb550e3fce460330b62fc2f",
	                            "40d8dd52ff555511a4fe80f2a3e6901e38767841f40e276b3161124816ce66eddf3831de",
	                            "ddbe604fbaf3804a014b0218fde3d4883f8d6e3c31b8482e0c6d1bbbde8d2de29bd4783f",
	                            "145f9e4bb1d71fff4164c77f3d7ce1a460361cfee2c9ed9476f2109adfc9e9b8ec62c109" }, AEGIS_TAGS },
	{ "aes256gcm", "14000000", { "bd30aad6e00e3eed8c44ca4353e65fa0e16b5c6d", "3832736430af9b52331a0b7eeea981ad17b1a0e6",
	                             "f3d646a12cdae509fb022835e73ad716992a95d4", "e98a7006032031c98e5b7ffcc388da9d81ccbf00" }, CHACHA_TAGS },
	{ "chacha20poly1305", "14000000", { "f368cea55136ba92cd5e8fee0e467028f258f4cc", "f8ed48fecf0a97f52023649394e8d087b93aba1e",
	                                    "2f9caf23fd5fd74fe2e55431657ce6b6d3bf9522", "094e16ed87bf27dcc925462f654d07391d529bab" }, CHACHA_TAGS },
};

static uint8_t chunk[1000];
static const uint8_t plain[] = { 0x0b, 'z', 'c', 'p' };

static bool start(struct seal *s, const struct suite *suite)
{
	uint8_t k[32], h[64], zeros[32] = { 0 };

	for (unsigned i = 0; i < 32; i++)
		k[i] = (uint8_t)i;
	for (unsigned i = 0; i < 64; i++)
		h[i] = (uint8_t)(64 + i);
	return seal_init(s, suite, k, h) == 0 && !memcmp(k, zeros, sizeof k);
}

static bool next_is(struct seal *s, const uint8_t word[4], const char *hex)
{
	uint8_t out[64];

	return seal_record(s, out, plain, sizeof plain, word) == 0 && is_hex(out, sizeof plain + s->suite->tag, hex);
}

static bool tag_is(struct seal *s, const char *hex)
{
	uint8_t tag[SUITE_TAG_MAX];

	return seal_raw_tag(s, tag, chunk, sizeof chunk) == 0 && is_hex(tag, s->mac->tag, hex);
}

static void worked(const struct example *e)
{
	const struct suite *suite = suite_by_name(e->name);
	struct seal tx;
	uint8_t     word[4], out[64];
	unsigned    wrong = 0;

	if (!suite) {
		skip(4, "%s: not in this libsodium, or not on this processor", e->name);
		return;
	}
	unhex(word, sizeof word, e->word);
	ok(start(&tx, suite), "%s: k is wiped", e->name);
	ok(next_is(&tx, word, e->records[0]) && next_is(&tx, word, e->records[1]), "%s: the first two records", e->name);
	ok(tag_is(&tx, e->tags[0]) && tag_is(&tx, e->tags[1]), "%s: the first two raw tags; records count apart from them", e->name);
	while (tx.n_record < SEAL_EPOCH_RECORDS - 1)
		wrong += seal_record(&tx, out, plain, sizeof plain, word) != 0;
	bool border = tx.epoch == 0 && next_is(&tx, word, e->records[2]);
	border = border && tx.epoch == 1 && tx.n_record == 0 && tx.n_raw == 0;
	ok(!wrong && border && tag_is(&tx, e->tags[2]) && next_is(&tx, word, e->records[3]), "%s: the epoch ends after exactly 65,536 records", e->name);
	seal_clear(&tx);
}

/* Sender and receiver over the border, in place, tags between the records, now and then a skipped one. */
static void both_sides(const struct suite *suite)
{
	struct seal tx, rx;
	uint8_t     word[4] = { 1 }, buf[64], a[SUITE_TAG_MAX], b[SUITE_TAG_MAX];
	unsigned    wrong = 0;

	start(&tx, suite);
	start(&rx, suite);
	for (unsigned i = 0; i < 2 * SEAL_EPOCH_RECORDS + 3; i++) {
		memcpy(buf, &i, sizeof i);
		wrong += seal_record(&tx, buf, buf, sizeof i, word) != 0;
		wrong += open_record(&rx, buf, buf, sizeof i + suite->tag, word) != 0 || memcmp(buf, &i, sizeof i) != 0;
		if (i % 13107 == 0 || i % SEAL_EPOCH_RECORDS > SEAL_EPOCH_RECORDS - 3) {
			wrong += seal_raw_tag(&tx, a, chunk, 1 + i % sizeof chunk) != 0;
			wrong += seal_raw_tag(&rx, b, chunk, 1 + i % sizeof chunk) != 0 || memcmp(a, b, tx.mac->tag) != 0;
		}
		if (i % 9999 == 0)
			wrong += seal_skip(&tx) != 0 || seal_skip(&rx) != 0;
	}
	ok(!wrong && tx.epoch == 2 && rx.epoch == 2 && tx.n_record == rx.n_record, "%s: two sides agree over two borders, with skips", suite->name);
	seal_clear(&tx);
	seal_clear(&rx);
}

static void failures(const struct suite *suite)
{
	struct seal tx, rx;
	uint8_t     word[4] = { 1 }, other[4] = { 2 }, one[64], two[64], out[64];
	size_t      len = sizeof plain + suite->tag;

	start(&tx, suite);
	start(&rx, suite);
	seal_record(&tx, one, plain, sizeof plain, word);
	seal_record(&tx, two, plain, sizeof plain, word);
	ok(memcmp(one, two, len), "%s: the same record twice does not look the same", suite->name);
	ok(open_record(&rx, out, two, len, word) == -EBADMSG && rx.n_record == 1, "%s: out of order is refused, and its nonce is spent", suite->name);
	ok(open_record(&rx, out, one, len, word) == -EBADMSG && rx.n_record == 2, "%s: so what was first does not fit any more", suite->name);
	seal_record(&tx, one, plain, sizeof plain, word);
	ok(open_record(&rx, out, one, len, word) == 0 && !memcmp(out, plain, sizeof plain), "%s: the third is the third", suite->name);
	ok(open_record(&rx, out, one, suite->tag - 1u, word) == -EBADMSG && open_record(&rx, out, one, 0, word) == -EBADMSG && rx.n_record == 5,
	   "%s: shorter than a tag", suite->name);
	tx.n_record = 5;
	seal_record(&tx, one, plain, sizeof plain, word);
	ok(open_record(&rx, out, one, len, other) == -EBADMSG, "%s: another word is refused", suite->name);
	tx.n_record = SEAL_EPOCH_RECORDS - 1;
	rx.n_record = SEAL_EPOCH_RECORDS - 1;
	ok(open_record(&rx, out, one, len, word) == -EBADMSG && rx.n_record == 0 && rx.epoch == 1, "%s: a failure at the border counts too", suite->name);
	/* a cipher that a vanished source ended leaves its nonce spent, and no more */
	tx.n_record = SEAL_EPOCH_RECORDS;
	seal_record(&tx, one, plain, sizeof plain, word);
	ok(tx.epoch == 1 && tx.n_record == 1 && open_record(&rx, out, one, len, word) == 0, "%s: a border reached by a record that never was", suite->name);
	tx.n_raw = 1ull << 32;
	ok(seal_raw_tag(&tx, out, chunk, 1) == -EOVERFLOW, "%s: raw tags end before their nonces do", suite->name);
	seal_clear(&tx);
	seal_clear(&rx);
	ok(!tx.secret && !tx.suite, "%s: cleared", suite->name);
	seal_clear(&tx);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	for (size_t i = 0; i < sizeof chunk; i++)
		chunk[i] = (uint8_t)(i % 251);
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
		worked(&examples[i]);
	for (const struct suite *const *s = suites; *s; s++) {
		if (!suite_usable(*s))
			continue;
		both_sides(*s);
		failures(*s);
	}
	return done();
}
