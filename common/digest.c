/* digest.c - see digest.h */
#include "common/digest.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "common/holes.h"
#include "common/io.h"
#include "common/seal.h"

struct reading {
	int                 fd;
	const struct suite *mac;
	const uint8_t      *key;
	uint8_t            *buf;
	struct extent       data;       /* the next, as far as was looked */
	uint8_t             zeros[SUITE_TAG_MAX];
	bool                have_zeros, holes;
};

static int tag_of(const struct reading *r, const void *chunk, size_t n, uint8_t tag[static SUITE_TAG_MAX])
{
	memset(tag, 0, SUITE_TAG_MAX);
	return seal_raw_again(r->mac, r->key, 0, chunk, n, tag);
}

/* Is [at, at + n) nothing but a hole? */
static bool in_hole(struct reading *r, uint64_t at, uint64_t n)
{
	if (!r->holes)
		return false;
	if (r->data.end <= at)
		r->data = holes_next(r->fd, at, UINT64_MAX);
	return r->data.from >= at + n;
}

/* The tag of a whole chunk of zeros: once. */
static int zero_tag(struct reading *r, uint8_t tag[static SUITE_TAG_MAX])
{
	int e = 0;

	if (!r->have_zeros) {
		memset(r->buf, 0, SEAL_RAW_CHUNK);
		e = tag_of(r, r->buf, SEAL_RAW_CHUNK, r->zeros);
	}
	r->have_zeros = e == 0;
	memcpy(tag, r->zeros, SUITE_TAG_MAX);
	return e;
}

/* Bytes of this chunk, 0 behind the end, or -errno. */
static ssize_t chunk(struct reading *r, uint64_t at, uint64_t left, uint64_t size, uint8_t tag[static SUITE_TAG_MAX])
{
	size_t n = left < SEAL_RAW_CHUNK ? (size_t)left : SEAL_RAW_CHUNK;

	if (n == SEAL_RAW_CHUNK && at + n <= size && in_hole(r, at, n)) {
		int e = zero_tag(r, tag);
		return e < 0 ? e : (ssize_t)n;
	}
	ssize_t got = io_pread_full(r->fd, r->buf, n, at);
	if (got <= 0)
		return got;
	int e = tag_of(r, r->buf, (size_t)got, tag);
	return e < 0 ? e : got;
}

static int digest(struct reading *r, uint64_t at, uint64_t end, uint64_t size, const struct digest_pulse *pulse, uint8_t out[static WIRE_DIGEST_BYTES], uint64_t *reached)
{
	crypto_generichash_state h;
	uint8_t                  tag[SUITE_TAG_MAX];
	ssize_t                  n = 1;

	crypto_generichash_init(&h, NULL, 0, WIRE_DIGEST_BYTES);
	while (n > 0 && at < end) {
		n = pulse->beat ? pulse->beat(pulse->arg) : 0;
		if (n == 0)
			n = chunk(r, at, end - at, size, tag);
		if (n > 0)
			crypto_generichash_update(&h, tag, r->mac->tag);
		at += n > 0 ? (uint64_t)n : 0;
		if (n > 0 && (size_t)n < SEAL_RAW_CHUNK)
			break;
	}
	if (n < 0)
		return (int)n;
	crypto_generichash_final(&h, out, WIRE_DIGEST_BYTES);
	*reached = at;
	return 0;
}

int digest_file(int fd, const struct suite *mac, const uint8_t key[static WIRE_KEY_BYTES], uint64_t off, uint64_t len, const struct digest_pulse *pulse,
                uint8_t out[static WIRE_DIGEST_BYTES], uint64_t *hashed)
{
	struct reading r = { .fd = fd, .mac = mac, .key = key };
	struct stat    st;
	uint64_t       reached = off;

	if (fstat(fd, &st) < 0)
		return -errno;
	r.holes = holes_in(fd, &st);
	r.buf = malloc(SEAL_RAW_CHUNK);
	if (!r.buf)
		return -ENOMEM;
	int e = digest(&r, off, len ? off + len : UINT64_MAX, (uint64_t)st.st_size, pulse, out, &reached);
	free(r.buf);
	if (e == 0)
		*hashed = reached - off;
	return e;
}
