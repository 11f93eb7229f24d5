/* progress.c - see progress.h */
#include "zcp/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include "common/io.h"
#include "common/num.h"
#include "common/vis.h"

enum { DRAW_EVERY_MS = 100, LINE_EVERY_MS = 1000, DEFAULT_COLUMNS = 80, LEAST_COLUMNS = 10 };

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

enum { F_FILES, F_PART, F_BYTES, F_RATE, F_TIME, F_COUNT };
enum { FIELD = 48 };

static void time_field(const struct progress_view *v, char buf[static 16])
{
	uint64_t left = v->bytes_all > v->bytes ? v->bytes_all - v->bytes : 0;

	if (v->done)
		progress_time(v->elapsed_ms, buf);
	else if (!v->whole || (left && !v->rate) || left / (v->rate ? v->rate : 1) > 400000)
		memcpy(buf, "--:--", 6);
	else
		progress_time(left ? (left / v->rate) * 1000 + 999 : 0, buf);
}

static void make_fields(const struct progress_view *v, char f[static F_COUNT][FIELD])
{
	char     size[16], when[16];
	uint64_t part = v->bytes_all ? (v->bytes >= v->bytes_all ? 100 : (uint64_t)((double)v->bytes * 100 / (double)v->bytes_all)) : 100;

	memset(f, 0, F_COUNT * FIELD);
	if (v->files_all && v->whole)
		snprintf(f[F_FILES], FIELD, "%llu/%llu", (unsigned long long)v->files, (unsigned long long)v->files_all);
	else if (v->files_all)
		snprintf(f[F_FILES], FIELD, "%llu files", (unsigned long long)v->files);
	if (v->whole)
		snprintf(f[F_PART], FIELD, "%3u%%", (unsigned)part);
	snprintf(f[F_BYTES], FIELD, "%8s", num_size(v->bytes, size));
	snprintf(f[F_RATE], FIELD, "%8s/s", num_size(v->rate, size));
	time_field(v, when);
	snprintf(f[F_TIME], FIELD, "%5s", when);
}

/* What a line has room for, the richest first: fields, and the least columns of the name (0: no name). */
static const struct { uint8_t fields; uint8_t name; } layouts[] = {
#define B(x) (1u << (x))
	{ B(F_FILES) | B(F_PART) | B(F_BYTES) | B(F_RATE) | B(F_TIME), 16 },
	{ B(F_FILES) | B(F_PART) | B(F_RATE) | B(F_TIME), 12 },
	{ B(F_PART) | B(F_RATE) | B(F_TIME), 10 },
	{ B(F_PART) | B(F_TIME), 6 },
	{ B(F_PART) | B(F_TIME), 0 },
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

uint64_t speed_now(struct speed *r, uint64_t now_ms, uint64_t bytes)
{
	unsigned last = (r->next + RATE_SAMPLES - 1) % RATE_SAMPLES;

	if (!r->count || now_ms - r->at_ms[last] >= RATE_EVERY_MS) {
		r->at_ms[r->next] = now_ms;
		r->bytes[r->next] = bytes;
		r->next = (r->next + 1) % RATE_SAMPLES;
		r->count += r->count < RATE_SAMPLES;
	}
	unsigned oldest = (r->next + RATE_SAMPLES - r->count) % RATE_SAMPLES;
	uint64_t ms = now_ms - r->at_ms[oldest], moved = bytes - r->bytes[oldest];
	return ms ? (uint64_t)((double)moved * 1000 / (double)ms) : 0;
}

uint64_t progress_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress_init(struct progress *p, bool wanted, bool forced)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ .terminal = isatty(STDERR_FILENO) == 1, .start_ms = progress_clock_ms() };
	p->on = p->wanted = wanted && (p->terminal || forced);
	p->plain = !term || !*term || strcmp(term, "dumb") == 0;
	p->view.name = p->name;
	if (p->on)
		speed_now(&p->rate, p->start_ms, 0);
}

static unsigned columns_now(void)
{
	struct winsize w = { 0 };

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
		return DEFAULT_COLUMNS;
	return w.ws_col < LEAST_COLUMNS ? LEAST_COLUMNS : w.ws_col;
}

static void put_out(const char *s, size_t n)
{
	ssize_t done = io_write_full(STDERR_FILENO, s, n);

	(void)done;                     /* nobody to tell */
}

