/*
 * judge.h - what the driver rules does with arguments: verdicts that tests/rules.bats holds beside rsync's.
 *
 *     judge [OPTION...]       paths on standard input, each "d" or "f" and the path, ended by NUL: a '+' (copied) or a '-' for each
 *     walk TREE [OPTION...]   what would be copied of TREE/., each ended by NUL
 *     accepts                 patterns on standard input, each ended by NUL: a '+' (understood) or a '-' (refused) for each
 *     table                   patterns.h: "P" and the pattern, then for each path "y" or "n", "d" or "f", and the path; all ended by NUL
 */
#pragma once
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tests/unit/patterns.h"
#include "zcp/cli/options.h"

enum { PATH_ROOM = 8192 };

/* The rules of a command line. */
static inline enum status parse(struct options *o, int argc, char **argv)
{
	char **v = calloc((size_t)argc + 4, sizeof *v);
	int    n = 0;

	if (!v)
		return ST_FILE_IO;
	v[n++] = (char[]){ "zcp" };
	for (int i = 0; i < argc; i++)
		v[n++] = argv[i];
	v[n++] = (char[]){ "src" };
	v[n++] = (char[]){ "h:" };
	enum status st = options_parse(o, n, v);
	free(v);
	return st;
}

/* f for each that NUL ends on standard input. */
static inline int each_record(void (*f)(const struct rules *, const char *), const struct rules *rules)
{
	char   record[PATH_ROOM];
	size_t n = 0;

	for (int c; (c = getchar()) != EOF;) {
		if (n == sizeof record)
			return 2;
		record[n++] = (char)c;
		if (c)
			continue;
		f(rules, record);
		n = 0;
	}
	return n ? 2 : 0;
}

static inline void judge(const struct rules *rules, const char *record)
{
	putchar(rules_exclude(rules, record + 1, record[0] == 'd') ? '-' : '+');
}

static inline void accept_one(const struct rules *rules, const char *text)
{
	const char     *why;
	struct pattern *p = pattern_new(text, &why);

	(void)rules;
	putchar(p ? '+' : '-');
	pattern_free(p);
}

static inline int walk(const struct rules *rules, const char *top, const char *below)
{
	char path[PATH_ROOM], rest[PATH_ROOM];
	struct dirent *e;
	struct stat    st;
	int            bad = 0;

	snprintf(path, sizeof path, "%s/%s", top, below);
	DIR *d = opendir(path);
	if (!d)
		return 2;
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (snprintf(rest, sizeof rest, "%s%s%s", below, *below ? "/" : "", e->d_name) >= (int)sizeof rest ||
		    snprintf(path, sizeof path, "%s/%s", top, rest) >= (int)sizeof path || lstat(path, &st) != 0) {
			bad = 2;
			continue;
		}
		if (rules_exclude(rules, rest, S_ISDIR(st.st_mode)))
			continue;
		fwrite(rest, 1, strlen(rest) + 1, stdout);
		if (S_ISDIR(st.st_mode))
			bad |= walk(rules, top, rest);
	}
	closedir(d);
	return bad;
}

/* f for each of paths, as patterns.h writes them. */
static inline void each_path(const char *paths, bool yes, void (*f)(const struct pattern *, const char *, bool, bool), const struct pattern *p)
{
	char path[PATH_ROOM];

	for (const char *s = paths; *s;) {
		size_t n = strcspn(s, "|");
		bool   dir = s[n - 1] == '/';
		snprintf(path, sizeof path, "%.*s", (int)(n - dir), s);
		f(p, path, dir, yes);
		s += n + (s[n] == '|');
	}
}

static inline void print_one(const struct pattern *p, const char *path, bool dir, bool yes)
{
	(void)p;
	printf("%c%c%s%c", yes ? 'y' : 'n', dir ? 'd' : 'f', path, '\0');
}

static inline int table(void)
{
	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		printf("P%s%c", verdicts[i].pattern, '\0');
		each_path(verdicts[i].yes, true, print_one, NULL);
		each_path(verdicts[i].no, false, print_one, NULL);
	}
	return 0;
}

static inline int judge_main(int argc, char **argv)
{
	struct options o = { 0 };
	int            rc = 0;

	if (strcmp(argv[1], "accepts") == 0)
		return each_record(accept_one, NULL);
	if (strcmp(argv[1], "table") == 0)
		return table();
	bool        walks = strcmp(argv[1], "walk") == 0 && argc > 2;
	enum status st = parse(&o, argc - 2 - walks, argv + 2 + walks);
	if (st == ST_OK)
		rc = walks ? walk(&o.rules, argv[2], "") : each_record(judge, &o.rules);
	options_clear(&o);
	return st != ST_OK ? (int)st : rc;
}
