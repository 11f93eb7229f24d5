/* log.c - see log.h */
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *name = "zcp";
static enum log_level most_level = LOG_LEVEL_WARN;
static int with_priority;
static int journal = -1;                /* its socket, where stderr is the journal */
static void (*before_line)(void);
static void (*heard_by)(enum log_level, const char *words);
static int patience_ms = -1;
static unsigned lost;                   /* lines, since the reader was stuck */
static pid_t loser;                     /* who lost them: not a child's to say */

void log_setup(const char *program, enum log_level most, int journald)
{
	name = program;
	most_level = most;
	with_priority = journald;
	if (journald && journal < 0)
		journal = journal_open(JOURNAL_SOCKET);
}

int log_descriptor(void)
{
	return journal;
}

void log_hook(void (*before)(void))
{
	before_line = before;
}

void log_tee(void (*hears)(enum log_level, const char *words))
{
	heard_by = hears;
}

bool log_shows(enum log_level level)
{
	return level <= most_level;
}

/* syslog(3): sd-daemon(3) has "<N>" before a line on stderr, journald a field */
static const char *const priorities[] = { "3", "4", "6", "7" };

/* "name: words" after the priority, if there is one, and a newline at the end. Bytes; *words: where they begin, without the name. */
__attribute__((format(printf, 4, 0)))
static size_t make_line(char line[static LOG_LINE_MAX], enum log_level level, size_t *words, const char *fmt, va_list ap)
{
	const size_t room = LOG_LINE_MAX - 2;   /* the newline's byte, and the end's */
	const char  *p = priorities[level];
	int          n = with_priority ? snprintf(line, room, "<%s>%s: ", p, name) : snprintf(line, room, "%s: ", name);
	size_t       at = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;

	*words = at;
	n = vsnprintf(line + at, room - at, fmt, ap);
	at += n < 0 ? 0 : (size_t)n < room - at ? (size_t)n : room - at - 1;
	line[at++] = '\n';
	return at;
}

void log_patience(int ms)
{
	patience_ms = ms;
}

/* Does a line fit? Once one was lost nobody waits: the next is tried, and is the sign that the reader reads again. */
static bool takes_a_line(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	int           n;

	if (patience_ms < 0)
		return true;
	if (lost && loser != getpid())
		lost = 0;
	do
		n = poll(&p, 1, lost ? 0 : patience_ms);
	while (n < 0 && errno == EINTR);
	return n != 0;
}

static void lose(void)
{
	lost++;
	loser = getpid();
}

static void say_lost(void)
{
	char line[128];
	int  n = snprintf(line, sizeof line, "%s%s: %u line%s lost: nobody read this log\n", with_priority ? "<4>" : "", name, lost, lost == 1 ? " was" : "s were");

	lost = 0;
	ssize_t done = n > 0 ? write(STDERR_FILENO, line, (size_t)n) : 0;
	(void)done;
}

/* One write, so that lines of several processes never mix; nobody to tell if it fails. */
static void write_line(const char *line, size_t len)
{
	if (before_line)
		before_line();
	bool takes = takes_a_line();
	if (takes && lost) {
		say_lost();
		takes = takes_a_line();
	}
	if (!takes) {
		lose();
		return;
	}
	ssize_t done = write(STDERR_FILENO, line, len);
	(void)done;
}

__attribute__((format(printf, 3, 0)))
static void log_line(enum log_level level, bool heard, const char *fmt, va_list ap)
{
	int    saved = errno;
	char   line[LOG_LINE_MAX];
	size_t words;

	if (!log_shows(level))
		return;
	size_t len = make_line(line, level, &words, fmt, ap);
	write_line(line, len);
	if (heard_by && heard && level <= LOG_LEVEL_WARN) {
		line[len - 1] = '\0';
		heard_by(level, line + words);
	}
	errno = saved;
}

void log_said(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, false, fmt, ap);
	va_end(ap);
}

static int send_event(const char *message, enum log_level level, const struct journal_field *fields, size_t count)
{
	struct journal_field all[LOG_FIELDS_MAX] = {
		{ "MESSAGE", message }, { "PRIORITY", priorities[level] }, { "SYSLOG_IDENTIFIER", name },
	};

	if (journal < 0 || count > LOG_FIELDS_MAX - 3)
		return -ENOTCONN;
	for (size_t i = 0; i < count; i++)
		all[3 + i] = fields[i];
	return journal_send(journal, all, 3 + count);
}

void log_event(enum log_level level, const struct journal_field *fields, size_t count, const char *fmt, ...)
{
	int     saved = errno;
	char    line[LOG_LINE_MAX];
	size_t  words;
	va_list ap;

	if (!log_shows(level))
		return;
	va_start(ap, fmt);
	size_t len = make_line(line, level, &words, fmt, ap);
	va_end(ap);
	line[len - 1] = '\0';
	if (send_event(line + words, level, fields, count) < 0) {
		line[len - 1] = '\n';
		write_line(line, len);
	}
	errno = saved;
}

#define LOG_FUNCTION(which, level)                              \
	void which(const char *fmt, ...)                        \
	{                                                       \
		va_list ap;                                     \
		va_start(ap, fmt);                              \
		log_line(level, true, fmt, ap);                 \
		va_end(ap);                                     \
	}
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
