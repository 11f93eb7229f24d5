/* plot.c - links: zcp. Text that fits and is escaped, files that can be made and not; with arguments KIND FILE: that table's picture, for tests/plot.bats. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "tests/unit/scratch.h"
#include "common/log.h"
#include "tests/unit/tap.h"
#include "zcp/bench/plot.h"
#include "zcp/bench/svg.h"

enum { ROWS = 64 };
struct made { struct bench_table table; struct bench_row rows[ROWS]; };

static struct spread around(double v, double part)
{
	return (struct spread){ v, v * (1 - part), v * (1 + part) };
}

static struct bench_side side(double user, double system)
{
	return (struct bench_side){ .there = true, .user = around(user, 0.1), .system = around(system, 0.1) };
}

static struct bench_row *put(struct made *m, enum bench_group group, const char *name, double gib, double part)
{
	struct bench_row *r = &m->rows[m->table.count++];

	*r = (struct bench_row){ .group = group, .rounds = 5, .rate = around(gib * (1 << 30), part) };
	snprintf(r->name, sizeof r->name, "%s", name);
	return r;
}

static void put_sides(struct bench_row *r, double su, double ss, double ru, double rs)
{
	r->sender = side(su, ss);
	if (ru + rs > 0)
		r->receiver = side(ru, rs);
}

/* As a machine may have it; seals: suites in the picture. */
static void likely(struct made *m)
{
	static const char *const sending[] = { "sendfile", "splice", "mmap", "readwrite", "direct" };
	static const double rate[] = { 7.9, 5.2, 3.4, 3.1, 2.2 }, user[] = { 0.001, 0.01, 0.02, 0.02, 0.02 }, system[] = { 0.08, 0.12, 0.3, 0.22, 0.35 };
	struct bench_row *r;

	put_sides(put(m, BENCH_BASELINE, "memcpy", 11.8, 0.06), 0.09, 0, 0, 0);
	put_sides(put(m, BENCH_BASELINE, "cp", 2.4, 0.04), 0, 0.42, 0, 0);
	put_sides(put(m, BENCH_BASELINE, "aegis128l", 15.3, 0.02), 0.07, 0, 0, 0);
	put_sides(put(m, BENCH_BASELINE, "chacha20poly1305", 1.7, 0.02), 0.63, 0, 0, 0);
	for (size_t i = 0; i < 5; i++) {
		r = put(m, BENCH_SENDER, sending[i], rate[i], 0.05 + 0.02 * (double)i);
		put_sides(r, user[i], system[i], 0.01, 0.1);
		r->discards = true;
	}
	r = put(m, BENCH_SENDER, "mmap, aegis128l", 2.9, 0.05);
	put_sides(r, 0.09, 0.28, 0.08, 0.2);
	r->sealed = true;
	snprintf(put(m, BENCH_SENDER, "io_uring", 0, 0)->why, 160, "this kernel forbids it (kernel.io_uring_disabled = 2)");
	put_sides(put(m, BENCH_RECEIVER, "splice", 2.6, 0.08), 0.001, 0.08, 0.005, 0.33);
	put_sides(put(m, BENCH_RECEIVER, "readwrite", 2.3, 0.03), 0.001, 0.09, 0.01, 0.4);
	r = put(m, BENCH_RECEIVER, "readwrite", 1.9, 0.05);
	put_sides(r, 0.06, 0.09, 0.07, 0.41);
	r->tagged = true;
	put_sides(put(m, BENCH_PAIR, "sendfile to splice", 2.5, 0.07), 0.001, 0.08, 0.005, 0.34);
	r = put(m, BENCH_PAIR, "mmap to readwrite, aegis128l", 1.8, 0.04);
	put_sides(r, 0.09, 0.26, 0.08, 0.42);
	r->sealed = true;
	r = put(m, BENCH_PAIR, "readwrite to readwrite, chacha20poly1305", 0.9, 0.02);
	put_sides(r, 0.65, 0.26, 0.66, 0.42);
	r->sealed = true;
	put_sides(put(m, BENCH_LOCAL, "mmap to mmap", 1.4, 0.09), 0.11, 0.6, 0, 0);
	put_sides(put(m, BENCH_LOCAL, "copy_file_range", 2.5, 0.03), 0, 0.4, 0, 0);
	snprintf(put(m, BENCH_LOCAL, "reflink", 0, 0)->why, 160, "ext4 has no reflinks: --bench on btrfs or XFS shows them");
}

