/* noise.c - the published cacophony vector, every byte of every message flipped, points of low order, calls out of turn. */
#include <errno.h>
#include "common/noise.h"
#include "tests/unit/hex.h"
#include "tests/unit/tap.h"

/* https://github.com/haskell-cryptography/cacophony, vectors/cacophony.txt: Noise_XX_25519_ChaChaPoly_SHA512 */
static const char prologue[] = "4a6f686e2047616c74";
static const char init_static[] = "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1";
static const char init_ephemeral[] = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a";
static const char resp_static[] = "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893";
static const char resp_ephemeral[] = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b";

static const struct { const char *payload, *message; } vector[] = {
	{ "4c756477696720766f6e204d69736573",
	  "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c756477696720766f6e204d69736573" },
	{ "4d757272617920526f746862617264",
	  "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843d7c6169611117c6e843085d5ec1af406d58f75d17052f76fc87b7e624027b0"
	  "02be220520a7766451ec44fa8388d120354c0f8c8b8a83eb281d131cd231a5f3cc6a809c5dffb06cb8d792415336b4c0" },
	{ "462e20412e20486179656b",
	  "438696ce0ba3e21424cad39c48b89839fc102c64e3f3e81b6431c0c915d7983d0d7d87e611485ef5bf005c25a052289c949d3e1dd51b536bfda2eb3d14988f"
	  "9c3291a1ac64b7b4cba0a019" },
	{ "4361726c204d656e676572", "56430f48030039cfd44539edb61a3b87e1cd461a765cb539c3f4b6" },
	{ "4a65616e2d426170746973746520536179", "0709391497714d94a8f62959fe15153996001daadbc1dec326a03ba8ff416b47f5" },
	{ "457567656e2042f6686d20766f6e2042617765726b", "3d5f431ceee58c3ff1bdcdf874aaca9f564b743286a995ed03dffa8b65f33ac45c8c4b196d" },
};

struct pair { struct noise i, r; };

static void start(struct pair *p)
{
	uint8_t text[16], sk[32], pk[32], e[32];
	size_t  n = unhex(text, sizeof text, prologue);

	unhex(sk, 32, init_static);
	crypto_scalarmult_base(pk, sk);
	noise_init(&p->i, true, text, n, pk, sk);
	unhex(e, 32, init_ephemeral);
	noise_fix_ephemeral(&p->i, e);
	unhex(sk, 32, resp_static);
	crypto_scalarmult_base(pk, sk);
	noise_init(&p->r, false, text, n, pk, sk);
	unhex(e, 32, resp_ephemeral);
	noise_fix_ephemeral(&p->r, e);
}

/* Message `step` of the vector written and read by the side whose turn it is; written bytes in out. */
static bool exchange(struct pair *p, int step, uint8_t out[NOISE_MESSAGE_MAX], bool read)
{
	struct noise *from = step % 2 ? &p->r : &p->i, *to = step % 2 ? &p->i : &p->r;
	uint8_t payload[64], got[64];
	size_t  len = unhex(payload, sizeof payload, vector[step].payload);
	ssize_t n = noise_write(from, payload, len, out, NOISE_MESSAGE_MAX);

	if (n < 0 || !is_hex(out, (size_t)n, vector[step].message))
		return false;
	return !read || (noise_read(to, out, (size_t)n, got, sizeof got) == (ssize_t)len && !memcmp(got, payload, len));
}

/* Transport messages: key of the direction, nonce = 4 zero bytes and LE64(n), no associated data. */
static bool transport(int which, const uint8_t key[32], uint8_t n)
{
	uint8_t payload[64], out[96], nonce[12] = { [4] = n };
	size_t  len = unhex(payload, sizeof payload, vector[which].payload);
	unsigned long long out_len;

	crypto_aead_chacha20poly1305_ietf_encrypt(out, &out_len, payload, len, NULL, 0, NULL, nonce, key);
	return is_hex(out, (size_t)out_len, vector[which].message);
}

