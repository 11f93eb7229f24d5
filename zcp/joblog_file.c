/* joblog_file.c - the log's form, and the file it is kept in; see joblog_own.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/err.h"
#include "common/io.h"
#include "common/log.h"
#include "common/resume.h"
#include "common/vis.h"
#include "zcp/home.h"
#include "zcp/joblog_own.h"

enum { WALK_BYTES = 64 * 1024, SWEEP_MOST = 10000, REOPENS = 16,
       EMPTY_AGE_S = 60 /* a younger one may be about to be locked by who has just made it */ };
static const char magic[8] = { 'z', 'c', 'p', ' ', 'j', 'o', 'b', '\n' };

/* --- entries ----------------------------------------------------------------------------------------------------------- */

static void put(uint8_t *p, unsigned bytes, uint64_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void entry_sum(const struct joblog *l, uint64_t at, const uint8_t *entry, size_t n, uint8_t sum[static JOBLOG_ENTRY_SUM])
{
	uint8_t text[8 + JOBLOG_ENTRY_MAX];

	put(text, 8, at);
	memcpy(text + 8, entry, n);
	crypto_shorthash(sum, text, 8 + n, l->key);
}

size_t joblog_encode(const struct joblog *l, uint64_t at, const struct joblog_file *f, uint8_t out[static JOBLOG_ENTRY_MAX])
{
	size_t n = strnlen(f->path, WIRE_PATH_MAX + 1);

	if (n > WIRE_PATH_MAX)
		return 0;
	put(out, 2, n);
	put(out + 2, 8, f->size);
	put(out + 10, 8, (uint64_t)f->mtime);
	put(out + 18, 4, f->mtime_ns);
	memcpy(out + JOBLOG_ENTRY_HEAD, f->path, n);
	entry_sum(l, at, out, JOBLOG_ENTRY_HEAD + n, out + JOBLOG_ENTRY_HEAD + n);
	return JOBLOG_ENTRY_HEAD + n + JOBLOG_ENTRY_SUM;
}

/* One entry of what is here: its length, 0 = none. */
static size_t decode(const struct joblog *l, uint64_t at, const uint8_t *p, size_t have, struct joblog_file *f, char path[static WIRE_PATH_MAX + 1])
{
	uint8_t sum[JOBLOG_ENTRY_SUM];
	size_t  n = have >= JOBLOG_ENTRY_HEAD ? (size_t)get(p, 2) : WIRE_PATH_MAX + 1, head = JOBLOG_ENTRY_HEAD + n;

	if (n > WIRE_PATH_MAX || have < head + JOBLOG_ENTRY_SUM)
		return 0;
	entry_sum(l, at, p, head, sum);
	if (memcmp(sum, p + head, sizeof sum) != 0)
		return 0;
	memcpy(path, p + JOBLOG_ENTRY_HEAD, n);
	path[n] = '\0';
	*f = (struct joblog_file){ .path = path, .size = get(p + 2, 8), .mtime = (int64_t)get(p + 10, 8), .mtime_ns = (uint32_t)get(p + 18, 4) };
	return head + JOBLOG_ENTRY_SUM;
}

int64_t joblog_walk(const struct joblog *l, void (*each)(void *arg, const struct joblog_file *), void *arg)
{
	uint8_t           *buf = malloc(WALK_BYTES);
	char               path[WIRE_PATH_MAX + 1];
	uint64_t           at = JOBLOG_HEADER;
	size_t             from = 0, have = 0, n;
	ssize_t            got = 1;
	struct joblog_file f;

	while (buf && got >= 0) {
		n = decode(l, at, buf + from, have - from, &f, path);
		if (n) {
			each(arg, &f);
			from += n;
			at += n;
			continue;
		}
		if (have - from >= JOBLOG_ENTRY_MAX || got == 0)
			break;                          /* all that an entry may be is here, and it is none */
		memmove(buf, buf + from, have - from);
		have -= from;
		from = 0;
		got = io_pread_full(l->fd, buf + have, WALK_BYTES - have, at + have);
		have += got > 0 ? (size_t)got : 0;
	}
	free(buf);
	return !buf ? -ENOMEM : got < 0 ? got : (int64_t)at;
}

/* --- header ------------------------------------------------------------------------------------------------------------ */

enum { AT_VERSION = 8, AT_HASH = 16, AT_KEY = AT_HASH + JOBLOG_HASH, AT_SUM = AT_KEY + JOBLOG_KEY };

static int begin_anew(struct joblog *l)
{
	uint8_t h[JOBLOG_HEADER] = { 0 };

	randombytes_buf(l->key, sizeof l->key);
	memcpy(h, magic, sizeof magic);
	put(h + AT_VERSION, 4, JOBLOG_VERSION);
	memcpy(h + AT_HASH, l->hash, JOBLOG_HASH);
	memcpy(h + AT_KEY, l->key, JOBLOG_KEY);
	crypto_generichash(h + AT_SUM, JOBLOG_SUM, h, AT_SUM, NULL, 0);
	if (ftruncate(l->fd, 0) < 0 || lseek(l->fd, 0, SEEK_SET) < 0)
		return -errno;
	ssize_t n = io_write_full(l->fd, h, sizeof h);
	return n < 0 ? (int)n : 0;
}

/* NULL: it is this job's. "": it is new. Else why it is not believed. */
static const char *read_header(struct joblog *l, const struct stat *st)
{
	uint8_t h[JOBLOG_HEADER], sum[JOBLOG_SUM];
	ssize_t n = io_pread_full(l->fd, h, sizeof h, 0);

	if (n == 0)
		return "";
	if (n != JOBLOG_HEADER || memcmp(h, magic, sizeof magic) != 0)
		return "it is no such file";
	if (get(h + AT_VERSION, 4) != JOBLOG_VERSION)
		return "it is of another version of zcp";
	crypto_generichash(sum, sizeof sum, h, AT_SUM, NULL, 0);
	if (memcmp(sum, h + AT_SUM, sizeof sum) != 0)
		return "it is damaged";
	if (memcmp(h + AT_HASH, l->hash, JOBLOG_HASH) != 0)
		return "it is of another job";
	if (time(NULL) - st->st_mtime > SWEEP_AGE_S)
		return "it is too old";
	memcpy(l->key, h + AT_KEY, JOBLOG_KEY);
	return NULL;
}

/* --- its place --------------------------------------------------------------------------------------------------------- */

/* Not ours, or others may write it. */
static bool strange(const struct stat *st)
{
	return st->st_uid != geteuid() || (st->st_mode & 022);
}

/* fd or -errno; -ENOTUNIQ: no home is known */
static int open_dir(void)
{
	char        path[HOME_PATH];
	struct stat st;
	int         r = home_state("jobs/x", path);

	if (r < 0)
		return -ENOTUNIQ;
	r = home_make(path);
	if (r < 0)
		return r;
	*strrchr(path, '/') = '\0';
	CLEAN_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return strange(&st) ? -EPERM : keep_fd(&fd);
}

static bool is_name(const char *name)
{
	return strlen(name) == JOBLOG_HASH && strspn(name, "0123456789abcdef") == JOBLOG_HASH;
}

static void sweep_one(int dir, const char *name)
{
	struct stat  st;
	CLEAN_FD int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    time(NULL) - st.st_mtime > (st.st_size ? SWEEP_AGE_S : EMPTY_AGE_S) && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir, name, 0);
}

