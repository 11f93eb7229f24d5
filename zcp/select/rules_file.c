/* rules_file.c - --include-from and --exclude-from: see rules.h */
#include "zcp/select/rules_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"

enum { LINE_MOST = PATTERN_MAX + 2 };           /* a prefix in front */

struct list {
	FILE        *f;
	struct place at;                /* of the line that was read */
	bool         from0, after_cr;
	size_t       len;               /* of that line: LINE_MOST + 1 for all above */
	char         line[LINE_MOST + 2];
};

static bool is_comment(const struct list *l)
{
	return l->len > 0 && (l->line[0] == ';' || l->line[0] == '#');
}

static bool ends_line(const struct list *l, int c)
{
	return l->from0 ? c == '\0' : c == '\n' || c == '\r';
}

/* A comment may have any length; what else is too long is read no further. false: nothing more. */
static bool next_line(struct list *l)
{
	int c = EOF;

	for (l->len = 0; (l->len <= LINE_MOST || is_comment(l)) && (c = getc_unlocked(l->f)) != EOF;) {
		bool pair = l->after_cr && c == '\n';
		l->after_cr = !l->from0 && c == '\r';
		if (pair)
			continue;
		if (ends_line(l, c))
			break;
		if (l->len <= LINE_MOST)
			l->line[l->len++] = (char)c;
	}
	l->line[l->len] = '\0';
	l->at.line++;
	return c != EOF || l->len > 0;
}

static enum status take_line(struct rules *r, const struct list *l)
{
	if (l->len == 0 || is_comment(l))
		return ST_OK;
	if (memchr(l->line, '\0', l->len))
		return rules_refuse(&l->at, l->line, "a NUL byte follows: where NUL bytes end the patterns, give -0 before the file");
	return rules_take(r, &l->at, l->line);
}

/* A copy that lives as long as the rules, which name it. NULL: no memory. */
static const char *keep_name(struct rules *r, const char *file)
{
	char **files = realloc(r->files, (r->file_count + 1) * sizeof *files);

	if (!files)
		return NULL;
	r->files = files;
	files[r->file_count] = strdup(file);
	return files[r->file_count] ? files[r->file_count++] : NULL;
}

static enum status refuse_file(bool exclude, const char *file, const char *why)
{
	char seen[300];

	log_error("--%s-from=%s: %s", exclude ? "exclude" : "include", vis_str(seen, sizeof seen, file), why);
	return ST_USAGE;
}

static enum status refuse_errno(bool exclude, const char *file, int e)
{
	char why[200];

	snprintf(why, sizeof why, "%s: name a file of patterns, one a line, or - for standard input", strerror(e));
	return refuse_file(exclude, file, why);
}

static enum status read_list(struct rules *r, struct list *l, const char *file)
{
	enum status st = ST_OK;

	errno = 0;
	while (st == ST_OK && next_line(l))
		st = take_line(r, l);
	if (st == ST_OK && ferror(l->f))
		return refuse_errno(l->at.exclude, file, errno);
	return st;
}

enum status rules_read(struct rules *r, bool exclude, const char *file, bool from0)
{
	bool        standard = strcmp(file, "-") == 0;
	struct list l = { .at = { .exclude = exclude }, .from0 = from0 };

	if (!*file)
		return refuse_file(exclude, file, "an empty name: name a file of patterns, one a line, or - for standard input");
	if (standard && r->stdin_read)
		return refuse_file(exclude, file, "standard input was read already: put all patterns into one list");
	r->stdin_read |= standard;
	l.at.file = keep_name(r, standard ? "standard input" : file);
	if (!l.at.file)
		return ST_FILE_IO;
	l.f = standard ? stdin : fopen(file, "re");
	if (!l.f)
		return refuse_errno(exclude, file, errno);
	enum status st = read_list(r, &l, file);
	if (!standard)
		fclose(l.f);
	return st;
}
