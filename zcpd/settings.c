/* settings.c - see settings.h */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "common/log.h"
#include "common/vis.h"
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

/* A unit has a /tmp and a /var/tmp of its own, and gets another place when it is started. systemd sets the variable for what a unit runs. */
static const char *unit_hint(const char *path)
{
	if (!getenv("STATE_DIRECTORY") || (strncmp(path, "/tmp/", 5) != 0 && strncmp(path, "/var/tmp/", 9) != 0))     /* NOLINT(concurrency-mt-unsafe) */
		return "";
	return " for the unit, whose /tmp is its own; what zcpd --add-export gives it, it sees from its next restart on: "
	       "systemctl daemon-reload && systemctl restart zcpd";
}

static int check_path(const struct settings *s, const struct settings_export *e)
{
	char        file[512], path[512], words[128];
	struct stat st;

	if (stat(e->path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	int r = stat(e->path, &st) == 0 ? -ENOTDIR : -errno;
	log_error("\"%s\" line %u: path = \"%s\" of export \"%s\": %s%s", vis_str(file, sizeof file, s->config_file), e->line,
	          vis_str(path, sizeof path, e->path), e->name, fail_words(fail_errno(r), words, sizeof words),
	          r == -ENOENT ? unit_hint(e->path) : "");
	return -EINVAL;
}

int settings_check(const struct settings *s)
{
	char file[512], name[300];
	int  r = 0;

	if (s->config && s->user && !getpwnam(s->user)) {       /* NOLINT(concurrency-mt-unsafe): one thread only */
		log_error("\"%s\" line %u: user = \"%s\": there is no such user", vis_str(file, sizeof file, s->config_file), s->user_line,
		          vis_str(name, sizeof name, s->user));
		r = -EINVAL;
	}
	for (size_t i = 0; i < s->export_count && s->config; i++)
		if (check_path(s, &s->exports[i]) < 0)
			r = -EINVAL;
	return r;
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
