/* config.c - see config.h. Two passes: libConfuse finds names, sections and words with their lines; then the rows take the words. */
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/vis.h"
#include "zcpd/config_rows.h"

struct reading { const char *file; struct settings *s; bool bad; unsigned lines[WIRE_EXPORTS_MAX]; };  /* lines: where each export begins */

/* libConfuse's sentence; what it quotes is the file's. */
static void said(cfg_t *cfg, const char *fmt, va_list ap)
{
	char words[400], shown[800];

	vsnprintf(words, sizeof words, fmt, ap);
	config_say(cfg->filename, (unsigned)cfg->line, "%s%s", vis_str(shown, sizeof shown, words),
	           strncmp(words, "no such option", 14) == 0 ? " (zcpd --help-config lists the keys and where they stand)" : "");
}

static int keep_word(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *out)
{
	struct word *w = malloc(sizeof *w + strlen(text) + 1);

	(void)opt;
	if (!w) {
		cfg_error(cfg, "out of memory");
		return -1;
	}
	w->line = (unsigned)cfg->line;
	memcpy(w->text, text, strlen(text) + 1);
	*(void **)out = w;
	return 0;
}

/* A row's name as libConfuse's: every value is a word, so that its line is known. `opts` has room and an end. */
static size_t add_rows(cfg_opt_t *opts, const struct row *rows)
{
	size_t n = 0;

	for (; rows[n].name; n++)
		opts[n] = (cfg_opt_t){ .name = rows[n].name, .type = CFGT_PTR, .flags = rows[n].list ? CFGF_LIST : CFGF_NONE,
		                       .parsecb = keep_word, .freecb = free };
	return n;
}

static cfg_t *parse(const char *file, char *text)
{
	cfg_opt_t        own[CONFIG_ROWS_MAX] = { { 0 } }, all[CONFIG_ROWS_MAX] = { { 0 } };
	const cfg_flag_t flags = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	size_t           n = add_rows(all, config_rows);

	add_rows(own, config_export_rows);
	all[n] = (cfg_opt_t)CFG_SEC("export", own, flags);
	cfg_t *cfg = cfg_init(all, CFGF_NONE);
	FILE  *in = cfg ? fmemopen(text, strlen(text), "r") : NULL;
	if (cfg)
		cfg->filename = strdup(file);           /* the sections' copies too */
	bool good = in && cfg->filename;
	if (good) {
		cfg_set_error_function(cfg, said);
		good = cfg_parse_fp(cfg, in) == CFG_SUCCESS;
	} else {
		config_say(file, 0, "out of memory");
	}
	if (in)
		fclose(in);
	if (!good && cfg)
		cfg_free(cfg);
	return good ? cfg : NULL;
}

static void refuse(struct reading *r, const struct row *row, const struct word *w, const char *must)
{
	char shown[300], range[CONFIG_MUST];

	r->bad = true;
	config_say(r->file, w->line, "%s = \"%s\": must be %s", row->name, vis_str(shown, sizeof shown, w->text),
	           *must ? must : config_range(row, range));
}

/* The words of one key into the base. Its line, 0 when it is not there. */
static unsigned take_row(struct reading *r, const struct row *row, cfg_t *from, void *base)
{
	cfg_opt_t *opt = cfg_getopt(from, row->name);
	size_t     count = opt ? cfg_opt_size(opt) : 0;

	for (size_t i = 0; i < count; i++) {
		const struct word *w = cfg_opt_getnptr(opt, (unsigned)i);
		struct value       v = { w->text, w->line, i, count };
		if (row->list && i == row->most) {
			r->bad = true;
			config_say(r->file, w->line, "%s: more than %u", row->name, (unsigned)row->most);
			break;
		}
		const char *must = row->take(row, base, &v);
		if (must)
			refuse(r, row, w, must);
	}
	return count ? ((const struct word *)cfg_opt_getnptr(opt, 0))->line : 0;
}

/* What one export says of itself must fit together. */
static void check_export(struct reading *r, const struct settings_export *e)
{
	char shown[300];

	if (e->allow_write_line && !e->writable) {
		r->bad = true;
		config_say(r->file, e->allow_write_line, "allow-write in export \"%s\", which is read-only: give it mode = rw, or take allow-write away",
		           vis_str(shown, sizeof shown, e->name));
	}
}

static void check_double(struct reading *r, const struct settings_export *e, unsigned line)
{
	char shown[600], other[300];

	for (size_t i = 0; i < r->s->export_count; i++) {
		const struct settings_export *o = &r->s->exports[i];
		if (strcmp(o->prefix, e->prefix) != 0)
			continue;
		r->bad = true;
		config_say(r->file, line, "the prefix \"%s\" is that of export \"%s\", too (line %u): name another", vis_str(shown, sizeof shown, e->prefix),
		           vis_str(other, sizeof other, o->name), o->line);
	}
}

static int export_rows(struct reading *r, cfg_t *from, unsigned begin, struct settings_export *e)
{
	char     shown[300];
	unsigned prefix_line = 0;

	vis_str(shown, sizeof shown, e->name);
	for (const struct row *row = config_export_rows; row->name; row++) {
		unsigned line = take_row(r, row, from, e);
		if (line && strcmp(row->name, "path") == 0)
			e->line = line;
		if (line && strcmp(row->name, "prefix") == 0)
			prefix_line = line;
		if (line && strcmp(row->name, "allow-write") == 0)
			e->allow_write_line = line;
		if (line && strcmp(row->name, "allow") == 0)
			e->allow_line = line;
		if (!line && row->needed) {
			r->bad = true;
			config_say(r->file, begin, "export \"%s\" has no %s", shown, row->name);
		}
	}
	if (!e->prefix)
		e->prefix = strdup(e->name);
	if (!e->prefix)
		return -ENOMEM;
	e->allow_given = e->allow_line != 0;
	check_export(r, e);
	check_double(r, e, prefix_line ? prefix_line : begin);
	return settings_add_export(r->s, e);
}

