/* ask.c - see ask.h */
#include "zcp/host/ask.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"

enum { ANSWERS = 3, ANSWER_MAX = 256 };

bool ask_possible(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	CLEAN_FD int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	return tty >= 0;
}

static bool say(int tty, const char *text)
{
	return io_write_full(tty, text, strlen(text)) >= 0;
}

/* One line without its newline. false: end of file, an error, or too long. */
static bool read_answer(int tty, char answer[static ANSWER_MAX])
{
	size_t at = 0;
	char   c;

	while (at < ANSWER_MAX - 1) {
		ssize_t n = read(tty, &c, 1);   /* a signal ends the question */
		if (n != 1)
			return false;
		if (c == '\n') {
			answer[at] = '\0';
			return true;
		}
		answer[at++] = c;
	}
	return false;
}

bool ask_about_key(const char *where, const uint8_t key[static KEY_BYTES])
{
	char fingerprint[KEY_FINGERPRINT], question[1024], answer[ANSWER_MAX];
	CLEAN_FD int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (tty < 0)
		return false;
	keys_fingerprint(key, fingerprint);
	snprintf(question, sizeof question,
	         "%s has not been seen before. Its key is\n  %s\n`zcpd --public-key` on that machine says what it must be.\n"
	         "Is it right, and shall it be remembered? (yes/no/the fingerprint) ", where, fingerprint);
	if (!say(tty, question))
		return false;
	for (int i = 0; i < ANSWERS && read_answer(tty, answer); i++) {
		if (strcmp(answer, "yes") == 0 || strcmp(answer, fingerprint) == 0)
			return true;
		if (strcmp(answer, "no") == 0 || strncmp(answer, "SHA256:", 7) == 0)
			return false;
		if (!say(tty, "Type yes, no, or the fingerprint: "))
			return false;
	}
	return false;
}
