/* joblog.c - see joblog.h */
#include "zcp/joblog.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/io.h"
#include "common/log.h"
#include "common/stream.h"
#include "zcp/job.h"
#include "zcp/joblog_own.h"
#include "zcp/host/known_hosts.h"
#include "zcp/cli/target.h"

enum { AT_LEAST_EVERY_MS = 1000 };

/* --- which job --------------------------------------------------------------------------------------------------------- */

static void part(crypto_generichash_state *h, const char *bytes)
{
	uint64_t n = strlen(bytes);
	uint8_t  len[8];

	for (unsigned i = 0; i < 8; i++)
		len[i] = (uint8_t)(n >> (8 * i));
	crypto_generichash_update(h, len, sizeof len);
	crypto_generichash_update(h, (const uint8_t *)bytes, n);
}

/* Of an absolute path: without `//`, `.` and a '/' at the end, in place; `..` may stand behind a link. */
static void tidy(char *path)
{
	char *out = path;

	for (char *p = path; *p;) {
		size_t slash = strspn(p, "/"), n = strcspn(p + slash, "/");
		if (n && !(n == 1 && p[slash] == '.')) {
			if (slash)
				*out++ = '/';
			memmove(out, p + slash, n);
			out += n;
		}
		p += slash + n;
	}
	*out = '\0';
}

/* One of the command line's words: `dir/` and `./dir` are `dir`, `host:/x` and zcp://host/x are `host:x`; `dir/.` is another thing than `dir`, but as DST. */
static void word(crypto_generichash_state *h, const char *arg, bool dst, const char *here)
{
	struct target t;
	char          why[600], *path = NULL;

	if (target_parse(arg, &t, why, sizeof why) != ST_OK)
		part(h, arg);
	else if (t.host)
		part(h, t.path);
	else if (asprintf(&path, "%s/%s", t.path[0] == '/' || !here ? "" : here, t.path) < 0)
		path = NULL;
	if (path) {
		tidy(path);
		part(h, path);
	}
	part(h, !t.host ? "local" : t.quoted && strchr(t.path, '\\') ? "quoted" : "remote");
	part(h, t.contents && !dst ? "." : "");
	target_clear(&t);
	free(path);
}

/* Every part with its length, so that none runs into the next. */
static void hash_job(const struct job *j, uint8_t out[static JOBLOG_HASH])
{
	const struct options    *o = j->opt;
	crypto_generichash_state h;
	char                     what[40], name[KNOWN_NAME];
	char                    *here = getcwd(NULL, 0);

	snprintf(what, sizeof what, "%d%d%d%d%s%s%s%s %d", j->upload, o->recurse, o->keep_meta, o->keep_links, j->extras & EXTRAS_OWNER ? "o" : "",
	         o->xattrs ? "x" : "", o->acls ? "a" : "", o->files_from ? "n" : "", o->count);
	crypto_generichash_init(&h, NULL, 0, JOBLOG_HASH);
	part(&h, what);
	known_hosts_name(j->host ? j->host : "", j->port, name);
	part(&h, name);
	for (int i = 0; i < o->count; i++)
		word(&h, o->args[i], i == o->count - 1, here);
	crypto_generichash_final(&h, out, JOBLOG_HASH);
	free(here);
}

static bool one_file(const struct job *j)
{
	return !j->opt->recurse && !j->opt->files_from && j->opt->count < 3 && (j->upload || j->opt->count < 1 || !strpbrk(j->opt->args[0], "*?["));
}

/* --- what is there ----------------------------------------------------------------------------------------------------- */

static struct joblog_mark mark(const struct joblog *l, const struct joblog_file *f)
{
	uint8_t            text[JOBLOG_ENTRY_MAX], a[8], b[8];
	struct joblog_mark m = { 0, 0 };
	size_t             n = joblog_encode(l, 0, f, text);

	if (!n)
		return m;
	crypto_shorthash(a, text, n - JOBLOG_ENTRY_SUM, l->mark_keys[0]);
	crypto_shorthash(b, text, n - JOBLOG_ENTRY_SUM, l->mark_keys[1]);
	memcpy(&m.a, a, 8);
	memcpy(&m.b, b, 8);
	m.b += !m.a && !m.b;
	return m;
}

/* Where it stands, or where it would. There is room: the table is never full. */
static struct joblog_mark *place(const struct joblog *l, struct joblog_mark m)
{
	__extension__ size_t i = (size_t)((unsigned __int128)m.a * l->room >> 64);

	while ((l->marks[i].a || l->marks[i].b) && (l->marks[i].a != m.a || l->marks[i].b != m.b))
		i = i + 1 < l->room ? i + 1 : 0;
	return &l->marks[i];
}

struct filling { struct joblog *log; size_t count, most; };

static void count_one(void *arg, const struct joblog_file *f)
{
	struct filling *w = arg;

	(void)f;
	w->count++;
}

static void mark_one(void *arg, const struct joblog_file *f)
{
	struct filling    *w = arg;
	struct joblog_mark m = mark(w->log, f);

	if (w->count++ < w->most)
		*place(w->log, m) = m;
}

/* What is behind the last good entry is no entry, and what is appended must be found. */
static int cut(struct joblog *l, int64_t end)
{
	int64_t size = lseek(l->fd, 0, SEEK_END);

	l->end = (uint64_t)end;
	if (size < 0 || end == size)
		return size < 0 ? -errno : 0;
	log_warn("the job's log is damaged, or its last piece is missing: what stands before that counts");
	return ftruncate(l->fd, end) < 0 || lseek(l->fd, end, SEEK_SET) < 0 ? -errno : 0;
}