/* Lengths that can be checked: one is twice the other, in both panels. */
static void twice(struct made *m)
{
	put_sides(put(m, BENCH_PAIR, "one", 1, 0), 0.1, 0.2, 0.1, 0.1);
	put_sides(put(m, BENCH_PAIR, "two", 2, 0), 0.2, 0.4, 0.2, 0.2);
	put_sides(put(m, BENCH_PAIR, "spread", 1.5, 0.2), 0.3, 0.3, 0.3, 0);
	put_sides(put(m, BENCH_BASELINE, "beyond", 20, 0.01), 0.05, 0, 0, 0);
	put_sides(put(m, BENCH_BASELINE, "reaches", 2.2, 0.9), 0.05, 0, 0, 0);
}

static void cold(struct made *m)
{
	put_sides(put(m, BENCH_BASELINE, "memcpy", 3, 0), 0.1, 0, 0, 0);
	put_sides(put(m, BENCH_SENDER, "sendfile", 1, 0), 0.1, 0.2, 0.1, 0.1);
	put_sides(put(m, BENCH_PAIR, "mmap", 1, 0), 0.1, 0.2, 0.1, 0.1);
	m->rows[1].cold = m->rows[2].cold = true;
}
/* The same, but for one row. */
static void mixed(struct made *m)
{
	cold(m);
	m->rows[1].cold = false;
}

/* Names and reasons at their longest, of the widest letters, of no letters; numbers that are none. */
static void hostile(struct made *m)
{
	static const char *const names[] = {
		"<script>alert(1)</script>&\"'", "\xff\xfe\x80 not UTF-8 \xc3", "\x1b[31mred\x07\n\ttab", ("\xe2\x80\xae" "turned"), "\xef\xbf\xbf noncharacter", "",
	};
	char wide[64];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		put_sides(put(m, BENCH_SENDER, names[i], 1 + (double)i, 0.3), 0.1, 0.1, 0.1, 0.1);
	memset(wide, 'W', 63);
	wide[63] = '\0';
	put_sides(put(m, BENCH_PAIR, wide, 6, 0.9), 3, 0.1, 0.1, 5);
	memset(wide, 0xff, 63);
	struct bench_row *r = put(m, BENCH_PAIR, wide, 2, 0);
	memset(r->name, 0xff, sizeof r->name);          /* not even terminated */
	memset(r->why, 'M', sizeof r->why);
	put_sides(put(m, BENCH_PAIR, "no numbers", NAN, 0), NAN, -1, INFINITY, 0);
	m->rows[m->table.count - 1].receiver.system.median = NAN;
	m->rows[m->table.count - 1].rate = (struct spread){ NAN, -INFINITY, -1 };
	m->rows[m->table.count - 1].receiver.user.median = -INFINITY;
	struct bench_machine *at = &m->table.machine;
	snprintf(at->cpu, sizeof at->cpu, "<CPU> & \"%s\" %055d", "\xff\xff", 0);
	snprintf(at->kernel, sizeof at->kernel, "%079d", 0);
	snprintf(at->nic, sizeof at->nic, "%0159d", 0);
}

static void make(struct made *m, const char *kind)
{
	*m = (struct made){ .table = { .size = 1ULL << 30 } };
	m->table.machine = (struct bench_machine){
		.kernel = "Linux 6.18.44 x86_64", .cpu = "AMD EPYC 9R45", .fs_from = "ext4", .fs_to = "tmpfs", .cc = "cubic", .libsodium = "1.0.22",
		.nic = "lo: scatter-gather on, TSO on", .cores = 2, .pinned = 1,
	};
	m->table.rows = m->rows;
	static const struct { const char *name; void (*fill)(struct made *); } kinds[] = {
		{ "likely", likely }, { "twice", twice }, { "cold", cold }, { "mixed", mixed }, { "hostile", hostile },
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kind, kinds[i].name) == 0)
			kinds[i].fill(m);
}

/* ---------------------------------------------------------------------------------------------------------------------- */

