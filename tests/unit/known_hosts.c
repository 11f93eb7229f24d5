/* links: zcp */
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/tap.h"
#include "zcp/host/known_hosts.h"

static char     dir[64], file[96];
static uint8_t  key_a[KEY_BYTES], key_b[KEY_BYTES];
static char     text_a[KEY_TEXT], text_b[KEY_TEXT];

static void write_file(const char *content, size_t n)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, content, n) != (ssize_t)n || close(fd) < 0)
		ok(false, "cannot write %s", file);
}

static void write_lines(const char *fmt, const char *a, const char *b)
{
	char content[1024];
	int  n = snprintf(content, sizeof content, fmt, a, b);

	write_file(content, (size_t)n);
}

static enum known look(const char *name, const uint8_t *key)
{
	struct known_answer a;

	known_hosts_look(file, name, key, &a);
	return a.known;
}

static size_t size_of(void)
{
	struct stat st;

	return stat(file, &st) == 0 ? (size_t)st.st_size : 0;
}

static void names(void)
{
	char name[KNOWN_NAME];

	known_hosts_name("Host.Example", 7722, name);
	ok(strcmp(name, "host.example:7722") == 0, "names are lower case: %s", name);
	known_hosts_name("::1", 1, name);
	ok(strcmp(name, "[::1]:1") == 0, "addresses of IPv6 stand in brackets: %s", name);
}

static void answers(void)
{
	struct known_answer a;
	char fingerprint[KEY_FINGERPRINT];

	unlink(file);
	ok(look("h:1", key_a) == KNOWN_NEW, "no file: new");
	write_lines("# comment\n\nh:1 %s\nother:1 %s comment with words\n", text_a, text_b);
	ok(look("h:1", key_a) == KNOWN_SAME, "the same key");
	ok(look("H:1", key_a) == KNOWN_SAME, "whatever the name's case");
	ok(look("h:2", key_a) == KNOWN_NEW, "another port is another host");
	ok(look("h", key_a) == KNOWN_NEW, "a name without port is none");
	known_hosts_look(file, "h:1", key_b, &a);
	keys_fingerprint(key_a, fingerprint);
	ok(a.known == KNOWN_CHANGED && a.line == 3 && strcmp(a.old, fingerprint) == 0, "another key: changed, line %u", a.line);
	write_lines("h:1 %s\nh:1 %s\n", text_a, text_b);
	ok(look("h:1", key_a) == KNOWN_SAME && look("h:1", key_b) == KNOWN_SAME, "several keys per name are allowed");
	write_lines("h:1 %s%s", text_a, "");
	ok(look("h:1", key_a) == KNOWN_SAME, "without a newline at the end");
}

/* Whatever is wrong with the file, and wherever: no. */
static void broken(void)
{
	static const char *const bad[] = { "h:1\n", "h:1 zcp-x25519\n", "h:1 zcp-x25519 AAAA\n", "h:1 ssh-ed25519 AAAA\n", " \x01\n", "h:1 %s", "garbage here\n" };
	struct known_answer a;
	char content[512];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int n = snprintf(content, sizeof content, "h:1 %s\n%s", text_a, strcmp(bad[i], "h:1 %s") == 0 ? "h:1 zcp-x25519 ====\n" : bad[i]);
		write_file(content, (size_t)n);
		known_hosts_look(file, "h:1", key_a, &a);
		ok(a.known == KNOWN_BROKEN && a.line == 2 && strstr(a.why, "line 2"), "line 2 is not one: %s", a.why);
		size_t before = size_of();
		known_hosts_add(file, "new:1", key_a, &a);
		ok(a.known == KNOWN_BROKEN && size_of() == before, "  and nothing is added to it");
	}
	int n = snprintf(content, sizeof content, "h:1 %s\n", text_a);
	content[n++] = '\0';
	content[n++] = '\n';
	write_file(content, (size_t)n);
	ok(look("h:1", key_a) == KNOWN_BROKEN, "a NUL in the file");

	write_lines("h:1 %s\n%s", text_a, "");
	chmod(file, 0622);
	ok(look("h:1", key_a) == KNOWN_BROKEN, "others can write it");
	chmod(file, 0644);
	ok(look("h:1", key_a) == KNOWN_SAME, "others may read it");
	unlink(file);
	mkdir(file, 0700);
	ok(look("h:1", key_a) == KNOWN_BROKEN, "a directory");
	rmdir(file);
	if (mkfifo(file, 0600) == 0)
		ok(look("h:1", key_a) == KNOWN_BROKEN, "a FIFO does not hang it");
	unlink(file);
	if (symlink("nowhere/at/all", file) == 0)
		known_hosts_add(file, "h:1", key_a, &a);
	ok(a.known == KNOWN_BROKEN, "cannot be made: %s", a.why);
	unlink(file);
}

