/* transfers.c - see transfers.h */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/transfers.h"

enum { SHOWN = 4 * WIRE_PATH_MAX + 8, NAME_SHOWN = 4 * BOARD_EXPORT, LINE = SHOWN + 2 * NAME_SHOWN + 512 };

const char *export_shown(const struct export *e)
{
	if (!e)
		return "";
	return e->from && e->from->name && *e->from->name ? e->from->name : e->prefix;
}

/* vis(), and what stands in quotation marks holds none. */
static const char *quotable(char *out, size_t len, const void *bytes, size_t n)
{
	char   seen[SHOWN];
	size_t at = 0;

	vis(seen, len < sizeof seen ? len : sizeof seen, bytes, n);
	for (const char *p = seen; *p && at + 5 <= len; p++) {
		if (*p == '"')
			at += (size_t)snprintf(out + at, len - at, "\\x22");
		else
			out[at++] = *p;
	}
	out[at] = '\0';
	return out;
}

/*
 * "2026-11-21T03:15:43.250Z ". Not gmtime_r(): that reads the time zone first, a file that the sandbox does not have. Years of 400 have 146,097 days; a
 * year that begins in March has its odd day at the end.
 */
static size_t stamp(char *buf, size_t len)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t s = (uint64_t)now.tv_sec, days = s / 86400 + 719468, era = days / 146097, day = days % 146097;
	uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365, rest = day - (365 * year + year / 4 - year / 100);
	uint64_t month = (5 * rest + 2) / 153, date = rest - (153 * month + 2) / 5 + 1;

	month = month < 10 ? month + 3 : month - 9;
	year += era * 400 + (month <= 2);
	int n = snprintf(buf, len, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ ", (unsigned)year, (unsigned)month, (unsigned)date, (unsigned)(s / 3600 % 24),
	                 (unsigned)(s / 60 % 60), (unsigned)(s % 60), (unsigned)(now.tv_nsec / 1000000));
	return n > 0 && (size_t)n < len ? (size_t)n : 0;
}

struct shown { char key[NAME_SHOWN], export[NAME_SHOWN], path[SHOWN], bytes[24], seconds[32], status[8]; };

static void show(struct shown *w, const struct transfers *t, const struct transfer_line *l)
{
	const char *export = export_shown(l->export);

	quotable(w->key, sizeof w->key, t->key, strlen(t->key));
	quotable(w->export, sizeof w->export, export, strlen(export));
	quotable(w->path, sizeof w->path, l->path.len ? l->path.p : (const uint8_t *)"", l->path.len);
	snprintf(w->bytes, sizeof w->bytes, "%llu", (unsigned long long)l->bytes);
	snprintf(w->seconds, sizeof w->seconds, "%llu.%03u", (unsigned long long)l->took_us / 1000000, (unsigned)(l->took_us / 1000 % 1000));
	snprintf(w->status, sizeof w->status, "%u", l->status);
}

static void to_file(struct transfers *t, const char *words)
{
	char   line[LINE + 64];
	size_t at = stamp(line, sizeof line);
	int    n = snprintf(line + at, sizeof line - at, "%s\n", words);

	if (n <= 0 || (size_t)n >= sizeof line - at)
		return;
	ssize_t done = write(t->fd, line, at + (size_t)n);
	if (done >= 0 || t->failed_once)
		return;
	log_warn("%s: the transfer log cannot be written: %s", t->peer, strerrordesc_np(errno));
	t->failed_once = true;
}

void transfers_add(struct transfers *t, const struct transfer_line *l)
{
	const char  *verb = l->removed ? "removed" : l->way == BOARD_SENT ? "sent" : "received";
	const char  *engine = l->engine ? l->engine->name : l->ranges ? "ranges" : "inline";
	const char  *carry = l->raw ? "plaintext" : t->suite;
	struct shown w;
	char         line[LINE];

	if (t->fd < 0 && !t->to_log)
		return;
	show(&w, t, l);
	snprintf(line, sizeof line, "%s \"%s\" %s \"%s\" \"%s\" %s bytes %s s %s %s %s", t->peer, w.key, verb, w.export, w.path, w.bytes, w.seconds,
	         engine, carry, w.status);
	if (t->fd >= 0)
		to_file(t, line);
	if (!t->to_log)
		return;
	const struct journal_field fields[] = {
		{ "ZCP_PEER", t->peer }, { "ZCP_KEY", w.key }, { "ZCP_VERB", verb }, { "ZCP_EXPORT", w.export }, { "ZCP_PATH", w.path },
		{ "ZCP_BYTES", w.bytes }, { "ZCP_SECONDS", w.seconds }, { "ZCP_ENGINE", engine }, { "ZCP_SUITE", carry }, { "ZCP_STATUS", w.status },
	};
	log_event(LOG_LEVEL_INFO, fields, sizeof fields / sizeof *fields, "%s", line);
}