static void wrapping(void)
{
	static const struct svg_style s = { .size = 10, .fill = "#000" };
	struct svg_line l[SVG_LINES];
	char            wide[200];

	ok(svg_wrap("", &s, 100, l) == 1 && l[0].len == 0, "nothing is one line");
	ok(svg_wrap("aaa bbb", &s, 1000, l) == 1 && l[0].len == 7, "what fits is one line");
	ok(svg_wrap("aaa bbb", &s, svg_width("aaa bb", 6, &s), l) == 2 && l[0].len == 3 && strcmp(l[1].at, "bbb") == 0, "broken at the space, which goes");
	memset(wide, 'W', sizeof wide - 1);
	wide[sizeof wide - 1] = '\0';
	size_t n = svg_wrap(wide, &s, 200, l), all = 0;
	bool   fits = true;
	for (size_t i = 0; i < n; i++) {
		all += l[i].len;
		fits &= svg_width(l[i].at, l[i].len, &s) <= 200;
	}
	ok(n > 1 && all == sizeof wide - 1 && fits, "a long word is broken where it has to be: %zu lines", n);
	ok(svg_wrap("\xc3\xa4\xc3\xa4", &s, 11, l) == 2 && l[0].len == 2, "never within a character");
	ok(svg_wrap(wide, &s, 0, l) == SVG_LINES, "no width at all: it ends");
}

static bool escaped(const char *text, size_t len, const char *want)
{
	struct svg s;

	if (svg_open(&s) < 0)
		return false;
	svg_escaped(&s, text, len);
	if (svg_close(&s) < 0)
		return false;
	bool same = strcmp(s.text, want) == 0;
	if (!same)
		note("'%s'", s.text);
	free(s.text);
	return same;
}

static void escaping(void)
{
	ok(escaped("a<b>&\"'", 7, "a&#60;b&#62;&#38;&#34;&#39;"), "what means something in XML");
	ok(escaped("\xff\x01\xc3\xa4", 4, "\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4"), "what is no character, and what may not stand in XML");
	ok(escaped("\xef\xbf\xbe\xef\xbf\xbf", 6, "\xef\xbf\xbd\xef\xbf\xbd"), "U+FFFE and U+FFFF");
	ok(escaped("\xe2\x80\xae", 3, "\xef\xbf\xbd"), "what turns the writing direction");
	ok(escaped("\xc3", 1, "\xef\xbf\xbd"), "half a character at the end");
}

static bool there(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static void files(void)
{
	struct made m;
	char        dir[4200], file[4200], in[4200];
	int         fd = scratch(NULL);

	make(&m, "twice");
	if (!ok(fd >= 0, "a directory"))
		return;
	snprintf(dir, sizeof dir, "%s", scratch_path());
	snprintf(file, sizeof file, "%.4000s/a.svg", dir);
	ok(plot_check(file) == ST_OK && !there(file), "it can be made, and the check leaves nothing");
	ok(plot_write(&m.table, file) == ST_OK && there(file), "it is made");
	ok(plot_check(file) == ST_OK && plot_write(&m.table, file) == ST_OK, "and replaced");
	snprintf(in, sizeof in, "%.4000s/none/a.svg", dir);
	ok(plot_check(in) == ST_MISSING && plot_write(&m.table, in) == ST_MISSING, "no such directory: 3");
	snprintf(in, sizeof in, "%.4000s/a.svg/a.svg", dir);
	ok(plot_check(in) == ST_MISSING && plot_write(&m.table, in) == ST_MISSING, "a file where the directory is to be: 3");
	snprintf(in, sizeof in, "%.4000s/d", dir);
	ok(mkdir(in, 0700) == 0 && plot_check(in) == ST_IN_THE_WAY && plot_write(&m.table, in) == ST_IN_THE_WAY, "a directory stands there: 45");
	snprintf(in, sizeof in, "%.4000s/d/", dir);
	ok(plot_check(in) == ST_USAGE && plot_write(&m.table, in) == ST_USAGE, "no name of a file: 1");
	ok(plot_check("/dev/null") == ST_IN_THE_WAY && plot_write(&m.table, "/dev/null") == ST_IN_THE_WAY, "a device stands there: 45");
	if (geteuid() == 0) {
		skip(1, "root may write anywhere");
	} else {
		snprintf(in, sizeof in, "%.4000s/d/a.svg", dir);
		ok(chmod(dir, 0500) == 0 && plot_check(file) == ST_FILE_IO, "a directory that is not to be written: 11");
		chmod(dir, 0700);
	}
	close(fd);
	scratch_remove();
}

int main(int argc, char **argv)
{
	struct made m;

	if (argc == 3) {
		log_setup("zcp", LOG_LEVEL_WARN, 0);
		make(&m, argv[1]);
		enum status st = plot_check(argv[2]);
		return st == ST_OK ? (int)plot_write(&m.table, argv[2]) : (int)st;
	}
	wrapping();
	escaping();
	files();
	return done();
}
