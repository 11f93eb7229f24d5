/* plot.c - see plot.h; the rows are plot_rows.c's */
#include "zcp/bench/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "common/aside.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcp/bench/plot_own.h"

enum { TOP = 240 /* where the rows begin */, TICKS = 5 };

static const struct svg_style title = { .size = 34, .bold = true, .fill = PLOT_INK }, sub = { .size = 20, .fill = PLOT_PALE };
static const struct svg_style head = { .size = 22, .bold = true, .fill = PLOT_INK }, legend = { .size = 17, .fill = PLOT_INK };
static const struct svg_style tick = { .size = 17, .fill = PLOT_PALE, .anchor = SVG_MIDDLE }, foot = { .size = 18, .fill = PLOT_PALE };

/* --- measures --------------------------------------------------------------------------------------------------------- */

static void name_column(struct plot *p)
{
	char   name[PLOT_NAME_BYTES];
	double widest = PLOT_NAME_LEAST;

	for (size_t i = 0; i < p->table->count; i++) {
		plot_name(p, &p->table->rows[i], name);
		double w = svg_width(name, strlen(name), &plot_name_style);
		widest = w > widest ? w : widest;
	}
	p->name_w = widest < PLOT_NAME_MOST ? widest : PLOT_NAME_MOST;
}

static void higher(double *most, double v)
{
	*most = v > *most ? v : *most;
}

/* Bars of one axis have one scale. Only baselines may be beyond it: memory is that much faster than any way to a file. */
static void find_ends(struct plot *p)
{
	double base = 0, rate = 0, cpu = 0;

	for (size_t i = 0; i < p->table->count; i++) {
		const struct bench_row *r = &p->table->rows[i];
		double                  high = plot_rate(r->rate.most > r->rate.median ? r->rate.most : r->rate.median);
		if (*r->why)
			continue;
		higher(r->group == BENCH_BASELINE ? &base : &rate, high);
		higher(&cpu, plot_cpu_of(&r->sender));
		higher(&cpu, plot_cpu_of(&r->receiver));
	}
	p->rate.end = rate > 0 && base > 2 * rate ? 1.25 * rate : base > rate ? base : rate;
	p->cpu.end = cpu;
}

static void scale(struct plot_axis *a, double x, double w)
{
	static const double next[] = { 2, 2.5, 2 };     /* 1, 2, 5, 10 */
	size_t              i = 0;

	a->x = x;
	a->w = w;
	a->end = a->end > 0 ? a->end : 1;
	a->unit = (w - PLOT_VALUE) / a->end;
	for (a->step = 1e-9; a->step * TICKS < a->end; i++)
		a->step *= next[i % 3];
}

static bool all_cold(const struct bench_table *t)
{
	size_t cold = 0, hot = 0;

	for (size_t i = 0; i < t->count; i++)
		if (!*t->rows[i].why && t->rows[i].group != BENCH_BASELINE)
			*(t->rows[i].cold ? &cold : &hot) += 1;
	return cold && !hot;
}

static void measure(struct plot *p)
{
	p->cold = all_cold(p->table);
	name_column(p);
	find_ends(p);
	double x = PLOT_MARGIN + p->name_w + PLOT_GAP, room = PLOT_WIDTH - PLOT_MARGIN - x - PLOT_BETWEEN, w = room * 0.53;
	scale(&p->rate, x, w);
	scale(&p->cpu, x + w + PLOT_BETWEEN, room - w);
}

/* --- the frame -------------------------------------------------------------------------------------------------------- */

static void draw_axis(struct svg *s, const struct plot_axis *a, double bottom)
{
	const char *format = a->step >= 0.99 ? "%.0f" : a->step >= 0.099 ? "%.1f" : a->step >= 0.0099 ? "%.2f" : "%.3f";

	for (int i = 0; i * a->step <= a->w / a->unit; i++) {
		double x = a->x + i * a->step * a->unit;
		char   text[32];
		svg_stroke(s, x, TOP, x, bottom, i ? 1 : 2, i ? PLOT_GRID : PLOT_PALE);
		snprintf(text, sizeof text, format, i * a->step);
		svg_text(s, x, TOP - 8, &tick, text);
		svg_text(s, x, bottom + 22, &tick, text);
	}
}

static double swatch(struct svg *s, double x, double y, const char *fill, const char *text)
{
	svg_rect(s, "legend", x, y - 14, 22, 16, fill);
	svg_text(s, x + 29, y, &legend, text);
	return x + 29 + svg_width(text, strlen(text), &legend) + 18;
}

