/* names.c - see names.h */
#include "zcp/select/names.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/path.h"
#include "common/vis.h"
#include "zcp/cli/target.h"
#include "zcp/job.h"

enum { SEEN_FIRST = 1 << 12, RAW_MAX = WIRE_PATH_MAX + 1 };
static const uint64_t taken_bit = 1;        /* of an entry of seen */

struct names {
	int      fd, kept;              /* kept: what came of one that cannot be read twice; -1: it can */
	char     end;                   /* of a name */
	bool     absolute;              /* said */
	bool     from_root;             /* the source is a root: a slash at the beginning is as it should be */
	uint64_t at, known;             /* in kept: read, written */
	uint64_t doubled;
	char     first_doubled[300];
	uint64_t *seen; size_t seen_count, seen_room;   /* open addressing, 0 = free */
	uint8_t  key[16];
	size_t   from, to;              /* in bytes: not given yet */
	bool     over;
	char     bytes[NAMES_BYTES];
	char     raw[RAW_MAX + 1]; size_t raw_len;      /* the name at hand; RAW_MAX + 1: longer than fits */
};

/* --- the list ---------------------------------------------------------------------------------------------------------- */

/* A file without a name: in TMPDIR, else in memory. */
static int nameless(void)
{
	const char *dir = getenv("TMPDIR");
	int         fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("zcp names", MFD_CLOEXEC);
}

static bool is_root(const struct options *o)
{
	const char *slash = o->count ? strrchr(o->args[0], '/') : NULL;

	return slash && !slash[1] && (slash == o->args[0] || slash[-1] == ':');
}

enum status names_open(struct names **out, const struct options *o)
{
	struct names *n = calloc(1, sizeof *n);
	char          seen[300], words[120];

