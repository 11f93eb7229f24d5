/* failed_place.c - see failed_place.h */
#include "zcp/failed_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/select/chosen.h"

struct spot {
	struct job *job;
	struct stat st; bool there;
	char       *real, *own;         /* owned: where the name leads, and where it stands itself. NULL: nowhere */
	char        shown[300];
};

static enum status refuse(const struct spot *p, const char *what, const char *of, const char *then)
{
	char seen[300];

	log_error("--failed-to=%s %s%s%s", p->shown, what, of ? vis_str(seen, sizeof seen, of) : "", then);
	return report_end(&p->job->report, ST_USAGE);
}

static bool same_file(const struct spot *p, const struct stat *st)
{
	return p->there && st->st_dev == p->st.st_dev && st->st_ino == p->st.st_ino;
}

/* Its directory without links, and its last component. */
static char *stands(const char *path)
{
	const char *slash = strrchr(path, '/');
	char       *above = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	char       *dir = above ? realpath(above, NULL) : NULL, *whole = NULL;

	if (dir && asprintf(&whole, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, slash ? slash + 1 : path) < 0)
		whole = NULL;
	free(dir);
	free(above);
	return whole;
}

/* ... and what is there already, without links. */
static char *leads(const char *path)
{
	char *real = realpath(path, NULL);

	return real || errno != ENOENT ? real : stands(path);
}

/* --- up ----------------------------------------------------------------------------------------------------------------- */

/* Both without links. NULL: it is not. */
static const char *below(const char *dir, const char *path)
{
	size_t n = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	return path && strncmp(dir, path, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* By a rule, for itself or for a directory on the way. */
static bool left_out(const struct spot *p, const struct target *t, const char *rest)
{
	const struct source s = { .path = t->path, .contents = t->contents };
	char               *path = strdup(rest);
	bool                out = !chosen_name(p->job, &s, "", true);

	for (char *slash = path; !out && slash && (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		out = !chosen_name(p->job, &s, path, true);
		*slash = '/';
	}
	free(path);
	return out || !chosen_name(p->job, &s, rest, false);
}

static bool on_another(const char *dir, const struct stat *source)
{
	struct stat  st;
	const char  *slash = strrchr(dir, '/');
	char        *above = strndup(dir, slash == dir ? 1 : (size_t)(slash - dir));
	bool         other = above && stat(above, &st) == 0 && st.st_dev != source->st_dev;

	free(above);
	return other;
}

static bool lies_in(const struct spot *p, const struct target *t, const struct stat *st)
{
	const char *names[] = { p->real, p->own };
	char       *dir = realpath(t->path, NULL);
	bool        in = false;

	for (size_t i = 0; dir && !in && i < 2; i++) {
		const char *rest = below(dir, names[i]);
		in = rest && !left_out(p, t, rest) && !(p->job->opt->one_fs && on_another(names[i], st));
	}
	free(dir);
	return in;
}

static enum status check_source(const struct spot *p, const struct target *t)
{
	const struct options *o = p->job->opt;
	struct stat           st;

	if ((o->keep_links ? lstat(t->path, &st) : stat(t->path, &st)) < 0)
		return ST_OK;           /* the plan will say so */
	if (same_file(p, &st))
		return refuse(p, "is a source, and would be emptied before it is copied: name another file", NULL, "");
	if (!S_ISDIR(st.st_mode) || !(o->recurse || o->files_from) || !lies_in(p, t, &st))
		return ST_OK;
	if (!o->files_from)
		return refuse(p, "lies in ", t->path, ", which is copied: name a file elsewhere, or leave it out (--exclude)");
	return p->there && p->st.st_size ? refuse(p, "has something in it, and lies in ", t->path, ", where the list may name it: name a file that is new, or one elsewhere") : ST_OK;
}

/* --- down --------------------------------------------------------------------------------------------------------------- */

static bool same_place(const struct spot *p, const char *path)
{
	char *real = leads(path);
	bool  same = real && p->real && strcmp(real, p->real) == 0;

	free(real);
	return same;
}

static enum status check_destination(const struct spot *p, const struct target *t, int sources)
{
	const struct target *dst = &t[sources];
	static const char    what[] = "is where the copy goes, to ", then[] = ": name another file";
	bool                 same = same_place(p, dst->path);

	for (int i = 0; i < sources && !same; i++) {
		char *path = NULL;
		if (!t[i].contents && asprintf(&path, "%s/%s", dst->path, target_base(&t[i])) >= 0)
			same = same_place(p, path);
		free(path);
	}
	return same ? refuse(p, what, dst->path, then) : ST_OK;
}

/* --- either way --------------------------------------------------------------------------------------------------------- */

static enum status check_list(const struct spot *p)
{
	struct stat st;
	const char *list = p->job->opt->files_from;

	if (!list || strcmp(list, "-") == 0 || stat(list, &st) < 0 || !same_file(p, &st))
		return ST_OK;
	return refuse(p, "is the list that --files-from reads: name another file, and rename it afterwards", NULL, "");
}

enum status failed_place_check(struct job *j, const struct target *t, int n)
{
	const char  *file = j->opt->failed_to;
	struct spot p = { .job = j };
	enum status  st;

	if (!file || strcmp(file, "-") == 0)
		return ST_OK;
	p.there = stat(file, &p.st) == 0;
	if (p.there && !S_ISREG(p.st.st_mode))
		return ST_OK;
	vis_str(p.shown, sizeof p.shown, file);
	p.real = leads(file);
	p.own = j->opt->keep_links ? NULL : stands(file);
	st = check_list(&p);
	for (int i = 0; (j->upload || j->local) && st == ST_OK && i < n - 1; i++)
		st = check_source(&p, &t[i]);
	if (!j->upload && st == ST_OK)
		st = check_destination(&p, t, n - 1);
	free(p.real);
	free(p.own);
	return st;
}
