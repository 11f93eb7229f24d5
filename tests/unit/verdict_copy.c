/* links: zcp */
/* verdict_copy.c - is a file copied, by what stands at the destination? The table of verdict.h, and what looks at it at all. */
#include <string.h>
#include "tests/unit/tap.h"
#include "zcp/select/verdict.h"

static struct found file(uint64_t size, int64_t mtime, uint32_t ns, uint32_t mode)
{
	return (struct found){ .meta = { .type = 'f', .mode = mode, .size = size, .mtime = mtime, .mtime_ns = ns } };
}

enum { A = 1, P = 2, U = 4, NEW = 8 /* --ignore-existing */, OLD = 16 /* --existing */, SUM = 32, I = 64, SIZE = 128 };

static struct options with(unsigned flags)
{
	struct options o = { .max_size = UINT64_MAX };

	o.archive = flags & A;
	o.keep_meta = flags & (A | P);
	o.update = flags & U;
	o.ignore_existing = flags & NEW;
	o.existing = flags & OLD;
	o.checksum = flags & SUM;
	o.ignore_times = flags & I;
	o.size_only = flags & SIZE;
	return o;
}

static const char *name(enum verdict v)
{
	static const char *const names[] = { "copy", "same", "meta", "check", "left" };

	return names[v];
}

int main(void)
{
	const struct meta src = file(10, 1000, 500, 0644).meta;
	struct found      none = { .coarse = false }, same = { .meta = src }, zero = file(10, 1000, 0, 0644), ns = file(10, 1000, 501, 0644), older = file(10, 999, 500, 0644);
	struct found      coarse = { .meta = zero.meta, .coarse = true }, second = { .meta = file(10, 999, 0, 0644).meta, .coarse = true };
	struct found      newer = file(10, 1001, 0, 0644), longer = file(11, 1000, 500, 0644), mode = file(10, 1000, 500, 0600), set = file(10, 1000, 500, 04644);
	struct found      link = { .meta = { .type = 'l', .size = 10, .mtime = 1000, .mtime_ns = 500, .mode = 0777 } }, newer_longer = file(11, 2000, 0, 0644);
	const struct { uint64_t flags; const struct found *there; enum verdict want; const char *what; } rows[] = {
		{ 0, &none, VERDICT_COPY, "nothing is there" },            { 0, &same, VERDICT_COPY, "without -a what is the same is copied, as scp does" },
		{ P, &same, VERDICT_COPY, "with -p alone, too" },          { A, &none, VERDICT_COPY, "-a, nothing there" },
		{ A, &same, VERDICT_SAME, "-a, size and time equal" },     { A, &coarse, VERDICT_SAME, "-a, a file system without nanoseconds" },
		{ A, &zero, VERDICT_COPY, "-a, a file there whose nanoseconds are 0" }, { A, &second, VERDICT_COPY, "-a, a file system without nanoseconds, a second earlier" },
		{ U, &zero, VERDICT_COPY, "-u, a file there whose nanoseconds are 0" }, { U, &coarse, VERDICT_SAME, "-u, a file system without nanoseconds" },
		{ SIZE | A, &zero, VERDICT_META, "--size-only -a gives it its nanoseconds" }, { SIZE | A, &coarse, VERDICT_SAME, "--size-only -a, a file system without nanoseconds" },
		{ A, &ns, VERDICT_COPY, "-a, a nanosecond later" },        { A, &older, VERDICT_COPY, "-a, older there" },
		{ A, &newer, VERDICT_COPY, "-a, newer there" },            { A, &longer, VERDICT_COPY, "-a, longer there" },
		{ A, &mode, VERDICT_META, "-a, another mode" },            { A, &set, VERDICT_SAME, "-a, set-id bits are not compared" },
		{ A, &link, VERDICT_COPY, "-a, a link there, like in all" },
		{ A | I, &same, VERDICT_COPY, "-I copies what is the same" },
		{ U, &none, VERDICT_COPY, "-u, nothing there" },           { U, &same, VERDICT_SAME, "-u, the same" },
		{ U, &newer, VERDICT_LEFT, "-u, newer there" },            { U, &newer_longer, VERDICT_LEFT, "-u, newer and longer there" },
		{ U, &older, VERDICT_COPY, "-u, older there" },            { U, &longer, VERDICT_COPY, "-u, of the same time and longer" },
		{ U, &ns, VERDICT_LEFT, "-u, a nanosecond newer there" },  { U, &link, VERDICT_COPY, "-u, a link there" },
		{ U | A, &mode, VERDICT_META, "-u -a, another mode" },     { U, &mode, VERDICT_SAME, "-u without -p keeps modes" },
		{ U | A | I, &newer, VERDICT_LEFT, "-u before -I" },
		{ NEW, &none, VERDICT_COPY, "--ignore-existing, nothing there" }, { NEW, &older, VERDICT_LEFT, "--ignore-existing" },
		{ NEW | A, &link, VERDICT_LEFT, "--ignore-existing, a link there" }, { NEW | SUM, &longer, VERDICT_LEFT, "--ignore-existing before --checksum" },
		{ OLD, &none, VERDICT_LEFT, "--existing, nothing there" }, { OLD, &older, VERDICT_COPY, "--existing" },
		{ OLD | NEW, &none, VERDICT_LEFT, "both: nothing is copied" }, { OLD | NEW, &same, VERDICT_LEFT, "neither way" },
		{ SUM, &same, VERDICT_CHECK, "--checksum" },               { SUM | A, &newer, VERDICT_CHECK, "--checksum -a looks at no time" },
		{ SUM, &longer, VERDICT_COPY, "--checksum, of another size" }, { SUM | I, &same, VERDICT_COPY, "-I before --checksum" },
		{ SIZE, &older, VERDICT_SAME, "--size-only" },             { SIZE | A, &older, VERDICT_META, "--size-only -a gives it its time" },
		{ SIZE, &longer, VERDICT_COPY, "--size-only, of another size" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct options o = with(rows[i].flags);
		enum verdict   v = verdict_of(&o, &src, rows[i].there == &none ? NULL : rows[i].there);
		ok(v == rows[i].want, "%s: %s", rows[i].what, name(v));
		bool depends = rows[i].flags & (A | U | NEW | OLD | SUM | SIZE);
		ok(verdict_looks(&o) == depends, "%s: %s", rows[i].what, depends ? "has to look" : "nobody looks");
	}
	struct options o = with(0);
	ok(!verdict_size(&o, 0) && !verdict_size(&o, UINT64_MAX), "without limits every size is copied");
	o.min_size = 10;
	o.max_size = 20;
	ok(verdict_size(&o, 9) && !verdict_size(&o, 10) && !verdict_size(&o, 20) && verdict_size(&o, 21), "limits are inclusive");
	return done();
}
