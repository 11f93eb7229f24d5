/* plot_rows.c - groups, names, bars, whiskers, numbers: see plot_own.h */
#include <string.h>
#include "zcp/bench/plot_own.h"

enum { ROW = 48, LINE = 25, RATE_BAR = 28, CPU_BAR = 18, HEADING = 52, WHY_LINE = 23 };
#define MOST 1e15

const struct svg_style plot_name_style = { .size = 21, .fill = PLOT_INK, .anchor = SVG_END };
static const struct svg_style rate_style = { .size = 19, .fill = PLOT_INK };
static const struct svg_style cpu_style = { .size = 16, .fill = PLOT_INK };
static const struct svg_style why_style = { .size = 18, .italic = true, .fill = PLOT_PALE };
static const struct svg_style heading_style = { .size = 22, .bold = true, .fill = PLOT_INK };

const char *const plot_cpu_fill[2][2] = { { "#0072b2", "#8cc8ee" }, { "#b34700", "#f5bd54" } };

static const char *const headings[] = {
	[BENCH_BASELINE] = "Baselines: no network", [BENCH_SENDER] = "Senders: the receiver discards what comes, and stores nothing",
	[BENCH_RECEIVER] = "Receivers", [BENCH_PAIR] = "Sender and receiver, from file to file", [BENCH_LOCAL] = "Local copies",
};

double plot_sane(double v)
{
	return v > 0 ? v < MOST ? v : MOST : 0;
}

double plot_rate(double v)
{
	return plot_sane(v) / (1 << 30);
}

double plot_cpu_of(const struct bench_side *s)
{
	return s->there ? plot_sane(s->user.median) + plot_sane(s->system.median) : 0;
}

/* What tells it from its neighbours, where its name does not. */
const char *plot_name(const struct plot *p, const struct bench_row *r, char buf[static PLOT_NAME_BYTES])
{
	const char *tagged = r->tagged && !strstr(r->name, "MAC") ? ", MAC" : "", *cold = r->cold && !p->cold && !strstr(r->name, "cold") ? ", cold" : "";
	const char *discards = r->discards && r->group != BENCH_SENDER && !strstr(r->name, "discard") ? ", discarded" : "";

	snprintf(buf, PLOT_NAME_BYTES, "%.*s%s%s%s", (int)strnlen(r->name, sizeof r->name), r->name, tagged, cold, discards);
	return buf;
}

/* Three digits, as far as they say anything. */
static const char *figure(double v, char buf[static 32])
{
	snprintf(buf, 32, v >= 100 || v <= 0 ? "%.0f" : v >= 10 ? "%.1f" : v >= 0.1 ? "%.2f" : "%.3f", v);
	return buf;
}

static double most_of(double a, double b)
{
	return a > b ? a : b;
}

/* Where the most is beyond the axis it has no end on the right. */
static void whisker(struct plot *p, double least, double most, double mid)
{
	/* a light edge first, so that it is seen on its bar */
	static const struct { double width; const char *color; } passes[] = { { 5, "#ffffff" }, { 2, PLOT_INK } };
	const struct plot_axis *a = &p->rate;
	double cap = RATE_BAR / 4.0, from = a->x + least * a->unit, to = a->x + (most < a->end ? most : a->end) * a->unit;

	for (size_t i = 0; i < 2; i++) {
		svg_stroke(&p->svg, from, mid, to, mid, passes[i].width, passes[i].color);
		svg_stroke(&p->svg, from, mid - cap, from, mid + cap, passes[i].width, passes[i].color);
		if (most <= a->end)
			svg_stroke(&p->svg, to, mid - cap, to, mid + cap, passes[i].width, passes[i].color);
	}
}

/* Far beyond the axis: two slanting cuts say that the bar goes on. */
static void broken(struct plot *p, double end, double top)
{
	for (int i = 0; i < 2; i++)
		fprintf(p->svg.f, "<path class=\"break\" d=\"M %.2f %.2f l 10 -%d l 6 0 l -10 %d z\" fill=\"#ffffff\"/>\n",
		        end - 42 + 14 * i, top + RATE_BAR + 1, RATE_BAR + 2, RATE_BAR + 2);
}

