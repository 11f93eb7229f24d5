/* progress.c - see progress.h; what a line looks like is progress_line.c's */
#include "zcp/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/io.h"
#include "common/vis.h"

enum { DRAW_EVERY_MS = 100, LINE_EVERY_MS = 1000, DEFAULT_COLUMNS = 80, LEAST_COLUMNS = 10 };
enum { LEFT_FROM_MS = 2000, LEFT_UP_MS = 4000 /* in so long it may double */, LEFT_DOWN_MS = 2000 /* ... and be gone */ };

uint64_t speed_now(struct speed *r, uint64_t now_ms, uint64_t bytes)
{
	unsigned last = (r->next + RATE_SAMPLES - 1) % RATE_SAMPLES;

	if (!r->count || now_ms - r->at_ms[last] >= (r->every_ms ? r->every_ms : RATE_EVERY_MS)) {
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
	return clock_ns() / 1000000;
}

void progress_init(struct progress *p, bool wanted, bool forced)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ .terminal = isatty(STDERR_FILENO) == 1, .start_ms = progress_clock_ms() };
	p->on = wanted && (p->terminal || forced);
	p->plain = !term || !*term || strcmp(term, "dumb") == 0;
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

static uint64_t raise(uint64_t *most, uint64_t is)
{
	if (*most < is)
		*most = is;
	return *most;
}

/* What came more than was announced was there, too. */
static void look_at_counts(struct progress *p, struct progress_view *v)
{
	const struct progress_count *is = &p->is;

	v->files = raise(&p->most.files, is->files);
	v->bytes = raise(&p->most.bytes, is->bytes);
	v->bytes_all = raise(&p->most.bytes_all, is->bytes_all > v->bytes ? is->bytes_all : v->bytes);
	if (is->files_all || p->most.files_all)
		v->files_all = raise(&p->most.files_all, is->files_all > v->files ? is->files_all : v->files);
}

static unsigned part_of(uint64_t part, uint64_t all)
{
	return part >= all ? 100 : (unsigned)((double)part * 100 / (double)all);
}

static unsigned look_at_part(struct progress *p, const struct progress_view *v, bool last)
{
	unsigned part = v->bytes_all ? part_of(v->bytes, v->bytes_all) : part_of(v->files, v->files_all);

	part = part < p->part ? p->part : part;
	return p->part = last || part < 100 ? part : 99;
}

/* No faster up or down than somebody can believe. */
static uint64_t steady(const struct progress *p, uint64_t now_ms, uint64_t left_ms)
{
	double was = (double)p->left_ms, since = (double)(now_ms - p->left_at_ms);
	double up = was + was * since / LEFT_UP_MS + since, down = was - was * since / LEFT_DOWN_MS - since;

	return (double)left_ms > up ? (uint64_t)up : (double)left_ms < down ? (uint64_t)down : left_ms;
}

static uint64_t look_at_left(struct progress *p, uint64_t now_ms)
{
	uint64_t left = p->is.bytes_all > p->is.bytes ? p->is.bytes_all - p->is.bytes : 0, ms = PROGRESS_UNKNOWN;

	p->pace.every_ms = PACE_EVERY_MS;
	uint64_t pace = p->moved ? speed_now(&p->pace, now_ms, p->moved) : 0, began = p->pace.at_ms[p->pace.count < RATE_SAMPLES ? 0 : p->pace.next];
	if (p->whole && pace && now_ms - began >= LEFT_FROM_MS && (double)left * 1000 / (double)pace < 1e12) {
		ms = (uint64_t)((double)left * 1000 / (double)pace);
		ms = p->left_at_ms && p->left_ms != PROGRESS_UNKNOWN ? steady(p, now_ms, ms) : ms;
	}
	p->left_ms = ms;
	p->left_at_ms = now_ms;
	return ms;
}

void progress_look(struct progress *p, uint64_t now_ms, bool last, struct progress_view *v)
{
	*v = (struct progress_view){ .name = p->name, .whole = p->whole, .done = last, .elapsed_ms = now_ms - p->start_ms };
	look_at_counts(p, v);
	if (v->whole)
		v->part = look_at_part(p, v, last);
	if (last)
		v->rate = v->elapsed_ms ? (uint64_t)((double)p->moved * 1000 / (double)v->elapsed_ms) : p->moved;
	else
		v->rate = speed_now(&p->rate, now_ms, p->moved);
	v->left_ms = look_at_left(p, now_ms);
}

static void put_line(struct progress *p, const char *line, unsigned used, bool last)
{
	char     out[2 * PROGRESS_LINE];
	unsigned blanks = p->plain && p->last_columns > used ? p->last_columns - used : 0;
	int      n;

	if (p->terminal)
		n = snprintf(out, sizeof out, "\r%s%*s%s%s", line, (int)blanks, "", p->plain ? "" : "\033[K", last ? "\n" : "");
	else
		n = snprintf(out, sizeof out, "%s\n", line);
	put_out(out, (size_t)n);
	p->last_columns = used;
	p->shown = p->terminal && !last;
}

/* The last column stays free: a terminal would go on to the next line. */
static void draw(struct progress *p, uint64_t now_ms, bool last)
{
	char     line[PROGRESS_LINE];
	unsigned columns = (p->terminal ? columns_now() : DEFAULT_COLUMNS) - 1;
	struct progress_view v;

	p->drawn_ms = now_ms;
	progress_look(p, now_ms, last, &v);
	unsigned used = progress_line(&v, columns, line, sizeof line);
	put_line(p, line, used, last);
}

void progress_words(struct progress *p, const char *words)
{
	char line[PROGRESS_LINE];

	if (!p->on || !p->terminal)
		return;
	pthread_mutex_lock(&p->lock);
	put_line(p, line, progress_cut(words, columns_now() - 1, line, sizeof line), false);
	pthread_mutex_unlock(&p->lock);
}

void progress_hear(struct progress *p, void (*hears)(void *arg, const struct progress_view *), void *arg)
{
	p->hears = hears;
	p->arg = arg;
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
	progress_look(p, now, false, heard);
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
	p->is.files += files;
	p->is.bytes += bytes;
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
	p->is.bytes -= bytes < p->is.bytes ? bytes : p->is.bytes;
	pthread_mutex_unlock(&p->lock);
}

void progress_again(struct progress *p)
{
	pthread_mutex_lock(&p->lock);
	p->is = (struct progress_count){ 0 };
	p->whole = false;
	pthread_mutex_unlock(&p->lock);
}

void progress_totals(struct progress *p, uint64_t files, uint64_t bytes, bool whole)
{
	pthread_mutex_lock(&p->lock);
	p->is.files_all = files;
	p->is.bytes_all = bytes;
	p->whole = whole;
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
	draw(p, progress_clock_ms(), true);
	p->on = false;
	pthread_mutex_unlock(&p->lock);
}