static void adding(void)
{
	struct known_answer a;
	struct stat st;

	unlink(file);
	known_hosts_add(file, "h:1", key_a, &a);
	ok(a.known == KNOWN_SAME && look("h:1", key_a) == KNOWN_SAME, "added to a new file");
	ok(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600, "of mode 0600");
	size_t before = size_of();
	known_hosts_add(file, "h:1", key_a, &a);
	ok(a.known == KNOWN_SAME && size_of() == before, "not twice");
	known_hosts_add(file, "h:1", key_b, &a);
	ok(a.known == KNOWN_CHANGED && size_of() == before, "another key meanwhile: changed, and nothing is written");
	write_lines("h:1 %s%s", text_a, "");
	known_hosts_add(file, "i:1", key_b, &a);
	ok(a.known == KNOWN_SAME && look("h:1", key_a) == KNOWN_SAME && look("i:1", key_b) == KNOWN_SAME, "behind a line without newline");
	char deep[160];
	snprintf(deep, sizeof deep, "%s/x/y/known_hosts", dir);
	known_hosts_add(deep, "h:1", key_a, &a);
	ok(a.known == KNOWN_SAME, "the directories above are made: %s", a.why);
	unlink(deep);
	snprintf(deep, sizeof deep, "%s/x/y", dir);
	rmdir(deep);
	snprintf(deep, sizeof deep, "%s/x", dir);
	rmdir(deep);
}

static void forgetting(void)
{
	char why[KNOWN_WHY];

	write_lines("# mine\nh:1 %s\nh:22 %s\n", text_a, text_b);
	ok(known_hosts_forget(file, "other", 0, why) == 0, "an unknown name: none");
	ok(known_hosts_forget(file, "h", 2, why) == 0, "port 2 is not port 22");
	ok(known_hosts_forget(file, "H", 22, why) == 1, "one port");
	ok(look("h:1", key_a) == KNOWN_SAME && look("h:22", key_b) == KNOWN_NEW, "the other stays");
	write_lines("h:1 %s\nh:22 %s\nhh:1 zcp-x25519 broken\nh.x:1 rest\n", text_a, text_b);
	ok(known_hosts_forget(file, "h", 0, why) == 2, "every port");
	ok(size_of() == strlen("hh:1 zcp-x25519 broken\nh.x:1 rest\n"), "lines that are not understood stay as they are");
	write_lines("[::1]:5 %s\n%s", text_a, "");
	ok(known_hosts_forget(file, "::1", 0, why) == 1, "an address of IPv6");
	ok(size_of() == 0, "the file may be empty");
	unlink(file);
	ok(known_hosts_forget(file, "h", 0, why) == 0, "no file: none");
	write_lines("h:1 %s\n%s", text_a, "");
	chmod(file, 0666);
	ok(known_hosts_forget(file, "h", 0, why) == -1 && strstr(why, "chmod"), "a file others can write is not touched: %s", why);
	unlink(file);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	snprintf(dir, sizeof dir, "/tmp/zcp-known-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(file, sizeof file, "%s/known_hosts", dir);
	memset(key_a, 0x11, sizeof key_a);
	memset(key_b, 0x22, sizeof key_b);
	keys_text(key_a, text_a);
	keys_text(key_b, text_b);
	names();
	answers();
	broken();
	adding();
	forgetting();
	rmdir(dir);
	return done();
}
