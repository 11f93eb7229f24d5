/* progress.c - see progress.h; what a line looks like is progress_line.c's */
#include "zcp/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "common/io.h"
#include "common/vis.h"

enum { DRAW_EVERY_MS = 100, LINE_EVERY_MS = 1000, DEFAULT_COLUMNS = 80, LEAST_COLUMNS = 10 };

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
	p->on = wanted && (p->terminal || forced);
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

static void tick(struct progress *p)
{
	if (!p->on)
		return;
	uint64_t now = progress_clock_ms();
	uint64_t since = now - (p->drawn_ms ? p->drawn_ms : p->start_ms);
	if (since >= (p->terminal ? DRAW_EVERY_MS : LINE_EVERY_MS))
		draw(p, now, false);
}

void progress_tick(struct progress *p)
{
	pthread_mutex_lock(&p->lock);
	tick(p);
	pthread_mutex_unlock(&p->lock);
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
	tick(p);
	pthread_mutex_unlock(&p->lock);
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
