/* links: zcp */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
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
	struct progress_view one = { .name = "debian.iso", .bytes = 300 * MiB, .bytes_all = 600 * MiB, .whole = true, .part = 50, .rate = 100 * MiB,
	                             .left_ms = 3000 };
	struct progress_view tree = { .name = "main.c", .files = 120, .files_all = 20000, .bytes = 5 * MiB, .bytes_all = 50 * MiB, .whole = true, .part = 10,
	                              .rate = 5 * MiB, .left_ms = 8001 };

	line_is(one, 79, "debian.iso                                        50%  300 MiB  100 MiB/s  0:03");
	line_is(one, 40, "debian.iso          50%  100 MiB/s  0:03");
	line_is(one, 24, "debian.iso     50%  0:03");
	line_is(one, 20, "debian...  50%  0:03");
	line_is(tree, 79, "main.c                                 120/20000  10%  5.0 MiB  5.0 MiB/s  0:09");
	line_is(tree, 19, "main.c    10%  0:09");
	tree.left_ms = PROGRESS_UNKNOWN;
	line_is(tree, 79, "main.c                                 120/20000  10%  5.0 MiB  5.0 MiB/s --:--");
	/* still being listed: at least so much */
	tree.whole = false;
	tree.files_all = 5311;
	line_is(tree, 79, "main.c                               120/5311+ 5.0 MiB/50 MiB+  5.0 MiB/s --:--");
	line_is(tree, 50, "main.c                  120/5311+  5.0 MiB/s --:--");
	line_is(tree, 35, "main.c     5.0 MiB  5.0 MiB/s --:--");
	line_is(tree, 20, "main.c 5.0 MiB --:--");
	tree.done = true;
	tree.elapsed_ms = 61000;
	line_is(tree, 79, "main.c                               120/5311+ 5.0 MiB/50 MiB+  5.0 MiB/s  1:01");
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
					                           .part = (s * k) % 101, .left_ms = sizes[(s + n) % 7], .elapsed_ms = sizes[s] };
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

/* --- forward only ---------------------------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;
static uint64_t any(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? state % below : 0;
}

struct seen { double files, files_all, bytes, bytes_all, part, left_s; bool whole, failed; };

static double size_at(const char **p)
{
	static const char units[] = "BKMGTPE";
	char  *end;
	double v = strtod(*p, &end);

	end += *end == ' ';
	for (const char *u = strchr(units, *end); u && u > units; u--)
		v *= 1024;
	*p = end + strcspn(end, "/+ ");
	return v;
}

/* "n FILES/ALL  PART%  BYTES  RATE  LEFT", or "n FILES/ALL+ BYTES/ALL+  RATE --:--". As people read it. */
static struct seen parse(const char *line)
{
	struct seen s = { .part = -1, .left_s = -1 };
	char       *end;
	const char *p = line + strcspn(line, "0123456789");

	s.files = strtod(p, &end);
	s.failed = *end != '/';
	s.files_all = strtod(end + 1, &end);
	s.whole = *end != '+';
	p = end + strspn(end, "+ ");
	if (s.whole) {
		s.part = strtod(p, &end);
		s.failed |= *end != '%';
		p = end + strspn(end, "% ");
	}
	s.bytes = size_at(&p);
	if (!s.whole) {
		s.failed |= *p != '/';
		p++;
		s.bytes_all = size_at(&p);
		s.failed |= *p != '+';
	}
	p = strrchr(line, ' ') + 1;
	if (*p != '-') {
		s.left_s = strtod(p, &end);
		while (*end == ':')
			s.left_s = s.left_s * 60 + strtod(end + 1, &end);
		s.failed |= *end != '\0';
	}
	return s;
}

/* One job: what is known of it, what of that is done, whatever happens. */
struct copy { struct progress p; uint64_t now_ms, files_all, bytes_all, files, bytes, speed; bool whole; };

static void some_event(struct copy *c)
{
	uint64_t n = any(c->speed), left = c->bytes_all > c->bytes ? c->bytes_all - c->bytes : 0;

	switch (any(16)) {
	case 0: case 1: case 2:
		if (!c->whole) {
			c->files_all += 1 + any(50);
			c->bytes_all += any(100 * MiB);
			c->whole = any(40) == 0;
		}
		progress_totals(&c->p, c->files_all, c->bytes_all, c->whole);
		break;
	case 3:
		c->files += c->files < c->files_all;
		progress_file(&c->p, 0);
		break;
	case 4:
		if (any(50) == 0) {     /* it comes again */
			n = any(c->bytes);
			c->bytes -= n;
			progress_back(&c->p, n);
		}
		break;
	case 5:
		if (any(200) == 0) {    /* a further attempt, and less of it, or more */
			progress_again(&c->p);
			c->files = c->bytes = 0;
			c->files_all = 1 + any(c->files_all);
			c->bytes_all = any(c->bytes_all);
			c->whole = false;
			progress_totals(&c->p, c->files_all, c->bytes_all, false);
		}
		break;
	case 6:
		n = n < left ? n : left;
		c->bytes += n;
		progress_there(&c->p, n);
		break;
	case 7:
		c->speed = any(30) ? c->speed : 1 + any(1 << any(30));
		break;
	default:
		n = any(1000) ? (n < left ? n : left) : n;
		c->bytes += n;
		progress_moved(&c->p, n);
	}
}

