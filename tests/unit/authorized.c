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
#include "zcpd/authorized_options.h"

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

/* behind KEY and NAME: taken */
static const char *const good_options[] = {
	"write", "export=a", "export=a export=b", "from=10.0.0.0/8", "from=10.0.0.1", "from=fd00::/8 from=::1", "from=0.0.0.0/0",
	"expires=2030-12-31", "expires=2030-12-31T23:59:59Z", "expires=2028-02-29", "expires=1970-01-01", "expires=9999-12-31T00:00:00Z",
	"plaintext=no", "write export=a from=10.0.0.0/8 expires=2030-01-01 plaintext=no", "plaintext=no write", "export=-", "export=a=b",
	"\texport=a  ",
};

/* behind KEY and NAME: nobody is let in */
static const char *const bad_options[] = {
	"read", "Write", "WRITE", "writes", "write,", "wri", "-write", "--write", "write;", "\"write\"", "command=/bin/sh", "no-pty",
	"cert-authority", "restrict", "permitopen=x", "environment=A=b", "principals=x", "tunnel=0", "ro", "rw", "mode=rw", "allow=all", "root",
	"admin", "*", "any", "form=10.0.0.0/8", "From=10.0.0.0/8", "FROM=10.0.0.0/8", "exports=a", "Export=a", "expire=2030-01-01",
	"Expires=2030-01-01", "expiry-time=20300101", "plain=no", "plaintext-from=none", "=", "=write", "==", "= write", "write =", "x", "alice",
	"bob@host", "#comment", "# comment", "!write", "@", "\\", "from", "Ã©", "write\\", "opt=", "1=1", "e=a", "fromm=10.0.0.0/8", "w", "rite",
	"null", "true", "zcp-x25519", "write=", "write=yes", "write=1", "write=no", "write=true", "write write", "write export=a write", "export",
	"export=", "export= a", "export=a,b", "export=,", "export=a,", "export=a export=", "from=", "from= 10.0.0.0/8", "from=any", "from=all",
	"from=*", "from=localhost", "from=example.org", "from=10.0.0.0/8,11.0.0.0/8", "from=10.0.0.0/8,", "from=!10.0.0.0/8", "from=10",
	"from=10.0", "from=10.0.0", "from=10.0.0.", "from=10.0.0.0.", "from=10.0.0.0/", "from=10.0.0.0/33", "from=10.0.0.0/-1",
	"from=10.0.0.0/8/8", "from=10.0.0.0/8x", "from=10.0.0.1/8", "from=10.0.0.0/255.0.0.0", "from=256.0.0.1",
	"from=010.0.0.1", "from=0x0a.0.0.1", "from=1.2.3.4.5", "from=10.0.0.0-10.0.0.9", "from=10.0.0.0 /8", "from=10.*", "from=/8", "from=/",
	"from=::/129", "from=::/-1", "from=fd00::1/8", "from=fd00:::/8", "from=[::1]", "from=[fd00::]/8", "from=fe80::1%eth0", "from=1::2::3",
	"from=12345::", "from=g::", "from=10.0.0.0/4294967304", "from=10.0.0.0/0x8", "from=10.0.0.0/ 8", "from=10.0.0.1:22",
	"from=\"10.0.0.0/8\"", "from=10.0.0.0/8 from=", "from=10.0.0.0/8 from=x",
	"from=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "expires", "expires=", "expires=never", "expires=no",
	"expires=0", "expires=1", "expires=1893456000", "expires=20301231", "expires=2030", "expires=2030-12", "expires=2030-12-",
	"expires=2030-1-01", "expires=2030-01-1", "expires=2030-13-01", "expires=2030-00-01", "expires=2030-01-00", "expires=2030-01-32",
	"expires=2030-04-31", "expires=2030-02-29", "expires=2100-02-29", "expires=1969-12-31", "expires=0000-01-01", "expires=-030-01-01",
	"expires=+030-01-01", "expires=10000-01-01", "expires=2030/12/31", "expires=31-12-2030", "expires=12/31/2030", "expires=2030-12-31T",
	"expires=2030-12-31T00", "expires=2030-12-31T00:00", "expires=2030-12-31T00:00:00", "expires=2030-12-31T00:00:00z",
	"expires=2030-12-31t00:00:00Z", "expires=2030-12-31 00:00:00Z", "expires=2030-12-31T00:00:00+00:00", "expires=2030-12-31T00:00:00.5Z",
	"expires=2030-12-31T24:00:00Z", "expires=2030-12-31T23:60:00Z", "expires=2030-12-31T23:59:60Z", "expires=2030-12-31T-1:00:00Z",
	"expires=2030-12-31T1:00:00Z", "expires=2030-12-31Z", "expires=2030-12-31T00:00:00ZZ", "expires=2030-12-31x", "expires= 2030-12-31",
	"expires=2030 -12-31", "expires=2030-1a-01", "expires=20a0-01-01", "expires=2030--1-01", "expires=2030-12-31,",
	"expires=2030-12-31 expires=2030-12-31", "expires=2030-12-31 expires=2031-12-31", "expires=today", "expires=+1d",
	"expires=99999999999999999999", "plaintext", "plaintext=", "plaintext=yes", "plaintext=No", "plaintext=NO", "plaintext=none",
	"plaintext=0", "plaintext=false", "plaintext=no plaintext=no", "plaintext=no,", "plaintext=nope",
};

