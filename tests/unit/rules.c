/* links: zcp. rules.c - patterns and rules: a table of verdicts, every error, the longest patterns; and, with arguments, what tests/rules.bats holds beside rsync. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/log.h"
#include "common/vis.h"
#include "tests/unit/judge.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static void hold_one(const struct pattern *p, const char *path, bool dir, bool yes)
{
	char a[100], b[200];

	ok(pattern_matches(p, path, dir) == yes, "'%s' %s '%s%s'", vis_str(a, sizeof a, pattern_text(p)), yes ? "matches" : "does not match",
	   vis_str(b, sizeof b, path), dir ? "/" : "");
}

static void patterns(void)
{
	const char *why;
	char        seen[100];

	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		struct pattern *p = pattern_new(verdicts[i].pattern, &why);
		if (!ok(p != NULL, "'%s' is a pattern: %s", vis_str(seen, sizeof seen, verdicts[i].pattern), p ? "yes" : why))
			continue;
		ok(strcmp(pattern_text(p), verdicts[i].pattern) == 0 && !pattern_matches(p, "", true) && !pattern_matches(p, "", false),
		   "  keeps its text, and does not match the root");
		each_path(verdicts[i].yes, true, hold_one, p);
		each_path(verdicts[i].no, false, hold_one, p);
		pattern_free(p);
	}
}

static void refused(const char *text, const char *word)
{
	const char     *why = NULL;
	char            seen[60];
	struct pattern *p = pattern_new(text, &why);

	ok(!p && why && strstr(why, word), "'%s' is refused: %s", vis_str(seen, sizeof seen, text), why ? why : "(no reason)");
	pattern_free(p);
}

static void refused_patterns(void)
{
	static const char *const open[] = { "[", "[a", "a[", "[]", "[!]", "[^", "[a-", "[a\\]", "[a\\", "[[:alpha:]", "[[:", "[a/", "*[a-\\", "[[:alpha", "a/[/b" };
	static const char *const none[] = { "/", "//", "a//b", "//a", "a//", ".", "..", "./a", "../a", "a/./b", "a/..", "/.", "/./", "*/.", "**/..", "./*", "*//a", "\\/a*" };

	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		refused(open[i], "'[' without its ']'");
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		refused(none[i], "no name is empty, '.' or '..'");
	refused("[[:alhpa:]]", "no such class");
	refused("[[::]]", "no such class");
	refused("a[[:ALPHA:]]", "no such class");
	refused("[[:alpha:][:x:]]", "no such class");
	refused("a*\\", "backslash at the end");
	refused("[a]\\/", "backslash at the end");
	refused("", "empty pattern");
}

/* piece again and again, and end: at most so many bytes. */
static char *many(const char *piece, size_t bytes, const char *end)
{
	size_t n = strlen(piece), e = strlen(end), most = (bytes - e) / n * n;
	char  *s = calloc(1, bytes + 1);

	if (!s)
		exit(2);
	for (size_t i = 0; i < most + e; i++)
		s[i] = i < most ? piece[i % n] : end[i - most];
	return s;
}

/* What a naive matcher would not come back from in this universe. The path has no bound here. */
static void longest(const char *piece, const char *end, const char *path_piece, size_t path_bytes, const char *path_end, bool yes)
{
	char           *text = many(piece, PATTERN_MAX, end), *path = many(path_piece, path_bytes, path_end);
	const char     *why = NULL;
	char            a[30], b[30];
	struct pattern *p = pattern_new(text, &why);

	if (ok(p != NULL, "a pattern of %zu bytes, '%s': %s", strlen(text), vis_str(a, sizeof a, text), p ? "taken" : why))
		ok(pattern_matches(p, path, false) == yes, "  %s a path of %zu bytes, '%s'", yes ? "matches" : "does not match", strlen(path),
		   vis_str(b, sizeof b, path));
	pattern_free(p);
	free(text);
	free(path);
}

static void lengths(void)
{
	longest("*a", "b", "a", 255, "", false);
	longest("*a", "b", "a", 4095, "", false);
	longest("**a", "b", "a", 4095, "c", false);
	longest("*a*?", "b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/", 4095, "b", false);
	longest("**/*a", "b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/", 4095, "c", false);
	longest("**", "b", "a", 4095, "b", true);
	longest("?", "", "a", 4095, "", true);
	longest("?", "", "a", 4094, "", false);
	longest("a", "", "a", 4095, "", true);
	longest("a/", "a", "a/", 4095, "a", true);
	longest("[a]*", "b", "a", 4095, "b", true);
	longest("[a]**", "b", "a/", 4095, "c", false);
	longest("[[:xdigit:][:alpha:]]*", "-", "a", 4095, "", false);
	longest("*a", "", "a", 10000, "", true);
	longest("**a", "b", "ba/", 10000, "a", false);
	char *set = many("[:", PATTERN_MAX - 4, "x]"), *path = many("ba[", 4095, "");
	const char *why = NULL;
	char text[PATTERN_MAX + 1];
	snprintf(text, sizeof text, "**[%s-", set);
	struct pattern *p = pattern_new(text, &why);
	ok(p && !pattern_matches(p, path, false), "a set of 2,000 \"[:\": %s", p ? "taken" : why);
	pattern_free(p);
	free(set);
	free(path);
	char *above = many("a", PATTERN_MAX + 1, "");
	refused(above, "at most 4,095 bytes");
	free(above);
}

