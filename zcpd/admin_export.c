/* admin_export.c - --add-export: one section more in zcpd.conf, and what the service needs for it. See admin.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/admin.h"
#include "zcpd/admin_edit.h"
#include "zcpd/admin_reload.h"
#include "zcpd/admin_try.h"
#include "zcpd/admin_unit.h"
#include "zcpd/config_rows.h"
#include "zcpd/mask.h"
#include "zcpd/place.h"

enum { NAMES_TRIED = 100 };

static int say(const char *where, const char *what)
{
	char shown[512];

	log_error("--add-export=\"%s\": %s; nothing was changed", vis_str(shown, sizeof shown, where), what);
	return -EINVAL;
}

/* Neither zcpd.conf nor a unit can hold a control character, or what is no UTF-8: vis() shows those as \x... */
static bool plain(const char *path)
{
	size_t          len = 4 * strlen(path) + 1, backslashes = 0;
	CLEAN_PTR char *shown = malloc(len);

	for (const char *p = path; *p; p++)
		backslashes += *p == '\\';
	return shown && strlen(vis_str(shown, len, path)) == strlen(path) + backslashes;
}

/* The directory by its real name; the caller's to free. NULL was said. */
static char *real_directory(const char *subject, const struct settings *s)
{
	struct stat st;
	char        words[128];
	char       *real = realpath(subject, NULL);

	if (!real || stat(real, &st) < 0) {
		say(subject, fail_words(fail_errno(errno), words, sizeof words));
	} else if (!S_ISDIR(st.st_mode)) {
		say(subject, "not a directory");
	} else if (!plain(real)) {
		say(real, "a name with control characters, or not in UTF-8: neither zcpd.conf nor a unit can hold it");
	} else {
		CLEAN_PTR char *state = place_state(s->state);
		CLEAN_FD int    dir = state ? open(state, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		if (dir < 0 || mask_lies_in(real, dir) != 1)
			return real;
		say(real, "it lies in the state directory, which holds the host key");
	}
	free(real);
	return NULL;
}

/* --- what is there ----------------------------------------------------------------------------------------------- */

/* 1: it is exported already as asked. 0: it is not. -EINVAL said */
static int compare(const struct settings *s, const char *real, bool writable)
{
	struct stat want, st;
	char        what[400], name[300];

	if (stat(real, &want) < 0)
		return say(real, strerrordesc_np(errno));
	for (size_t i = 0; i < s->export_count; i++) {
		const struct settings_export *e = &s->exports[i];
		if (stat(e->path, &st) < 0 || st.st_dev != want.st_dev || st.st_ino != want.st_ino)
			continue;
		vis_str(name, sizeof name, e->name);
		if (e->writable == writable)
			return 1;
		snprintf(what, sizeof what, "export %s serves it already, with mode = %s (line %u): change that there", name,
		         e->writable ? "rw" : "ro", e->line);
		return say(real, what);
	}
	return 0;
}

/* NULL: nobody has it. */
static const struct settings_export *taken(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->export_count; i++)
		if (strcmp(s->exports[i].name, name) == 0 || strcmp(s->exports[i].prefix, name) == 0)
			return &s->exports[i];
	return NULL;
}

/* What is hardly meant: it takes a --name. NULL: nothing. */
static const char *risky(const char *config, const char *real)
{
	CLEAN_PTR char *own = realpath(config, NULL);
	char           *slash = own ? strrchr(own, '/') : NULL;

	if (strcmp(real, "/") == 0)
		return "everything on this machine; if that is meant, name it with --name NAME";
	if (slash)
		*slash = '\0';
	return own && strcmp(own, real) == 0 ? "zcpd's own configuration lies in it; if that is meant, name it with --name NAME" : NULL;
}

/* As asked for, or after the directory, with a number where that is taken. */
static int choose_name(const struct settings *s, const char *real, const char *asked, char name[static WIRE_NAME_MAX + 1])
{
	const char *base = asked ? asked : strrchr(real, '/') + 1;

	if (strlen(base) > WIRE_NAME_MAX - 4 || !config_name_ok(base))
		return say(real, asked ? "--name: a name has letters, digits, and . _ -"
		                       : "its name cannot be an export's (letters, digits, and . _ -): give one with --name NAME");
	snprintf(name, WIRE_NAME_MAX + 1, "%s", base);
	if (asked && taken(s, name))
		return say(real, "--name: an export of that name, or with that prefix, is there already");
	for (int i = 2; taken(s, name); i++) {
		if (i == NAMES_TRIED)
			return say(real, "too many exports of its name: give another with --name NAME");
		snprintf(name, WIRE_NAME_MAX + 1, "%s-%d", base, i);
	}
	return 0;
}

/* --- the section ------------------------------------------------------------------------------------------------- */

/* In '...' nothing but \ and ' means something. */
static void quote(const char *path, char *out)
{
	for (; *path; path++) {
		if (*path == '\\' || *path == '\'')
			*out++ = '\\';
		*out++ = *path;
	}
	*out = '\0';
}

static char *section(const char *name, const char *path, bool writable)
{
	char  quoted[2 * PATH_MAX], *text = NULL;

	quote(path, quoted);
	return asprintf(&text, "\nexport %s {\n\tpath = '%s'\n\tmode = %s\n}\n", name, quoted, writable ? "rw" : "ro") < 0 ? NULL : text;
}

