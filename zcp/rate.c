/* rate.c - see rate.h */
#include "zcp/rate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"
#include "common/path.h"
#include "common/stream.h"
#include "common/vis.h"
#include "zcp/cli/options.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { WORD_MAX = 64, SETTLE_MS = 1000, WATCHER_FDS = 16, WATCHED = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR };

const char rate_form[] = "a rate: KiB a second, or a number with K, M or G, at least 4K; 0 is no limit";

/* --- numbers ----------------------------------------------------------------------------------------------------------- */

static unsigned unit_shift(char c)
{
	switch (c) {
	case 'K': case 'k': return 10;
	case 'M': case 'm': return 20;
	case 'G': case 'g': return 30;
	default:            return 0;
	}
}

int rate_parse(const char *text, uint64_t *bytes_per_s)
{
	char     digits[32];
	size_t   n = strlen(text);
	uint64_t v;

	unsigned shift = n ? unit_shift(text[n - 1]) : 0;
	n -= shift > 0;
	if (n >= sizeof digits)
		return -EINVAL;
	memcpy(digits, text, n);
	digits[n] = '\0';
	shift = shift ? shift : 10;
	int r = num_parse(digits, 0, RATE_MOST >> shift, &v);
	if (r < 0)
		return r;
	v <<= shift;
	if (v && v < RATE_LEAST)
		return -ERANGE;
	*bytes_per_s = v;
	return 0;
}

unsigned rate_streams_most(uint64_t bytes_per_s)
{
	/* zcpd's own figure is a stream's share of a minute; four times that, since windows open in steps */
	uint64_t each = 4 * (uint64_t)STREAM_LEAST_A_MINUTE / 60, most = each ? bytes_per_s / each : 0;

	if (!bytes_per_s || most > STREAMS_MAX)
		return STREAMS_MAX;
	return most ? (unsigned)most : 1;
}

/* --- the file ---------------------------------------------------------------------------------------------------------- */

/* The first word. 0 or -errno, with the reason in words. */
static int read_rate(const struct rate *r, int dir, uint64_t *rate, char words[static RATE_WORDS])
{
	char         text[WORD_MAX + 1], seen[200];
	struct stat  st;
	CLEAN_FD int fd = path_one(dir, r->name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	ssize_t      n = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? io_pread_full(fd, text, WORD_MAX, 0) : -EINVAL;

	if (n < 0) {
		fail_words(fail_errno((int)n), seen, sizeof seen);
		snprintf(words, RATE_WORDS, "%s", fd >= 0 && n == -EINVAL ? "not a regular file" : seen);
		return (int)n;
	}
	text[n] = '\0';
	char *word = text + strspn(text, " \t\r\n");
	word[strcspn(word, " \t\r\n")] = '\0';
	int bad = rate_parse(word, rate);
	if (bad < 0)
		snprintf(words, RATE_WORDS, "'%s' is not %s", vis_str(seen, 100, word), rate_form);
	return bad;
}

/* --- the process that watches it ---------------------------------------------------------------------------------------- */

/* What it tells: a rate, or what is wrong with FILE. Shorter than PIPE_BUF: whole, or not at all. */
struct told { uint64_t rate; int bad; char words[RATE_WORDS]; };

/* false: it has no rate; told only when it is to be so */
static bool look(const struct rate *r, int dir, int out, bool say)
{
	struct told t = { 0 };

	t.bad = read_rate(r, dir, &t.rate, t.words);
	if (t.bad == 0 || say)
		(void)!write(out, &t, sizeof t);        /* nobody reads any more: the next poll says so */
	return t.bad == 0;
}

enum seen { SEEN_NOTHING = 0, SEEN_WRITTEN, SEEN_GONE };

/* All that has happened: the last that was about FILE counts. */
static enum seen drain(const struct rate *r, int notify)
{
	_Alignas(struct inotify_event) char buf[4096];
	enum seen seen = SEEN_NOTHING;
	ssize_t   n = read(notify, buf, sizeof buf);

	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
		struct inotify_event e;
		memcpy(&e, buf + at, sizeof e);
		const char *name = buf + at + sizeof e;
		at += (ssize_t)(sizeof e + e.len);
		if (e.mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT))
			seen = SEEN_WRITTEN;            /* look for yourself */
		else if (e.len && strncmp(name, r->name, e.len) == 0)
			seen = e.mask & (IN_CLOSE_WRITE | IN_MOVED_TO) ? SEEN_WRITTEN : SEEN_GONE;
	}
	return seen;
}

static void watch_file(const struct rate *r, int dir, int notify, int out)
{
	struct pollfd p[] = { { .fd = out }, { .fd = notify, .events = POLLIN } };
	bool          unsettled = false;        /* half-written, or taken away for a moment, as editors do: look again before a word is said */

	for (;;) {
		int n = poll(p, 2, unsettled ? SETTLE_MS : -1);
		if ((n < 0 && errno != EINTR) || (n > 0 && p[0].revents))
			break;                          /* zcp has ended, in whatever way */
		enum seen seen = n > 0 && p[1].revents ? drain(r, notify) : SEEN_NOTHING;
		if (n == 0 || seen == SEEN_WRITTEN)
			unsettled = !look(r, dir, out, n == 0) && n != 0;
		else if (seen == SEEN_GONE)
			unsettled = true;
	}
}