/* One list of rules, "a b c" being --exclude=a --exclude=b --exclude=c; an I in front makes --include of one. */
static void listed(const char *list, const char *copied, const char *left_out)
{
	struct rules r = { 0 };
	char         rule[100];
	bool         good = true;

	for (const char *s = list; *s;) {
		size_t n = strcspn(s, "|");
		bool   include = *s == 'I';
		snprintf(rule, sizeof rule, "%.*s", (int)(n - include), s + include);
		good &= rules_add(&r, !include, rule) == ST_OK;
		s += n + (s[n] == '|');
	}
	ok(good, "'%s'", list);
	for (int left = 0; left < 2; left++) {
		for (const char *s = left ? left_out : copied; *s;) {
			size_t n = strcspn(s, "|");
			bool   dir = s[n - 1] == '/';
			snprintf(rule, sizeof rule, "%.*s", (int)(n - dir), s);
			ok(rules_exclude(&r, rule, dir) == left, "  %s%s is %s", rule, dir ? "/" : "", left ? "left out" : "copied");
			s += n + (s[n] == '|');
		}
	}
	rules_clear(&r);
}

static void lists(void)
{
	listed("", "a|a/|x/b", "");
	listed("a", "b|ab", "a|x/a");
	listed("Ia|*", "a|x/a", "b|x/b");
	listed("*|Ia", "", "a|b");
	listed("I*/|I*.c|*", "x/|x/y/|a.c|x/a.c", "a.o|x/b");
	listed("Ifoo/|Ifoo/bar.c|*", "foo/|foo/bar.c", "bar.c|foo/x|x/");
	listed("a.o|I*.o|*", "b.o", "a.o|x");
	listed("+ a|*", "a", "b");
	listed("I- a|Ib", "b|c", "a");
	listed("-a|-  b|+|-", "a|b|+a", "-a| b|+|-");
	listed("- - a", "a", "- a");
	listed("a|!|b", "a", "b");
	listed("a|I!", "a", "");
	listed("!a|! |- !", "a", "!a|! |!");
	listed("a/", "a|b/", "a/|x/a/");
	listed("/a|b", "x/a|c", "a|b|x/b");
}

