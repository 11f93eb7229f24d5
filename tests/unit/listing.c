/* links: zcp */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "tests/unit/tap.h"
#include "zcp/listing.h"

static struct tree    tree;
static struct listing list;
static uint32_t       id, up;
static char           name[WIRE_NAME_MAX + 1];

static void begin(void)
{
	listing_clear(&list);
	tree_clear(&tree);
	listing_init(&list, &tree);
}

static int put(uint32_t parent, const char *text, char type)
{
	struct wire_entry e = { .parent = parent, .meta = { .type = (uint8_t)type, .mode = 0755 }, .name = wire_cstr(text) };

	return listing_take(&list, &e, &id, &up, name);
}

static int put_failed(uint32_t parent, const char *text)
{
	struct wire_entry e = { .what = ENTRY_FAILED, .parent = parent, .meta.type = 'o', .name = wire_cstr(text), .fail = fail_errno(EACCES) };

	return listing_take(&list, &e, &id, &up, name);
}

static void good(void)
{
	char path[WIRE_PATH_MAX + 1];

	begin();
	ok(put(0, "", 'd') == 0 && id == 1, "the root is 1");
	ok(put(1, "a", 'd') == 0 && id == 2, "its first directory is 2");
	ok(put(1, "f", 'f') == 0 && id == 0 && strcmp(name, "f") == 0, "files have no number");
	ok(put(1, "b", 'd') == 0 && id == 3, "then 3");
	ok(put(2, "f", 'f') == 0, "the same name elsewhere");
	ok(put(2, "c", 'd') == 0 && id == 4, "deeper");
	ok(put(4, "x\xff\n", 'f') == 0, "any byte but NUL and '/'");
	ok(put_failed(2, "c") == 0, "what failed may have been named before");
	ok(put_failed(0, "") == 0, "so may the root");
	ok(put(3, "l", 'l') == 0, "a link");
	ok(tree_path(&tree, "pre", 4, "n", path) == 0 && strcmp(path, "pre/a/c/n") == 0, "path %s", path);
	ok(tree_path(&tree, "", 1, "n", path) == 0 && strcmp(path, "n") == 0, "path %s", path);
	ok(tree_path(&tree, "", 1, "", path) == 0 && strcmp(path, "") == 0, "the root itself");
	ok(tree_path(&tree, "p", 1, "", path) == 0 && strcmp(path, "p") == 0, "with a prefix");
}

static void bad(void)
{
	static const char *const names[] = { "", ".", "..", "a/b", "/", ".zcp-0123456789abcdef0123456789abcdef" };

	begin();
	ok(put(1, "f", 'f') == -EPROTO, "an entry before the root");
	begin();
	ok(put(0, "", 'f') == -EPROTO, "a root that is no directory");
	begin();
	ok(put(0, "x", 'd') == -EPROTO, "a root with a name");
	begin();
	put(0, "", 'd');
	ok(put(0, "", 'd') == -EPROTO, "two roots");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		begin();
		put(0, "", 'd');
		ok(put(1, names[i], 'f') == -EPROTO, "the name '%s'", names[i]);
	}
	begin();
	put(0, "", 'd');
	ok(put(2, "f", 'f') == -EPROTO, "a parent that was not named");
	begin();
	put(0, "", 'd');
	put(1, "f", 'f');
	ok(put(2, "g", 'f') == -EPROTO, "a child of a file");
	begin();
	put(0, "", 'd');
	put(1, "f", 'f');
	ok(put(1, "f", 'f') == -EPROTO, "a doubled name");
	begin();
	put(0, "", 'd');
	put(1, "f", 'l');
	ok(put(1, "f", 'd') == -EPROTO, "a link, then a directory of its name");
	begin();
	put(0, "", 'd');
	put(1, "a", 'd');
	put(2, "f", 'f');
	ok(put(1, "g", 'f') == -EPROTO, "back to a directory whose entries were over");
	begin();
	put(0, "", 'd');
	ok(put_failed(7, "f") == -EPROTO, "a failure below nothing");
	ok(put_failed(1, "..") == -EPROTO, "a failure with a name that is none");
	ok(list.broken != NULL, "the rule is named: %s", list.broken);
}

static void deep(void)
{
	char path[WIRE_PATH_MAX + 1];
	int  r = 0;

	begin();
	put(0, "", 'd');
	for (uint32_t i = 1; r == 0 && i < WIRE_DEPTH_MAX; i++)
		r = put(i, "dddd", 'd');
	ok(r == 0, "1,000 directories below each other");
	ok(tree_path(&tree, "", 1000, "f", path) == -ENAMETOOLONG, "their path is too long to be one");
	ok(tree_path(&tree, "", 800, "f", path) == 0 && strlen(path) == 799 * 5 + 1, "up to 4,095 bytes it is");
	ok(put(WIRE_DEPTH_MAX, "d", 'd') == -EPROTO, "one more is not taken");
}

static void many(void)
{
	char text[32];
	int  r = 0;

	begin();
	put(0, "", 'd');
	for (int i = 0; r == 0 && i < 200000; i++) {
		snprintf(text, sizeof text, "f%d", i);
		r = put(1, text, 'f');
	}
	ok(r == 0, "200,000 names, all different");
	ok(put(1, "f199999", 'f') == -EPROTO, "one of them again");
}

static struct wire_str bytes(const char *s)
{
	return wire_cstr(s);
}

static bool extra_is(const struct tree_extras *x, uint32_t of, const char *want)
{
	struct wire_str s = tree_extras_of(x, of);

	return s.len == strlen(want) && (!s.len || memcmp(s.p, want, s.len) == 0);
}

/* What some directories and links have besides. */
static void extras(void)
{
	static uint8_t     big[WIRE_EXT_MAX];
	struct tree_extras x = { .count = 0 };
	uint32_t           n = 100;
	int                r;

	ok(extra_is(&x, 1, ""), "nobody has extras");
	r = tree_extras_add(&x, 2, bytes("two"));
	for (uint32_t i = 3; r == 0 && i < 50; i++)
		r = tree_extras_add(&x, i, bytes(i == 10 ? "" : "the same"));
	ok(r == 0 && extra_is(&x, 2, "two") && extra_is(&x, 3, "the same") && extra_is(&x, 49, "the same"), "some have");
	ok(extra_is(&x, 1, "") && extra_is(&x, 10, "") && extra_is(&x, 50, ""), "others have none");
	ok(x.used == strlen("two") + strlen("the same") && x.count == 47, "neighbours share what is the same, who has none takes no room");
	for (r = 0; r == 0; n++) {
		memcpy(big, &n, sizeof n);
		r = tree_extras_add(&x, n, (struct wire_str){ big, sizeof big });
	}
	ok(r == -ENOMEM && x.used <= TREE_EXTRAS_MOST && x.used > TREE_EXTRAS_MOST - WIRE_EXT_MAX, "no more than TREE_EXTRAS_MOST (%u with 60,000 bytes)", n - 101);
	memcpy(big, &(uint32_t){ 500 }, 4);
	struct wire_str s = tree_extras_of(&x, 500);
	ok(s.len == sizeof big && memcmp(s.p, big, s.len) == 0 && extra_is(&x, 2, "two") && extra_is(&x, n, ""), "what was taken is there");
	tree_extras_clear(&x);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	tree_init(&tree);
	good();
	bad();
	deep();
	many();
	extras();
	listing_clear(&list);
	tree_clear(&tree);
	return done();
}
