/* gone.c - see gone.h */
#include "zcp/select/gone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int gone_add(struct gone *g, uint32_t source, const char *rest, uint8_t type)
{
	if (g->count == g->room) {
		size_t            room = g->room ? g->room * 2 : 64;
		struct gone_name *v = realloc(g->v, room * sizeof *v);
		if (!v)
			return -ENOMEM;
		g->v = v;
		g->room = room;
	}
	g->v[g->count] = (struct gone_name){ source, type, strdup(rest) };
	return g->v[g->count].rest ? (g->count++, 0) : -ENOMEM;
}

void gone_clear(struct gone *g)
{
	for (size_t i = 0; i < g->count; i++)
		free(g->v[i].rest);
	free(g->v);
	*g = (struct gone){ 0 };
}
