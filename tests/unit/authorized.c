/* links: zcpd */
/* authorized.c - lines of authorized_keys, good and hostile; the rules of the file around them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/log.h"
#include "tests/unit/tap.h"
#include "zcpd/authorized.h"

#define K1 "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define K2 "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="
#define NOW 1789000000 /* 2026-09-10T00:26:40Z */
#define N32 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

struct row { const char *name, *text; size_t len; int keys; unsigned line; const char *what; };
#define ROW(name, text, keys, line, what) { name, (text), sizeof (text) - 1, keys, line, what }
static const struct row rows[] = {
	ROW("nothing", "", 0, 0, ""),
	ROW("comments and empty lines", "# a\n\n  # b\n\t\n", 0, 0, ""),
	ROW("one", "zcp-x25519 " K1 " alice@laptop\n", 1, 0, ""),
	ROW("two, tabs, blanks at the end, no last newline", "\tzcp-x25519\t" K1 "  a \nzcp-x25519 " K2 " b", 2, 0, ""),
	ROW("a NAME of 128 bytes", "zcp-x25519 " K1 " " N32 N32 N32 N32 "\n", 1, 0, ""),
	ROW("a NAME of 129 bytes", "zcp-x25519 " K1 " " N32 N32 N32 N32 "n\n", -1, 1, "longer than 128"),
	ROW("no NAME: the fingerprint stands for it", "zcp-x25519 " K1 "\n", 1, 0, ""),
	ROW("no KEY", "zcp-x25519\n", -1, 1, "not a key"),
	ROW("KEY alone", K1 " alice\n", -1, 1, "begin with"),
	ROW("an option", "zcp-x25519 " K1 " alice read\n", -1, 1, "unknown option"),
	ROW("an option with a value", "# x\nzcp-x25519 " K1 " alice form=10.0.0.0/8\n", -1, 2, "unknown option"),
	ROW("the same NAME twice", "zcp-x25519 " K1 " a\nzcp-x25519 " K2 " a\n", -1, 2, "NAME that stands"),
	ROW("the same KEY twice", "zcp-x25519 " K1 " a\n\nzcp-x25519 " K1 " b\n", -1, 3, "KEY that stands"),
	ROW("a good line before a bad one", "zcp-x25519 " K1 " a\nnonsense\n", -1, 2, "begin with"),
	ROW("a bad line before a good one", "nonsense\nzcp-x25519 " K1 " a\n", -1, 1, "begin with"),
	ROW("an ssh key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI alice\n", -1, 1, "begin with"),
	ROW("a secret key", "zcp-x25519-secret " K1 " a\n", -1, 1, "SECRET"),
	ROW("another case", "ZCP-X25519 " K1 " a\n", -1, 1, "begin with"),
	ROW("base64 cut", "zcp-x25519 AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw== a\n", -1, 1, "not a key"),
	ROW("base64 too long", "zcp-x25519 AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh a\n", -1, 1, "not a key"),
	ROW("base64 without '='", "zcp-x25519 AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA a\n", -1, 1, "not a key"),
	ROW("base64 that is none", "zcp-x25519 AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e*yA= a\n", -1, 1, "not a key"),
	ROW("another system's line ends", "zcp-x25519 " K1 " a\r\n", -1, 1, "carriage return"),
	ROW("NUL", "zcp-x25519 " K1 " a\0b\n", -1, 1, "NUL"),
	ROW("NUL in a comment", "#\0\n", -1, 1, "NUL"),
	ROW("an escape sequence", "zcp-x25519 " K1 " a\033[31m\n", -1, 1, "control"),
	ROW("DEL", "zcp-x25519 " K1 " a\177\n", -1, 1, "control"),
	ROW("NAME in UTF-8", "zcp-x25519 " K1 " j\303\266rg\n", 1, 0, ""),
};

static void lines(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row      *r = &rows[i];
		struct authorized_list list = { 0 };
		struct authorized_bad  bad = { 0 };
		int                    got = authorized_parse(r->text, r->len, &list, &bad);
		bool good = r->keys < 0 ? got < 0 && !list.keys && bad.line == r->line && bad.what && strstr(bad.what, r->what)
		                        : got == 0 && list.count == (size_t)r->keys;
		ok(good, "%s: %s", r->name, got < 0 ? bad.what : "taken");
		authorized_list_clear(&list);
	}
}

static void long_line(void)
{
	char                   text[2000];
	struct authorized_list list = { 0 };
	struct authorized_bad  bad;

	memset(text, '#', sizeof text);
	ok(authorized_parse(text, sizeof text, &list, &bad) < 0 && strstr(bad.what, "longer"), "a line of 2,000 bytes, a comment even");
}

static char path[200], identity[200];

static void put(const char *text, mode_t mode)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("Bail out! cannot write\n");
	fchmod(fd, mode);
	close(fd);
}

