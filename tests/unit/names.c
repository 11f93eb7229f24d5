/* links: zcp */
/* names.c - a list of names: ends, forms, what is wrong, what is doubled, read twice, and a list that cannot be read twice. */
#include <sodium.h>
#include <string.h>
#include <unistd.h>
#include "common/log.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "zcp/select/dirs.h"
#include "zcp/select/inodes.h"
#include "zcp/select/names.h"

static char  src[] = "src", dst[] = "host:dst", file_list[] = "list", standard[] = "-", missing[] = "missing", here[] = ".";
static char *args[] = { src, dst };

static struct names *open_list(const void *bytes, size_t n, bool zero)
{
	struct options o = { .files_from = file_list, .zero = zero, .args = args, .count = 2 };
	struct names  *list = NULL;
	FILE          *f = fopen("list", "w");

	fwrite(bytes, 1, n, f);
	fclose(f);
	return names_open(&list, &o) == ST_OK ? list : NULL;
}

/* All names, with '|' between them; a wrong one as !STATUS. */
static const char *all(struct names *n)
{
	static char out[100000];
	struct name name;
	size_t      at = 0;
	int         r;

	out[0] = '\0';
	while ((r = names_next(n, &name)) > 0 && at < sizeof out - 5000)
		at += (size_t)(name.fail.status ? snprintf(out + at, sizeof out - at, "!%u|", name.fail.status) : snprintf(out + at, sizeof out - at, "%s|", name.path));
	if (r < 0)
		snprintf(out + at, sizeof out - at, "error %d", r);
	return out;
}

static void forms(void)
{
	static const struct { const char *what, *list; size_t len; bool zero; const char *want; } rows[] = {
#define L(s) s, sizeof(s) - 1
		{ "lines", L("a\nb/c\n"), false, "a|b/c|" },                       { "the last one without its end", L("a\nb"), false, "a|b|" },
		{ "empty lines", L("\n\na\n\n"), false, "a|" },                    { "an empty list", L(""), false, "" },
		{ "NULs", L("a\0b\nc\0"), true, "a|b\nc|" },                       { "NULs without the last", L("a\0b"), true, "a|b|" },
		{ "no comments", L("#a\n;b\n"), false, "#a|;b|" },                 { "CR is part of a name", L("a\r\n"), false, "a\r|" },
		{ "slashes and dots", L("./a\n/b\n//c//d/\n./././e/.\n"), false, "a|b|c/d|e|" },
		{ "the source itself", L(".\n/\n./\n"), false, "|" },              { "a/../b", L("a/../b\nx/y/../../z\n"), false, "b|z|" },
		{ "out of the source", L("..\n../a\na/../../b\n/..\nok\n"), false, "!3|!3|!3|!3|ok|" },
		{ "a NUL in a line", L("a\0b\nok\n"), false, "!3|ok|" },
		{ "an incomplete file's form", L(".zcp-0123456789abcdef0123456789abcdef\nok\n"), false, "!3|ok|" },
		{ "bytes that are no text", L("\xff\xfe\n"), false, "\xff\xfe|" },
		{ "doubled", L("a\nb\na\n./a\na/\n/a\nb\nc\n"), false, "a|b|c|" },
#undef L
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct names *n = open_list(rows[i].list, rows[i].len, rows[i].zero);
		const char   *got = n ? all(n) : "not opened";
		ok(strcmp(got, rows[i].want) == 0, "%s: %s", rows[i].what, got);
		ok(n && names_again(n) == 0 && strcmp(all(n), rows[i].want) == 0, "%s: the same once more", rows[i].what);
		names_end(n);
	}
}