static int take_export(struct reading *r, cfg_t *from, unsigned begin)
{
	struct settings_export e = { .name = strdup(cfg_title(from)) };
	char                   shown[300];
	int                    result = e.name ? 0 : -ENOMEM;

	if (e.name && !config_name_ok(e.name)) {
		r->bad = true;
		config_say(r->file, begin, "export \"%s\": a name has letters, digits, and . _ -; give it a prefix for the rest",
		                    vis_str(shown, sizeof shown, e.name));
	} else if (e.name) {
		result = export_rows(r, from, begin, &e);
	}
	settings_clear_export(&e);
	return result;
}

/* A limit that is not named gives way to one that is. */
static void check_streams(struct reading *r, unsigned *part, const char *name, unsigned line)
{
	unsigned all = r->s->limits.streams;

	if (*part > all && line) {
		r->bad = true;
		config_say(r->file, line, "%s = %u: more than streams, which is %u", name, *part, all);
	}
	if (*part > all)
		*part = all;
}

static unsigned line_of(const unsigned lines[static CONFIG_ROWS_MAX], const char *name)
{
	size_t i = 0;

	while (config_rows[i].name && strcmp(config_rows[i].name, name) != 0)
		i++;
	return lines[i];
}

/* What the keys outside of sections say must fit together. */
static void check_limits(struct reading *r, const unsigned lines[static CONFIG_ROWS_MAX])
{
	struct limits_set *l = &r->s->limits;
	unsigned           longest = l->penalty_crash_s > l->penalty_refused_s ? l->penalty_crash_s : l->penalty_refused_s;
	unsigned           most = line_of(lines, "penalty-most");

	check_streams(r, &l->per_source, "streams-per-source", line_of(lines, "streams-per-source"));
	check_streams(r, &l->per_key, "streams-per-key", line_of(lines, "streams-per-key"));
	if (l->penalty_most_s < longest && most) {
		r->bad = true;
		config_say(r->file, most, "penalty-most = %u: less than one penalty, which is %u", l->penalty_most_s, longest);
	} else if (l->penalty_most_s < longest) {
		l->penalty_most_s = longest;
	}
}

static int take_all(struct reading *r, cfg_t *cfg)
{
	unsigned lines[CONFIG_ROWS_MAX] = { 0 };
	int      result = 0;

	for (size_t i = 0; config_rows[i].name; i++)
		lines[i] = take_row(r, &config_rows[i], cfg, r->s);
	r->s->user_line = line_of(lines, "user");
	check_limits(r, lines);
	for (unsigned i = 0; i < cfg_size(cfg, "export") && result == 0; i++)
		result = take_export(r, cfg_getnsec(cfg, "export", i), r->lines[i]);
	return result;
}

int config_parse(const char *text, const char *file, struct settings *s)
{
	struct reading  r = { .file = file, .s = s };
	CLEAN_PTR char *copy = strdup(text);
	int             result = copy ? config_scan(file, copy, r.lines) : -ENOMEM;

	s->config = true;
	s->limits.drain_s = DEFAULT_DRAIN_S;
	free(s->config_file);
	s->config_file = strdup(file);
	if (!s->config_file)
		result = -ENOMEM;
	cfg_t *cfg = result == 0 ? parse(file, copy) : NULL;
	if (cfg) {
		result = take_all(&r, cfg);
		cfg_free(cfg);
	} else if (result == 0) {
		result = -EINVAL;
	}
	if (result == -ENOMEM)
		config_say(file, 0, "out of memory");
	return result < 0 || r.bad ? -EINVAL : 0;
}

/* Who may write the file says who may read and write what. NULL, or what is wrong with it. */
static const char *untrusted(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return S_ISDIR(st->st_mode) ? "a directory, not a file" : "not a regular file";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "belongs to another user, who could change what is served (chown it to root, or to zcpd's user)";
	if (st->st_mode & 022)
		return "can be written by others, who could change what is served (chmod go-w)";
	return st->st_size > CONFIG_BYTES_MAX ? "larger than 1 MiB: that is no zcpd.conf" : NULL;
}

static int slurp(const char *file, int fd, char *text)
{
	ssize_t n = io_pread_full(fd, text, CONFIG_BYTES_MAX + 1, 0);
	char    words[128];

	if (n < 0)
		return config_say(file, 0, "%s", fail_words(fail_errno((int)n), words, sizeof words));
	if (n > CONFIG_BYTES_MAX)
		return config_say(file, 0, "larger than 1 MiB: that is no zcpd.conf");
	text[n] = '\0';
	if (strlen(text) == (size_t)n)
		return 0;
	unsigned line = 1;
	for (const char *p = text; *p; p++)
		line += *p == '\n';
	return config_say(file, line, "a NUL byte: the file is damaged, or not text");
}

int config_read(const char *file, struct settings *s)
{
	char        words[128];
	struct stat st;
	/* O_NONBLOCK: a FIFO in the file's place must not hang */
	CLEAN_FD int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return config_say(file, 0, "%s", fail_words(fail_errno(errno), words, sizeof words));
	const char *what = untrusted(&st);
	if (what)
		return config_say(file, 0, "%s", what);
	CLEAN_PTR char *text = malloc(CONFIG_BYTES_MAX + 2);
	if (!text)
		return config_say(file, 0, "out of memory");
	int r = slurp(file, fd, text);
	return r < 0 ? r : config_parse(text, file, s);
}