static uint8_t key1[KEY_BYTES], key2[KEY_BYTES];

static const char *who(struct authorized *a, const uint8_t key[static KEY_BYTES], struct fail *f)
{
	static struct authorized_key any;
	struct net_addr              peer = { { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 }, 1 };

	authorized_refresh(a);
	const struct authorized_key *k = authorized_find(a, key, &peer, NOW, &any, f);
	return k ? k->name : NULL;
}

static void file_rules(void)
{
	struct authorized a = { .rule = AUTHORIZED_FILE, .file = strdup(path) };
	struct fail       f;
	const char       *name;

	unlink(path);
	ok(!who(&a, key1, &f) && f.why == WHY_KEYS_BROKEN, "no file: nobody");
	put("zcp-x25519 " K1 " alice\n", 0644);
	name = who(&a, key1, &f);
	ok(name && !strcmp(name, "alice"), "it appears: read without a restart");
	ok(!who(&a, key2, &f) && f.status == ST_REFUSED && f.why == WHY_KEY, "a key that is not in it");
	put("zcp-x25519 " K2 " alice\n", 0644);
	ok(!who(&a, key1, &f) && who(&a, key2, &f), "another file of the same size takes its place: read anew");
	put("zcp-x25519 " K1 " alice\n", 0664);
	ok(!who(&a, key1, &f) && f.why == WHY_KEYS_BROKEN, "its group may write it: nobody");
	put("zcp-x25519 " K1 " alice\n", 0646);
	ok(!who(&a, key1, &f) && f.why == WHY_KEYS_BROKEN, "others may write it: nobody");
	put("zcp-x25519 " K1 " alice\nbroken\n", 0600);
	ok(!who(&a, key1, &f) && f.why == WHY_KEYS_BROKEN, "a broken line lets nobody in, not even good lines' keys");
	put("zcp-x25519 " K1 " alice\n", 0600);
	ok(who(&a, key1, &f) != NULL, "mended: let in again");
	unlink(path);
	mkfifo(path, 0600);
	ok(!who(&a, key1, &f) && f.why == WHY_KEYS_BROKEN, "a FIFO is not waited for");
	unlink(path);
	mkdir(path, 0700);
	ok(!who(&a, key1, &f) && f.why == WHY_KEYS_BROKEN, "a directory is no such file");
	rmdir(path);
	if (geteuid() == 0) {
		put("zcp-x25519 " K1 " alice\n", 0600);
		ok(chown(path, 12345, 12345) == 0 && !who(&a, key1, &f) && f.why == WHY_KEYS_BROKEN, "a foreign owner: nobody");
	} else {
		skip(1, "only root can give a file away");
	}
	authorized_clear(&a);
}

static void default_rule(void)
{
	struct authorized a = { .rule = AUTHORIZED_DEFAULT, .file = strdup(path), .identity = strdup(identity) };
	struct keypair    pair;
	struct fail       f;
	const char       *name;

	unlink(path);
	ok(!who(&a, key1, &f) && f.why == WHY_KEY, "neither file nor identity: nobody yet");
	ok(keys_load_or_make(identity, "test", &pair) == 1, "an identity is made");
	name = who(&a, pair.pk, &f);
	ok(name && !strcmp(name, "owner"), "it appears: its owner is let in");
	ok(!who(&a, key1, &f) && f.why == WHY_KEY, "nobody else");
	put("zcp-x25519 " K1 " alice\n", 0600);
	ok(!who(&a, pair.pk, &f) && who(&a, key1, &f), "with an authorized_keys the file alone counts");
	put("broken\n", 0600);
	ok(!who(&a, pair.pk, &f) && f.why == WHY_KEYS_BROKEN, "a broken file does not fall back to the owner");
	authorized_clear(&a);

	a = (struct authorized){ .rule = AUTHORIZED_DEFAULT, .file = strdup(path) };
	unlink(path);
	ok(!who(&a, pair.pk, &f), "off loopback there is no owner's rule");
	authorized_clear(&a);
	a = (struct authorized){ .rule = AUTHORIZED_ANY };
	name = who(&a, key2, &f);
	ok(name && !strncmp(name, "SHA256:", 7), "any: everybody, named by fingerprint");
	authorized_clear(&a);
}

int main(void)
{
	char dir[] = "/tmp/authorized-XXXXXX";

	log_setup("test", LOG_LEVEL_ERROR, 0);
	if (!mkdtemp(dir) || keys_parse(K1, key1) < 0 || keys_parse(K2, key2) < 0)
		return 1;
	snprintf(path, sizeof path, "%s/keys", dir);
	snprintf(identity, sizeof identity, "%s/identity", dir);
	lines();
	long_line();
	file_rules();
	default_rule();
	unlink(path);
	unlink(identity);
	rmdir(dir);
	return done();
}