/* Read twice, so that the table is made once and in its size. */
static int load(struct joblog *l, bool opening)
{
	struct filling w = { .log = l };
	int64_t        end = joblog_walk(l, count_one, &w);
	int            r = end < 0 ? (int)end : opening ? cut(l, end) : 0;

	free(l->marks);
	l->marks = NULL;
	l->room = 0;
	l->count = w.count;
	l->resumes = w.count > 0;
	if (r < 0 || !w.count)
		return r;
	l->marks = calloc(w.count + w.count / 4 + 1, sizeof *l->marks);
	if (!l->marks)
		return -ENOMEM;
	l->room = w.count + w.count / 4 + 1;
	w.most = w.count;
	w.count = 0;
	end = joblog_walk(l, mark_one, &w);
	return end < 0 ? (int)end : 0;
}

bool joblog_resumes(const struct joblog *l)
{
	return l && l->resumes;
}

size_t joblog_count(const struct joblog *l)
{
	return l ? l->count : 0;
}

bool joblog_has(const struct joblog *l, const struct joblog_file *f)
{
	if (!l || !l->room)
		return false;
	struct joblog_mark m = mark(l, f);
	const struct joblog_mark *at = place(l, m);
	return (m.a || m.b) && at->a == m.a && at->b == m.b;
}

/* --- what is added ----------------------------------------------------------------------------------------------------- */

static void give_up(struct joblog *l, int r)
{
	char words[120];

	if (!l->dead)
		log_warn("the job's log cannot be written: %s: if this copy is interrupted, the next begins anew with what is not in it",
		         fail_words(fail_errno(r), words, sizeof words));
	l->dead = true;
	l->held = 0;
}

/* With the lock. */
static void flush(struct joblog *l)
{
	ssize_t n = l->held && !l->dead ? io_write_full(l->fd, l->piece, l->held) : 0;

	if (n < 0) {
		give_up(l, (int)n);
		return;
	}
	l->end += l->held;
	l->held = 0;
	l->wrote_ms = (int64_t)(clock_ns() / 1000000);
}

void joblog_add(struct joblog *l, const struct joblog_file *f)
{
	uint8_t entry[JOBLOG_ENTRY_MAX];

	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	size_t n = l->dead ? 0 : joblog_encode(l, l->end + l->held, f, entry);
	if (n > JOBLOG_PIECE - l->held)
		flush(l);
	if (n && !l->dead) {
		memcpy(l->piece + l->held, entry, n);
		l->held += n;
		if ((int64_t)(clock_ns() / 1000000) - l->wrote_ms >= AT_LEAST_EVERY_MS)
			flush(l);
	}
	pthread_mutex_unlock(&l->lock);
}

/* An entry like others, of a path that no file has: names never begin with '/'. */
static const struct joblog_file dst_missing = { .path = "/" };

void joblog_dst_missing(struct joblog *l)
{
	if (!l || joblog_has(l, &dst_missing))
		return;
	joblog_add(l, &dst_missing);
	pthread_mutex_lock(&l->lock);
	flush(l);
	pthread_mutex_unlock(&l->lock);
}

bool joblog_dst_was_missing(const struct joblog *l)
{
	return joblog_has(l, &dst_missing);
}

int joblog_reload(struct joblog *l)
{
	if (!l)
		return 0;
	pthread_mutex_lock(&l->lock);
	flush(l);
	int r = load(l, false);
	pthread_mutex_unlock(&l->lock);
	return r;
}

/* --- begin and end ----------------------------------------------------------------------------------------------------- */

static struct joblog *make(void)
{
	struct joblog *l = calloc(1, sizeof *l);
	uint8_t       *piece = malloc(JOBLOG_PIECE);

	if (!l || !piece) {
		free(l);
		free(piece);
		return NULL;
	}
	l->dir = l->fd = -1;
	l->piece = piece;
	pthread_mutex_init(&l->lock, NULL);
	randombytes_buf(l->mark_keys, sizeof l->mark_keys);
	return l;
}

int joblog_open(struct joblog **log, const struct job *j)
{
	*log = NULL;
	if (one_file(j) || j->opt->dry_run)     /* what only looks leaves nothing */
		return 0;
	struct joblog *l = make();

	if (!l)
		return -ENOMEM;
	hash_job(j, l->hash);
	int r = joblog_file_open(l, j->opt->no_resume);
	if (r == 0)
		r = load(l, true);
	if (r == 0 && l->resumes)
		log_info("an earlier run of this job was cut short: what it finished is looked at, not copied again");
	if (r < 0) {
		joblog_end(l, true);
		return r;
	}
	*log = l;
	return 0;
}

bool joblog_keeps(const struct joblog *l)
{
	return l && l->dir >= 0 && !l->dead;
}

int joblog_dir(const struct joblog *l)
{
	return l ? l->dir : -1;
}

void joblog_end(struct joblog *l, bool keep)
{
	if (!l)
		return;
	if (keep && l->end + l->held > JOBLOG_HEADER)
		flush(l);
	else if (l->dir >= 0 && ftruncate(l->fd, 0) < 0)
		log_debug("the job's log stays: it cannot be emptied");
	else if (l->dir >= 0)
		(void)unlinkat(l->dir, l->name, 0);     /* zcp, confined by now, may not: a later run's sweep may */
	close_fd(&l->fd);
	close_fd(&l->dir);
	pthread_mutex_destroy(&l->lock);
	free(l->marks);
	free(l->piece);
	free(l);
}
