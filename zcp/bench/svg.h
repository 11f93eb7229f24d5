/*
 * svg.h - text, boxes and lines into a picture that is being put together in memory.
 *
 * Units    the picture's own (px of its viewBox); y grows downwards; a text's y is its baseline.
 * Text     any bytes: what is not UTF-8, or may not stand in XML, or turns the writing direction, becomes U+FFFD; the rest is escaped.
 * Widths   of DejaVu Sans, and for all that is not ASCII as wide as anything in it: Verdana's are the same, Helvetica's and Arial's smaller. A viewer that
 *          has none of these fonts may draw wider.
 * Errors   svg_close(): -ENOMEM; everything before may be called all the same.
 * Source   SVG 1.1, XML 1.0 (Char). Proof tests/unit/plot.c, tests/plot.bats: measured with the font itself.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct svg { FILE *f; char *text; size_t len; };        /* text: owned, after svg_close() */

struct svg_style { double size; bool bold, italic; const char *fill; enum { SVG_START, SVG_MIDDLE, SVG_END } anchor; };
struct svg_line { const char *at; size_t len; };        /* of the text it was made from */
enum { SVG_LINES = 16 };

int    svg_open(struct svg *);                          /* 0 or -ENOMEM */
int    svg_close(struct svg *);                         /* 0 or -ENOMEM, and then there is no text */
/* What stands before all else of a picture of this size, and what ends it. */
void   svg_begin(struct svg *, double w, double h);
void   svg_end(struct svg *);
void   svg_rect(struct svg *, const char *class, double x, double y, double w, double h, const char *fill);
void   svg_stroke(struct svg *, double x1, double y1, double x2, double y2, double width, const char *color);
void   svg_escaped(struct svg *, const char *text, size_t len);
void   svg_text(struct svg *, double x, double y, const struct svg_style *, const char *text);
void   svg_text_line(struct svg *, double x, double y, const struct svg_style *, const struct svg_line *);
double svg_width(const char *text, size_t len, const struct svg_style *);
/* Broken at spaces, and within a word where one is wider than that. Returns the number of lines, at least 1; what does not fit SVG_LINES is left out. */
size_t svg_wrap(const char *text, const struct svg_style *, double width, struct svg_line out[static SVG_LINES]);