/* Names around the border of the buffer, and around the longest one. */
static void borders(void)
{
	static char list[300000], want[300000];

	for (unsigned len = 4090; len <= 4100; len++) {
		memset(list, 'x', len);
		for (unsigned i = 200; i < len; i += 200)
			list[i] = '/';
		memcpy(list + len, "\nok\n", 5);
		struct names *n = open_list(list, len + 4, false);
		const char   *got = all(n);
		bool          fits = len <= WIRE_PATH_MAX;
		ok(fits ? strlen(got) == len + 1 + 3 && got[len] == '|' : strcmp(got, "!11|ok|") == 0, "a name of %u bytes", len);
		names_end(n);
	}
	memset(list, 'y', 200000);
	memcpy(list + 200000, "\nok\n", 5);
	struct names *n = open_list(list, 200004, false);
	ok(strcmp(all(n), "!11|ok|") == 0, "a line of 200,000 bytes is one wrong name");
	names_end(n);
	for (unsigned before = NAMES_BYTES - 6; before <= NAMES_BYTES + 2; before++) {
		size_t at = 0;
		while (at + 100 < before)
			at += (size_t)snprintf(list + at, sizeof list - at, "name%zu\n", at);
		memset(list + at, 'z', before - at - 1);
		list[before - 1] = '\n';
		memcpy(list + before, "abc\nd\n", 7);
		n = open_list(list, before + 6, false);
		snprintf(want, sizeof want, "%s", all(n));
		size_t w = strlen(want);
		ok(w > 6 && strcmp(want + w - 6, "abc|d|") == 0, "a name over the border of what is read at once (%u)", before);
		names_end(n);
	}
}

static void from_a_pipe(void)
{
	struct options o = { .files_from = standard, .args = args, .count = 2 };
	struct names  *n = NULL;
	struct name    name;
	int            p[2], in = dup(0);

	ok(pipe(p) == 0 && dup2(p[0], 0) == 0 && write(p[1], "a\nb\n", 4) == 4 && names_open(&n, &o) == ST_OK, "a pipe is opened");
	ok(names_next(n, &name) == 1 && strcmp(name.path, "a") == 0, "its first name");
	ok(names_again(n) == 0 && names_next(n, &name) == 1 && strcmp(name.path, "a") == 0, "again, from what was kept");
	ok(write(p[1], "c\n", 2) == 2 && close(p[1]) == 0 && strcmp(all(n), "b|c|") == 0, "and on, with what came meanwhile");
	ok(names_again(n) == 0 && strcmp(all(n), "a|b|c|") == 0, "and all of it once more");
	names_end(n);
	dup2(in, 0);
	close(in);
	close(p[0]);
}

static void taken(void)
{
	struct names *n = open_list("a\nb\n", 4, false);

	all(n);
	names_take(n, "a");
	ok(names_took(n, "a") && !names_took(n, "b") && !names_took(n, "c"), "what was copied by its name is known");
	ok(names_again(n) == 0 && !names_took(n, "a"), "another attempt begins anew");
	names_end(n);
	struct options o = { .files_from = missing, .args = args, .count = 2 };
	ok(names_open(&n, &o) == ST_USAGE, "a list that is missing");
	o.files_from = here;
	ok(names_open(&n, &o) == ST_USAGE, "a list that is a directory");
}

static void tables(void)
{
	struct dirs   d = { 0 };
	struct inodes t = { 0 };
	struct first *first;
	char          path[32];
	int           wrong = 0;

	for (uint32_t i = 1; i <= 10000; i++) {
		snprintf(path, sizeof path, "dir%u", i);
		wrong += dirs_id(&d, path, strlen(path)) != 0 || dirs_add(&d, path, strlen(path), i) < 0;
		wrong += inodes_first(&t, i % 7, i, path, &first) != 0 || !first_fail(first).status;
		first_ended(first, FATE_COPIED);
	}
	for (uint32_t i = 1; i <= 10000; i++) {
		snprintf(path, sizeof path, "dir%u", i);
		wrong += dirs_id(&d, path, strlen(path)) != i;
		wrong += inodes_first(&t, i % 7, i, "other", &first) != 1 || strcmp(first->name, path) != 0 || first_fail(first).status;
	}
	ok(wrong == 0 && d.of.count == 10000 && t.of.count == 10000, "10,000 directories and files are found again");
	ok(inodes_first(&t, 8, 1, "another device", &first) == 0, "the same inode of another device is another file");
	first_failed(first, ST_CHANGED);
	struct fail f = first_fail(first);
	ok(f.status == ST_CHANGED && f.why == WHY_FIRST_NAME, "what fails takes its other names with it");
	dirs_clear(&d);
	inodes_clear(&t);
}

int main(void)
{
	if (sodium_init() < 0 || fchdir(scratch(NULL)) < 0)
		return 1;
	log_setup("names", LOG_LEVEL_ERROR, 0);
	forms();
	borders();
	from_a_pipe();
	taken();
	tables();
	scratch_remove();
	return done();
}
