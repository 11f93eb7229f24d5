/* digest.c - one number for a range of a file: the same for the same bytes, wherever holes are; another for every other; with both kinds of tags. */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>
#include "common/digest.h"
#include "common/seal.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static uint8_t key[WIRE_KEY_BYTES];
static uint8_t bytes[3 * SEAL_RAW_CHUNK + 17];
static const struct digest_pulse nobody;

static int write_file(const char *name, const uint8_t *p, size_t n)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	return fd >= 0 && write(fd, p, n) == (ssize_t)n ? fd : -1;
}

static bool digest(int fd, const struct suite *mac, uint64_t off, uint64_t len, uint8_t out[static WIRE_DIGEST_BYTES], uint64_t *n)
{
	return digest_file(fd, mac, key, off, len, &nobody, out, n) == 0;
}

/* By the definition in zcp-wire(7), piece by piece. */
static void by_hand(const struct suite *mac, const uint8_t *p, size_t n, uint8_t out[static WIRE_DIGEST_BYTES])
{
	crypto_generichash_state h;
	uint8_t                  nonce[SUITE_NONCE_MAX] = { 0 }, tag[SUITE_TAG_MAX];

	crypto_generichash_init(&h, NULL, 0, WIRE_DIGEST_BYTES);
	for (size_t at = 0; at < n; at += SEAL_RAW_CHUNK) {
		size_t m = n - at < SEAL_RAW_CHUNK ? n - at : SEAL_RAW_CHUNK;
		mac->seal(tag, NULL, 0, p + at, m, nonce, key);
		crypto_generichash_update(&h, tag, mac->tag);
	}
	crypto_generichash_final(&h, out, WIRE_DIGEST_BYTES);
}

static void with(const struct suite *mac)
{
	uint8_t  a[WIRE_DIGEST_BYTES], b[WIRE_DIGEST_BYTES];
	uint64_t n = 0;
	int      fd = write_file("f", bytes, sizeof bytes), other;

	ok(digest(fd, mac, 0, 0, a, &n) && n == sizeof bytes, "%s: a whole file", mac->name);
	by_hand(mac, bytes, sizeof bytes, b);
	ok(memcmp(a, b, sizeof a) == 0, "%s: as the manual page defines it", mac->name);
	ok(digest(fd, mac, 5, 1000, a, &n) && n == 1000, "%s: a range", mac->name);
	by_hand(mac, bytes + 5, 1000, b);
	ok(memcmp(a, b, sizeof a) == 0, "%s: of its bytes alone", mac->name);
	ok(digest(fd, mac, sizeof bytes - 10, 100, a, &n) && n == 10, "%s: a range that ends behind the file says how far it went", mac->name);
	ok(digest(fd, mac, sizeof bytes + 10, 100, a, &n) && n == 0, "%s: nothing behind the end", mac->name);
	digest(fd, mac, 0, 0, a, &n);
	unsigned same = 0;
	for (size_t at = 0; at < sizeof bytes; at += 50021) {
		bytes[at] ^= 1;
		other = write_file("g", bytes, sizeof bytes);
		bytes[at] ^= 1;
		same += digest(other, mac, 0, 0, b, &n) && memcmp(a, b, sizeof a) == 0;
		close(other);
	}
	ok(same == 0, "%s: any other bit makes another number", mac->name);
	other = write_file("g", bytes, sizeof bytes - 1);
	ok(digest(other, mac, 0, 0, b, &n) && memcmp(a, b, sizeof a) != 0, "%s: and one byte less", mac->name);
	close(other);
	key[0] ^= 1;
	ok(digest(fd, mac, 0, 0, b, &n) && memcmp(a, b, sizeof a) != 0, "%s: and another key", mac->name);
	key[0] ^= 1;
	close(fd);
}

/* 20 chunks, data in two of them: written as zeros, and left out. */
static void holes(const struct suite *mac)
{
	static const uint8_t zeros[SEAL_RAW_CHUNK];
	uint8_t  a[WIRE_DIGEST_BYTES], b[WIRE_DIGEST_BYTES];
	uint64_t n = 0, m = 0;
	int      full = open("full", O_RDWR | O_CREAT | O_TRUNC, 0600), holed = open("holed", O_RDWR | O_CREAT | O_TRUNC, 0600);
	bool     good = full >= 0 && holed >= 0;

	for (int i = 0; good && i < 20; i++) {
		const uint8_t *p = i == 3 || i == 17 ? bytes : zeros;
		good = pwrite(full, p, SEAL_RAW_CHUNK, (off_t)i * SEAL_RAW_CHUNK) == SEAL_RAW_CHUNK;
		if (p == bytes)
			good &= pwrite(holed, p, SEAL_RAW_CHUNK, (off_t)i * SEAL_RAW_CHUNK) == SEAL_RAW_CHUNK;
	}
	good &= ftruncate(full, 20 * SEAL_RAW_CHUNK + 5) == 0 && ftruncate(holed, 20 * SEAL_RAW_CHUNK + 5) == 0;
	ok(good && digest(full, mac, 0, 0, a, &n) && digest(holed, mac, 0, 0, b, &m) && n == m && memcmp(a, b, sizeof a) == 0, "%s: a hole is its zeros", mac->name);
	ok(digest(full, mac, 7, 15 * SEAL_RAW_CHUNK, a, &n) && digest(holed, mac, 7, 15 * SEAL_RAW_CHUNK, b, &m) && n == m && memcmp(a, b, sizeof a) == 0,
	   "%s: from anywhere", mac->name);
	close(full);
	close(holed);
}

static int stop(void *arg)
{
	return ++*(int *)arg == 3 ? -EINTR : 0;
}

int main(void)
{
	int                       beats = 0;
	const struct digest_pulse pulse = { stop, &beats };
	uint8_t                   out[WIRE_DIGEST_BYTES];
	uint64_t                  n;

	if (sodium_init() < 0 || fchdir(scratch(NULL)) < 0)
		return 1;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	randombytes_buf(key, sizeof key);
	for (size_t i = 0; suites[i]; i++)
		if (suite_usable(suites[i]) && suites[i]->mac == suites[i]->id) {
			with(suites[i]);
			holes(suites[i]);
		}
	int fd = write_file("f", bytes, sizeof bytes);
	ok(digest_file(fd, suite_by_id(SUITE_CHACHA20POLY1305), key, 0, 0, &pulse, out, &n) == -EINTR && beats == 3, "between chunks it can be ended");
	close(fd);
	fd = open(".", O_RDONLY | O_DIRECTORY);
	ok(digest_file(fd, suite_by_id(SUITE_CHACHA20POLY1305), key, 0, 0, &nobody, out, &n) == -EISDIR, "what cannot be read says why");
	close(fd);
	scratch_remove();
	return done();
}
