/* glob.c - see glob.h */
#include "zcp/glob.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zcp/remote.h"

bool glob_is_pattern(const char *path)
{
	return strpbrk(path, "*?[\\") != NULL;
}

void glob_unquote(char *path)
{
	char *out = path;

	for (const char *p = path; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		*out++ = *p;
	}
	*out = '\0';
}

void paths_clear(struct paths *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->v[i]);
	free(p->v);
	*p = (struct paths){ 0 };
}

int paths_add(struct paths *p, const char *path)
{
	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : 16;
		char **v = realloc(p->v, room * sizeof *v);
		if (!v)
			return -ENOMEM;
		p->v = v;
		p->room = room;
	}
	p->v[p->count] = strdup(path);
	return p->v[p->count] ? (p->count++, 0) : -ENOMEM;
}

static int add_joined(struct paths *p, const char *dir, const char *name)
{
	char path[WIRE_PATH_MAX + 1];

	if (snprintf(path, sizeof path, "%s%s%s", dir, *dir ? "/" : "", name) >= (int)sizeof path)
		return 0;                       /* nothing of that length can be there */
	return paths_add(p, path);
}

struct matching {
	const char   *dir, *pattern;
	bool          dirs_only;
	struct paths *out;
};

static int match(struct remote_tree *t, const struct wire_entry *e, uint32_t id, uint32_t parent, const char *name)
{
	struct matching *a = t->arg;

	(void)id;
	if (e->what != ENTRY_OK || !parent || (a->dirs_only && e->meta.type != 'd') || fnmatch(a->pattern, name, FNM_PERIOD) != 0)
		return 0;
	return add_joined(a->out, a->dir, name);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool only_quoted(const char *p)
{
	for (; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (strchr("*?[", *p))
			return false;
	}
	return true;
}

/* One component more for each of the paths so far. "\*" is no pattern: it is a name, quoted. */
static int step(struct job *j, const struct paths *in, char *part, bool last, bool *listed, struct paths *out)
{
	struct fail unlisted;
	int         r = 0;

	*listed = !only_quoted(part);
	if (!*listed) {
		glob_unquote(part);
		for (size_t i = 0; r == 0 && i < in->count; i++)
			r = add_joined(out, in->v[i], part);
		return r;
	}
	for (size_t i = 0; r == 0 && i < in->count; i++) {
		struct matching    m = { in->v[i], part, !last, out };
		struct remote_tree t = { .flags = LOOK_FOLLOW, .each = match, .arg = &m };
		size_t             from = out->count;
		remote_tree_init(&t);
		r = remote_list(j, in->v[i], &t, &unlisted);    /* what cannot be listed does not match */
		remote_tree_clear(&t);
		if (r == 0 && out->count > from)
			qsort(out->v + from, out->count - from, sizeof *out->v, by_bytes);
	}
	return r;
}

/* Components behind the last pattern were only put together: keep what is there. */
static int keep_existing(struct job *j, struct paths *p)
{
	struct look *looks = calloc(p->count + 1, sizeof *looks);
	size_t       kept = 0;
	int          r = looks ? remote_look(j, p->v, p->count, true, looks) : job_broken(j, -ENOMEM);

	for (size_t i = 0; looks && r == 0 && i < p->count; i++) {
		if (looks[i].fail.status == ST_OK)
			p->v[kept++] = p->v[i];
		else
			free(p->v[i]);
		look_clear(&looks[i]);
	}
	if (r == 0)
		p->count = kept;
	free(looks);
	return r;
}

int glob_expand(struct job *j, const char *pattern, struct paths *out)
{
	struct paths now = { 0 }, then = { 0 };
	char        *copy = strdup(pattern), *part = copy;
	bool         checked = true;
	int          r = copy ? paths_add(&now, "") : -ENOMEM;

	while (r == 0 && part) {
		char *next = strchr(part, '/');
		if (next)
			*next++ = '\0';
		r = step(j, &now, part, !next, &checked, &then);
		paths_clear(&now);
		now = then;
		then = (struct paths){ 0 };
		part = next;
	}
	free(copy);
	paths_clear(&then);
	if (r == 0 && !checked)
		r = keep_existing(j, &now);
	if (r == -ENOMEM)
		job_broken(j, r);
	if (r < 0)
		paths_clear(&now);
	*out = now;
	return r;
}
