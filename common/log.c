/* log.c - see log.h */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16 * 1024 };    /* two paths of 4,095 bytes, shown by vis() */

static const char *name = "zcp";
static enum log_level most_level = LOG_LEVEL_WARN;
static int with_priority;
static void (*before_line)(void);

void log_setup(const char *program, enum log_level most, int journald)
{
	name = program;
	most_level = most;
	with_priority = journald;
}

void log_hook(void (*before)(void))
{
	before_line = before;
}

/* sd-daemon(3): "<N>" before a line on stderr is its priority */
static const char *priority(enum log_level level)
{
	static const char *const words[] = { "<3>", "<4>", "<6>", "<7>" };

	return with_priority ? words[level] : "";
}

__attribute__((format(printf, 2, 0)))
static void log_line(enum log_level level, const char *fmt, va_list ap)
{
	int saved = errno;
	char line[LINE_MAX_BYTES];
	size_t room = sizeof line - 1, at;      /* one byte is the newline's */

	if (level > most_level)
		return;
	int n = snprintf(line, room, "%s%s: ", priority(level), name);
	at = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
	n = vsnprintf(line + at, room - at, fmt, ap);
	at += n < 0 ? 0 : (size_t)n < room - at ? (size_t)n : room - at - 1;
	line[at++] = '\n';
	if (before_line)
		before_line();
	/* One write, so that lines of several processes never mix; nobody to tell if it fails. */
	ssize_t done = write(STDERR_FILENO, line, at);
	(void)done;
	errno = saved;
}

#define LOG_FUNCTION(which, level)                              \
	void which(const char *fmt, ...)                        \
	{                                                       \
		va_list ap;                                     \
		va_start(ap, fmt);                              \
		log_line(level, fmt, ap);                       \
		va_end(ap);                                     \
	}
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