static void published(void)
{
	struct pair p;
	uint8_t     out[NOISE_MESSAGE_MAX], a[2][32], b[2][32], ha[64], hb[64], pk[32], sk[32];

	start(&p);
	for (int i = 0; i < 3; i++)
		ok(exchange(&p, i, out, true), "vector: message %d", i + 1);
	unhex(sk, 32, init_static);
	crypto_scalarmult_base(pk, sk);
	ok(!memcmp(p.r.rs, pk, 32) && !memcmp(p.i.rs, p.r.s_pk, 32), "each side knows the other's static key");
	ok(noise_split(&p.i, a[0], a[1], ha) == 0 && noise_split(&p.r, b[0], b[1], hb) == 0, "split");
	ok(!memcmp(a, b, sizeof a) && !memcmp(ha, hb, 64) && memcmp(a[0], a[1], 32) != 0, "both sides have the same two keys and hash");
	/* the responder speaks next: messages go on in turn */
	ok(transport(3, a[1], 0), "vector: message 4, responder to initiator");
	ok(transport(4, a[0], 0), "vector: message 5, initiator to responder");
	ok(transport(5, a[1], 1), "vector: message 6, responder to initiator");
	ok(sodium_is_zero(p.i.ck, 64) && sodium_is_zero(p.i.s_sk, 32) && sodium_is_zero(p.r.e_sk, 32), "the rest is wiped");
	ok(noise_split(&p.i, a[0], a[1], ha) == -EPROTO, "split once only");
}

/* All of the handshake with one byte of message `which` changed: whoever reads it, or the next message at the latest, says no. */
static bool survives(int which, size_t at, uint8_t flip, bool *at_once)
{
	struct pair p;
	uint8_t     out[NOISE_MESSAGE_MAX], got[64];
	size_t      len = strlen(vector[which].message) / 2;

	start(&p);
	for (int i = 0; i < which; i++)
		exchange(&p, i, out, true);
	exchange(&p, which, out, false);
	out[at] ^= flip;
	struct noise *to = which % 2 ? &p.i : &p.r;
	*at_once = noise_read(to, out, len, got, sizeof got) < 0;
	if (*at_once)
		return noise_write(to, NULL, 0, out, sizeof out) >= 0 || noise_read(to, out, 0, got, 0) >= 0;
	/* message 1 has no tag: what was changed there is found in message 2 */
	ssize_t n = noise_write(to, NULL, 0, out, sizeof out);
	return n < 0 || noise_read(&p.i, out, (size_t)n, got, sizeof got) >= 0 || !p.i.failed;
}

static void flipped(void)
{
	for (int which = 0; which < 3; which++) {
		size_t   len = strlen(vector[which].message) / 2;
		unsigned bad = 0, late = 0;

		for (size_t at = 0; at < len; at++) {
			for (unsigned bit = 0; bit < 8; bit += which == 0 || at % 8 == 0 ? 1 : 7) {
				bool at_once;

				/* X25519 ignores a point's top bit, the hash does not */
				bad += survives(which, at, (uint8_t)(1u << bit), &at_once);
				late += !at_once;
			}
		}
		ok(bad == 0, "message %d: every flipped byte fails, and the failure sticks", which + 1);
		ok(which == 0 ? late > 0 : late == 0, "message %d: %s", which + 1, which ? "at once" : "in message 2");
	}
}

static void lengths(void)
{
	for (int which = 0; which < 3; which++) {
		size_t   len = strlen(vector[which].message) / 2, over = len - strlen(vector[which].payload) / 2;
		unsigned bad = 0;

		for (size_t n = 0; n < len; n++) {
			struct pair p;
			uint8_t     out[NOISE_MESSAGE_MAX], got[64];

			start(&p);
			for (int i = 0; i < which; i++)
				exchange(&p, i, out, true);
			exchange(&p, which, out, false);
			ssize_t r = noise_read(which % 2 ? &p.i : &p.r, out, n, got, sizeof got);
			bad += n < over ? r != -EMSGSIZE : which ? r != -EBADMSG : r != (ssize_t)(n - over);
		}
		ok(bad == 0, "message %d: cut at every length", which + 1);
	}
}

