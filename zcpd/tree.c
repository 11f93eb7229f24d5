/* tree.c - MKDIR, SYMLINK, LINK, SETMETA, REMOVE: what a tree is made of besides files' contents. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "common/cleanup.h"
#include "zcpd/session.h"

/* A directory that was there already: in a new one nothing is old, or too narrow. fills: its own mode comes when it is full. */
static void was_there(struct session *s, int dir, const char *name, bool fills)
{
	CLEAN_FD int fd = path_one(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd >= 0 && fills)
		aside_widen(fd);
	if (fd >= 0)
		session_sweep(s, fd);
}

/* A directory that was kept open may be one of that name no more. */
static void forget_dirs(struct session *s)
{
	path_cache_drop(&s->written_to.cache);
	path_cache_drop(&s->read_from.cache);
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
		return session_ok(s, m->id, NULL, OK_EXISTED);  /* the export itself */
	}
	int dir = session_parent(s, &t, &last, &f);
	if (dir < 0)
		return session_refuse(s, m->id, f, "make the directory", m->path);
	int r = aside_mkdir(dir, last, m->meta.mode & 0777);
	if (r == -ENOTDIR)
		return session_refuse(s, m->id, fail_why(ST_IN_THE_WAY, WHY_NOT_DIRECTORY), "make the directory", m->path);
	if (r == 0)
		forget_dirs(s);
	else if (r > 0)
		was_there(s, dir, last, (m->flags & STORE_KEEP_MODE) != 0);
	return r > 0 ? session_ok(s, m->id, NULL, OK_EXISTED) : session_answer(s, m->id, r, "make the directory", m->path);
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
	struct extras extras;
	struct target t;
	struct fail   f;
	const char   *last;
	int           dir = -1;

	if (m->meta.type != 'd' && m->meta.type != 'f')
		return -EPROTO;
	if (session_target(s, m->path, false, &t, &f) == 0) {
		if (!*t.rest && t.export->writable)     /* the export itself is whoever's who serves it */
			return session_ok(s, m->id, NULL, 0);
		dir = session_parent(s, &t, &last, &f);
	}
	if (dir < 0)
		return session_refuse(s, m->id, f, "set mode and times of", m->path);
	publish.extras = extras_to_set(s, m->ext, &extras);
	int r = aside_set_meta(dir, last, &publish);
	if (r < 0)
		return session_answer(s, m->id, r, "set mode and times of", m->path);
	return session_ok(s, m->id, NULL, extras_missed(publish.extras));
}

/* A name that is gone is what was asked for. */
static int remove_one(int dir, const char *last, bool directory)
{
	if (unlinkat(dir, last, directory ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT)
		return 0;
	return errno == EISDIR || errno == ENOTDIR ? -EEXIST : -errno;  /* another kind of thing by now */
}

int handle_remove(struct session *s, const union wire_body *b)
{
	const struct wire_remove *m = &b->remove;
	struct transfer_line      line = { .way = BOARD_RECEIVED, .path = m->path, .removed = true };
	struct target             t;
	struct fail               f = { 0 };
	const char               *last;
	int                       dir = -1;

	if (session_target(s, m->path, false, &t, &f) == 0 && !*t.rest)
		f = fail_why(ST_CANNOT, WHY_READ_ONLY);         /* an export itself */
	else if (t.export)
		dir = session_parent(s, &t, &last, &f);
	if (dir < 0)
		return session_refuse(s, m->id, f, "remove", m->path);
	int r = remove_one(dir, last, m->directory);
	if (r == 0 && m->directory)
		forget_dirs(s);
	line.export = t.export;
	line.status = r < 0 ? fail_destination(r).status : ST_OK;
	transfers_add(&s->transfers, &line);
	return session_answer(s, m->id, r, "remove", m->path);
}

/* Where it is to be read: not the cache's, which has the other name's directory. fd, or -1 and *f */
static int parent_of(struct session *s, const struct target *t, const char **last, struct fail *f)
{
	struct stat at, st;
	int         dir = path_parent(t->export->dir, t->rest, PATH_WRITE, last);

	if (dir < 0) {
		*f = fail_errno(dir);
		return -1;
	}
	bool hidden = fstat(dir, &at) < 0 || mask_hides_stat(s->mask, &at) || mask_lies_within(s->mask, dir) || fstatat(dir, *last, &st, AT_SYMLINK_NOFOLLOW) < 0 || mask_hides_stat(s->mask, &st);
	if (!hidden)
		return dir;
	*f = fail_errno(ENOENT);
	close(dir);
	return -1;
}

int handle_link(struct session *s, const union wire_body *b)
{
	const struct wire_link *m = &b->link;
	struct target           t, to;
	struct fail             f;
	const char             *last, *name;
	int                     dir = -1;

	if (session_target(s, m->path, false, &t, &f) == 0 && session_target(s, m->to, false, &to, &f) == 0)
		dir = session_parent(s, &t, &last, &f);
	if (dir >= 0 && t.export != to.export) {
		f = fail_why(ST_CANNOT, WHY_EXPORTS);
		dir = -1;
	}
	CLEAN_FD int from = dir < 0 ? -1 : parent_of(s, &to, &name, &f);
	if (from < 0)
		return session_refuse(s, m->id, f, "link", m->path);
	int r = aside_link(dir, last, from, name);
	return r > 0 ? session_ok(s, m->id, NULL, OK_EXISTED) : session_answer(s, m->id, r, "link", m->path);
}
