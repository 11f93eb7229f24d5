/* chosen.c - see chosen.h */
#include "zcp/select/chosen.h"

#include "zcp/select/verdict.h"

bool chosen_name(const struct job *j, const struct source *s, const char *rest, bool dir)
{
	(void)j, (void)s, (void)rest, (void)dir;
	return true;
}

bool chosen(const struct job *j, const struct source *s, const char *rest, const struct meta *m)
{
	if (!chosen_name(j, s, rest, m->type == 'd'))
		return false;
	return m->type != 'f' || !verdict_size(j->opt, m->size);
}