/* an option whose NAME was forgotten must not become the NAME */
static const char *const bad_names[] = {
	"write", "export=a", "from=10.0.0.0/8", "expires=2030-01-01", "plaintext=no", "export", "from", "expires", "plaintext", "a=b", "=",
	"name=alice", "#", "#x",
};

static bool taken(const char *between, const char *word, const char *end)
{
	struct authorized_list list = { 0 };
	struct authorized_bad  bad = { 0 };
	char                   text[2000];

	snprintf(text, sizeof text, "zcp-x25519 " K2 " honest\nzcp-x25519 " K1 "%s%s%s", between, word, end);
	int r = authorized_parse(text, strlen(text), &list, &bad);
	if (r < 0 && (list.keys || list.count || bad.line != 2 || !bad.what))
		printf("Bail out! a refused file left something behind: %s\n", text);
	authorized_list_clear(&list);
	return r == 0;
}

static void hostile(void)
{
	for (size_t i = 0; i < sizeof good_options / sizeof *good_options; i++)
		ok(taken(" alice ", good_options[i], "\n"), "taken: %s", good_options[i]);
	for (size_t i = 0; i < sizeof bad_options / sizeof *bad_options; i++) {
		ok(!taken(" alice ", bad_options[i], "\n"), "refused: %s", bad_options[i]);
		if (!taken(" alice ", bad_options[i], "") && taken(" alice write ", bad_options[i], " plaintext=no\n"))
			ok(false, "refused between others: %s", bad_options[i]);
	}
	for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++)
		ok(!taken(" ", bad_names[i], "\n"), "no NAME: %s", bad_names[i]);
}

/* --- what the options mean --------------------------------------------------------------------------------------- */

static struct net_addr address(const char *text)
{
	struct net_cidr c = { { 0 }, 0 };
	struct net_addr a = { .port = 1 };

	net_cidr_parse(text, &c);
	memcpy(a.ip, c.ip, sizeof a.ip);
	return a;
}