/* The last column stays free: a terminal would go on to the next line. */
static void draw(struct progress *p, uint64_t now_ms, bool last)
{
	char     line[PROGRESS_LINE], out[2 * PROGRESS_LINE];
	unsigned columns = (p->terminal ? columns_now() : DEFAULT_COLUMNS) - 1;

	p->drawn_ms = now_ms;
	p->view.elapsed_ms = now_ms - p->start_ms;
	if (last)
		p->view.rate = p->view.elapsed_ms ? (uint64_t)((double)p->moved * 1000 / (double)p->view.elapsed_ms) : p->moved;
	else
		p->view.rate = speed_now(&p->rate, now_ms, p->view.bytes);
	unsigned used = progress_line(&p->view, columns, line, sizeof line);
	unsigned blanks = p->plain && p->last_columns > used ? p->last_columns - used : 0;
	int n;
	if (p->terminal)
		n = snprintf(out, sizeof out, "\r%s%*s%s%s", line, (int)blanks, "", p->plain ? "" : "\033[K", last ? "\n" : "");
	else
		n = snprintf(out, sizeof out, "%s\n", line);
	put_out(out, (size_t)n);
	p->last_columns = used;
	p->shown = p->terminal && !last;
}

void progress_hear(struct progress *p, void (*hears)(void *arg, const struct progress_view *), void *arg)
{
	p->hears = hears;
	p->arg = arg;
	p->wanted = true;
	speed_now(&p->rate, p->start_ms, 0);
}

/* Drawn; true: *heard is to be told, when the lock is given back. */
static bool tick(struct progress *p, struct progress_view *heard)
{
	if (!p->on && !p->hears)
		return false;
	uint64_t now = progress_clock_ms();
	uint64_t since = now - (p->drawn_ms ? p->drawn_ms : p->start_ms);
	if (p->on && since >= (p->terminal ? DRAW_EVERY_MS : LINE_EVERY_MS))
		draw(p, now, false);
	if (!p->hears || now - (p->heard_ms ? p->heard_ms : p->start_ms) < LINE_EVERY_MS)
		return false;
	p->heard_ms = now;
	*heard = p->view;
	heard->rate = speed_now(&p->rate, now, p->view.bytes);
	return true;
}

/* Has the lock, and gives it back. */
static void get_on(struct progress *p)
{
	struct progress_view heard;
	bool                 due = tick(p, &heard);

	pthread_mutex_unlock(&p->lock);
	if (due)
		p->hears(p->arg, &heard);
}

void progress_tick(struct progress *p)
{
	pthread_mutex_lock(&p->lock);
	get_on(p);
}

void progress_name(struct progress *p, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!p->on)
		return;
	pthread_mutex_lock(&p->lock);
	vis_str(p->name, sizeof p->name, slash && slash[1] ? slash + 1 : path);
	pthread_mutex_unlock(&p->lock);
}

static void count(struct progress *p, uint64_t files, uint64_t bytes, uint64_t moved)
{
	pthread_mutex_lock(&p->lock);
	p->moved += moved;
	p->view.files += files;
	p->view.bytes += bytes;
	get_on(p);
}

void progress_moved(struct progress *p, uint64_t bytes)
{
	count(p, 0, bytes, bytes);
}

void progress_there(struct progress *p, uint64_t bytes)
{
	count(p, 0, bytes, 0);
}

void progress_file(struct progress *p, uint64_t bytes)
{
	count(p, 1, bytes, bytes);
}

void progress_back(struct progress *p, uint64_t bytes)
{
	pthread_mutex_lock(&p->lock);
	p->view.bytes -= bytes < p->view.bytes ? bytes : p->view.bytes;
	pthread_mutex_unlock(&p->lock);
}

void progress_again(struct progress *p, uint64_t files, uint64_t bytes)
{
	pthread_mutex_lock(&p->lock);
	p->view.files = files;
	p->view.bytes = bytes;
	p->view.files_all = p->view.bytes_all = 0;
	p->view.whole = false;
	pthread_mutex_unlock(&p->lock);
}

void progress_totals(struct progress *p, uint64_t files, uint64_t bytes, bool whole)
{
	pthread_mutex_lock(&p->lock);
	p->view.files_all = files;
	p->view.bytes_all = bytes;
	p->view.whole = whole;
	pthread_mutex_unlock(&p->lock);
}

static void clear(struct progress *p)
{
	char out[PROGRESS_LINE];

	if (!p->shown)
		return;
	int n = p->plain ? snprintf(out, sizeof out, "\r%*s\r", (int)p->last_columns, "") : snprintf(out, sizeof out, "\r\033[K");
	put_out(out, (size_t)n);
	p->shown = false;
	p->drawn_ms = 0;
	p->last_columns = 0;
}

void progress_clear(struct progress *p)
{
	pthread_mutex_lock(&p->lock);
	clear(p);
	pthread_mutex_unlock(&p->lock);
}

void progress_end(struct progress *p)
{
	if (!p->on)
		return;
	pthread_mutex_lock(&p->lock);
	p->view.whole = p->view.done = true;
	if (!p->view.bytes_all || p->view.files_all)
		p->view.bytes_all = p->view.bytes_all > p->view.bytes ? p->view.bytes_all : p->view.bytes;
	draw(p, progress_clock_ms(), true);
	p->on = false;
	pthread_mutex_unlock(&p->lock);
}