/* What the daemon would read from the new text: this export, with this path? */
static bool reads_back(const char *text, const char *file, const char *name, const char *path)
{
	struct settings s;
	bool            found = false;

	settings_defaults(&s);
	if (config_parse(text, file, &s) == 0)
		for (size_t i = 0; i < s.export_count; i++)
			found |= strcmp(s.exports[i].name, name) == 0 && strcmp(s.exports[i].path, path) == 0;
	settings_clear(&s);
	return found;
}

/* zcpd.conf with the section, known to be right; the caller's to free. NULL was said. */
static char *with_section(const struct edit *e, const char *name, const char *real, bool writable)
{
	CLEAN_PTR char *more = section(name, real, writable);
	char           *text = more ? edit_append(e, more) : NULL;

	if (text && reads_back(text, e->path, name, real))
		return text;
	say(real, text ? "zcpd.conf cannot hold it" : "out of memory");
	free(text);
	return NULL;
}

/* --- the unit ---------------------------------------------------------------------------------------------------- */

/* 1: the unit got a line more. 0: it needs none, or no unit reads this configuration. -EINVAL said */
static int widen(const struct unit *u, const char *config, const char *real, bool writable)
{
	char line[2 * PATH_MAX + 64], shown[1024];
	int  r = unit_line(real, writable, line, sizeof line);

	if (r < 0)
		return say(real, "too long for a unit");
	if (r == 0 || !unit_reads(u, config))
		return 0;
	r = unit_dropin(UNIT_DROPIN, line);
	if (r > 0)
		printf("wrote %s to %s/exports.conf\n", vis_str(shown, sizeof shown, line), UNIT_DROPIN);
	return r;
}

/* Has the unit got a place more that the daemon that runs was started without? It was not restarted then. */
static int waits_for_restart(const struct unit *u, const char *config, const struct settings *s)
{
	struct stat st;
	int64_t     started = unit_reads(u, config) ? admin_daemon_started(s) : 0;

	return started > 0 && stat(UNIT_DROPIN "/exports.conf", &st) == 0 && (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 > started;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static void tell(const struct settings *before, const char *real, const char *asked, const char *name, bool writable)
{
	const char                   *own = strrchr(real, '/') + 1;
	const struct settings_export *other = asked || strcmp(own, name) == 0 ? NULL : taken(before, own);
	char                          shown[512];

	printf("\"%s\" is the export %s now, %s\n", vis_str(shown, sizeof shown, real), name,
	       writable ? "writable for keys with write on their line" : "read-only");
	if (other)
		printf("(%s is taken by \"%s\"; another name is given with --name NAME)\n", own, vis_str(shown, sizeof shown, other->path));
}

/* 1: a restart is needed, 2: a reload, and a restart that was needed before, 0: a reload, -EINVAL said. `now`: what the file says, read under the lock. */
static int add(const struct options *o, struct edit *e, const struct settings *now, const char *real)
{
	static const struct edit_new as_it_comes = { (uid_t)-1, (gid_t)-1, 0644 };
	char                name[WIRE_NAME_MAX + 1], shown[512];
	struct unit         unit;
	struct service_user user;

	unit_find(unit_dirs, &unit);
	const char *risk = o->name ? NULL : risky(e->path, real);
	if (risk)
		return say(real, risk);
	int there = compare(now, real, o->writable);
	if (there < 0 || (!there && choose_name(now, real, o->name, name) < 0))
		return -EINVAL;
	if (try_user(now->user, unit_reads(&unit, e->path) ? unit.user : NULL, &user) < 0 || try_export(&user, real, o->writable) < 0)
		return -EINVAL;
	/* what zcpd.conf cannot hold is found before the unit is changed */
	CLEAN_PTR char *text = there ? NULL : with_section(e, name, real, o->writable);
	int             wider = there || text ? widen(&unit, e->path, real, o->writable) : -EINVAL;
	if (wider < 0 || (!there && edit_commit(e, text, &as_it_comes) < 0))
		return -EINVAL;
	vis_str(shown, sizeof shown, real);
	if (there)
		printf("\"%s\" is exported already\n", shown);
	else
		tell(now, real, o->name, name, o->writable);
	return wider ? wider : 2 * waits_for_restart(&unit, e->path, now);
}

int admin_add_export(const struct options *o, const struct settings *s)
{
	CLEAN_PTR char *real = real_directory(o->subject, s);
	struct settings now;
	struct edit     e;

	if (!real)
		return ST_USAGE;
	/* what s was read from may have changed while another one had the lock */
	settings_defaults(&now);
	int r = edit_open(&e, s->config_file, geteuid());
	if (r == 0 && e.file < 0)
		r = say(real, "there is no configuration to add it to");
	if (r == 0)
		r = config_parse(e.text, s->config_file, &now);
	if (r == 0)
		r = add(o, &e, &now, real);
	edit_clear(&e);
	settings_clear(&now);
	if (r == 0 || r == 2)
		admin_reload(s);
	if (r > 0)
		printf("the service must be restarted for %s; type: systemctl daemon-reload && systemctl restart zcpd\n",
		       r == 1 ? "that" : "what the unit was given before");
	return r < 0 || fflush(stdout) != 0 ? ST_USAGE : ST_OK;
}