static bool forward(const struct seen *a, const struct seen *b, const char *was, const char *line)
{
	bool good = !b->failed && b->files >= a->files && b->files_all >= a->files_all && b->bytes >= a->bytes && b->files <= b->files_all;

	good &= b->whole ? b->part >= a->part && b->part < 100 : b->part < 0 && b->left_s < 0 && b->bytes_all >= a->bytes_all && b->bytes <= b->bytes_all;
	if (!good)
		note("'%s' became '%s'", was, line);
	return good;
}

/* 100 ms to a second later: a second of rounding on both sides. */
static bool calm(const struct seen *a, const struct seen *b, double s, const char *was, const char *line)
{
	bool good = a->left_s < 0 || b->left_s < 0 || (b->left_s <= a->left_s * (1 + s / 4) + s + 2 && b->left_s >= a->left_s * (1 - s / 2) - s - 2);

	if (!good)
		note("'%s' became '%s' in %.1f s", was, line, s);
	return good;
}

static void one_copy(bool *ahead, bool *steady, unsigned *wholes, unsigned *lefts)
{
	struct copy c = { .p = { .name = "n" }, .speed = 1 + any(4 * MiB), .now_ms = 1000 };
	struct seen was = { .part = -1, .left_s = -1 };
	char        line[PROGRESS_LINE], before[PROGRESS_LINE] = "nothing";

	progress_totals(&c.p, c.files_all = 1, c.bytes_all = MiB, false);
	for (int i = 0; i < 2000; i++) {
		struct progress_view v;
		uint64_t             ms = 100 + any(900);
		for (uint64_t k = any(20); k > 0; k--)
			some_event(&c);
		c.now_ms += ms;
		progress_look(&c.p, c.now_ms, false, &v);
		progress_line(&v, 100, line, sizeof line);
		struct seen is = parse(line);
		*ahead &= forward(&was, &is, before, line);
		*steady &= calm(&was, &is, (double)ms / 1000, before, line);
		*wholes += is.whole;
		*lefts += is.left_s >= 0;
		if (is.part < was.part)
			is.part = was.part;     /* not shown now: still not to be less when it is again */
		if (is.bytes_all < was.bytes_all)
			is.bytes_all = was.bytes_all;
		was = is;
		memcpy(before, line, sizeof before);
	}
}

static void random_copies(void)
{
	bool     ahead = true, steady = true;
	unsigned wholes = 0, lefts = 0;

	for (int i = 0; i < 200; i++)
		one_copy(&ahead, &steady, &wholes, &lefts);
	ok(ahead, "200 copies, 400,000 lines: files, bytes, totals and part never go back, part and time stand only beside a whole, and 100%% at no end");
	ok(steady, "and time left goes up by a quarter a second at most, and down by half");
	ok(wholes > 100000 && wholes < 399000 && lefts > 50000, "%u of them knew the whole, %u how long", wholes, lefts);
}

static struct progress_view look(struct progress *p, uint64_t ms, bool last)
{
	struct progress_view v;

	progress_look(p, ms, last, &v);
	return v;
}

static void ends(void)
{
	struct progress p = { .start_ms = 1000 };
	uint64_t        t = 1000;

	progress_totals(&p, 0, 100 * MiB, true);
	ok(look(&p, t, false).left_ms == PROGRESS_UNKNOWN && look(&p, t, false).part == 0, "nothing has moved: how long is not known");
	for (int i = 0; i < 20; i++) {
		progress_moved(&p, 2 * MiB);
		ok((look(&p, t += 100, false).left_ms == PROGRESS_UNKNOWN) == (i < 20), "nor after %d ms", 100 * i + 100);
	}
	progress_moved(&p, 2 * MiB);
	struct progress_view v = look(&p, t += 100, false);
	ok(v.left_ms >= 2800 && v.left_ms <= 3000 && v.part == 42, "then it is: 58 MiB at 20 MiB a second, %llu ms", (unsigned long long)v.left_ms);
	progress_there(&p, 30 * MiB);
	v = look(&p, t += 100, false);
	ok(v.left_ms >= 2500 && v.part == 72, "what was there already is no speed: %llu ms", (unsigned long long)v.left_ms);
	progress_moved(&p, 28 * MiB);
	ok(look(&p, t += 100, false).part == 99, "all of it, but not at its end: 99%%");
	v = look(&p, t, true);
	ok(v.part == 100 && v.files_all == 0 && v.elapsed_ms == 2300 && v.rate == 70 * MiB * 1000 / 2300, "at its end 100%%, the time it took, and at which rate");

	p = (struct progress){ .start_ms = 1000 };
	progress_totals(&p, 4, 0, true);
	progress_file(&p, 0);
	ok(look(&p, 1100, false).part == 25, "empty files count by their number");
	p = (struct progress){ .start_ms = 1000 };
	progress_totals(&p, 4, 100, false);
	progress_moved(&p, 130);
	v = look(&p, 1100, false);
	ok(v.bytes == 130 && v.bytes_all == 130, "what came more than was announced is part of the whole");
	ok(!look(&p, 1100, true).whole, "a copy that ended before all was listed knows no whole");
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	lines();
	every_width();
	cutting();
	times();
	rates();
	random_copies();
	ends();
	return done();
}
