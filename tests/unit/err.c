/* err.c - walks both tables; what a peer may and may not claim. */
#include "common/err.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/tap.h"

static const int every_status[] = { 0, 1, 2, 3, 4, 10, 11, 20, 23, 24, 30, 35, 40, 41, 42, 43, 44, 45, 46 };

/* Lower-case to begin with, one line, no dot at the end. */
static bool good_words(const char *s)
{
	size_t n = strlen(s);
	bool abbreviation = n > 1 && isupper((unsigned char)s[0]) && isupper((unsigned char)s[1]);

	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)s[i]))
			return false;
	return n > 0 && n < 400 && s[n - 1] != '.' && (abbreviation || !isupper((unsigned char)s[0]));
}

static void statuses(void)
{
	unsigned known = 0, bad = 0;

	for (int s = 0; s < 256; s++) {
		bool is = strcmp(status_name((enum status)s), "unknown status") != 0;

		known += is;
		for (size_t i = 0; i < sizeof every_status / sizeof *every_status; i++)
			bad += every_status[i] == s && !is;
	}
	ok(bad == 0 && known == sizeof every_status / sizeof *every_status, "every status has a name, and no other number");
	for (size_t i = 0; i < sizeof every_status / sizeof *every_status; i++)
		ok(good_words(status_name((enum status)every_status[i])), "%d: %s", every_status[i], status_name((enum status)every_status[i]));
}

static void words(void)
{
	char a[500], b[500];

	for (unsigned w = 0; w < WHY_COUNT; w++) {
		struct fail f = fail_why(ST_CANNOT, (enum why)w);

		fail_words(f, a, sizeof a);
		ok(good_words(a) && (w <= WHY_ERRNO) == (strcmp(a, status_name(ST_CANNOT)) == 0), "why %u: %s", w, a);
		for (unsigned v = w + 1; v < WHY_COUNT && w > WHY_ERRNO; v++)
			if (strcmp(a, fail_words(fail_why(ST_CANNOT, (enum why)v), b, sizeof b)) == 0)
				ok(false, "why %u and %u say the same", w, v);
	}
	unsigned bad = 0;
	for (int e = 1; e < 200; e++)
		bad += !good_words(fail_words(fail_errno(e), a, sizeof a));
	ok(bad == 0, "every errno has words");
	ok(strcmp(fail_words(fail_errno(-ENOENT), a, sizeof a), "no such file or directory") == 0, "ENOENT: %s", a);
	ok(strcmp(fail_words(fail_errno(EIO), a, sizeof a), "input/output error") == 0, "EIO: %s", a);
	ok(strcmp(fail_words(fail_errno(4000), a, sizeof a), "error 4000") == 0, "an errno without a name: %s", a);
	bad = 0;
	for (size_t n = 0; n < 60; n++) {
		memset(a, 'G', sizeof a);
		const char *s = fail_words(fail_why(ST_CANNOT, WHY_ENGINE_SEAL), a, n);
		bad += (n && strlen(s) != n - 1) || a[n] != 'G';
	}
	ok(bad == 0, "words are cut to the buffer");
	fail_words(fail_why(ST_CANNOT, WHY_ENGINE_SEAL), a, sizeof a);
	ok(strstr(a, "libsodium never sees the bytes. Use --engine=mmap, or --plaintext"), "the teaching sentence");
	fail_words(fail_why(ST_CANNOT, WHY_READ_ONLY), a, sizeof a);
	ok(strstr(a, "--writable") != NULL, "read-only says what to do");
}

static void errnos(void)
{
	static const struct { int e; int status, why; } rows[] = {
		{ ENOENT, 3, WHY_ERRNO }, { ENOTDIR, 3, WHY_ERRNO }, { ENOSPC, 44, WHY_ERRNO }, { EDQUOT, 44, WHY_ERRNO },
		{ EXDEV, 3, WHY_OUTSIDE }, { EACCES, 11, WHY_ERRNO }, { EIO, 11, WHY_ERRNO }, { EEXIST, 11, WHY_ERRNO },
		{ EINVAL, 11, WHY_ERRNO }, { ELOOP, 11, WHY_ERRNO },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fail f = fail_errno(rows[i].e), g = fail_errno(-rows[i].e);

		ok(f.status == rows[i].status && f.why == rows[i].why && f.err == rows[i].e && memcmp(&f, &g, sizeof f) == 0,
		   "errno %d: status %d", rows[i].e, rows[i].status);
	}
	ok(fail_errno(0).status == ST_OK && fail_errno(0).err == 0, "errno 0 is no failure");
	ok(fail_errno(70000).status == ST_FILE_IO && fail_errno(70000).err == EIO, "an errno that does not fit");
}

static void from_wire(void)
{
	struct fail f = fail_from_wire(ST_NO_SPACE, WHY_ERRNO, ENOSPC);
	unsigned bad = 0;

	ok(f.status == ST_NO_SPACE && f.why == WHY_ERRNO && f.err == ENOSPC, "a known failure stays");
	ok(fail_from_wire(ST_CANNOT, WHY_COUNT, 0).why == WHY_ERRNO && fail_from_wire(ST_CANNOT, 255, 0).why == WHY_ERRNO, "unknown why");
	ok(fail_from_wire(ST_FILE_IO, WHY_ERRNO, 4000).err == 0, "unknown errno");
	ok(fail_from_wire(99, WHY_NONE, 0).status == ST_FILE_IO, "unknown status is a failure still");
	ok(fail_from_wire(ST_HOST_CHANGED, WHY_NONE, 0).status == ST_FILE_IO &&
	   fail_from_wire(ST_HOST_UNKNOWN, WHY_NONE, 0).status == ST_FILE_IO, "a peer cannot claim that its key changed");
	f = fail_from_wire(ST_OK, WHY_KEY, EIO);
	ok(f.status == ST_OK && f.why == WHY_NONE && f.err == 0, "no failure has no reasons");
	for (unsigned s = 0; s < 256; s++)
		for (unsigned w = 0; w < 256; w++) {
			char buf[400];

			f = fail_from_wire((uint8_t)s, (uint8_t)w, (uint16_t)(s * 257 + w));
			bad += !good_words(fail_words(f, buf, sizeof buf)) || (s != 0 && f.status == ST_OK);
		}
	ok(bad == 0, "whatever comes has words, and no failure becomes a success");
}

static void streams(void)
{
	static const struct { int e, status; } rows[] = {
		{ 0, 0 }, { -ETIMEDOUT, 30 }, { -EPROTO, 2 }, { -EMSGSIZE, 2 }, { -EBADMSG, 43 }, { -ECONNRESET, 10 }, { -EPIPE, 10 },
		{ -ENODATA, 10 }, { -ECONNREFUSED, 10 }, { -EBUSY, 46 }, { -EINTR, 20 }, { -EOPNOTSUPP, 4 }, { -4000, 10 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ok(status_of_stream(rows[i].e) == (enum status)rows[i].status && good_words(stream_words(rows[i].e)),
		   "stream %d: %d, %s", rows[i].e, rows[i].status, stream_words(rows[i].e));
}

int main(void)
{
	statuses();
	words();
	errnos();
	from_wire();
	streams();
	return done();
}
