/* links: zcpd */
/* mask.c - what is hidden, however it is reached; which export a path lies in. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/tap.h"
#include "zcpd/export.h"
#include "zcpd/mask.h"

static int add(struct exports *e, const char *prefix, const char *path, bool writable)
{
	char own_prefix[64], own_path[64];
	struct settings_export from = { .prefix = own_prefix, .path = own_path, .writable = writable };

	snprintf(own_prefix, sizeof own_prefix, "%s", prefix);
	snprintf(own_path, sizeof own_path, "%s", path);
	return export_add(e, &from);
}

static void put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd >= 0)
		close(fd);
}

static bool hides(const struct mask *m, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && mask_hides_stat(m, &st);
}

static bool link_hidden(const struct mask *m, const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && mask_hides_stat(m, &st);
}

static bool place_hidden(const struct mask *m, const char *dir, const char *name)
{
	struct stat st;

	return stat(dir, &st) == 0 && mask_hides_place(m, &(struct mask_id){ st.st_dev, st.st_ino }, name);
}

static void places(void)
{
	struct mask m;

	mkdir("at", 0700);
	mkdir("at/state", 0700);
	mkdir("at/etc", 0700);
	put("at/etc/there");
	put("at/file");
	ok(symlink("etc/real", "at/link") == 0 && symlink("etc", "at/way") == 0 && symlink("loop", "at/loop") == 0, "links");
	ok(mask_init(&m, "at/state") == 0 && mask_file(&m, "at/etc/there") == 0 && mask_file(&m, "at/link") == 0 && mask_file(&m, "at/none/deep/keys") == 0
	   && mask_file(&m, "at/way/missing") == 0 && mask_file(&m, "at/loop") == 0 && mask_file(&m, "at/file/x") == 0 && mask_refresh(&m) == 0, "a mask");
	ok(place_hidden(&m, "at/etc", "there") && unlink("at/etc/there") == 0 && place_hidden(&m, "at/etc", "there"), "the place of a file that is gone");
	ok(place_hidden(&m, "at", "link") && place_hidden(&m, "at/etc", "real"), "of a link that leads nowhere, and where it leads");
	ok(place_hidden(&m, "at", "none"), "of a directory on the way that is missing");
	ok(place_hidden(&m, "at/etc", "missing"), "behind a directory that is a link");
	ok(!place_hidden(&m, "at", "there") && !place_hidden(&m, "at/etc", "link") && !place_hidden(&m, "at/etc", "ther"), "and no other");
	ok(mask_refresh(&m) == 0 && place_hidden(&m, "at/etc", "there"), "found again");
	mask_clear(&m);
	ok(symlink("../gone/down", "at/etc/dangling") == 0 && mask_init(&m, "at/state") == 0 && mask_file(&m, "at/etc/dangling/far/keys") == 0 && mask_refresh(&m) == 0, "a mask");
	ok(place_hidden(&m, "at/etc", "dangling") && place_hidden(&m, "at", "gone"), "a directory on the way is a link that leads nowhere: it, and where it leads");
	ok(mkdir("at/gone", 0700) == 0 && !place_hidden(&m, "at/gone", "down"), "somebody makes that");
	mask_find_places(&m, 3600000);
	ok(place_hidden(&m, "at/gone", "down"), "who never looked looks now");
	ok(mkdir("at/gone/down", 0700) == 0, "and that");
	mask_find_places(&m, 3600000);
	ok(!place_hidden(&m, "at/gone/down", "far"), "who looked a moment ago does not");
	mask_find_places(&m, 0);
	ok(place_hidden(&m, "at/gone/down", "far") && place_hidden(&m, "at/gone/down", "FAR"), "who has to does; a directory may take large letters for small ones");
	mask_clear(&m);
}

static void within(void)
{
	struct mask m;

	ok(mask_init(&m, "root/state") == 0 && mask_refresh(&m) == 0, "a mask");
	mkdir("root/state-of-things", 0700);
	mkdir("root/state/late", 0700);
	put("root/state/late/file");
	int late = open("root/state/late/file", O_RDONLY), dir = open("root/state", O_RDONLY), other = open("root/state-of-things", O_RDONLY), top = open("root", O_PATH);
	ok(late >= 0 && !hides(&m, "root/state/late/file") && mask_lies_within(&m, late), "what is new in the state directory lies there");
	ok(dir >= 0 && mask_lies_within(&m, dir), "so does the directory");
	ok(other >= 0 && !mask_lies_within(&m, other) && !mask_lies_within(&m, top), "what only begins as it does, and what it lies in, do not");
	ok(unlink("root/state/late/file") == 0 && mask_lies_within(&m, late), "nor does it help to be removed");
	ok(!mask_lies_within(&m, -1), "what has no name lies nowhere");
	close(late);
	close(dir);
	close(other);
	close(top);
	rmdir("root/state/late");
	rmdir("root/state-of-things");
	mask_clear(&m);
}

static bool named_hidden(const struct mask *m, const char *path, const char *name)
{
	struct stat st;

	return stat(path, &st) == 0 && mask_hides_named(m, &st, name);
}

static void masks(void)
{
	struct mask m;
	struct stat st;

	mkdir("root", 0700);
	mkdir("root/state", 0700);
	mkdir("root/state/deep", 0700);
	mkdir("root/state/deep/er", 0700);
	put("root/state/host_key");
	put("root/state/deep/er/file");
	put("root/keys");
	put("root/open");
	ok(mask_init(&m, "root/state") == 0 && mask_file(&m, "root/keys") == 0 && mask_file(&m, "root/later") == 0, "a mask");
	ok(mask_refresh(&m) == 0, "found");
	ok(hides(&m, "root/state"), "the state directory");
	ok(hides(&m, "root/state/host_key"), "a file in it");
	ok(hides(&m, "root/state/deep/er/file") && hides(&m, "root/state/deep/er"), "a file and a directory far below it");
	ok(hides(&m, "root/keys"), "a file named elsewhere");
	ok(!hides(&m, "root/open") && !hides(&m, "root") && !hides(&m, "/"), "nothing else");
	ok(link("root/state/host_key", "root/hard") == 0 && hides(&m, "root/hard"), "a hard link to a masked file");
	ok(symlink("state/host_key", "root/soft") == 0 && hides(&m, "root/soft"), "a symbolic link to one");
	ok(stat("root/open", &st) == 0 && !mask_hides(&m, st.st_dev + 1, st.st_ino), "the same inode number elsewhere is another file");
	put("root/later");
	put("root/state/new");
	ok(mask_refresh(&m) == 0 && hides(&m, "root/later") && hides(&m, "root/state/new"), "files that came later");
	ok(mask_hides_fd(&m, -1), "what cannot be looked at is hidden");
	put("root/keys.new");
	ok(!hides(&m, "root/keys.new") && rename("root/keys.new", "root/keys") == 0 && hides(&m, "root/keys"), "a named file that was replaced since");
	mask_clear(&m);
	mkdir("root/etc", 0700);
	put("root/etc/conf");
	put("root/etc/second");
	ok(symlink("etc", "root/way") == 0 && symlink("way/conf", "root/link") == 0, "a file named by links");
	ok(mask_init(&m, "root/state") == 0 && mask_file(&m, "root/link") == 0 && mask_file(&m, "root/way/conf") == 0 && mask_refresh(&m) == 0, "a mask of it");
	ok(hides(&m, "root/etc/conf") && link_hidden(&m, "root/link") && link_hidden(&m, "root/way"), "the file, and every link that leads to it");
	ok(!hides(&m, "root/etc"), "not the directory it is in");
	unlink("root/link");
	ok(symlink("etc/conf", "root/link") == 0 && link_hidden(&m, "root/link"), "a link that took its place");
	put("root/etc/conf.new");
	ok(!named_hidden(&m, "root/etc/conf.new", "conf.new") && rename("root/etc/conf.new", "root/etc/conf") == 0 && named_hidden(&m, "root/etc/conf", "conf"),
	   "by its own name, a named file that was replaced since");
	ok(link("root/etc/conf", "root/etc/other") == 0 && named_hidden(&m, "root/etc/other", "other"), "and another name of it");
	unlink("root/link");
	ok(symlink("etc/second", "root/link") == 0, "a link to a file of another name");
	mask_find_places(&m, 0);
	ok(named_hidden(&m, "root/etc/second", "second"), "is found when places are looked up again");
	m.since = INT64_MAX;
	ok(hides(&m, "root/etc/second"), "however old it is");
	mask_find_places(&m, 0);
	ok(unlink("root/link") == 0 && hides(&m, "root/etc/second"), "until they are again");
	mask_find_places(&m, 0);
	ok(!hides(&m, "root/etc/second"), "as they are now");
	ok(symlink("etc/conf", "root/link") == 0, "back");
	mask_clear(&m);
	ok(symlink("l2", "root/l1") == 0 && symlink("l3", "root/l2") == 0 && symlink("l4", "root/l3") == 0 && symlink("l5", "root/l4") == 0
	   && symlink("etc/far", "root/l5") == 0, "a file behind five links");
	put("root/etc/far");
	put("root/etc/far.new");
	ok(mask_init(&m, "root/state") == 0 && mask_file(&m, "root/l1") == 0 && mask_refresh(&m) == 0, "a mask of it");
	ok(rename("root/etc/far.new", "root/etc/far") == 0 && named_hidden(&m, "root/etc/far", "far"), "behind many links, replaced since");
	mask_clear(&m);
	ok(mask_init(&m, "root/gone") == 0 && mask_refresh(&m) < 0, "no state directory: nothing is known, and that is an error");
	mask_clear(&m);
}

static void lies_in(void)
{
	int root = open("root", O_PATH | O_DIRECTORY), state = open("root/state", O_PATH | O_DIRECTORY), top = open("/", O_PATH | O_DIRECTORY);

	ok(mask_lies_in("root/state", root) == 1, "the state directory lies in root");
	ok(mask_lies_in("root/state", top) == 1, "and in /");
	ok(mask_lies_in("root", root) == 1, "a directory lies in itself");
	ok(mask_lies_in("root", state) == 0, "root does not lie in the state directory");
	ok(mask_lies_in("/", top) == 1 && mask_lies_in("/", root) == 0, "/ lies in nothing but itself");
	ok(mask_lies_in("root/nowhere", root) < 0, "what is not there");
	close(root);
	close(state);
	close(top);
}

static const char *prefix_of(const struct exports *e, const char *path, const char **rest)
{
	const struct export *found = export_find(e, path, rest);

	return found ? found->prefix : "none";
}

static void exports(void)
{
	struct exports e = { .count = 0 };
	const char    *rest = NULL;

	ok(add(&e, "data", "root", false) == 0 && add(&e, "data/inner", "root/state", true) == 0, "two exports");
	ok(!strcmp(prefix_of(&e, "data/x/y", &rest), "data") && !strcmp(rest, "x/y"), "a path in the outer one");
	ok(!strcmp(prefix_of(&e, "data", &rest), "data") && !*rest, "the outer one itself");
	ok(!strcmp(prefix_of(&e, "data/inner/f", &rest), "data/inner") && !strcmp(rest, "f"), "the inner one hides what lies beneath it");
	ok(!strcmp(prefix_of(&e, "data/innermost", &rest), "data") && !strcmp(rest, "innermost"), "whole components only");
	ok(!export_find(&e, "database", &rest) && !export_find(&e, "", &rest) && !export_find(&e, "dat", &rest), "in none");
	ok(add(&e, "", "root", false) == 0 && !strcmp(prefix_of(&e, "other/x", &rest), "") && !strcmp(rest, "other/x"), "\"\" has the rest");
	ok(add(&e, "f", "root/open", false) < 0 && add(&e, "f", "root/nowhere", false) < 0 && e.count == 3,
	   "a file, or nothing, is no export");
	exports_clear(&e);
	ok(e.count == 0, "cleared");
}

int main(void)
{
	char dir[] = "/tmp/mask-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	masks();
	within();
	places();
	lies_in();
	exports();
	static const char *const made[] = {
		"root/link", "root/way", "root/etc/conf", "root/etc", "root/soft", "root/hard", "root/later", "root/open", "root/keys", "root/state/new", "root/state/host_key",
		"root/state/deep/er/file", "root/state/deep/er", "root/state/deep", "root/state", "root", ".",
	};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		remove(i + 1 < sizeof made / sizeof *made ? made[i] : dir);
	return done();
}
