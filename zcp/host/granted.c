/* granted.c - see granted.h */
#include "zcp/host/granted.h"

#include <string.h>

void granted_add(struct granted *g, struct wire_str prefix, uint8_t flags)
{
	if (g->count == WIRE_EXPORTS_MAX || prefix.len > WIRE_NAME_MAX)
		return;
	if (prefix.len)
		memcpy(g->list[g->count].prefix, prefix.p, prefix.len);
	g->list[g->count].prefix[prefix.len] = '\0';
	g->list[g->count++].flags = flags;
}

bool granted_raw(const struct granted *g, const char *path)
{
	size_t  best = 0;
	uint8_t flags = 0;

	for (unsigned i = 0; i < g->count; i++) {
		const char *prefix = g->list[i].prefix;
		size_t      len = strlen(prefix);
		bool        in = len == 0 || (strncmp(path, prefix, len) == 0 && (path[len] == '/' || path[len] == '\0'));
		if (in && len >= best) {
			best = len;
			flags = g->list[i].flags;
		}
	}
	return (flags & EXPORT_RAW) != 0;
}
