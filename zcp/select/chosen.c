/* chosen.c - see chosen.h */
#include "zcp/select/chosen.h"

#include <stdio.h>
#include <string.h>
#include "zcp/select/verdict.h"

/* Names begin with the source's last component, unless only what is in it is copied. false: it has none ("..", "/") */
static bool begins_with(const struct source *s, const char **name)
{
	const char *slash = strrchr(s->path, '/');

	*name = slash ? slash + 1 : s->path;
	return !s->contents && **name && strcmp(*name, ".") != 0 && strcmp(*name, "..") != 0;
}

bool chosen_name(const struct job *j, const struct source *s, const char *rest, bool dir)
{
	char        path[2 * WIRE_PATH_MAX + 2];
	const char *first;

	if (!j->opt->rules.count)
		return true;
	if (!begins_with(s, &first))
		return !*rest || !rules_exclude(&j->opt->rules, rest, dir);
	snprintf(path, sizeof path, "%s%s%s", first, *rest ? "/" : "", rest);
	return !rules_exclude(&j->opt->rules, path, dir);
}

bool chosen(const struct job *j, const struct source *s, const char *rest, const struct meta *m)
{
	if (!chosen_name(j, s, rest, m->type == 'd'))
		return false;
	return m->type != 'f' || !verdict_size(j->opt, m->size);
}