static double swatch_whisker(struct svg *s, double x, double y)
{
	svg_stroke(s, x, y - 6, x + 22, y - 6, 2, PLOT_INK);
	svg_stroke(s, x, y - 12, x, y, 2, PLOT_INK);
	svg_stroke(s, x + 22, y - 12, x + 22, y, 2, PLOT_INK);
	svg_text(s, x + 29, y, &legend, "least and most");
	return x;
}

static void draw_heads(struct svg *s, const struct plot *p)
{
	static const char *const sides[] = { [PLOT_SENDER] = "sender, above:", [PLOT_RECEIVER] = "receiver, below:" };
	double                   x = p->rate.x, y = 152;

	svg_text(s, x, y, &head, "Throughput, GiB/s");
	svg_text(s, p->cpu.x, y, &head, "CPU time, seconds per GiB");
	x = swatch(s, x, y + 26, PLOT_PLAIN, "plaintext");
	x = swatch(s, x, y + 26, PLOT_SEALED, "encrypted");
	swatch(s, x, y + 26, PLOT_BASE, "baseline");
	swatch_whisker(s, p->rate.x, y + 50);
	for (enum plot_side side = PLOT_SENDER; side <= PLOT_RECEIVER; side++) {
		double line = y + 26 + 24 * (double)side;
		svg_text(s, p->cpu.x, line, &legend, sides[side]);
		x = swatch(s, p->cpu.x + 165, line, plot_cpu_fill[side][0], "user");
		swatch(s, x, line, plot_cpu_fill[side][1], "system");
	}
}

/* Hatched, so that it is another bar in grey, too. */
static void draw_patterns(struct svg *s)
{
	fputs("<defs><pattern id=\"sealed\" width=\"9\" height=\"9\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
	      "<rect width=\"9\" height=\"9\" fill=\"#d98cbd\"/><rect width=\"4\" height=\"9\" fill=\"#8a3a72\"/></pattern></defs>\n", s->f);
}

static unsigned rounds_of(const struct bench_table *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->count; i++)
		n = !*t->rows[i].why && t->rows[i].rounds > n ? t->rows[i].rounds : n;
	return n;
}

static void draw_title(struct svg *s, const struct plot *p)
{
	unsigned    rounds = rounds_of(p->table);
	const char *cold = p->cold ? ", dropped from the page cache each time" : "";
	char        size[16], text[200];

	svg_text(s, PLOT_MARGIN, 62, &title, "What moving a file costs");
	num_size(p->table->size, size);
	if (rounds > 1)
		snprintf(text, sizeof text, "zcp --bench, a file of %s%s: medians of %u rounds, and the least and most of them", size, cold, rounds);
	else
		snprintf(text, sizeof text, "zcp --bench, a file of %s%s: one round", size, cold);
	svg_text(s, PLOT_MARGIN, 98, &sub, text);
}

/* --- the foot --------------------------------------------------------------------------------------------------------- */

struct words { char text[sizeof(struct bench_machine) + 200]; size_t used; };

static void say(struct words *w, const char *before, const char *what, const char *after)
{
	if (!*what)
		return;
	int n = snprintf(w->text + w->used, sizeof w->text - w->used, "%s%s%s%s", w->used ? " \xc2\xb7 " : "", before, what, after);
	w->used += n > 0 && (size_t)n < sizeof w->text - w->used ? (size_t)n : 0;
	w->text[w->used] = '\0';
}

static void machine_words(const struct bench_machine *m, struct words *w)
{
	char cores[60], fs[80];

	snprintf(cores, sizeof cores, "%u core%s%s", m->cores, m->cores == 1 ? "" : "s", m->pinned ? ", each side on its own" : ", sides not pinned");
	snprintf(fs, sizeof fs, *m->fs_to ? "%s to %s" : "%s", m->fs_from, m->fs_to);
	say(w, "", m->kernel, "");
	say(w, "", m->cpu, "");
	say(w, "", cores, "");
	say(w, "", fs, "");
	say(w, "TCP ", m->cc, "");
	say(w, "libsodium ", m->libsodium, "");
	say(w, "", m->nic, "");
}

