/* links: zcp */
/* rate.c - --bwlimit: its forms, FILE and all that can be wrong with it, and that it is looked at again when it changes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include "common/log.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "zcp/cli/options.h"
#include "zcp/rate.h"

static const uint64_t K = 1 << 10, M = 1 << 20, G = 1 << 30;
static int lines;               /* what is said comes here */

/* The next line, or what it was instead. Waits for it, at most so long that a hang shows. */
static const char *said(char line[static 500])
{
	struct pollfd p = { .fd = lines, .events = POLLIN };
	size_t        n = 0;

	while (n < 499 && poll(&p, 1, 20000) == 1 && read(lines, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return line;
}

static bool quiet(void)
{
	struct pollfd p = { .fd = lines, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

static void forms(void)
{
	static const struct { const char *text; uint64_t rate; } good[] = {
		{ "0", 0 }, { "0K", 0 }, { "0G", 0 }, { "4", 4096 }, { "4K", 4096 }, { "800", 800 << 10 }, { "50M", 50 << 20 }, { "1m", 1 << 20 }, { "007k", 7 << 10 },
		{ "2G", 2ULL << 30 }, { "3g", 3ULL << 30 }, { "8589934591G", 8589934591ULL << 30 },
	};
	static const struct { const char *text; int r; } bad[] = {
		{ "", -EINVAL }, { "K", -EINVAL }, { "12Q", -EINVAL }, { "12KB", -EINVAL }, { "1.5M", -EINVAL }, { "-1", -EINVAL }, { "+1", -EINVAL }, { " 5", -EINVAL }, { "5 ", -EINVAL },
		{ "0x10", -EINVAL }, { "5M\n", -EINVAL }, { "1e3", -EINVAL }, { "M5", -EINVAL }, { "@5M", -EINVAL }, { "1", -ERANGE }, { "3", -ERANGE }, { "3K", -ERANGE },
		{ "8589934592G", -ERANGE }, { "99999999999999999999", -ERANGE }, { "18446744073709551615", -ERANGE }, { "9007199254740992", -ERANGE },
		{ "00000000000000000000000000000000005M", -EINVAL },
	};
	uint64_t v;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		v = 77;
		int r = rate_parse(good[i].text, &v);
		ok(r == 0 && v == good[i].rate, "'%s' is %llu bytes a second", good[i].text, (unsigned long long)v);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		v = 77;
		ok(rate_parse(bad[i].text, &v) == bad[i].r && v == 77, "'%s' is none", bad[i].text);
	}
	ok(rate_streams_most(0) == STREAMS_MAX && rate_streams_most(G) == STREAMS_MAX, "fast, or no limit: every stream there may be");
	ok(rate_streams_most(RATE_LEAST) == 1 && rate_streams_most(1) == 1, "the least rate is enough for one");
	ok(rate_streams_most(64 * K) > 4 && rate_streams_most(64 * K) < 64, "64 KiB a second: %u", rate_streams_most(64 * K));
}

static char *in_scratch(const char *name)
{
	static char path[4200];

	snprintf(path, sizeof path, "%s/%s", scratch_path(), name);
	return path;
}

static bool refused(const char *path, const char *words)
{
	struct rate    r;
	char           line[500];
	char           copy[4200];
	struct options o = { .rate_file = copy };

	snprintf(copy, sizeof copy, "%s", path);
	bool good = rate_begin(&r, &o) == ST_USAGE && strstr(said(line), words) != NULL && quiet();
	rate_end(&r);
	return ok(good, "%s", line);
}

static void wrong_files(int dir)
{
	struct rate    r;
	struct options none = { 0 }, plain = { .bytes_per_s = 5 << 20 };

	ok(rate_begin(&r, &none) == ST_OK && !rate_throttle(&r) && r.from == -1, "no rate: no throttle");
	rate_watch(&r);
	rate_end(&r);
	ok(rate_begin(&r, &plain) == ST_OK && rate_throttle(&r) && throttle_rate(rate_throttle(&r)) == 5 * M && r.from == -1, "a rate: a throttle, nothing watched");
	rate_watch(&r);
	rate_end(&r);

	refused(in_scratch("missing"), "missing: no such file");
	refused(scratch_path(), "not a regular file");
	refused("/", "not a regular file");
	put_file(dir, "word", "banana\n", 0600);
	refused(in_scratch("word"), "'banana' is not a rate");
	put_file(dir, "empty", "", 0600);
	refused(in_scratch("empty"), "'' is not a rate");
	put_file(dir, "small", "3", 0600);
	refused(in_scratch("small"), "'3' is not a rate");
	put_file(dir, "ugly", "\x1b[31m5\n", 0600);
	refused(in_scratch("ugly"), "'\\x1b[31m5' is not a rate");
	if (mkfifoat(dir, "fifo", 0600) == 0)
		refused(in_scratch("fifo"), "not a regular file");
}

static void changing(int dir)
{
	struct options o = { .rate_file = in_scratch("limit") };
	struct rate    r;
	char           line[500];

	put_file(dir, "limit", " \t5M and more\n", 0600);
	put_file(dir, "other", "7M", 0600);
	ok(rate_begin(&r, &o) == ST_OK && throttle_rate(rate_throttle(&r)) == 5 * M && r.from >= 0, "the first word of FILE");
	rate_watch(&r);
	put_file(dir, "limit", "64\n", 0600);
	ok(strstr(said(line), "limit: 64 KiB/s from now on") && throttle_rate(rate_throttle(&r)) == 64 * K, "written: %s", line);
	put_file(dir, "limit", "banana", 0600);
	ok(strstr(said(line), "'banana' is not a rate") && strstr(line, "stays") && throttle_rate(rate_throttle(&r)) == 64 * K, "no rate: %s", line);
	put_file(dir, "limit", "banana", 0600);
	put_file(dir, "limit", "64", 0600);
	put_file(dir, "other", "8M", 0600);
	put_file(dir, "next", "0", 0600);
	ok(renameat(dir, "next", dir, "limit") == 0 && strstr(said(line), "limit: no limit from now on"), "said once; replaced by rename: %s", line);
	ok(throttle_rate(rate_throttle(&r)) == 0, "no limit, and the throttle stays");
	/* as editors do: moved away, and written anew at once */
	ok(renameat(dir, "limit", dir, "limit~") == 0, "moved away");
	put_file(dir, "limit", "2G", 0600);
	ok(strstr(said(line), "2.0 GiB/s") && throttle_rate(rate_throttle(&r)) == 2 * G, "and written anew: %s", line);
	ok(unlinkat(dir, "limit", 0) == 0 && strstr(said(line), "no such file") && throttle_rate(rate_throttle(&r)) == 2 * G, "gone: %s", line);
	put_link(dir, "limit.new", "other");
	ok(renameat(dir, "limit.new", dir, "limit") == 0 && said(line) && *line && throttle_rate(rate_throttle(&r)) == 2 * G, "a link in its place is not followed: %s", line);
	put_file(dir, "next", "0000000000000000000000000000000000000000000000000000000000000000000000000000000000005M", 0600);
	ok(renameat(dir, "next", dir, "limit") == 0 && strstr(said(line), "is not a rate"), "a word without end: %s", line);
	unlinkat(dir, "limit", 0);
	rate_end(&r);
	ok(r.from == -1 && r.stop == -1 && quiet(), "it ends while it waits");
}

/* A link is resolved once, at the start. */
static void through_a_link(int dir)
{
	struct options o = { .rate_file = in_scratch("link") };
	struct rate    r;
	char           line[500];

	mkdirat(dir, "sub", 0700);
	put_file(dir, "sub/real", "9M", 0600);
	put_link(dir, "link", "sub/real");
	ok(rate_begin(&r, &o) == ST_OK && throttle_rate(rate_throttle(&r)) == 9 * M, "a link to FILE");
	rate_watch(&r);
	put_file(dir, "sub/real", "10M", 0600);
	ok(strstr(said(line), "link: 10 MiB/s"), "what it leads to is watched: %s", line);
	rate_end(&r);
}

int main(void)
{
	int pair[2], dir = scratch(NULL);

	if (dir < 0 || pipe(pair) < 0)
		return 1;
	lines = pair[0];
	dup2(pair[1], STDERR_FILENO);
	log_setup("zcp", LOG_LEVEL_INFO, 0);
	forms();
	wrong_files(dir);
	changing(dir);
	through_a_link(dir);
	return done();
}
