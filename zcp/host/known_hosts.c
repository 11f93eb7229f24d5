/* known_hosts.c - see known_hosts.h */
#include "zcp/host/known_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/err.h"
#include "common/io.h"
#include "common/unix_socket.h"
#include "common/vis.h"
#include "zcp/home.h"

enum { FILE_MAX = 4 << 20, REOPENS = 16 };

static const char *errno_text(int minus_errno, char *buf, size_t len)
{
	return fail_words(fail_errno(-minus_errno), buf, len);
}

/* Opened and locked, and still the file of that name. fd or -errno */
static int open_locked(const char *file, int flags, int lock)
{
	struct stat a, b;

	for (int i = 0; i < REOPENS; i++) {
		CLEAN_FD int fd = open(file, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
		if (fd < 0 || flock(fd, lock) < 0 || fstat(fd, &a) < 0)
			return -errno;
		if (stat(file, &b) < 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
			continue;               /* replaced while we waited for the lock */
		if (!S_ISREG(a.st_mode))
			return -EINVAL;
		if ((a.st_mode & 022) || (a.st_uid != geteuid() && a.st_uid != 0))
			return -EPERM;
		return keep_fd(&fd);
	}
	return -EAGAIN;
}

/* The whole file, terminated. Caller frees. NULL: *r = -errno */
static char *read_all(int fd, size_t *len, int *r)
{
	struct stat st;
	char       *text;

	*r = fstat(fd, &st) < 0 ? -errno : st.st_size > FILE_MAX ? -EFBIG : 0;
	if (*r < 0)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	ssize_t n = text ? io_pread_full(fd, text, (size_t)st.st_size, 0) : -ENOMEM;
	if (n < 0) {
		free(text);
		*r = (int)n;
		return NULL;
	}
	text[n] = '\0';
	*len = (size_t)n;
	return text;
}

static void broken(struct known_answer *a, const char *file, unsigned line, const char *say)
{
	char name[200];

	a->known = KNOWN_BROKEN;
	a->line = line;
	vis_str(name, sizeof name, file);
	if (line)
		snprintf(a->why, sizeof a->why, "%s, line %u: %s", name, line, say);
	else
		snprintf(a->why, sizeof a->why, "%s: %s", name, say);
}

static void broken_errno(struct known_answer *a, const char *file, int r)
{
	char words[120];

	if (r == -EPERM)
		broken(a, file, 0, "others can write it, or it is not yours: chmod go-w");
	else
		broken(a, file, 0, errno_text(r, words, sizeof words));
}

void known_hosts_name(const char *host, uint16_t port, char out[static KNOWN_NAME])
{
	bool v6 = strchr(host, ':') != NULL;

	if (unix_spec(host)) {
		snprintf(out, KNOWN_NAME, "%.255s", host);
		return;
	}
	snprintf(out, KNOWN_NAME, "%s%.255s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
	for (char *p = out; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
}

/* One line -> its name's length and its key. 1 = an entry, 0 = nothing there, -1 = not understood */
static int parse_line(const char *line, size_t *name_len, uint8_t key[static KEY_BYTES])
{
	size_t n = strcspn(line, " \t");

	if (!line[strspn(line, " \t\r")] || line[0] == '#')
		return 0;
	const char *rest = line + n + strspn(line + n, " \t");
	if (n == 0 || strncmp(rest, "zcp-x25519 ", 11) != 0 || keys_parse(rest, key) < 0)
		return -1;
	*name_len = n;
	return 1;
}

static bool same_name(const char *line, size_t n, const char *name)
{
	return strlen(name) == n && (unix_spec(name) ? strncmp(line, name, n) : strncasecmp(line, name, n)) == 0;
}

static void look_in(char *text, size_t len, const char *file, const char *name, const uint8_t key[static KEY_BYTES],
                    struct known_answer *a)
{
	uint8_t  seen[KEY_BYTES];
	unsigned number = 0;
	size_t   n;

	a->known = KNOWN_NEW;
	if (strlen(text) != len) {
		broken(a, file, 0, "it is not a text file");
		return;
	}
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		int r = parse_line(line, &n, seen);
		if (r < 0) {
			broken(a, file, number, "not a line of known_hosts: remove it");
			return;
		}
		if (r == 0 || !same_name(line, n, name) || a->known == KNOWN_SAME)
			continue;
		if (sodium_memcmp(seen, key, KEY_BYTES) == 0) {
			a->known = KNOWN_SAME;
		} else if (a->known == KNOWN_NEW) {
			a->known = KNOWN_CHANGED;
			a->line = number;
			keys_fingerprint(seen, a->old);
		}
	}
}

void known_hosts_look(const char *file, const char *name, const uint8_t key[static KEY_BYTES], struct known_answer *a)
{
	CLEAN_FD int fd = open_locked(file, O_RDONLY, LOCK_SH);
	size_t       len = 0;
	int          r = fd;

	*a = (struct known_answer){ .known = KNOWN_BROKEN };
	if (fd == -ENOENT) {
		a->known = KNOWN_NEW;
		return;
	}
	char *text = fd < 0 ? NULL : read_all(fd, &len, &r);
	if (!text) {
		broken_errno(a, file, r);
		return;
	}
	look_in(text, len, file, name, key, a);
	free(text);
}

static int append_line(int fd, const char *name, const uint8_t key[static KEY_BYTES], bool newline_first)
{
	char line[KNOWN_NAME + KEY_TEXT + 8], text[KEY_TEXT];

	keys_text(key, text);
	int     n = snprintf(line, sizeof line, "%s%s %s\n", newline_first ? "\n" : "", name, text);
	ssize_t w = lseek(fd, 0, SEEK_END) < 0 ? -errno : io_write_full(fd, line, (size_t)n);
	if (w >= 0 && fsync(fd) < 0)
		w = -errno;
	return w < 0 ? (int)w : 0;
}

void known_hosts_add(const char *file, const char *name, const uint8_t key[static KEY_BYTES], struct known_answer *a)
{
	size_t len = 0;
	int    r = home_make(file);

	*a = (struct known_answer){ .known = KNOWN_BROKEN };
	CLEAN_FD int fd = r < 0 ? r : open_locked(file, O_RDWR | O_CREAT, LOCK_EX);
	char *text = fd < 0 ? NULL : read_all(fd, &len, &r);
	if (!text) {
		broken_errno(a, file, fd < 0 ? fd : r);
		return;
	}
	bool newline_first = len > 0 && text[len - 1] != '\n';
	look_in(text, len, file, name, key, a);
	free(text);
	if (a->known != KNOWN_NEW)
		return;
	r = append_line(fd, name, key, newline_first);
	if (r < 0)
		broken_errno(a, file, r);
	else
		a->known = KNOWN_SAME;
}

/* port 0: any. A line's name is "host:digits" or "[v6]:digits". */
static bool forgets(const char *line, size_t n, const char *host, uint16_t port)
{
	char name[KNOWN_NAME];

	known_hosts_name(host, port, name);
	if (port || unix_spec(host))
		return same_name(line, n, name);
	size_t stem = strlen(name) - 1;         /* without the 0 of ":0" */
	return n > stem && strncasecmp(line, name, stem) == 0 && strspn(line + stem, "0123456789") == n - stem;
}

static int write_rest(const char *file, const char *text, size_t len)
{
	char aside[HOME_PATH + 8];
	int  r = 0;

	snprintf(aside, sizeof aside, "%s.new", file);
	unlink(aside);                          /* left by one that was killed; the lock is ours */
	int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ssize_t w = io_write_full(fd, text, len);
	if (w < 0 || fsync(fd) < 0)
		r = w < 0 ? (int)w : -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(aside, file) < 0)
		r = -errno;
	if (r < 0)
		unlink(aside);
	return r;
}

int known_hosts_forget(const char *file, const char *host, uint16_t port, char why[static KNOWN_WHY])
{
	struct known_answer a = { .known = KNOWN_BROKEN };
	CLEAN_FD int fd = open_locked(file, O_RDWR, LOCK_EX);
	size_t       len = 0, kept = 0, n;
	uint8_t      key[KEY_BYTES];
	int          r = fd, gone = 0;

	if (fd == -ENOENT)
		return 0;
	char *text = fd < 0 ? NULL : read_all(fd, &len, &r);
	for (char *line = text, *end = text ? text + len : NULL; line && line < end;) {
		char  *stop = memchr(line, '\n', (size_t)(end - line));
		size_t whole = stop ? (size_t)(stop - line) + 1 : (size_t)(end - line);
		char   copy[1024];
		snprintf(copy, sizeof copy, "%.*s", (int)(whole - (stop != NULL) < 1000 ? whole - (stop != NULL) : 1000), line);
		if (parse_line(copy, &n, key) == 1 && forgets(copy, n, host, port)) {
			gone++;
		} else {
			memmove(text + kept, line, whole);
			kept += whole;
		}
		line += whole;
	}
	if (text && gone)
		r = write_rest(file, text, kept);
	if (!text || r < 0) {
		broken_errno(&a, file, r);
		memcpy(why, a.why, KNOWN_WHY);
		gone = -1;
	}
	free(text);
	return gone;
}
