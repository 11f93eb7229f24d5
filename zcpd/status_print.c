/* status_print.c - zcpd --status: a table for people. See status.h */
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcpd/status.h"
#include "zcpd/status_wire.h"

enum { APART_MS = 500, READ_MS = 10000 };
enum column { PEER, KEY, STATE, EXPORT, FILE_NAME, DONE, SUITE, ENGINE, BYTES, RATE, AGE, COLUMNS };
enum { CELL = 4 * BOARD_FILE + 8, GAP = 2 };

static const struct { const char *head; bool right; uint8_t least; /* columns it may be cut to; 0: never */ } columns_of[COLUMNS] = {
	[PEER] = { "PEER", false, 18 },      [KEY] = { "KEY", false, 8 },      [STATE] = { "STATE", false, 0 },   [EXPORT] = { "EXPORT", false, 8 },
	[FILE_NAME] = { "FILE", false, 12 }, [DONE] = { "DONE", true, 0 },     [SUITE] = { "SUITE", false, 0 },   [ENGINE] = { "ENGINE", false, 0 },
	[BYTES] = { "BYTES", true, 0 },     [RATE] = { "RATE", true, 0 },     [AGE] = { "FOR", true, 0 },
};

struct row { char *cell[COLUMNS]; };            /* owned; visible text */

static char *cell(const char *bytes, size_t n)
{
	char buf[CELL];

	return strdup(n ? vis(buf, sizeof buf, bytes, n) : "-");
}

static char *words(const char *text)
{
	return cell(text, strlen(text));
}

