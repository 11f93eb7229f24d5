/*
 * config_scan.c - what libConfuse 3.3 would take in silence, found first.
 *
 * libConfuse drops the characters + and * outside quotes, ends a value at CR, reads ${NAME} from the environment, takes a comment that never
 * ends for the end of the file, cuts a string at \0, lets a key that is set twice have its last value, counts lines wrongly behind a C comment,
 * and follows | in names into other sections. Here each of them is a mistake with its line, and comments become spaces.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/config_rows.h"

enum kind { NOTHING, WORD, STRING, PUNCT };
struct token { enum kind kind; const char *at; size_t len; unsigned line; };
struct scan {
	const char  *file;
	char        *p;
	unsigned     line;
	struct token last, before;                              /* the two before this one */
	struct token outer[CONFIG_ROWS_MAX], inner[CONFIG_ROWS_MAX];    /* keys that are set already: outside, in this section */
	size_t       outer_count, inner_count;
	unsigned    *section_lines, sections;                   /* the caller's */
	unsigned     list_line;                                 /* where its { stands */
	bool         in_list, in_section;
};

int config_say(const char *file, unsigned line, const char *fmt, ...)
{
	char    shown[512], words[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	if (line)
		log_error("\"%s\" line %u: %s", vis_str(shown, sizeof shown, file), line, words);
	else
		log_error("\"%s\": %s", vis_str(shown, sizeof shown, file), words);
	return -EINVAL;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 || (c && strchr("-_.:/[]@%~", c));
}

static bool is_punct(const struct token *t, char c)
{
	return t->kind == PUNCT && *t->at == c;
}

/* A character outside strings that stands for nothing, or for something that is not done here. */
static int odd(const struct scan *s)
{
	char c = *s->p, shown[8];

	switch (c) {
	case '\r': return config_say(s->file, s->line, "the line ends in CR LF; lines end in LF alone (sed -i 's/\\r$//' takes the CR away)");
	case ';':  return config_say(s->file, s->line, "\";\": no semicolons, a line ends a value");
	case '(':
	case ')':  return config_say(s->file, s->line, "\"%c\": nothing is called and nothing included here; quote the value if it belongs to it", c);
	case '$':  return config_say(s->file, s->line, "\"$\": variables are not expanded; quote the value '...' if it belongs to it");
	case '+':  return config_say(s->file, s->line, "\"+\": a list is written once, with =; quote the value if it belongs to it");
	default:
		return config_say(s->file, s->line, "\"%s\": quote the value if it belongs to it", vis(shown, sizeof shown, &c, 1));
	}
}

static int scan_escape(struct scan *s, char quote)
{
	char next = s->p[1];

	if (next != '\\' && next != quote && quote == '"')
		return config_say(s->file, s->line, "a \\ in \"...\" stands before \" or \\ only; '...' takes it as it is");
	if ((unsigned char)next >= ' ')
		s->p++;
	return 0;
}

static int scan_string(struct scan *s)
{
	char quote = *s->p;
	int  r = 0;

	for (s->p++; *s->p != quote; s->p++) {
		unsigned char c = (unsigned char)*s->p;
		if (c == '\r' && s->p[1] == '\n')
			return odd(s);
		if (c == '\0' || c == '\n')
			return config_say(s->file, s->line, "a %c that is not closed before the end of the %s", quote, c ? "line" : "file");
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return config_say(s->file, s->line, "a control character in %c...%c", quote, quote);
		if (c == '$' && s->p[1] == '{' && quote == '"')
			return config_say(s->file, s->line, "\"${\": variables are not expanded; '...' takes it as it is");
		if (c == '\\')
			r = scan_escape(s, quote);
		if (r < 0)
			return r;
	}
	s->p++;
	return 0;
}

static int scan_word(struct scan *s)
{
	for (; is_word(*s->p); s->p++)
		if (s->p[0] == '/' && s->p[1] == '/')
			return config_say(s->file, s->line, "\"//\": comments begin with #; quote the value if it belongs to it");
	return 0;
}

static void scan_comment(struct scan *s)
{
	for (; *s->p && *s->p != '\n'; s->p++)
		*s->p = ' ';
}

static int key_twice(const struct scan *s, const struct token *key, const struct token *first)
{
	char shown[200];

	return config_say(s->file, key->line, "\"%s\" stands twice, first in line %u", vis(shown, sizeof shown, key->at, key->len), first->line);
}

static int scan_key(struct scan *s)
{
	struct token *seen = s->in_section ? s->inner : s->outer, *key = &s->last;
	size_t       *count = s->in_section ? &s->inner_count : &s->outer_count;

	if (key->kind != WORD)
		return config_say(s->file, s->line, "\"=\": the name of a key stands before it, without quotes");
	for (size_t i = 0; i < *count; i++)
		if (seen[i].len == key->len && memcmp(seen[i].at, key->at, key->len) == 0)
			return key_twice(s, key, &seen[i]);
	if (*count == CONFIG_ROWS_MAX)
		return config_say(s->file, s->line, "more keys than there are; zcpd.conf(5) lists them");
	seen[(*count)++] = *key;
	return 0;
}

static int scan_open(struct scan *s)
{
	if (is_punct(&s->last, '=')) {
		s->in_list = true;
		s->list_line = s->line;
	}
	if (s->in_list || s->in_section)
		return 0;
	s->in_section = true;
	s->inner_count = 0;
	if (s->sections == WIRE_EXPORTS_MAX)
		return config_say(s->file, s->line, "more than %u exports", (unsigned)WIRE_EXPORTS_MAX);
	s->section_lines[s->sections++] = s->last.line;
	return 0;
}

static int scan_close(struct scan *s)
{
	if (is_punct(&s->last, '{') && is_punct(&s->before, '='))
		return config_say(s->file, s->line, "an empty list; leave the key away, or name something");
	if (!s->in_list)
		s->in_section = false;
	s->in_list = false;
	return 0;
}

/* "4 M", "a, b": libConfuse would say something of the next word. */
static int check_value(const struct scan *s, const struct token *t)
{
	const char *next = s->p + strspn(s->p, " \t");
	bool        behind = s->last.kind != PUNCT && s->last.kind != NOTHING && is_punct(&s->before, '=') && s->last.line == t->line && !s->in_list;
	char        shown[200];

	if (!behind)
		return 0;
	if (is_punct(t, ','))
		return config_say(s->file, t->line, "\",\": a list stands in braces: {A, B}");
	if (t->kind == PUNCT || (t->kind == WORD && (*next == '=' || (t->len == 6 && memcmp(t->at, "export", 6) == 0))))
		return 0;
	return config_say(s->file, t->line, "\"%s\" behind a value: one with a blank stands in quotes (and a size has none: 4M)",
	                  vis(shown, sizeof shown, t->at, t->len));
}

/* One token, or a character of what lies between them. */
static int scan_one(struct scan *s)
{
	struct token t = { PUNCT, s->p, 1, s->line };
	int          r = 0;

	if (*s->p == '"' || *s->p == '\'') {
		t.kind = STRING;
		r = scan_string(s);
	} else if (is_word(*s->p)) {
		t.kind = WORD;
		r = scan_word(s);
	} else if (strchr("={},", *s->p)) {
		r = *s->p == '=' ? scan_key(s) : *s->p == '{' ? scan_open(s) : *s->p == '}' ? scan_close(s) : 0;
		s->p++;
	} else {
		return odd(s);
	}
	t.len = (size_t)(s->p - t.at);
	if (r == 0)
		r = check_value(s, &t);
	s->before = s->last;
	s->last = t;
	return r;
}

int config_scan(const char *file, char *text, unsigned lines[static WIRE_EXPORTS_MAX])
{
	struct scan s = { .file = file, .p = text, .line = 1, .section_lines = lines };
	int         r = 0;

	while (r == 0 && *s.p) {
		if (*s.p == '#') {
			scan_comment(&s);
		} else if (*s.p == ' ' || *s.p == '\t' || *s.p == '\n') {
			s.line += *s.p == '\n';
			s.p++;
		} else {
			r = scan_one(&s);
		}
	}
	if (r == 0 && (s.in_list || s.in_section))
		return config_say(file, s.in_list ? s.list_line : lines[s.sections - 1], "a { that is not closed before the end of the file");
	return r;
}
