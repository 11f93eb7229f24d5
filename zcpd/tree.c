/* tree.c - MKDIR, SYMLINK, SETMETA: what a tree is made of besides files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "common/cleanup.h"
#include "zcpd/session.h"

/* Only a directory that was there already: in a new one nothing can be old. */
static void sweep_below(struct session *s, int dir, const char *name)
{
	CLEAN_FD int fd = path_one(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd >= 0)
		session_sweep(s, fd);
}

static int answer_dir(struct session *s, uint32_t id, bool existed)
{
	union wire_body b = { .ok = { .id = id, .flags = existed ? OK_EXISTED : 0 } };

	return session_reply(s, WIRE_OK, &b);
}

int handle_mkdir(struct session *s, const union wire_body *b)
{
	const struct wire_open *m = &b->open;
	struct target           t;
	struct fail             f;
	const char             *last;

	if (m->meta.type != 'd')
		return -EPROTO;
	if (session_target(s, m->path, true, &t, &f) < 0)
		return session_refuse(s, m->id, f, "make the directory", m->path);
	if (!*t.rest && t.export->writable) {
		session_sweep(s, t.export->dir);
		return answer_dir(s, m->id, true);         /* the export itself is there */
	}
	int dir = session_parent(s, &t, &last, &f);
	if (dir < 0)
		return session_refuse(s, m->id, f, "make the directory", m->path);
	int r = aside_mkdir(dir, last, m->meta.mode & 0777);
	if (r == -ENOTDIR)
		return session_refuse(s, m->id, fail_why(ST_IN_THE_WAY, WHY_NOT_DIRECTORY), "make the directory", m->path);
	if (r == 0)
		path_cache_drop(&s->cache);     /* it may have been of a directory of this name that is gone */
	else if (r > 0)
		sweep_below(s, dir, last);
	return r < 0 ? session_refuse(s, m->id, fail_destination(r), "make the directory", m->path) : answer_dir(s, m->id, r > 0);
}

int handle_symlink(struct session *s, const union wire_body *b)
{
	const struct wire_symlink *m = &b->symlink;
	struct target              t;
	struct fail                f;
	const char                *last;
	char                       target[WIRE_LINK_MAX + 1];
	int                        dir = -1;

	if (session_target(s, m->path, false, &t, &f) == 0)
		dir = session_parent(s, &t, &last, &f);
	if (dir < 0)
		return session_refuse(s, m->id, f, "make the link", m->path);
	memcpy(target, m->target.p, m->target.len);
	target[m->target.len] = '\0';
	return session_answer(s, m->id, aside_symlink(dir, last, target), "make the link", m->path);
}

int handle_setmeta(struct session *s, const union wire_body *b)
{
	const struct wire_open *m = &b->open;
	struct publish          publish = {
		.meta = m->meta, .keep_mode = (m->flags & STORE_KEEP_MODE) != 0, .keep_times = (m->flags & STORE_KEEP_TIMES) != 0,
	};
	struct target t;
	struct fail   f;
	const char   *last;
	int           dir = -1;

	if (m->meta.type != 'd')
		return -EPROTO;
	if (session_target(s, m->path, false, &t, &f) == 0)
		dir = session_parent(s, &t, &last, &f);
	if (dir < 0)
		return session_refuse(s, m->id, f, "set mode and times of", m->path);
	return session_answer(s, m->id, aside_set_dir_meta(dir, last, &publish), "set mode and times of", m->path);
}
