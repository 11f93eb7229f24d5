/* export.c - see export.h */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "zcpd/export.h"

int export_add(struct exports *all, const struct settings_export *from)
{
	size_t len = strlen(from->prefix);

	if (all->count == WIRE_EXPORTS_MAX || len > WIRE_NAME_MAX)
		return -E2BIG;
	struct export e = {
		.path = strdup(from->path), .writable = from->writable, .fsync = from->fsync, .max_bytes = from->max_bytes, .from = from,
	};
	if (!e.path)
		return -ENOMEM;
	memcpy(e.prefix, from->prefix, len + 1);
	e.dir = open(from->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (e.dir < 0) {
		int r = -errno;
		free(e.path);
		return r;
	}
	all->list[all->count++] = e;
	return 0;
}

/* Is path the prefix, or below it? *rest: what follows. */
static bool below(const char *path, const char *prefix, const char **rest)
{
	size_t len = strlen(prefix);

	if (len && (strncmp(path, prefix, len) != 0 || (path[len] != '/' && path[len] != '\0')))
		return false;
	*rest = len && path[len] ? path + len + 1 : path + len;
	return true;
}

const struct export *export_find(const struct exports *all, const char *path, const char **rest)
{
	const struct export *best = NULL;

	for (size_t i = 0; i < all->count; i++) {
		const struct export *e = &all->list[i];
		const char          *left;
		if (below(path, e->prefix, &left) && (!best || strlen(e->prefix) > strlen(best->prefix))) {
			best = e;
			*rest = left;
		}
	}
	/* a denied one hides what lies beneath it in the outer one: there is nothing there, for this key */
	return best && !best->denied ? best : NULL;
}

void exports_clear(struct exports *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->list[i].path);
		close_fd(&all->list[i].dir);
	}
	all->count = 0;
}
