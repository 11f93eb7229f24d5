/* links: zcp */
#include <locale.h>
#include <string.h>
#include "common/vis.h"
#include "tests/unit/tap.h"
#include "zcp/progress.h"

static const uint64_t MiB = 1 << 20;

static void line_is(struct progress_view v, unsigned columns, const char *want)
{
	char     buf[PROGRESS_LINE];
	unsigned used = progress_line(&v, columns, buf, sizeof buf);

	ok(strcmp(buf, want) == 0, "%3u columns: '%s'", columns, buf);
	if (strcmp(buf, want) != 0)
		note("wanted        '%s'", want);
	ok(used <= columns && used == vis_columns(buf), "     uses %u", used);
}

static void lines(void)
{
	struct progress_view one = { .name = "debian.iso", .bytes = 300 * MiB, .bytes_all = 600 * MiB, .whole = true, .rate = 100 * MiB };
	struct progress_view tree = { .name = "main.c", .files = 120, .files_all = 20000, .bytes = 5 * MiB, .bytes_all = 50 * MiB, .whole = true,
	                              .rate = 5 * MiB };

	line_is(one, 79, "debian.iso                                        50%  300 MiB  100 MiB/s  0:03");
	line_is(one, 40, "debian.iso          50%  100 MiB/s  0:03");
	line_is(one, 24, "debian.iso     50%  0:03");
	line_is(one, 20, "debian...  50%  0:03");
	line_is(tree, 79, "main.c                                 120/20000  10%  5.0 MiB  5.0 MiB/s  0:09");
	line_is(tree, 19, "main.c    10%  0:09");
	one.name = "\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87.iso";
	line_is(one, 24, "\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad...  50%  0:03");
}

/* Whatever the numbers and the width: never wider than it may be, always the same for the same view. */
static void every_width(void)
{
	static const uint64_t sizes[] = { 0, 1, 1023, 1024, 123456789, UINT64_C(1) << 40, UINT64_MAX };
	static const char *const names[] = { "", "a", "a-rather-long-name-that-is-cut-somewhere-in-the-middle-of-it-all.tar.gz", "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad",
		"e\xcc\x81t\xc3\xa9", "\xff\xfe" };
	char buf[PROGRESS_LINE];
	bool fits = true, terminated = true, no_control = true;

	for (unsigned c = 10; c <= 300; c++)
		for (unsigned n = 0; n < 6; n++)
			for (unsigned s = 0; s < 7; s++)
				for (unsigned k = 0; k < 8; k++) {
					struct progress_view v = { .name = names[n], .bytes = sizes[s], .bytes_all = sizes[(s + k) % 7], .rate = sizes[k % 7],
					                           .files = sizes[s], .files_all = k & 1 ? sizes[k % 7] : 0, .whole = k & 2, .done = k & 4,
					                           .elapsed_ms = sizes[s] };
					memset(buf, 'x', sizeof buf);
					fits &= progress_line(&v, c, buf, sizeof buf) <= c;
					terminated &= memchr(buf, '\0', sizeof buf) != NULL;
					for (const char *p = buf; *p; p++)
						no_control &= (unsigned char)*p >= 0x20 && *p != 0x7f;
				}
	ok(fits, "never more than the columns there are, from 10 to 300");
	ok(terminated, "always terminated");
	ok(no_control, "no control bytes");
}

static void cutting(void)
{
	char buf[64];

	ok(progress_cut("abcdef", 6, buf, sizeof buf) == 6 && strcmp(buf, "abcdef") == 0, "what fits is not cut");
	ok(progress_cut("abcdefghij", 8, buf, sizeof buf) == 8 && strcmp(buf, "abcde...") == 0, "what does not says so");
	ok(progress_cut("abcdefghij", 4, buf, sizeof buf) == 4 && strcmp(buf, "abcd") == 0, "unless there is no room for it");
	ok(progress_cut("\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 7, buf, sizeof buf) == 7 && strcmp(buf, "\xe4\xb8\xad\xe4\xb8\xad...") == 0,
	   "wide characters take two columns");
	ok(progress_cut("\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 6, buf, sizeof buf) == 5, "and are not halved");
	ok(progress_cut("e\xcc\x81", 1, buf, sizeof buf) == 1 && strcmp(buf, "e\xcc\x81") == 0, "an accent takes none");
	ok(progress_cut("abcdefghijklmnopqrstuvwxyz", 26, buf, 10) < 10, "a small buffer is enough");
}

static void times(void)
{
	char buf[16];

	ok(strcmp(progress_time(0, buf), "0:00") == 0, "0:00");
	ok(strcmp(progress_time(59999, buf), "0:59") == 0, "0:59");
	ok(strcmp(progress_time(60000, buf), "1:00") == 0, "1:00");
	ok(strcmp(progress_time(3599000, buf), "59:59") == 0, "59:59");
	ok(strcmp(progress_time(3600000, buf), "1:00:00") == 0, "1:00:00");
	ok(strcmp(progress_time(UINT64_C(359999000), buf), "99:59:59") == 0, "99:59:59");
	ok(strcmp(progress_time(UINT64_C(360000000), buf), "--:--") == 0, "100 hours and more are not told");
}

static void rates(void)
{
	struct speed r = { 0 };

	ok(speed_now(&r, 1000, 0) == 0, "no time has passed: no rate");
	ok(speed_now(&r, 1100, 1000) == 10000, "1,000 bytes in 100 ms");
	for (uint64_t t = 1500; t <= 20000; t += 500)
		speed_now(&r, t, (t - 1000) * 10);
	ok(speed_now(&r, 20100, 191000) == 10000, "steady: 10,000 a second");
	for (uint64_t t = 20500; t <= 30000; t += 500)
		speed_now(&r, t, 191000);
	ok(speed_now(&r, 30100, 191000) == 0, "nothing moved for more than 4 seconds: 0");
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	lines();
	every_width();
	cutting();
	times();
	rates();
	return done();
}
