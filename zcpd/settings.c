/* settings.c - see settings.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "zcpd/settings.h"

void settings_defaults(struct settings *s)
{
	size_t n = 0;

	*s = (struct settings){ .plain_auto = true, .log_level = LOG_LEVEL_INFO };
	limits_defaults(&s->limits);
	for (size_t i = 0; suites[i]; i++)
		if (suite_usable(suites[i]))
			s->suites[n++] = suites[i]->id;
}

int settings_add_export(struct settings *s, struct settings_export *e)
{
	if (s->export_count == WIRE_EXPORTS_MAX)
		return -E2BIG;
	struct settings_export *more = realloc(s->exports, (s->export_count + 1) * sizeof *more);
	if (!more)
		return -ENOMEM;
	s->exports = more;
	s->exports[s->export_count++] = *e;
	*e = (struct settings_export){ 0 };
	return 0;
}

static void clear_names(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
}

void settings_clear_export(struct settings_export *e)
{
	free(e->name);
	free(e->prefix);
	free(e->path);
	free(e->comment);
	clear_names(&e->allow);
	clear_names(&e->allow_write);
	*e = (struct settings_export){ 0 };
}

void settings_clear(struct settings *s)
{
	char *const owned[] = {
		s->config_file, s->state, s->host_key, s->authorized_keys, s->user, s->status_socket, s->metrics, s->transfer_log,
	};

	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(owned[i]);
	for (int i = 0; i < s->listen_count; i++)
		free(s->listen[i]);
	for (size_t i = 0; i < s->export_count; i++)
		settings_clear_export(&s->exports[i]);
	free(s->exports);
	*s = (struct settings){ 0 };
}
