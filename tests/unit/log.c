/* log.c - who hears what is written: the tee. What lines look like: journal.c */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "common/log.h"
#include "tests/unit/tap.h"

static char     heard[400];
static unsigned times;

static void hears(enum log_level level, const char *words)
{
	snprintf(heard, sizeof heard, "%d %s", (int)level, words);
	times++;
}

int main(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), err = dup(STDERR_FILENO);

	dup2(null, STDERR_FILENO);
	log_setup("some", LOG_LEVEL_INFO, 0);
	log_error("nobody hears");
	log_tee(hears);
	ok(!times, "without a tee nothing is heard");
	log_error("an %s", "error");
	ok(times == 1 && !strcmp(heard, "0 an error"), "the words, without name and newline: %s", heard);
	log_warn("a warning");
	ok(times == 2 && !strcmp(heard, "1 a warning"), "warnings too: %s", heard);
	log_info("news");
	log_debug("details");
	ok(times == 2, "nothing else");
	log_said(LOG_LEVEL_ERROR, "told otherwise");
	ok(times == 2, "what is told otherwise is not");
	log_setup("some", LOG_LEVEL_ERROR, 0);
	log_warn("a warning");
	ok(times == 2 && !log_shows(LOG_LEVEL_WARN) && log_shows(LOG_LEVEL_ERROR), "nor what is not shown");
	log_error("an error");
	ok(times == 3, "errors are always shown");
	log_setup("some", LOG_LEVEL_ERROR, 1);
	log_error("with a priority");
	ok(times == 4 && !strcmp(heard, "0 with a priority"), "nor is a priority among the words: %s", heard);
	log_tee(NULL);
	log_error("nobody hears");
	ok(times == 4, "and nobody hears any more");
	dup2(err, STDERR_FILENO);
	return done();
}