	if (!n) {
		log_error("out of memory");
		return ST_FILE_IO;
	}
	n->kept = -1;
	n->end = o->zero ? '\0' : '\n';
	n->from_root = is_root(o);
	randombytes_buf(n->key, sizeof n->key);
	n->fd = strcmp(o->files_from, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(o->files_from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = n->fd < 0 ? -errno : 0;
	if (r == 0 && lseek(n->fd, 0, SEEK_CUR) < 0) {
		n->kept = nameless();
		r = n->kept < 0 ? -errno : 0;
	}
	struct stat st;
	if (r == 0 && fstat(n->fd, &st) == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	if (r == 0) {
		*out = n;
		return ST_OK;
	}
	log_error("--files-from=%s: %s", vis_str(seen, sizeof seen, o->files_from), fail_words(fail_errno(r), words, sizeof words));
	names_end(n);
	return ST_USAGE;
}

/* What an attempt before this one has read comes from there; what is new goes there. */
static ssize_t read_some(struct names *n)
{
	ssize_t got;

	if (n->kept >= 0 && n->at < n->known) {
		size_t most = n->known - n->at < NAMES_BYTES ? (size_t)(n->known - n->at) : NAMES_BYTES;
		got = io_pread_full(n->kept, n->bytes, most, n->at);
		n->at += got > 0 ? (uint64_t)got : 0;
		return got;
	}
	do
		got = read(n->fd, n->bytes, NAMES_BYTES);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (n->kept >= 0 && got > 0) {
		ssize_t put = io_write_full(n->kept, n->bytes, (size_t)got);
		if (put < 0)
			return put;
		n->at = n->known += (uint64_t)got;
	}
	return got;
}

static int fill(struct names *n)
{
	ssize_t got = n->over ? 0 : read_some(n);

	if (got < 0)
		return (int)got;
	n->over = got == 0;
	n->from = 0;
	n->to = (size_t)got;
	return got > 0;
}

/* The next name, as it stands there: 1, 0 = end, -errno. One that is too long is told by its length. */
static int raw_next(struct names *n)
{
	n->raw_len = 0;
	for (;;) {
		int r = n->from < n->to ? 1 : fill(n);
		if (r < 0)
			return r;
		if (r == 0) {                   /* the last one may lack its end */
			n->raw[n->raw_len < RAW_MAX ? n->raw_len : RAW_MAX] = '\0';
			return n->raw_len > 0;
		}
		const char *begin = n->bytes + n->from, *end = memchr(begin, n->end, n->to - n->from);
		size_t      len = end ? (size_t)(end - begin) : n->to - n->from;
		size_t      room = n->raw_len < RAW_MAX ? RAW_MAX - n->raw_len : 0;
		memcpy(n->raw + n->raw_len, begin, len < room ? len : room);
		n->raw_len = len <= room ? n->raw_len + len : RAW_MAX + 1;
		n->from += len + (end != NULL);
		if (end && n->raw_len) {
			n->raw[n->raw_len < RAW_MAX ? n->raw_len : RAW_MAX] = '\0';
			return 1;
		}
	}
}

/* --- which have been given ---------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct names *n, const char *path)
{
	uint8_t  h[crypto_shorthash_BYTES];
	uint64_t v;

	crypto_shorthash(h, (const unsigned char *)path, strlen(path), n->key);
	memcpy(&v, h, sizeof v);
	return (v & ~taken_bit) | 2;
}

static uint64_t *place(uint64_t *seen, size_t room, uint64_t hash)
{
	size_t i = (size_t)(hash >> 2) & (room - 1);

	while (seen[i] && (seen[i] & ~taken_bit) != (hash & ~taken_bit))
		i = (i + 1) & (room - 1);
	return &seen[i];
}

static int grow(struct names *n)
{
	size_t    room = n->seen_room ? n->seen_room * 2 : SEEN_FIRST;
	uint64_t *more = calloc(room, sizeof *more);

	if (!more)
		return -ENOMEM;
	for (size_t i = 0; i < n->seen_room; i++)
		if (n->seen[i])
			*place(more, room, n->seen[i]) = n->seen[i];
	free(n->seen);
	n->seen = more;
	n->seen_room = room;
	return 0;
}

void names_take(struct names *n, const char *path)
{
	uint64_t *at = n->seen_room ? place(n->seen, n->seen_room, hash_of(n, path)) : NULL;

	if (at && *at)
		*at |= taken_bit;
}

bool names_took(const struct names *n, const char *path)
{
	return n->seen_room && (*place(n->seen, n->seen_room, hash_of(n, path)) & taken_bit);
}

/* 1: it was given before */
static int note(struct names *n, const char *path)
{
	int r = 4 * (n->seen_count + 1) > 3 * n->seen_room && n->seen_count < NAMES_KNOWN ? grow(n) : 0;

	if (r < 0)
		return r;
	uint64_t hash = hash_of(n, path), *at = place(n->seen, n->seen_room, hash);
	if (*at)
		return 1;
	if (n->seen_count < NAMES_KNOWN) {
		*at = hash;
		n->seen_count++;
	}
	return 0;
}

/* --- a name ------------------------------------------------------------------------------------------------------------- */

static struct fail clean(struct names *n, char *raw, char path[static WIRE_PATH_MAX + 1])
{
	size_t slashes = strspn(raw, "/");

	if (n->raw_len > WIRE_PATH_MAX)
		return fail_why(ST_FILE_IO, WHY_TOO_LONG);
	if (strlen(raw) != n->raw_len)
		return fail_why(ST_MISSING, WHY_NAME);          /* a NUL in a line */
	if (slashes && !n->absolute && !n->from_root)
		log_warn("--files-from: names that begin with '/' are taken from below the source");
	n->absolute |= slashes > 0;
	if (!path_clean(raw + slashes))
		return fail_why(ST_MISSING, WHY_NAME_ABOVE);
	int r = path_check(wire_cstr(raw + slashes), true, path);
	return r == -ENAMETOOLONG ? fail_why(ST_FILE_IO, WHY_TOO_LONG) : r < 0 ? fail_why(ST_MISSING, WHY_NAME) : (struct fail){ 0 };
}

static void doubled(struct names *n, const char *path)
{
	if (!n->doubled++)
		vis_str(n->first_doubled, sizeof n->first_doubled, *path ? path : ".");
}

int names_next(struct names *n, struct name *out)
{
	int r;

	while ((r = raw_next(n)) > 0) {
		char whole[RAW_MAX + 1];
		memcpy(whole, n->raw, sizeof whole);
		out->fail = clean(n, n->raw, out->path);
		if (out->fail.status) {
			memcpy(out->path, whole, WIRE_PATH_MAX);
			out->path[WIRE_PATH_MAX] = '\0';
			return 1;
		}
		r = note(n, out->path);
		if (r <= 0)
			return r < 0 ? r : 1;
		doubled(n, out->path);
	}
	return r;
}

int names_again(struct names *n)
{
	if (n->kept < 0 && lseek(n->fd, 0, SEEK_SET) < 0)
		return -errno;
	n->at = 0;
	n->from = n->to = 0;
	n->over = false;
	n->doubled = 0;
	n->seen_count = 0;
	free(n->seen);
	n->seen = NULL;
	n->seen_room = 0;
	return 0;
}

void names_broken(struct job *j, int r)
{
	report_fail(&j->report, &(struct failing){ .path = j->opt->files_from, .why = fail_errno(r) });
}

void names_end(struct names *n)
{
	if (!n)
		return;
	if (n->doubled)
		log_warn("--files-from: %llu name%s more than once: copied once ('%s'%s)", (unsigned long long)n->doubled, n->doubled == 1 ? " stands there" : "s stand there",
		         n->first_doubled, n->doubled == 1 ? "" : " and others");
	close_fd(&n->fd);
	close_fd(&n->kept);
	free(n->seen);
	free(n);
}