static void draw_foot(struct plot *p)
{
	struct svg_line lines[SVG_LINES];
	struct words    w = { .used = 0 };

	machine_words(&p->table->machine, &w);
	size_t n = svg_wrap(w.text, &foot, PLOT_WIDTH - 2 * PLOT_MARGIN, lines);
	p->y += 62;
	for (size_t i = 0; i < n; i++) {
		svg_text_line(&p->svg, PLOT_MARGIN, p->y, &foot, &lines[i]);
		p->y += 26;
	}
}

/* --- the picture ------------------------------------------------------------------------------------------------------ */

/* The rows are drawn first, into a text of their own: how high they are is known then, and the axes lie behind them. */
static int draw(const struct bench_table *t, struct svg *out)
{
	struct plot p = { .table = t, .y = TOP };

	if (svg_open(&p.svg) < 0)
		return -ENOMEM;
	measure(&p);
	plot_rows(&p);
	double bottom = p.y + 6;
	draw_foot(&p);
	if (svg_close(&p.svg) < 0)
		return -ENOMEM;
	if (svg_open(out) < 0) {
		free(p.svg.text);
		return -ENOMEM;
	}
	svg_begin(out, PLOT_WIDTH, p.y + 8);
	draw_patterns(out);
	draw_title(out, &p);
	draw_heads(out, &p);
	draw_axis(out, &p.rate, bottom);
	draw_axis(out, &p.cpu, bottom);
	fwrite(p.svg.text, 1, p.svg.len, out->f);
	free(p.svg.text);
	svg_end(out);
	return svg_close(out);
}

/* --- the file --------------------------------------------------------------------------------------------------------- */

/* -ENOENT and -ENOTDIR can only be about its directory. */
static enum status fail(const char *file, int r)
{
	struct fail f = r == -EEXIST ? fail_why(ST_IN_THE_WAY, WHY_IN_THE_WAY) : fail_errno(r);
	char        seen[300], words[400];

	fail_words(f, words, sizeof words);
	log_error("--plot=%s: %s", vis_str(seen, sizeof seen, file), f.status == ST_MISSING ? "there is no such directory to make it in" : words);
	return f.status;
}

/* The directory, opened, and the name in it. */
static int open_place(const char *file, const char **name)
{
	const char *slash = strrchr(file, '/');
	char        dir[WIRE_PATH_MAX + 1] = ".";

	*name = slash ? slash + 1 : file;
	if (slash && slash - file > WIRE_PATH_MAX)
		return -ENAMETOOLONG;
	if (slash)
		snprintf(dir, sizeof dir, "%.*s", slash == file ? 1 : (int)(slash - file), file);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static enum status unfit(const char *file, enum status st, const char *why)
{
	char seen[300];

	log_error("--plot=%s: %s: name a file, as --plot=bench.svg", vis_str(seen, sizeof seen, file), why);
	return st;
}

/* A link is no file of ours to replace, wherever it leads: /dev/stdout is one. */
static enum status look_at_name(int dir, const char *file, const char *name)
{
	struct stat st;

	if (strcmp(file, "-") == 0)
		return unfit(file, ST_USAGE, "a picture does not go to standard output");
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return unfit(file, ST_USAGE, "that names a directory");
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISREG(st.st_mode))
		return ST_OK;
	return unfit(file, ST_IN_THE_WAY, S_ISLNK(st.st_mode) ? "a symbolic link stands there, which is neither followed nor replaced" :
	             S_ISDIR(st.st_mode) ? "a directory stands there" : "what stands there is no regular file, and is not replaced");
}

enum status plot_check(const char *file)
{
	const char  *name;
	struct aside a = { .dir = -1, .fd = -1 };
	CLEAN_FD int dir = open_place(file, &name);
	enum status  st = dir < 0 ? fail(file, dir) : look_at_name(dir, file, name);

	if (st != ST_OK)
		return st;
	int r = aside_open(&a, dir, name, 0);
	aside_drop(&a);
	return r < 0 ? fail(file, r) : ST_OK;
}

enum status plot_write(const struct bench_table *t, const char *file)
{
	struct publish how = { .meta = { .type = 'f', .mode = 0666 } };
	struct svg     svg;
	const char    *name;
	CLEAN_FD int   dir = open_place(file, &name);
	enum status    st = dir < 0 ? fail(file, dir) : look_at_name(dir, file, name);

	if (st != ST_OK)
		return st;
	int r = draw(t, &svg);
	if (r < 0)
		return fail(file, r);
	r = aside_whole(dir, name, svg.text, svg.len, &how);
	free(svg.text);
	return r < 0 ? fail(file, r) : ST_OK;
}