/* What stderr gets while f runs. */
static char *said(enum status *st, enum status (*f)(struct rules *, const char *), struct rules *r, const char *arg)
{
	static char text[20000];
	int sink = memfd_create("stderr", MFD_CLOEXEC), was = dup(STDERR_FILENO);

	dup2(sink, STDERR_FILENO);
	*st = f(r, arg);
	dup2(was, STDERR_FILENO);
	ssize_t n = pread(sink, text, sizeof text - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	close(sink);
	close(was);
	return text;
}

static enum status exclude(struct rules *r, const char *text)     { return rules_add(r, true, text); }
static enum status include(struct rules *r, const char *text)     { return rules_add(r, false, text); }
static enum status exclude_all(struct rules *r, const char *file) { return rules_read(r, true, file, false); }
static enum status include_all(struct rules *r, const char *file) { return rules_read(r, false, file, false); }
static enum status exclude_nul(struct rules *r, const char *file) { return rules_read(r, true, file, true); }
static enum status say_unused(struct rules *r, const char *arg)
{
	(void)arg;
	rules_say_unused(r);
	return ST_OK;
}

/* One line, whose end is cut off. */
static bool one_line(char *text)
{
	char *end = strchr(text, '\n');

	if (!end || end[1])
		return false;
	*end = '\0';
	return true;
}

static void wrong(enum status (*f)(struct rules *, const char *), const char *arg, const char *words)
{
	struct rules r = { 0 };
	enum status  st;
	char        *text = said(&st, f, &r, arg);

	ok(st == ST_USAGE && one_line(text) && strstr(text, words), "status %d, one line with '%s': %s", st, words, text);
	rules_clear(&r);
}

static const char *file_of(int dir, const char *bytes, size_t n)
{
	static char path[4200];
	int         fd = openat(dir, "list", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		exit(2);
	close(fd);
	snprintf(path, sizeof path, "%s/list", scratch_path());
	return path;
}
#define FILE_OF(text) file_of(dir, text, sizeof(text) - 1)

/* What a list that is read makes of some names: a '+' for each that is copied, a '-' for each that is left out. */
static void reads(int dir, enum status (*f)(struct rules *, const char *), const char *bytes, size_t n, const char *want)
{
	static const char *const paths[] = { "a", "b", "a ", " ", "#c", ";d", "a\nb", "a\r", "- a" };
	struct rules r = { 0 };
	enum status  st;
	char         got[sizeof paths / sizeof *paths + 1] = "", seen[60];
	const char  *text = said(&st, f, &r, file_of(dir, bytes, n));

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		got[i] = rules_exclude(&r, paths[i], false) ? '-' : '+';
	ok(st == ST_OK && !*text && strcmp(got, want) == 0, "the list '%s': %s (%s) %s", vis(seen, sizeof seen, bytes, n), got, want, text);
	rules_clear(&r);
}
#define READS(f, text, want) reads(dir, f, text, sizeof(text) - 1, want)

static void files(int dir)
{
	READS(exclude_all, "", "+++++++++");
	READS(exclude_all, "a\nb\n", "--+++++++");
	READS(exclude_all, "a\nb", "--+++++++");
	READS(exclude_all, "a\r\nb\r\n", "--+++++++");
	READS(exclude_all, "a\rb", "--+++++++");
	READS(exclude_all, "\n\r\n\n#c\n;d\n\n", "+++++++++");
	READS(exclude_all, "a \n", "++-++++++");
	READS(exclude_all, " \n", "+++-+++++");
	READS(exclude_all, "- #c\n- ;d\n- - a", "++++--++-");
	READS(exclude_all, "+ a\n*\n", "+--------");
	READS(exclude_all, "a\n!\nb", "+-+++++++");
	READS(exclude_all, "a\n!\r\n", "+++++++++");
	READS(include_all, "a\n- *\n", "+--------");
	READS(include_all, "- a\nb\n", "-++++++++");
	READS(exclude_nul, "a\0b", "--+++++++");
	READS(exclude_nul, "a\nb\0\0\0b\0", "+-++++-++");
	READS(exclude_nul, "a\r\0", "+++++++-+");
	READS(exclude_nul, "#c\0;d\0a\0", "-++++++++");
	READS(exclude_nul, "- #c\0!\0- ;d", "+++++-+++");
}

static void long_lines(int dir)
{
	char        *most = many("?", PATTERN_MAX, ""), text[4 * PATTERN_MAX];
	struct rules r = { 0 };
	enum status  st;

	int n = snprintf(text, sizeof text, "#%s%s\n- %s\na\n", most, most, most);
	const char *words = said(&st, exclude_all, &r, file_of(dir, text, (size_t)n));
	ok(st == ST_OK && r.count == 2 && rules_exclude(&r, most, false) && rules_exclude(&r, "a", false), "the longest line, and a longer comment: %s", words);
	rules_clear(&r);
	n = snprintf(text, sizeof text, "a\n\n%sx\n", most);
	wrong(exclude_all, file_of(dir, text, (size_t)n), "line 3: ");
	n = snprintf(text, sizeof text, "- %sx", most);
	wrong(exclude_all, file_of(dir, text, (size_t)n), "it is too long");
	n = snprintf(text, sizeof text, "%s%s", most, most);
	wrong(exclude_all, file_of(dir, text, (size_t)n), "it is too long");
	wrong(exclude, text, "it is too long");
	free(most);
}

static void errors(int dir)
{
	wrong(exclude, "", "--exclude=: an empty pattern");
	wrong(include, "", "--include=: an empty pattern");
	wrong(exclude, "- ", "--exclude=- : there is no pattern behind the prefix");
	wrong(include, "+ ", "--include=+ : there is no pattern behind the prefix");
	wrong(exclude, "a[\x1b", "--exclude=a[\\x1b: a '[' without its ']'");
	wrong(exclude, "./a", "--exclude=./a: it matches nothing");
	wrong(exclude_all, "", "an empty name");
	wrong(exclude_all, "/nowhere/list", "--exclude-from=/nowhere/list: No such file or directory: name a file");
	wrong(include_all, "/nowhere/\n", "--include-from=/nowhere/\\x0a: No such file or directory");
	wrong(exclude_all, scratch_path(), "Is a directory: name a file");
	wrong(exclude_all, FILE_OF("a\n[b\n"), "/list, line 2: [b: a '[' without its ']'");
	wrong(include_all, FILE_OF("a\r\n\r\n\n;\r[[:x:]]\n"), "/list, line 5: [[:x:]]: there is no such class");
	wrong(exclude_all, FILE_OF("a\n- \n"), "line 2: - : there is no pattern behind the prefix");
	wrong(exclude_all, FILE_OF("a\nb\0c\n"), "line 2: b: a NUL byte follows: where NUL bytes end the patterns, give -0 before the file");
	wrong(exclude_all, FILE_OF("\0c\n"), "line 1: : a NUL byte follows");
	wrong(exclude_nul, FILE_OF("a\0b\0./c\0"), "line 3: ./c: it matches nothing");
	wrong(exclude_all, "/dev/zero", "line 1: : a NUL byte follows");
}

static void standard_input(int dir)
{
	struct rules r = { 0 };
	enum status  st;

	if (!freopen(FILE_OF("a\n"), "r", stdin))
		exit(2);
	char *text = said(&st, exclude_all, &r, "-");
	ok(st == ST_OK && rules_exclude(&r, "a", false), "a list from standard input %s", text);
	text = said(&st, include_all, &r, "-");
	ok(st == ST_USAGE && one_line(text) && strstr(text, "--include-from=-: standard input was read already"), "once: %s", text);
	rules_clear(&r);
	if (!freopen(FILE_OF("b\n[\n"), "r", stdin))
		exit(2);
	wrong(exclude_all, "-", "standard input, line 2: [: ");
}

static void unused(int dir)
{
	struct rules r = { 0 };
	enum status  st;
	char         rule[20];

	ok(said(&st, exclude_all, &r, FILE_OF("*.o\n\n*.x\n")) && st == ST_OK && exclude(&r, "a*") == ST_OK && include(&r, "b.o") == ST_OK, "four rules");
	rules_exclude(&r, "b.o", false);
	rules_exclude(&r, "c", false);
	rules_exclude(&r, "ab", false);
	const char *text = said(&st, say_unused, &r, NULL);
	ok(strstr(text, "/list, line 3: *.x: it matched nothing") && strstr(text, "--include=b.o: it matched nothing, or nothing that the rules before it had left\n") &&
	   !strstr(text, "line 1") && !strstr(text, "a*"), "those that decided about nothing are named, no other");
	rules_exclude(&r, "b.x", false);
	ok(!strstr(said(&st, say_unused, &r, NULL), "*.x"), "what has decided is not named any more");
	for (int i = 0; i < RULES_SAID + 4; i++) {
		snprintf(rule, sizeof rule, "none%d", i);
		exclude(&r, rule);
	}
	text = said(&st, say_unused, &r, NULL);
	unsigned lines = 0;
	for (const char *s = text; (s = strchr(s, '\n')); s++)
		lines++;
	ok(lines == RULES_SAID + 1 && strstr(text, "5 more patterns matched nothing\n"), "%d are named, of the others the number is said: %u lines", RULES_SAID, lines);
	exclude(&r, "!");
	ok(!*said(&st, say_unused, &r, NULL), "what was taken back is not named");
	rules_clear(&r);
}

static void too_many(void)
{
	struct rules full = { .count = RULES_MAX };     /* it is looked at before anything else */
	enum status  st;

	ok(strstr(said(&st, exclude, &full, "a"), "--exclude=a: that is more than 1,000,000 patterns") && st == ST_USAGE && full.count == RULES_MAX,
	   "one more than there may be is refused");
}

enum { THREADS = 8, TURNS = 2000 };
struct crowd { const struct rules *rules; unsigned wrong; };

static void *judging(void *arg)
{
	struct crowd *c = arg;

	for (unsigned i = 0; i < TURNS; i++)
		c->wrong += !rules_exclude(c->rules, "x/a.o", false) || rules_exclude(c->rules, "x/a.c", false) || !rules_exclude(c->rules, "t/y", false) ||
		            rules_exclude(c->rules, "x/keep.o", false);
	return NULL;
}

static void threads(void)
{
	struct rules r = { 0 };
	struct crowd c[THREADS] = { 0 };
	pthread_t    id[THREADS];
	unsigned     bad = 0;
	enum status  st;

	include(&r, "keep*");
	exclude(&r, "[!x]/**");
	exclude(&r, "*.o");
	for (int i = 0; i < THREADS; i++) {
		c[i].rules = &r;
		bad += pthread_create(&id[i], NULL, judging, &c[i]) != 0;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(id[i], NULL);
		bad += c[i].wrong;
	}
	ok(bad == 0, "%d threads judge by one list: %u wrong", THREADS, bad);
	ok(!*said(&st, say_unused, &r, NULL), "and all of its rules have decided");
	rules_clear(&r);
}

int main(int argc, char **argv)
{
	log_setup("zcp", LOG_LEVEL_INFO, 0);
	if (argc > 1)
		return judge_main(argc, argv);
	int dir = scratch(NULL);
	if (dir < 0)
		return 2;
	patterns();
	refused_patterns();
	lengths();
	lists();
	files(dir);
	long_lines(dir);
	errors(dir);
	standard_input(dir);
	unused(dir);
	too_many();
	threads();
	close(dir);
	return done();
}
