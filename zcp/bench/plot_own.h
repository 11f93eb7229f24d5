/*
 * plot_own.h - where things are on the picture: plot.c measures and frames it, plot_rows.c draws what is in the table.
 *
 * Lengths in the picture's px. A column is a panel: its bars begin at x, a unit of its axis is `unit` px wide.
 */
#pragma once
#include "zcp/bench/result.h"
#include "zcp/bench/svg.h"

enum { PLOT_WIDTH = 1600, PLOT_MARGIN = 40, PLOT_GAP = 16, PLOT_BETWEEN = 44, PLOT_VALUE = 78 /* room for a number behind the longest bar */ };
enum { PLOT_NAME_MOST = 400, PLOT_NAME_LEAST = 160, PLOT_NAME_BYTES = 128 };

struct plot_axis { double x, w, unit, step, end; };     /* end: the highest value that has its place */

struct plot {
	struct svg svg;
	const struct bench_table *table;
	double     name_w;                      /* of the column of names, which ends where it ends, right-aligned */
	struct plot_axis rate, cpu;
	bool       cold;                        /* all that moves a file was measured cold: said once */
	double     y;                           /* where the next thing begins */
};

#define PLOT_INK    "#1a1a1a"
#define PLOT_PALE   "#555555"
#define PLOT_GRID   "#d9d9d9"
#define PLOT_BASE   "#8c8c8c"
#define PLOT_PLAIN  "#009e73"
#define PLOT_SEALED "url(#sealed)"

enum plot_side { PLOT_SENDER, PLOT_RECEIVER };
/* After Okabe and Ito: user is dark and system light in either, in grey too. */
extern const char *const plot_cpu_fill[2][2];   /* [side][0 user, 1 system] */

extern const struct svg_style plot_name_style;
void        plot_rows(struct plot *);           /* from y on; y is below them then */
const char *plot_name(const struct plot *, const struct bench_row *, char buf[static PLOT_NAME_BYTES]);
double      plot_cpu_of(const struct bench_side *);     /* user and system; 0: nobody was there */
double      plot_rate(double v);                /* GiB/s of bytes/s */
double      plot_sane(double v);                /* what a length can be made of: 0 for what is no number, or below 0 */
