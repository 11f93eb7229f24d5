/* table.c - see table.h: for people */
#include "zcp/bench/table.h"

#include <string.h>
#include "common/num.h"

enum { NAME = 29 };     /* "readwrite, chacha20poly1305", and two blanks */
static const double GIB = 1024.0 * 1024 * 1024;

static const struct { enum bench_group group; const char *says; } groups[] = {
	{ BENCH_BASELINE, "baselines (one process)" },
	{ BENCH_SENDER, "senders, to a receiver that discards" },
	{ BENCH_RECEIVER, "receivers, from sendfile; what is sealed from mmap" },
	{ BENCH_PAIR, "pairs" },
	{ BENCH_LOCAL, "local copies, from file to file" },
};

static bool any(const struct bench_table *t, enum bench_group g)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->rows[i].group == g)
			return true;
	return false;
}

/* Each group's line, and its rows by `row`. */
static void by_group(FILE *f, const struct bench_table *t, void (*row)(FILE *, const struct bench_row *))
{
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
		if (!any(t, groups[g].group))
			continue;
		fprintf(f, "%s\n", groups[g].says);
		for (size_t i = 0; i < t->count; i++)
			if (t->rows[i].group == groups[g].group)
				row(f, &t->rows[i]);
	}
}

/* Words that go on in the next line, indented, at a blank. */
static void wrapped(FILE *f, const char *words, int first, int indent, int width)
{
	int at = first;

	while (*words) {
		int n = (int)strcspn(words, " ");
		if (at > indent && at + 1 + n > width) {
			fprintf(f, "\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', f);
			at++;
		}
		fprintf(f, "%.*s", n, words);
		at += n;
		words += n;
		words += strspn(words, " ");
	}
	fputc('\n', f);
}

static bool has_numbers(FILE *f, const struct bench_row *r)
{
	if (r->rounds && !r->why[0])
		return true;
	fprintf(f, "  %-*s", NAME, r->name);
	wrapped(f, r->why[0] ? r->why : "not measured", 2 + NAME, 2 + NAME, 98);
	return false;
}

/* --- rate and CPU --------------------------------------------------------------------------------------------------------- */

static void put_cpu(FILE *f, const struct bench_side *s)
{
	if (s->there)
		fprintf(f, "  %7.3f %7.3f", s->user.median, s->system.median);
	else
		fprintf(f, "  %7s %7s", "-", "-");
}

static void put_rate(FILE *f, const struct bench_row *r)
{
	if (!has_numbers(f, r))
		return;
	fprintf(f, "  %-*s%7.2f  %6.2f - %-6.2f", NAME, r->name, r->rate.median / GIB, r->rate.least / GIB, r->rate.most / GIB);
	put_cpu(f, &r->sender);
	put_cpu(f, &r->receiver);
	fputc('\n', f);
}

/* --- what it took --------------------------------------------------------------------------------------------------------- */

/* ?: another program's, which nobody has counted. -: memory to memory, where all bytes are the program's. */
static void put_through(FILE *f, const struct bench_row *r, const struct bench_side *s)
{
	if (!s->counted || r->group == BENCH_BASELINE)
		fprintf(f, " %9s", s->counted ? "-" : "?");
	else
		fprintf(f, " %9.2f", s->through);
}

static void put_took(FILE *f, const struct bench_row *r, const char *name, const char *side, const struct bench_side *s)
{
	if (!s->there)
		return;
	fprintf(f, "  %-*s%-9s", NAME, name, side);
	if (s->counted)
		fprintf(f, "%9.0f", 2 * s->all_calls);
	else
		fprintf(f, "%9s", "?");
	fprintf(f, " %10.0f %9.0f", s->scheduled, s->faults);
	put_through(f, r, s);
	if (s->cpu_copies == COPIES_NONE)
		fprintf(f, "%9s\n", "-");
	else
		fprintf(f, "%7d + %d\n", s->cpu_copies, s->dma_copies);
}

static void put_taken(FILE *f, const struct bench_row *r)
{
	if (!r->rounds || r->why[0])
		return;
	put_took(f, r, r->name, r->receiver.there ? "sender" : "", &r->sender);
	put_took(f, r, r->sender.there ? "" : r->name, "receiver", &r->receiver);
}

/* --- calls ---------------------------------------------------------------------------------------------------------------- */

static void put_calls_of(FILE *f, const char *name, const char *side, const struct bench_side *s)
{
	char   line[400] = "";
	size_t at = 0;

	if (!s->there || !s->counted || !(s->all_calls > 0))
		return;
	for (unsigned i = 0; i < CALLS && at < sizeof line; i++)
		if (s->calls[i] > 0)
			at += (size_t)snprintf(line + at, sizeof line - at, "%s%s %.0f", at ? ", " : "", call_name((enum call)i), s->calls[i]);
	fprintf(f, "  %-*s%-9s", NAME, name, side);
	wrapped(f, line, 2 + NAME + 9, 2 + NAME + 9, 98);
}

static void put_calls(FILE *f, const struct bench_row *r)
{
	if (!r->rounds || r->why[0])
		return;
	put_calls_of(f, r->name, r->receiver.there ? "sender" : "", &r->sender);
	put_calls_of(f, r->sender.there ? "" : r->name, "receiver", &r->receiver);
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

static void put_line(FILE *f, const char *what, const char *words)
{
	if (!*words)
		return;
	fprintf(f, "%-11s", what);
	wrapped(f, words, 11, 11, 98);
}

/* What a row's numbers do not say. At a host it is another file system. */
static const char *remark(const struct bench_table *t)
{
	const char *fs = t->machine.fs_to;

	if (t->host)
		return "";
	if (strcmp(fs, "xfs") == 0 || strcmp(fs, "btrfs") == 0)
		return ": copy_file_range may share extents there, as reflink does, and copy nothing";
	return strstr(fs, "(memory)") ? ": direct I/O is from and to memory there" : "";
}

void table_head(FILE *f, const struct bench_table *t)
{
	const struct bench_machine *m = &t->machine;
	char                        line[200], size[16];

	put_line(f, "kernel", m->kernel);
	put_line(f, "CPU", m->cpu);
	if (m->pinned)
		snprintf(line, sizeof line, "%u, the sender and the receiver have one each", m->cores);
	else
		snprintf(line, sizeof line, "%u, nothing is pinned", m->cores);
	put_line(f, "cores", line);
	snprintf(line, sizeof line, "%s to %s%s", m->fs_from, m->fs_to, remark(t));
	put_line(f, "files", line);
	put_line(f, "TCP", m->cc);
	put_line(f, "interface", m->nic);
	put_line(f, "libsodium", m->libsodium);
	snprintf(line, sizeof line, "%s, page cache %s", num_size(t->size, size), t->host ? "as the host's is" : t->cold ? "cold: the file is dropped from it before each download" : "hot");
	put_line(f, "contents", line);
	snprintf(line, sizeof line, "%u, and one before them that does not count; in each, one row after the other: medians, least and most", t->rounds);
	put_line(f, "rounds", line);
}

static void put_claims(FILE *f, const struct bench_table *t)
{
	fprintf(f, "\nwhat is said of them, and what was found\n");
	for (size_t i = 0; i < t->claim_count; i++) {
		const struct bench_claim *c = &t->claims[i];
		fprintf(f, "  %s: %s\n    ", c->what, verdict_words[c->verdict]);
		wrapped(f, c->found, 4, 4, 98);
	}
}

void table_print(FILE *f, const struct bench_table *t)
{
	fprintf(f, "\n%-*s%25s%18s%17s\n", NAME, "", "GiB/s        ", "sender, CPU s/GiB", "receiver");
	fprintf(f, "%-*s%9s  %-15s  %7s %7s  %7s %7s\n", NAME, "", "median", "least - most", "user", "system", "user", "system");
	by_group(f, t, put_rate);
	fprintf(f, "\n%-*s%20s%11s%10s%10s%9s\n", NAME, "for each GiB", "mode", "scheduler", "page", "bytes by", "copies");
	fprintf(f, "%-*s%20s%11s%10s%10s%9s\n", NAME, "", "switches", "switches", "faults", "program", "CPU+DMA");
	by_group(f, t, put_taken);
	fprintf(f, "\nsystem calls that move contents, for each GiB\n");
	by_group(f, t, put_calls);
	put_claims(f, t);
}