static void turns(void)
{
	struct pair p;
	uint8_t     out[NOISE_MESSAGE_MAX], got[NOISE_MESSAGE_MAX], big[NOISE_MESSAGE_MAX] = { 0 };

	start(&p);
	ok(noise_read(&p.i, out, 32, got, sizeof got) == -EPROTO, "the initiator does not read first");
	ok(noise_write(&p.i, NULL, 0, out, sizeof out) == -EPROTO, "and is done for then");
	ok(noise_write(&p.r, NULL, 0, out, sizeof out) == -EPROTO, "the responder does not write first");
	start(&p);
	exchange(&p, 0, out, true);
	ok(noise_write(&p.i, NULL, 0, out, sizeof out) == -EPROTO, "no second message 1");
	ok(noise_read(&p.r, out, 48, got, sizeof got) == -EPROTO, "nor is one read");
	start(&p);
	ok(noise_split(&p.i, big, big + 32, big + 64) == -EPROTO, "no split before the end");
	start(&p);
	for (int i = 0; i < 3; i++)
		exchange(&p, i, out, true);
	ok(noise_write(&p.r, NULL, 0, out, sizeof out) == -EPROTO, "no message 4");
	ok(noise_split(&p.r, big, big + 32, big + 64) == -EPROTO, "no split after a failure");
	start(&p);
	ok(noise_write(&p.i, big, NOISE_MESSAGE_MAX - 31, out, sizeof out) == -EMSGSIZE, "a message above 1,024 bytes is not written");
	start(&p);
	ok(noise_write(&p.i, big, 100, out, 131) == -EMSGSIZE, "nor one longer than its buffer");
	start(&p);
	ok(noise_write(&p.i, big, NOISE_MESSAGE_MAX - 32, out, sizeof out) == NOISE_MESSAGE_MAX &&
	   noise_read(&p.r, out, NOISE_MESSAGE_MAX, got, sizeof got) == NOISE_MESSAGE_MAX - 32, "the longest message");
	start(&p);
	exchange(&p, 0, out, false);
	ok(noise_read(&p.r, out, 48, got, 15) == -EMSGSIZE, "a payload longer than its buffer");
}

static void low_order(void)
{
	static const char *const points[] = {           /* zero, one, p - 1, p, p + 1, and the two of order 8 */
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	};
	bool as_first = true, as_second = true, as_static = true;

	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		struct pair p;
		uint8_t     out[NOISE_MESSAGE_MAX], got[64];

		start(&p);                              /* the initiator's e */
		unhex(out, 32, points[i]);
		as_first &= noise_read(&p.r, out, 32, got, sizeof got) == 0;
		as_first &= noise_write(&p.r, NULL, 0, out, sizeof out) == -EBADMSG && p.r.failed;
		start(&p);                              /* the responder's e */
		exchange(&p, 0, out, true);
		exchange(&p, 1, out, false);
		unhex(out, 32, points[i]);
		as_second &= noise_read(&p.i, out, 111, got, sizeof got) == -EBADMSG && p.i.failed;
		start(&p);                              /* the initiator's s, well encrypted */
		unhex(p.i.s_pk, 32, points[i]);
		exchange(&p, 0, out, true);
		exchange(&p, 1, out, true);
		ssize_t n = noise_write(&p.i, NULL, 0, out, sizeof out);
		as_static &= n == 64 && noise_read(&p.r, out, 64, got, sizeof got) == -EBADMSG && p.r.failed;
	}
	ok(as_first, "points of low order as the initiator's e: no message 2");
	ok(as_second, "as the responder's e");
	ok(as_static, "as the initiator's s");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	published();
	flipped();
	lengths();
	turns();
	low_order();
	return done();
}
