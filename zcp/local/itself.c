/*
 * itself.c - what would be replaced by its own copy, or by a link to itself, and be lost with that: found by device and inode.
 *
 * Link     with -a: it leads to what stands there, by whatever other links; or its next step is the link that stands there, which would then lead to itself.
 * File     what stands there is the source: another name of it or, unless links are copied as links, a link to it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common/walk.h"
#include "zcp/local/own.h"

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Where the errand's source is: a directory's descriptor, and the path from there. */
static int place(const struct local *l, const struct errand *e, const char **path)
{
	*path = e->dir ? e->rest : l->d.plan->v[e->source].path;
	return e->dir ? l->base : AT_FDCWD;
}

/* The source is a link: what its text names, itself. What is too long to be named there stands nowhere. */
static bool next_step(int base, const char *path, struct stat *st)
{
	char        text[WIRE_LINK_MAX + 1], whole[WIRE_PATH_MAX + WIRE_LINK_MAX + 2];
	const char *slash = strrchr(path, '/');
	ssize_t     n = readlinkat(base, path, text, WIRE_LINK_MAX);
	int         up = slash ? (int)(slash - path) + 1 : 0;

	if (n <= 0)
		return false;
	text[n] = '\0';
	snprintf(whole, sizeof whole, "%.*s%s", *text == '/' ? 0 : up, path, text);
	return fstatat(base, whole, st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool local_itself(void *arg, const struct errand *e, const char *path, const struct stat *there)
{
	struct local *l = arg;
	const char   *from, *last;
	struct stat   source, to = *there;
	bool          links = l->d.job->opt->keep_links;
	int           base = place(l, e, &from), dir;

	if (!S_ISREG(to.st_mode) && !S_ISLNK(to.st_mode))
		return false;
	if (S_ISLNK(to.st_mode) && links)
		return next_step(base, from, &source) && same(&source, &to);
	if (S_ISLNK(to.st_mode)) {
		dir = fetcher_parent(&l->d.lead, path, &last);
		if (dir < 0 || fstatat(dir, last, &to, 0) < 0)
			return false;
	}
	return fstatat(base, from, &source, 0) == 0 && same(&source, &to);
}

bool local_onto_itself(struct local *l, uint32_t i)
{
	struct download     *d = &l->d;
	const struct source *s = &d->plan->v[i];
	char                 none[] = "";
	struct errand        e = { .source = i, .rest = none };
	struct stat          there;

	if (s->meta.type != 'f')
		return false;
	bool poured = d->pour >= 0 && d->dst->st.st_dev == s->identity.dev && d->dst->st.st_ino == s->identity.ino;
	if (!poured && (d->pour >= 0 || !local_look(d, s->as, &there, NULL) || !local_itself(l, &e, s->as, &there)))
		return false;
	fail_local(d, &e, fail_why(ST_CANNOT, WHY_SAME_FILE));
	return true;
}