/* A copy of zcp from before it knew a key or a peer: nothing of it but these three is open, and nobody looks into it. */
_Noreturn static void be_watcher(const struct rate *r, int dir, int notify, int out)
{
	int      fds[3] = { fcntl(dir, F_DUPFD_CLOEXEC, WATCHER_FDS), fcntl(notify, F_DUPFD_CLOEXEC, WATCHER_FDS),
	                     fcntl(out, F_DUPFD_CLOEXEC, WATCHER_FDS) }, end = 0;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	for (int i = 0; i < 3; i++)
		end = fds[i] < 0 ? INT_MAX : fds[i] > end ? fds[i] : end;
	if (end == INT_MAX)
		_exit(1);
	for (int fd = 0; fd <= end; fd++)
		if (fd != fds[0] && fd != fds[1] && fd != fds[2])
			close(fd);
	syscall(SYS_close_range, (unsigned)end + 1, ~0U, 0);
	watch_file(r, fds[0], fds[1], fds[2]);
	_exit(0);
}

/* 0 or -errno. The descriptors of the file's side are closed here, in either case. */
static int start_watcher(struct rate *r, int dir, int notify)
{
	int pipe_fds[2] = { -1, -1 };

	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		be_watcher(r, dir, notify, pipe_fds[1]);
	int e = pid < 0 ? -errno : 0;
	close(pipe_fds[1]);
	if (e < 0)
		close(pipe_fds[0]);
	else
		r->from = pipe_fds[0];
	return e;
}

/* --- what it tells ------------------------------------------------------------------------------------------------------ */

/* What is wrong with it is said once, however often it is looked at. */
static void complain(struct rate *r, const char *words)
{
	if (strcmp(r->said, words) == 0)
		return;
	snprintf(r->said, sizeof r->said, "%s", words);
	log_warn("--bwlimit=@%s: the rate stays as it is: %s", r->shown, words);
}

static void take(struct rate *r, const struct told *t)
{
	char size[16];

	if (t->bad < 0) {
		complain(r, t->words);
		return;
	}
	r->said[0] = '\0';
	if (t->rate == throttle_rate(&r->throttle))
		return;
	throttle_set(&r->throttle, t->rate, clock_ns());
	if (t->rate)
		log_info("--bwlimit=@%s: %s/s from now on", r->shown, num_size(t->rate, size));
	else
		log_info("--bwlimit=@%s: no limit from now on", r->shown);
}

static void *watch(void *arg)
{
	struct rate  *r = arg;
	struct told   t;
	struct pollfd p[] = { { .fd = r->stop, .events = POLLIN }, { .fd = r->from, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[0].revents)
			break;
		if (!p[1].revents)
			continue;
		ssize_t n = read(r->from, &t, sizeof t);
		if (n == (ssize_t)sizeof t)
			take(r, &t);
		else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			p[1].fd = -1;                   /* whoever killed it wants the rate to stay */
	}
	return NULL;
}

void rate_watch(struct rate *r)
{
	sigset_t all, before;

	if (r->from < 0 || r->watched)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int e = pthread_create(&r->thread, NULL, watch, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	r->watched = e == 0;
	if (e)
		log_warn("--bwlimit=@%s: no thread to watch it: the rate stays as it is", r->shown);
}

/* --- begin and end ----------------------------------------------------------------------------------------------------- */

static enum status refuse(const struct rate *r, const char *words)
{
	log_error("--bwlimit=@%s: %s", r->shown, words);
	return ST_USAGE;
}

static enum status refuse_errno(const struct rate *r, int e)
{
	char words[200];

	return refuse(r, fail_words(fail_errno(e), words, sizeof words));
}

/* path: FILE without links. Watched before it is read, so that no change is missed. */
static enum status open_file(struct rate *r, char *path)
{
	char     *slash = strrchr(path, '/'), words[RATE_WORDS];
	uint64_t  rate = 0;

	if (!slash || strlen(slash + 1) >= sizeof r->name)
		return refuse_errno(r, ENAMETOOLONG);
	snprintf(r->name, sizeof r->name, "%s", slash + 1);
	slash[slash == path] = '\0';
	if (!*r->name)
		return refuse(r, "not a regular file");
	CLEAN_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN_FD int notify = dir < 0 ? -1 : inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	r->stop = notify < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->stop < 0 || inotify_add_watch(notify, path, WATCHED) < 0)
		return refuse_errno(r, errno);
	if (read_rate(r, dir, &rate, words) < 0)
		return refuse(r, words);
	throttle_set(&r->throttle, rate, clock_ns());
	int e = start_watcher(r, dir, notify);
	return e < 0 ? refuse_errno(r, -e) : ST_OK;
}

enum status rate_begin(struct rate *r, const struct options *o)
{
	*r = (struct rate){ .throttle = { .rate = o->bytes_per_s }, .from = -1, .stop = -1 };
	if (!o->rate_file)
		return ST_OK;
	vis_str(r->shown, sizeof r->shown, o->rate_file);
	char       *path = realpath(o->rate_file, NULL);
	enum status st = path ? open_file(r, path) : refuse_errno(r, errno);
	free(path);
	return st;
}

struct throttle *rate_throttle(struct rate *r)
{
	return throttle_rate(&r->throttle) || r->from >= 0 ? &r->throttle : NULL;
}

void rate_end(struct rate *r)
{
	uint64_t one = 1;

	if (r->watched && write(r->stop, &one, sizeof one) == (ssize_t)sizeof one)
		pthread_join(r->thread, NULL);
	r->watched = false;
	close_fd(&r->stop);
	close_fd(&r->from);                     /* by which the watcher ends */
}