static char *age(uint64_t ms, char buf[static 24])
{
	unsigned long long s = ms / 1000;

	if (s < 60)
		snprintf(buf, 24, "%llu s", s);
	else if (s < 86400)
		snprintf(buf, 24, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(buf, 24, "%llu d %llu h", s / 86400, s / 3600 % 24);
	return buf;
}

static bool has_file(unsigned state)
{
	return state == BOARD_SENDING || state == BOARD_RECEIVING || state == BOARD_LISTING;
}

static void fill_file(struct row *row, const struct board_slot *s, unsigned state)
{
	uint64_t size = atomic_load(&s->file_size), done = atomic_load(&s->file_done);
	bool     moves = state == BOARD_SENDING || state == BOARD_RECEIVING;
	char     percent[8] = "-";

	if (moves && size > 0)
		snprintf(percent, sizeof percent, "%u %%", done >= size ? 100u : (unsigned)((double)done / (double)size * 100));
	row->cell[EXPORT] = words(has_file(state) ? s->export : "");
	row->cell[FILE_NAME] = words(has_file(state) ? s->file : "");
	row->cell[DONE] = strdup(percent);
	row->cell[ENGINE] = strdup(moves ? board_engine_name(atomic_load(&s->engine)) : "-");
}

static void fill(struct row *row, const struct board_slot *s, const struct status_snapshot *before, const struct status_snapshot *now)
{
	unsigned state = atomic_load(&s->state);
	uint64_t began = atomic_load(&s->began_ms);
	bool     known;
	uint64_t rate = status_rate(before, now, s, &known);
	char     buf[64], size[16], suite[sizeof s->suite + 16];

	snprintf(suite, sizeof suite, "%s", !s->suite[0] ? "" : atomic_load(&s->sealed) ? s->suite : "plaintext");
	row->cell[PEER] = strdup(net_text(&s->peer, buf));
	row->cell[KEY] = words(s->key);
	row->cell[STATE] = strdup(board_state_name(state));
	fill_file(row, s, state);
	row->cell[SUITE] = words(suite);
	row->cell[BYTES] = strdup(num_size(status_bytes(s), size));
	snprintf(buf, sizeof buf, "%s/s", num_size(rate, size));
	row->cell[RATE] = strdup(known ? buf : "-");
	row->cell[AGE] = strdup(age(now->now_ms > began ? now->now_ms - began : 0, buf));
}

/* --- layout ------------------------------------------------------------------------------------------------------ */

static unsigned all_of(const unsigned width[COLUMNS])
{
	unsigned all = 0;

	for (size_t c = 0; c < COLUMNS; c++)
		all += width[c] ? width[c] + GAP : 0;
	return all ? all - GAP : 0;
}

/* The file gives up columns first, then the export, the key, the peer. */
static void shrink(unsigned width[COLUMNS], unsigned room)
{
	static const enum column order[] = { FILE_NAME, EXPORT, KEY, PEER };
	unsigned                 all = all_of(width);

	for (size_t i = 0; i < sizeof order / sizeof *order && all > room; i++) {
		unsigned *w = &width[order[i]], least = columns_of[order[i]].least;
		unsigned  off = *w > least ? *w - least : 0;
		off = off < all - room ? off : all - room;
		*w -= off;
		all -= off;
	}
}

/* What still does not fit is left out, a column at a time: width 0. Peer and file stay, whatever the terminal. */
static void fit(unsigned width[COLUMNS], unsigned room)
{
	static const enum column order[] = { SUITE, ENGINE, EXPORT, AGE, BYTES, DONE, RATE, KEY, STATE };
	unsigned                 natural[COLUMNS];

	memcpy(natural, width, sizeof natural);
	for (size_t i = 0;; i++) {
		memcpy(width, natural, sizeof natural);
		shrink(width, room);
		if (all_of(width) <= room || i == sizeof order / sizeof *order)
			return;
		natural[order[i]] = 0;
	}
}

/* The end of a name tells more than its beginning: "...photos/0001.raw". */
static const char *tail(const char *text, size_t have, size_t room)
{
	char one[8];

	while (have > room && *text) {
		size_t n = 1;
		while (n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n++;
		memcpy(one, text, n);
		one[n] = '\0';
		have -= vis_columns(one) < have ? vis_columns(one) : have;
		text += n;
	}
	return text;
}

static void put(FILE *to, enum column c, const char *text, unsigned width)
{
	size_t      have = vis_columns(text);
	const char *dots = have > width ? "..." : "";

	if (have > width) {
		text = tail(text, have, width - 3);
		have = vis_columns(text) + 3;
	}
	int pad = have < width ? (int)(width - have) : 0;
	if (columns_of[c].right)
		fprintf(to, "%*s%s%s", pad, "", dots, text);
	else
		fprintf(to, "%s%s%*s", dots, text, pad, "");
}

static const char *head_text(const void *arg, enum column c)
{
	(void)arg;
	return columns_of[c].head;
}

static const char *row_text(const void *arg, enum column c)
{
	const struct row *row = arg;

	return row->cell[c] ? row->cell[c] : "?";
}

static unsigned least_of(unsigned a, size_t b)
{
	return b < a ? (unsigned)b : a;
}

/* text(arg, c): the text of column c. Nothing behind the last one's. */
static void put_row(FILE *to, const unsigned width[COLUMNS], const char *(*text)(const void *arg, enum column), const void *arg)
{
	unsigned left = all_of(width);

	for (enum column c = 0; c < COLUMNS; c++) {
		if (!width[c])
			continue;
		const char *shown = text(arg, c);
		left -= width[c];
		put(to, c, shown, left || columns_of[c].right ? width[c] : least_of(width[c], vis_columns(shown)));
		fprintf(to, "%*s", left ? GAP : 0, "");
		left -= left ? GAP : 0;
	}
	fputc('\n', to);
}

static void measure(unsigned width[COLUMNS], const struct row *row)
{
	for (size_t c = 0; c < COLUMNS; c++) {
		size_t n = row->cell[c] ? vis_columns(row->cell[c]) : 0;
		width[c] = n > width[c] ? (unsigned)n : width[c];
	}
}

/* Broken behind commas and semicolons, what follows set in. columns 0: one line. */
static void put_line(FILE *to, unsigned columns, const char *text)
{
	size_t at = 0;

	while (*text) {
		size_t n = strcspn(text, ",;") + (text[strcspn(text, ",;")] != '\0');
		if (at && columns && at + 1 + n > columns)
			at = (size_t)fprintf(to, "\n  ") - 1;
		else if (at)
			at += (size_t)fprintf(to, " ");
		fprintf(to, "%.*s", (int)n, text);
		at += n;
		text += n;
		text += strspn(text, " ");
	}
	fputc('\n', to);
}

static void totals(FILE *to, unsigned columns, const struct status_snapshot *now)
{
	char             line[512], buf[24], shown[64];
	struct board_sum sum;
	uint64_t         errors = 0, failed = 0;

	board_sum(&now->board, &sum);
	for (size_t i = 0; i < BOARD_STATUSES; i++)
		errors += sum.errors[i];
	for (size_t i = 0; i < CAUSE_COUNT; i++)
		failed += sum.causes[i];
	put_line(to, columns, status_line(&now->board, line));
	snprintf(line, sizeof line,
	         "since its start %s ago: %llu stream%s, %llu file%s sent, %llu received, %llu error%s, %llu let in no further, %llu crashed; zcpd %s",
	         age(now->now_ms > sum.began_ms ? now->now_ms - sum.began_ms : 0, buf), (unsigned long long)sum.streams,
	         sum.streams == 1 ? "" : "s", (unsigned long long)sum.files[BOARD_SENT], sum.files[BOARD_SENT] == 1 ? "" : "s",
	         (unsigned long long)sum.files[BOARD_RECEIVED], (unsigned long long)errors, errors == 1 ? "" : "s", (unsigned long long)failed,
	         (unsigned long long)sum.crashes, vis_str(shown, sizeof shown, now->zcpd));
	put_line(to, columns, line);
}

static void free_row(struct row *row)
{
	for (enum column c = 0; c < COLUMNS; c++)
		free(row->cell[c]);
}

void status_table(FILE *to, unsigned columns, const struct status_snapshot *before, const struct status_snapshot *now)
{
	size_t      n = now->board.slots;
	unsigned    width[COLUMNS];
	struct row *rows = calloc(n + 1, sizeof *rows);

	for (size_t c = 0; c < COLUMNS; c++)
		width[c] = (unsigned)strlen(columns_of[c].head);
	for (size_t i = 0; rows && i < n; i++) {
		fill(&rows[i], &now->board.slot[i], before, now);
		measure(width, &rows[i]);
	}
	if (columns)
		fit(width, columns);
	if (rows && n)
		put_row(to, width, head_text, NULL);
	for (size_t i = 0; rows && i < n; i++) {
		put_row(to, width, row_text, &rows[i]);
		free_row(&rows[i]);
	}
	free(rows);
	totals(to, columns, now);
}

static unsigned terminal_columns(FILE *to)
{
	struct winsize w;

	if (!isatty(fileno(to)))
		return 0;
	return ioctl(fileno(to), TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

int status_print(const char *path, bool json, FILE *to)
{
	struct status_snapshot before = { 0 }, now = { 0 };
	int                    status;

	path = path ? path : STATUS_DEFAULT;
	setlocale(LC_CTYPE, "C.UTF-8");         /* NOLINT(concurrency-mt-unsafe): for the columns of wide characters */
	status = status_read(path, READ_MS, &before);
	if (status == ST_OK) {
		poll(NULL, 0, APART_MS);
		status = status_read(path, READ_MS, &now);
	}
	bool good = true;
	if (status == ST_OK && json)
		good = status_json(to, &before, &now);
	else if (status == ST_OK)
		status_table(to, terminal_columns(to), &before, &now);
	status_clear(&before);
	status_clear(&now);
	if (status == ST_OK && (!good || fflush(to) != 0 || ferror(to))) {
		log_error("--status: what it says cannot be written");
		return ST_USAGE;
	}
	return status;
}
