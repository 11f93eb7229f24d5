/* progress_line.c - one line of progress, as text: see progress.h */
#include "zcp/progress.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include "common/num.h"

/* Bytes and columns of the next character. */
static size_t one_char(const char *s, unsigned *columns)
{
	mbstate_t st = { 0 };
	wchar_t   c;
	size_t    n = mbrtowc(&c, s, strlen(s), &st);

	*columns = 1;
	if (n == (size_t)-1 || n == (size_t)-2 || n == 0)
		return 1;
	int w = wcwidth(c);
	*columns = w < 0 ? 1 : (unsigned)w;
	return n;
}

static unsigned width_of(const char *s)
{
	unsigned all = 0, w;

	while (*s) {
		s += one_char(s, &w);
		all += w;
	}
	return all;
}

unsigned progress_cut(const char *visible, unsigned columns, char *buf, size_t len)
{
	bool     cut = width_of(visible) > columns;
	unsigned room = cut && columns >= 6 ? columns - 3 : columns, used = 0, w;
	size_t   at = 0;

	while (*visible) {
		size_t n = one_char(visible, &w);
		if (used + w > room || at + n + 4 > len)
			break;
		memcpy(buf + at, visible, n);
		at += n;
		used += w;
		visible += n;
	}
	buf[at] = '\0';
	if (!cut || columns < 6)
		return used;
	memcpy(buf + at, "...", 4);
	return used + 3;
}

const char *progress_time(uint64_t ms, char buf[static 16])
{
	uint64_t s = ms / 1000, h = s / 3600;

	if (h >= 100)
		return memcpy(buf, "--:--", 6);
	if (h)
		snprintf(buf, 16, "%u:%02u:%02u", (unsigned)h, (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	else
		snprintf(buf, 16, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
	return buf;
}

enum { F_FILES, F_PART, F_BYTES, F_KNOWN /* the part, or bytes where it is not known */, F_RATE, F_TIME, F_COUNT };
enum { FIELD = 48 };

static void time_field(const struct progress_view *v, char buf[static 16])
{
	if (v->done)
		progress_time(v->elapsed_ms, buf);
	else if (!v->whole || v->left_ms == PROGRESS_UNKNOWN)
		memcpy(buf, "--:--", 6);
	else
		progress_time(v->left_ms + 999, buf);
}

static void make_fields(const struct progress_view *v, char f[static F_COUNT][FIELD])
{
	char        size[16], all[16], when[16];
	const char *more = v->whole ? "" : "+";

	memset(f, 0, F_COUNT * FIELD);
	num_size(v->bytes, size);
	if (v->files_all)
		snprintf(f[F_FILES], FIELD, "%llu/%llu%s", (unsigned long long)v->files, (unsigned long long)v->files_all, more);
	if (v->whole)
		snprintf(f[F_PART], FIELD, "%3u%%", v->part);
	if (v->whole || !v->bytes_all)
		snprintf(f[F_BYTES], FIELD, "%8s", size);
	else
		snprintf(f[F_BYTES], FIELD, "%s/%s+", size, num_size(v->bytes_all, all));
	snprintf(f[F_KNOWN], FIELD, "%s", v->whole ? f[F_PART] : size);
	snprintf(f[F_RATE], FIELD, "%8s/s", num_size(v->rate, size));
	time_field(v, when);
	snprintf(f[F_TIME], FIELD, "%5s", when);
}

/* What a line has room for, the richest first: fields, and the least columns of the name (0: no name). */
static const struct { uint8_t fields; uint8_t name; } layouts[] = {
#define B(x) (1u << (x))
	{ B(F_FILES) | B(F_PART) | B(F_BYTES) | B(F_RATE) | B(F_TIME), 16 },
	{ B(F_FILES) | B(F_PART) | B(F_RATE) | B(F_TIME), 12 },
	{ B(F_KNOWN) | B(F_RATE) | B(F_TIME), 10 },
	{ B(F_KNOWN) | B(F_TIME), 6 },
	{ B(F_KNOWN) | B(F_TIME), 0 },
	{ B(F_TIME), 0 },
	{ 0, 0 },
#undef B
};

static unsigned fields_width(char f[static F_COUNT][FIELD], uint8_t which)
{
	unsigned w = 0;

	for (unsigned i = 0; i < F_COUNT; i++)
		if ((which & 1u << i) && f[i][0])
			w += (unsigned)strlen(f[i]) + 1;
	return w;
}

unsigned progress_line(const struct progress_view *v, unsigned columns, char *buf, size_t len)
{
	char     f[F_COUNT][FIELD], name[PROGRESS_LINE];
	unsigned k = 0, w = 0, used = 0;

	make_fields(v, f);
	for (; k + 1 < sizeof layouts / sizeof *layouts; k++) {
		w = fields_width(f, layouts[k].fields);
		if (w + layouts[k].name <= columns + !layouts[k].name)
			break;
	}
	w = fields_width(f, layouts[k].fields);
	name[0] = '\0';
	if (layouts[k].name)
		used = progress_cut(v->name ? v->name : "", columns - w, name, sizeof name);
	size_t at = (size_t)snprintf(buf, len, "%s%*s", name, layouts[k].name ? (int)(columns - w - used) : 0, "");
	bool   first = !layouts[k].name;
	used = layouts[k].name ? columns - w : 0;
	for (unsigned i = 0; i < F_COUNT && at < len; i++)
		if ((layouts[k].fields & 1u << i) && f[i][0]) {
			used += (unsigned)strlen(f[i]) + !first;
			at += (size_t)snprintf(buf + at, len - at, "%s%s", first ? "" : " ", f[i]);
			first = false;
		}
	return used;
}
