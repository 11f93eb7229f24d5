/* svg.c - see svg.h */
#include "zcp/bench/svg.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "common/utf8.h"

enum { REPLACED = 0xfffd, WIDEST = 103 };

/* Of DejaVu Sans, in hundredths of its size, from the space on. */
static const uint8_t widths[] = {
	32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 54,
	100, 69, 69, 70, 78, 64, 58, 78, 76, 30, 30, 66, 56, 87, 75, 79, 61, 79, 70, 64, 62, 74, 69, 99, 69, 62, 69, 40, 34, 40, 84, 50,
	50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
};
static const double bold = 1.26;                /* of its bold face to that, at most */

int svg_open(struct svg *s)
{
	*s = (struct svg){ .f = NULL };
	s->f = open_memstream(&s->text, &s->len);
	return s->f ? 0 : -ENOMEM;
}

int svg_close(struct svg *s)
{
	bool bad = ferror(s->f) != 0;

	bad |= fclose(s->f) != 0;
	s->f = NULL;
	if (!bad)
		return 0;
	free(s->text);
	s->text = NULL;
	return -ENOMEM;
}

/* The background is the picture's own: it looks the same wherever it is put. */
void svg_begin(struct svg *s, double w, double h)
{
	fprintf(s->f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
	        "font-family=\"'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif\">\n", w, h, w, h);
	svg_rect(s, "ground", 0, 0, w, h, "#ffffff");
}

void svg_end(struct svg *s)
{
	fputs("</svg>\n", s->f);
}

void svg_rect(struct svg *s, const char *class, double x, double y, double w, double h, const char *fill)
{
	fprintf(s->f, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n", class, x, y, w, h, fill);
}

void svg_stroke(struct svg *s, double x1, double y1, double x2, double y2, double width, const char *color)
{
	fprintf(s->f, "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"%s\" stroke-width=\"%.1f\"/>\n", x1, y1, x2, y2, color, width);
}

/* --- text ------------------------------------------------------------------------------------------------------------- */

/* The next character, or what stands for it: how many bytes it takes. */
static size_t next(const char *text, size_t len, uint32_t *c)
{
	size_t n = utf8_next((const unsigned char *)text, len, c);

	if (!n || utf8_unseen(*c) || *c == 0xfffe || *c == 0xffff)
		*c = REPLACED;
	return n ? n : 1;
}

void svg_escaped(struct svg *s, const char *text, size_t len)
{
	uint32_t c;

	for (size_t i = 0, n; i < len; i += n) {
		n = next(text + i, len - i, &c);
		if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
			fprintf(s->f, "&#%u;", (unsigned)c);
		else if (c == REPLACED)
			fputs("\xef\xbf\xbd", s->f);
		else
			fwrite(text + i, 1, n, s->f);
	}
}

void svg_text_line(struct svg *s, double x, double y, const struct svg_style *style, const struct svg_line *line)
{
	static const char *const anchors[] = { [SVG_START] = "start", [SVG_MIDDLE] = "middle", [SVG_END] = "end" };

	fprintf(s->f, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%.0f\"%s%s text-anchor=\"%s\" fill=\"%s\">", x, y, style->size,
	        style->bold ? " font-weight=\"bold\"" : "", style->italic ? " font-style=\"italic\"" : "", anchors[style->anchor], style->fill);
	svg_escaped(s, line->at, line->len);
	fputs("</text>\n", s->f);
}

void svg_text(struct svg *s, double x, double y, const struct svg_style *style, const char *text)
{
	svg_text_line(s, x, y, style, &(struct svg_line){ text, strlen(text) });
}

static double width_of(uint32_t c, const struct svg_style *style)
{
	unsigned hundredths = c >= ' ' && c - ' ' < sizeof widths ? widths[c - ' '] : WIDEST;

	return hundredths * style->size * (style->bold ? bold : 1) / 100;
}

double svg_width(const char *text, size_t len, const struct svg_style *style)
{
	double   w = 0;
	uint32_t c;

	for (size_t i = 0; i < len;) {
		i += next(text + i, len - i, &c);
		w += width_of(c, style);
	}
	return w;
}

/* The first line of it, and how far the next one is. */
static size_t first_line(const char *text, size_t len, const struct svg_style *style, double width, struct svg_line *line)
{
	double   w = 0;
	size_t   space = 0, i = 0;
	uint32_t c;

	while (i < len) {
		size_t n = next(text + i, len - i, &c);
		w += width_of(c, style);
		if (c == ' ')
			space = i;
		if (w > width && i) {
			*line = (struct svg_line){ text, space ? space : i };
			return space ? space + 1 : i;
		}
		i += n;
	}
	*line = (struct svg_line){ text, len };
	return len;
}

size_t svg_wrap(const char *text, const struct svg_style *style, double width, struct svg_line out[static SVG_LINES])
{
	size_t len = strlen(text), n = 0;

	do {
		size_t used = first_line(text, len, style, width, &out[n++]);
		text += used;
		len -= used;
	} while (len && n < SVG_LINES);
	return n;
}
