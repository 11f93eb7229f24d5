/*
 * looks.c - LOOKS: what stands there under many names, in one answer.
 *
 * A copy that leaves out what is the same asks for every file: names come in the order of directories, so the directory is opened, and judged, once for all
 * that are in it; then each name costs one fstatat().
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "zcpd/session.h"

static struct wire_looked_item failed(struct fail f)
{
	bool missing = f.err == ENOENT || f.err == ENOTDIR;

	return (struct wire_looked_item){ .what = missing ? LOOKED_MISSING : LOOKED_FAILED, .fail = f };
}

static struct wire_looked_item missing(void)
{
	return (struct wire_looked_item){ .what = LOOKED_MISSING };
}

/* An export's own directory, and what a link leads to. */
static struct wire_looked_item look_opened(struct session *s, const struct target *t, bool follow)
{
	struct stat  st;
	struct fail  f;
	CLEAN_FD int fd = session_open(s, t, O_PATH | O_CLOEXEC, follow, &st, &f);

	if (fd < 0)
		return failed(f);
	return (struct wire_looked_item){ .what = LOOKED_THERE, .coarse = coarse_from_stat(&st), .meta = meta_from_stat(&st) };
}

/* A target that is too long to be said has none: it counts as another one. */
static struct wire_str target_of(int dir, const char *name, char link[static WIRE_TARGET_MAX + 1])
{
	ssize_t n = readlinkat(dir, name, link, WIRE_TARGET_MAX + 1);

	return (struct wire_str){ (const uint8_t *)link, n > 0 && n <= WIRE_TARGET_MAX ? (size_t)n : 0 };
}

static struct wire_looked_item look(struct session *s, const struct target *t, bool follow, bool wants_link, char link[static WIRE_TARGET_MAX + 1])
{
	struct wire_looked_item i = { .what = LOOKED_THERE };
	struct stat             st;
	struct fail             f;
	const char             *last;

	if (!*t->rest)
		return look_opened(s, t, false);
	int dir = session_directory(s, t, &last, &f);
	if (dir < 0)
		return failed(f);
	if (fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(fail_errno(errno));
	if (S_ISLNK(st.st_mode) && follow)
		return look_opened(s, t, true);
	if (mask_hides_stat(s->mask, &st))
		return missing();
	i.meta = meta_from_stat(&st);
	i.coarse = coarse_from_stat(&st);
	if (wants_link && i.meta.type == 'l')
		i.link = target_of(dir, last, link);
	return i;
}

/* `dir` and the name below it, as one path of this session. */
static struct wire_looked_item look_at(struct session *s, const struct wire_looks *m, uint8_t flags, const char *name, char link[static WIRE_TARGET_MAX + 1])
{
	char          path[WIRE_PATH_MAX + 1];
	size_t        n = m->dir.len, len = strlen(name);
	bool          slash = n > 0;
	struct target t;
	struct fail   f;

	if (n + slash + len > WIRE_PATH_MAX)
		return failed(fail_why(ST_FILE_IO, WHY_TOO_LONG));
	if (n)
		memcpy(path, m->dir.p, n);
	if (slash)
		path[n++] = '/';
	memcpy(path + n, name, len + 1);
	if (session_target(s, wire_cstr(path), false, &t, &f) < 0)
		return failed(f);
	return look(s, &t, (m->flags & LOOK_FOLLOW) != 0, (flags & LOOKS_LINK) != 0, link);
}

int handle_looks(struct session *s, const union wire_body *b)
{
	struct wire_looks m = b->looks;
	union wire_body   head = { .looked = { .id = m.id, .count = m.count } };
	char              name[WIRE_PATH_MAX + 1] = "", link[WIRE_TARGET_MAX + 1];
	uint8_t          *p, flags;
	const size_t      most = wire_row(WIRE_LOOKED)->max;
	int               r = stream_body(&s->stream, most, &p, false);

	if (r == -EAGAIN)
		r = stream_body(&s->stream, most, &p, true);
	if (r < 0)
		return r;
	size_t used = (size_t)wire_encode(WIRE_LOOKED, &head, p, most);
	while (r == 0 && wire_looks_next(&m.items, &flags, name) > 0) {
		struct wire_looked_item i = look_at(s, &m, flags, name, link);
		r = wire_looked_add(p, most, &used, &i);
	}
	return r < 0 ? r : stream_body_done(&s->stream, WIRE_LOOKED, used);
}
