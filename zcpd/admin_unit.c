/* admin_unit.c - see admin_unit.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "common/cleanup.h"
#include "common/err.h"
#include "common/io.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/admin_edit.h"
#include "zcpd/admin_unit.h"

enum { UNIT_BYTES_MAX = 65536 };

/* systemd.unit(5), best first */
const char *const unit_dirs[] = {
	"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", NULL,
};

/* --- the unit ---------------------------------------------------------------------------------------------------- */

static void take_word(const char *p, char *out, size_t len)
{
	size_t n = strcspn(p, " \t\n");

	if (n < len) {
		memcpy(out, p, n);
		out[n] = '\0';
	}
}

/* What stands behind this word at the line's beginning; NULL: another line. */
static const char *behind(const char *line, const char *word)
{
	size_t n = strlen(word);

	return strncmp(line, word, n) == 0 ? line + n : NULL;
}

static void take_line(const char *line, struct unit *u)
{
	static const char config[] = "--config";
	const struct { const char *word; char *to; size_t len; } words[] = {
		{ "User=", u->user, sizeof u->user },              { "StateDirectory=", u->state, sizeof u->state },
		{ "RuntimeDirectory=", u->runtime, sizeof u->runtime }, { "LoadCredential=host_key:", u->credential, sizeof u->credential },
	};
	const char *at;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if ((at = behind(line, words[i].word)) != NULL)
			take_word(at, words[i].to, words[i].len);
	at = behind(line, "ExecStart=") ? memmem(line, strcspn(line, "\n"), config, sizeof config - 1) : NULL;
	if (at && (at[sizeof config - 1] == ' ' || at[sizeof config - 1] == '='))
		take_word(at + sizeof config, u->config, sizeof u->config);
}

bool unit_find(const char *const dirs[], struct unit *u)
{
	char *text = malloc(UNIT_BYTES_MAX);
	bool  found = false;

	*u = (struct unit){ .file = "" };
	for (; text && *dirs && !found; dirs++) {
		if (snprintf(u->file, sizeof u->file, "%s/zcpd.service", *dirs) >= (int)sizeof u->file)
			continue;
		found = io_slurp(u->file, text, UNIT_BYTES_MAX, IO_ANYBODYS) >= 0;
		for (const char *line = found ? text : NULL; line; line = strchr(line, '\n')) {
			line += *line == '\n';
			take_line(line, u);
		}
	}
	free(text);
	return found;
}

bool unit_reads(const struct unit *u, const char *config)
{
	CLEAN_PTR char *a = realpath(u->config, NULL), *b = config ? realpath(config, NULL) : NULL;

	return a && b && strcmp(a, b) == 0;
}

/* --- the drop-in ------------------------------------------------------------------------------------------------- */

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* As systemd.syntax(7) reads it back: in quotes, with \ before " and \, and % doubled. */
static int quote(const char *path, char *out, size_t len)
{
	size_t n = 0;

	for (const char *p = path; *p; p++) {
		if (n + 3 > len)
			return -ENAMETOOLONG;
		if (*p == '"' || *p == '\\')
			out[n++] = '\\';
		if (*p == '%')
			out[n++] = '%';
		out[n++] = *p;
	}
	out[n] = '\0';
	return 0;
}

int unit_line(const char *path, bool writable, char *buf, unsigned long len)
{
	char quoted[2 * PATH_MAX];
	bool own_tmp = below(path, "/tmp") || below(path, "/var/tmp");

	if ((!writable && !own_tmp) || (!own_tmp && below(path, "/srv/zcp")))
		return 0;
	if (quote(path, quoted, sizeof quoted) < 0)
		return -EINVAL;
	int n = snprintf(buf, len, "%s=\"-%s\"", !own_tmp ? "ReadWritePaths" : writable ? "BindPaths" : "BindReadOnlyPaths", quoted);
	return n > 0 && (unsigned long)n < len ? 1 : -EINVAL;
}

static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = text; (p = strstr(p, line)) != NULL; p += n)
		if ((p == text || p[-1] == '\n') && (p[n] == '\n' || p[n] == '\0'))
			return true;
	return false;
}

static int append(struct edit *e, const char *line)
{
	static const char head[] = "# Written by zcpd --add-export: what exports in zcpd.conf need beyond zcpd.service.\n";
	static const struct edit_new as_it_comes = { (uid_t)-1, (gid_t)-1, 0644 };
	CLEAN_PTR char *more = NULL;

	if (has_line(e->text, line))
		return 0;
	if (asprintf(&more, "%s[Service]\n%s\n", e->len ? "" : head, line) < 0)
		return -EINVAL;
	CLEAN_PTR char *text = edit_append(e, more);
	if (!text)
		return -EINVAL;
	return edit_commit(e, text, &as_it_comes) < 0 ? -EINVAL : 1;
}

int unit_dropin(const char *dir, const char *line)
{
	char        path[PATH_MAX], shown[512], words[128];
	struct edit e;

	if (snprintf(path, sizeof path, "%s/exports.conf", dir) >= (int)sizeof path)
		return -EINVAL;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
		log_error("\"%s\": %s", vis_str(shown, sizeof shown, dir), fail_words(fail_errno(errno), words, sizeof words));
		return -EINVAL;
	}
	int r = edit_open(&e, path, 0);
	if (r == 0)
		r = append(&e, line);
	edit_clear(&e);
	return r;
}