static void draw_rate(struct plot *p, const struct bench_row *r, double mid)
{
	const struct plot_axis *a = &p->rate;
	double      rate = plot_rate(r->rate.median), least = plot_rate(r->rate.least), most = plot_rate(r->rate.most);
	bool        beyond = rate > a->end;
	double      w = (beyond ? a->end : rate) * a->unit, end = w;
	const char *fill = r->group == BENCH_BASELINE && !r->sealed ? PLOT_BASE : r->sealed ? PLOT_SEALED : PLOT_PLAIN;
	char        text[32];

	svg_rect(&p->svg, "rate", a->x, mid - RATE_BAR / 2.0, w, RATE_BAR, fill);
	if (beyond) {
		broken(p, a->x + w, mid - RATE_BAR / 2.0);
	} else if (most > least) {
		whisker(p, least, most, mid);
		end = (most < a->end ? most_of(most, rate) : a->end) * a->unit;
	}
	svg_text(&p->svg, a->x + end + 9, mid + 7, &rate_style, figure(rate, text));
}

static void draw_side(struct plot *p, const struct bench_side *s, enum plot_side side, double top)
{
	const struct plot_axis *a = &p->cpu;
	double user = plot_sane(s->user.median) * a->unit, system = plot_sane(s->system.median) * a->unit;
	char   text[32];

	if (!s->there)
		return;
	svg_rect(&p->svg, side == PLOT_SENDER ? "sender user" : "receiver user", a->x, top, user, CPU_BAR, plot_cpu_fill[side][0]);
	svg_rect(&p->svg, side == PLOT_SENDER ? "sender system" : "receiver system", a->x + user, top, system, CPU_BAR, plot_cpu_fill[side][1]);
	svg_text(&p->svg, a->x + user + system + 8, top + CPU_BAR - 2, &cpu_style, figure(plot_cpu_of(s), text));
}

static void draw_cpu(struct plot *p, const struct bench_row *r, double mid)
{
	bool both = r->sender.there && r->receiver.there;

	draw_side(p, &r->sender, PLOT_SENDER, both ? mid - CPU_BAR - 0.5 : mid - CPU_BAR / 2.0);
	draw_side(p, &r->receiver, PLOT_RECEIVER, both ? mid + 0.5 : mid - CPU_BAR / 2.0);
}

static void draw_lines(struct plot *p, const struct svg_line *lines, size_t n, const struct svg_style *style, double x, double mid, double height)
{
	double y = mid - (double)n * height / 2 + height * 0.8;

	for (size_t i = 0; i < n; i++)
		svg_text_line(&p->svg, x, y + (double)i * height, style, &lines[i]);
}

static void draw_row(struct plot *p, const struct bench_row *r)
{
	struct svg_line name[SVG_LINES], why[SVG_LINES];
	char            named[PLOT_NAME_BYTES], said[sizeof r->why + 16] = "";
	double          x = p->rate.x;

	if (*r->why)
		snprintf(said, sizeof said, "not measured: %.*s", (int)strnlen(r->why, sizeof r->why), r->why);
	size_t n = svg_wrap(plot_name(p, r, named), &plot_name_style, p->name_w, name);
	size_t m = *said ? svg_wrap(said, &why_style, PLOT_WIDTH - PLOT_MARGIN - x - 8, why) : 0;
	double height = most_of(ROW, most_of((double)n * LINE, (double)m * WHY_LINE) + 12), mid = p->y + height / 2;

	draw_lines(p, name, n, &plot_name_style, PLOT_MARGIN + p->name_w, mid, LINE);
	if (m) {
		for (size_t i = 0; i < m; i++)          /* no axis runs through words */
			svg_rect(&p->svg, "why", x + 4, mid + ((double)i - (double)m / 2) * WHY_LINE, svg_width(why[i].at, why[i].len, &why_style) + 8, WHY_LINE, "#ffffff");
		draw_lines(p, why, m, &why_style, x + 8, mid, WHY_LINE);
	} else {
		draw_rate(p, r, mid);
		draw_cpu(p, r, mid);
	}
	p->y += height;
}

static void draw_group(struct plot *p, enum bench_group group)
{
	bool headed = false;

	for (size_t i = 0; i < p->table->count; i++) {
		if (p->table->rows[i].group != group)
			continue;
		if (!headed) {
			svg_rect(&p->svg, "heading", PLOT_MARGIN, p->y + 8, PLOT_WIDTH - 2 * PLOT_MARGIN, HEADING - 12, "#eeeeee");
			svg_text(&p->svg, PLOT_MARGIN + 12, p->y + HEADING - 15, &heading_style, headings[group]);
			p->y += HEADING;
		}
		headed = true;
		draw_row(p, &p->table->rows[i]);
	}
}

void plot_rows(struct plot *p)
{
	for (enum bench_group g = BENCH_BASELINE; g <= BENCH_LOCAL; g++)
		draw_group(p, g);
}
