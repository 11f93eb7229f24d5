/* checked.c - --checksum, -X and -A on the way down: the host has told what bytes its file has, or what else it has; has the file here the same? */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include "common/cleanup.h"
#include "common/digest.h"
#include "common/walk.h"
#include "zcp/download/download.h"
#include "zcp/download/large.h"

enum { HOLD_FROM = 1 << 30 };

int fetcher_open_here(struct fetcher *f, const char *path, uint64_t size, struct stat *st)
{
	const char  *last;
	int          dir = fetcher_parent(f, path, &last);
	CLEAN_FD int fd = dir < 0 ? -1 : path_one(dir, last, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode) || (uint64_t)st->st_size != size)
		return -1;
	return keep_fd(&fd);
}

/* 1: the same bytes, 0: others, or they cannot be read. -EINTR */
static int same_here(struct fetcher *f, int fd, uint64_t bytes, const uint8_t digest[static WIRE_DIGEST_BYTES])
{
	struct digest_pulse pulse = { large_beat, f };
	uint8_t             own[WIRE_DIGEST_BYTES];
	uint64_t            n = 0;
	int                 r = digest_file(fd, f->w->stream.rx.mac, f->download->hash_key, 0, 0, &pulse, own, &n);

	if (r == -EINTR)
		return r;
	return r == 0 && n == bytes && sodium_memcmp(own, digest, sizeof own) == 0;
}

static int copy(struct fetcher *f, struct errand *e, const char *path)
{
	e->todo = TODO_COPY;
	if (!f->download->job->opt->dry_run)
		return errand_begin(f, e);
	local_would_copy(f->download, path, e, NULL);
	errand_over(f, e);
	return 0;
}

static int same_bytes(struct fetcher *f, struct errand *e, const char *path, const struct here *h)
{
	if (!local_same(f->download, &f->cache, e, path, h))
		return copy(f, e, path);
	errand_over(f, e);
	return 0;
}

static int compare(struct fetcher *f, struct errand *e, const uint8_t digest[static WIRE_DIGEST_BYTES], uint64_t bytes)
{
	char         path[WIRE_PATH_MAX + 1];
	struct stat  st;
	CLEAN_FD int fd = errand_local(f->download, e, path) < 0 ? -1 : fetcher_open_here(f, path, bytes, &st);
	int          same = fd < 0 ? 0 : same_here(f, fd, bytes, digest);

	if (same < 0) {                         /* by a signal */
		errand_back(f, e, false, same);
		return same;
	}
	if (!same)
		return copy(f, e, path);
	if (!f->download->job->extras)
		return same_bytes(f, e, path, &(struct here){ .st = st, .same_extras = true });
	e->todo = TODO_EXTRAS;
	return errand_begin(f, e);
}

int extras_come(struct fetcher *f, struct errand *e, const struct meta *m)
{
	char         path[WIRE_PATH_MAX + 1] = "";
	struct here  h = { .ext = ext_kept(&e->ext) };
	struct extras x;
	CLEAN_FD int fd = errand_local(f->download, e, path) < 0 ? -1 : fetcher_open_here(f, path, m->size, &h.st);
	bool         changed = m->size != e->meta.size || m->mtime != e->meta.mtime || m->mtime_ns != e->meta.mtime_ns;

	if (fd < 0 || changed)
		return copy(f, e, path);
	e->meta = *m;
	int same = extras_same(fd, job_to_set(f->download->job, h.ext, &x));
	h.same_extras = same > 0;
	return same_bytes(f, e, path, &h);
}

int check_held(struct fetcher *f)
{
	struct errand e = f->held;

	f->holds = f->held_check = false;
	return compare(f, &e, f->held_digest, f->held_bytes);
}

/* Reading a large one takes long: nothing else is due on the stream meanwhile (fetcher.h, Held). */
int check_turn(struct fetcher *f, struct errand *e, const uint8_t digest[static WIRE_DIGEST_BYTES], uint64_t bytes)
{
	if (bytes < HOLD_FROM || !f->count)
		return compare(f, e, digest, bytes);
	if (f->holds) {
		errand_back(f, e, false, 0);    /* it is asked for once more */
		return 0;
	}
	f->held = *e;
	f->holds = f->held_check = true;
	f->held_bytes = bytes;
	memcpy(f->held_digest, digest, WIRE_DIGEST_BYTES);
	return 0;
}

int fetch_checked(struct fetcher *f, const struct wire_digest *m)
{
	struct errand *e = &f->now.errand;
	uint8_t        digest[WIRE_DIGEST_BYTES];

	/* what has changed since it was listed is copied */
	bool changed = m->meta.type != 'f' || m->meta.size != e->meta.size || m->length != m->meta.size;
	memcpy(digest, m->digest, sizeof digest);
	f->busy = false;
	if (changed) {
		char path[WIRE_PATH_MAX + 1] = "";
		errand_local(f->download, e, path);
		return copy(f, e, path);
	}
	e->meta = m->meta;
	return check_turn(f, e, digest, m->length);
}