static int why(const char *options, const char *from, int64_t now)
{
	struct authorized     a = { .rule = AUTHORIZED_FILE };
	struct authorized_bad bad;
	struct authorized_key any;
	struct net_addr       peer = address(from);
	struct fail           f;
	uint8_t               pk[KEY_BYTES];
	char                  text[500];

	snprintf(text, sizeof text, "zcp-x25519 " K1 " alice %s\n", options);
	if (keys_parse(K1, pk) < 0 || authorized_parse(text, strlen(text), &a.list, &bad) < 0)
		return -1;
	const struct authorized_key *k = authorized_find(&a, pk, &peer, now, &any, &f);
	bool good = k ? f.status == ST_OK : f.status == ST_REFUSED;
	authorized_list_clear(&a.list);
	return good ? f.why : -1;
}

static void meaning(void)
{
	static const struct { const char *date; int64_t at; } dates[] = {
		{ "1970-01-01", 0 }, { "1970-01-01T00:00:01Z", 1 }, { "2000-02-29T12:34:56Z", 951827696 }, { "2000-03-01", 951868800 },
		{ "2026-09-10T00:26:40Z", NOW }, { "2038-01-19T03:14:08Z", 2147483648 }, { "2100-03-01", 4107542400 }, { "9999-12-31T23:59:59Z", 253402300799 },
	};
	int64_t at;

	for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
		ok(authorized_time(dates[i].date, &at) == 0 && at == dates[i].at, "%s is %lld", dates[i].date, (long long)dates[i].at);
	ok(why("expires=2026-09-10T00:26:40Z", "10.0.0.1", NOW - 1) == WHY_NONE, "a second before it expires");
	ok(why("expires=2026-09-10T00:26:40Z", "10.0.0.1", NOW) == WHY_KEY_EXPIRED, "at that second");
	ok(why("expires=2026-09-10", "10.0.0.1", NOW) == WHY_KEY_EXPIRED, "a date is its first second");
	ok(why("from=10.0.0.0/8", "10.255.255.255", NOW) == WHY_NONE && why("from=10.0.0.0/8", "11.0.0.0", NOW) == WHY_KEY_PLACE, "from= a network");
	ok(why("from=10.0.0.1 from=fd00::/8", "fd12::1", NOW) == WHY_NONE && why("from=10.0.0.1 from=fd00::/8", "10.0.0.1", NOW) == WHY_NONE,
	   "from= twice: either");
	ok(why("from=::/0", "10.0.0.1", NOW) == WHY_KEY_PLACE && why("from=0.0.0.0/0", "::1", NOW) == WHY_KEY_PLACE, "every address of one kind is not of the other");
	ok(why("from=10.0.0.0/8 expires=2000-01-01", "11.0.0.1", NOW) == WHY_KEY_PLACE, "wrong twice: refused");
}

static int put_line(char *at, const char *line, unsigned i)
{
	return snprintf(at, 66, "%s k%u\n", line, i);
}

/* 1 MiB of keys: parsing and looking for doubles must not be quadratic. */
static void many(void)
{
	enum { KEYS = 16000 };
	char                  *text = malloc((KEYS + 2) * 66), *p = text;
	struct authorized_list list = { 0 };
	struct authorized_bad  bad;

	for (unsigned i = 0; text && i < KEYS; i++) {
		uint8_t pk[KEY_BYTES] = { (uint8_t)i, (uint8_t)(i >> 8), 1 };
		char    line[KEY_TEXT];
		keys_text(pk, line);
		p += put_line(p, line, i);
	}
	ok(text && authorized_parse(text, (size_t)(p - text), &list, &bad) == 0 && list.count == KEYS, "%d keys", KEYS);
	authorized_list_clear(&list);
	if (text)
		p += put_line(p, "zcp-x25519 " K1, 7);
	ok(text && authorized_parse(text, (size_t)(p - text), &list, &bad) < 0 && bad.line == KEYS + 1 && strstr(bad.what, "NAME"), "a NAME twice among them");
	free(text);
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
	struct net_addr              peer = { .ip = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 }, .port = 1 };

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
	hostile();
	meaning();
	many();
	long_line();
	file_rules();
	default_rule();
	unlink(path);
	unlink(identity);
	rmdir(dir);
	return done();
}