/* Logs that nobody goes on with, and those of jobs that have come to their end. */
static void sweep(int dir, const char *own)
{
	int                  fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR                 *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	for (unsigned n = 0; d && n < SWEEP_MOST && (e = readdir(d)); n++)      /* NOLINT(concurrency-mt-unsafe): one stream, one thread */
		if (is_name(e->d_name) && strcmp(e->d_name, own) != 0)
			sweep_one(dir, e->d_name);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

/* Opened and locked, and still the file of that name. -EPERM: not ours; -EWOULDBLOCK: another run has it */
static int open_named(struct joblog *l, struct stat *st)
{
	struct stat named;

	for (int i = 0; i < REOPENS; i++) {
		CLEAN_FD int fd = openat(l->dir, l->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
		if (fd < 0)
			return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EPERM : -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, st) < 0)
			return -errno;
		if (fstatat(l->dir, l->name, &named, AT_SYMLINK_NOFOLLOW) < 0 || named.st_dev != st->st_dev || named.st_ino != st->st_ino)
			continue;               /* the run that had it has removed it */
		if (!S_ISREG(st->st_mode) || st->st_uid != geteuid())
			return -EPERM;
		if (!strange(st) && st->st_nlink == 1)
			return keep_fd(&fd);
		log_warn("the job's log is not believed: others may write it: it is begun anew");
		if (unlinkat(l->dir, l->name, 0) < 0)
			return -errno;
	}
	return -EAGAIN;
}

static int open_and_read(struct joblog *l, bool no_resume)
{
	struct stat st = { 0 };

	l->fd = open_named(l, &st);
	if (l->fd < 0)
		return l->fd;
	if (no_resume)
		return unlinkat(l->dir, l->name, 0) < 0 ? -errno : -ECANCELED;
	const char *why = read_header(l, &st);
	if (!why)
		return 0;
	if (*why)
		log_warn("the job's log is not believed: %s: it is begun anew", why);
	return begin_anew(l);
}

static void say_without(int r)
{
	char path[HOME_PATH], seen[400], words[120];

	if (home_state("jobs", path) == 0)
		vis_str(seen, sizeof seen, path);
	if (r == -EWOULDBLOCK)
		log_info("the same job is running already: this run keeps no log, and if it is interrupted, the next begins anew");
	else if (r == -ENOTUNIQ)
		log_info("no home directory is known, so no log of the job is kept: if it is interrupted, the next begins anew (XDG_STATE_HOME)");
	else if (r != -ECANCELED)
		log_warn("no log of the job is kept in %s: %s: if it is interrupted, the next begins anew",
		         seen, r == -EPERM ? "what has its name, or its directory, is not yours alone" : fail_words(fail_errno(r), words, sizeof words));
}

int joblog_file_open(struct joblog *l, bool no_resume)
{
	l->dir = open_dir();
	int r = l->dir < 0 ? l->dir : 0;

	sodium_bin2hex(l->name, sizeof l->name, l->hash, JOBLOG_HASH / 2);
	if (r == 0)
		r = open_and_read(l, no_resume);
	if (l->dir >= 0)
		sweep(l->dir, l->name);
	if (r == 0)
		return 0;
	say_without(r);
	close_fd(&l->dir);
	if (l->fd >= 0)
		close_fd(&l->fd);
	l->fd = memfd_create("zcp job", MFD_CLOEXEC);
	return l->fd < 0 ? -errno : begin_anew(l);
}
