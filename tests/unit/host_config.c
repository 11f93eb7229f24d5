/* links: zcp */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "zcp/host/host_config.h"

static char why[HOST_CONFIG_WHY];

static int find_n(const char *text, size_t len, const char *host, struct host_config *c)
{
	/* exactly so long: a sanitizer sees what is read behind it */
	struct host_file f = { .path = "/c/onfig", .text = malloc(len ? len : 1), .len = len };
	int              r = -ENOMEM;

	why[0] = '\0';
	if (f.text) {
		memcpy(f.text, text, len);
		r = host_config_find(&f, host, c, why);
	}
	host_file_clear(&f);
	return r;
}

static int find(const char *text, const char *host, struct host_config *c)
{
	return find_n(text, strlen(text), host, c);
}

/* The port that the text gives the host, 0: none; or -EINVAL. */
static int port(const char *text, const char *host)
{
	struct host_config c;
	int                r = find(text, host, &c);

	return r < 0 ? r : c.port;
}

static bool named(const char *text, const char *host, const char *name)
{
	struct host_config c;

	return find(text, host, &c) == 0 && strcmp(c.name, name) == 0;
}

/* --- what is taken -------------------------------------------------------------------------------------------------- */

static void forms(void)
{
	static const char *const same[] = {
		"Port 7", "Port=7", "Port = 7", "Port =7", "Port= 7", "\tport\t7\t", "PORT 7", "pOrT \"7\"", "Port=\"7\"", "Port 7 # it is", "Port 7 #it is", "# it is\n\nPort 7",
		"   \n \t \nPort 7\n", "Port 7\r\n", "\r\nHost *\r\nPort 7\r\n", "Port 7 \r", "Host * \nPort 7", "Host=*\nPort 7", "Host = \"*\"\nPort=7", "#\nPort 7", "Port 7\n#",
	};
	struct host_config c;

	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		ok(port(same[i], "h") == 7, "form %zu: port 7 %s", i, why);
	}
	memset(&c, 0xff, sizeof c);
	ok(find("", "h", &c) == 0 && !c.port && !c.name[0] && !c.identity[0] && !c.plain_count && !c.plain_given, "an empty file says nothing");
	ok(host_config_find(&(struct host_file){ .text = NULL }, "h", &c, why) == 0 && !c.port, "no file says nothing");
	ok(find("Identity \"/a b/#c=d\"", "h", &c) == 0 && strcmp(c.identity, "/a b/#c=d") == 0, "spaces, # and = inside quotes: %s", c.identity);
	ok(find("Identity /a#b=c", "h", &c) == 0 && strcmp(c.identity, "/a#b=c") == 0, "# and = inside a word: %s", c.identity);
	ok(find("Identity /\xc3\xa4\xff", "h", &c) == 0 && strcmp(c.identity, "/\xc3\xa4\xff") == 0, "bytes beyond ASCII");
}

static void blocks(void)
{
	static const char text[] =
		"Port 1\n"                      /* for all */
		"Host a b\n  HostName one\n"
		"Host b c*\n  HostName two\n  Port 2\n"
		"Host *\n  HostName rest\n";

	ok(named(text, "a", "one") && named(text, "b", "one") && named(text, "c", "two") && named(text, "cx", "two") && named(text, "d", "rest"),
	   "the first value obtained counts");
	ok(port(text, "c") == 1, "lines before the first Host are for all hosts, and come first");
	ok(port("Host c\nPort 2\nPort 3\n", "c") == 2 && port("Host c\nPort 2\nHost *\nPort 3", "c") == 2 && port("Host c\nPort 2\nHost *\nPort 3", "d") == 3,
	   "also within a block, and of a later one");
	ok(named("Host a\nHostName one\nHost a\nPort 5\n", "a", "one") && port("Host a\nHostName one\nHost a\nPort 5\n", "a") == 5, "a host may have several blocks");
	ok(named("Host NAS\nHostName one", "nas", "one") && named("Host nas\nHostName one", "NAS", "one"), "upper case is lower case");
	ok(named("Host ::1 fe80::*\nHostName one", "::1", "one") && named("Host ::1 fe80::*\nHostName one", "fe80::2%lo", "one"), "addresses are names, too");
}

static void patterns(void)
{
	static const struct { const char *patterns, *host; bool is; } t[] = {
		{ "a", "a", true }, { "a", "b", false }, { "a", "ab", false }, { "ab", "a", false }, { "*", "a", true }, { "a*", "a", true }, { "a*", "abc", true }, { "a*", "ba", false },
		{ "*c", "abc", true }, { "*c", "abcd", false }, { "a*c", "ac", true }, { "a*c", "abbc", true }, { "a*b*c", "aXbXbYc", true }, { "a*b*c", "aXc", false },
		{ "?", "a", true }, { "?", "ab", false }, { "a?", "a", false }, { "*?", "a", true }, { "?*?", "a", false }, { "**", "a", true }, { "a**", "a", true },
		{ "*.example", "a.example", true }, { "*.example", "example", false }, { "[a]", "a", false }, { "\\a", "a", false },
		{ "* !a", "a", false }, { "!a *", "a", false }, { "* !a", "b", true }, { "!a", "b", false }, { "!a !b", "c", false }, { "a* !ab* !ac", "ad", true },
		{ "a* !ab* !ac", "abc", false }, { "a* !ab* !ac", "ac", false }, { "\"a\" b", "a", true }, { "b # a", "a", false }, { "!\x41", "a", false }, { "* !A", "a", false },
	};
	char text[200];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(text, sizeof text, "Host %s\nPort 7\n", t[i].patterns);
		ok(port(text, t[i].host) == (t[i].is ? 7 : 0), "Host %s %s %s", t[i].patterns, t[i].is ? "is" : "is not", t[i].host);
	}
	ok(port("Host *a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\nPort 7\n",
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa") == 0,
	   "many stars come to an end");
}

static bool in(const char *text, const char *ip)
{
	struct host_config c;
	struct net_addr    a = { .port = 1 };

	return inet_pton(AF_INET6, ip, a.ip) == 1 && find(text, "h", &c) == 0 && host_config_plain(&c, &a);
}

static void values(void)
{
	struct host_config c;
	char               text[8192], name[300];

	ok(named("HostName 10.0.0.7", "h", "10.0.0.7") && named("HostName ::1", "h", "::1") && named("HostName fe80::1%eth0", "h", "fe80::1%eth0") &&
	   named("HostName nas.example.org", "h", "nas.example.org"), "names and addresses");
	memset(name, 'n', 255);
	name[255] = '\0';
	snprintf(text, sizeof text, "HostName %s", name);
	ok(named(text, "h", name), "a name of 255 bytes");
	ok(port("Port 1", "h") == 1 && port("Port 65535", "h") == 65535, "the least port and the highest");
	setenv("HOME", "/home/me", 1);
	ok(find("Identity ~/keys/nas", "h", &c) == 0 && strcmp(c.identity, "/home/me/keys/nas") == 0, "~/ is the home directory: %s", c.identity);
	ok(find("Identity \"~/my keys/nas\"", "h", &c) == 0 && strcmp(c.identity, "/home/me/my keys/nas") == 0, "in quotes, too");
	ok(find("Identity /x\nIdentity ~/y", "h", &c) == 0 && strcmp(c.identity, "/x") == 0, "the first one counts");
	ok(in("Plaintext 10.0.0.0/8", "::ffff:10.1.2.3") && !in("Plaintext 10.0.0.0/8", "::ffff:11.1.2.3") && !in("Plaintext 10.0.0.0/8", "a00::1"), "a network of IPv4");
	ok(in("Plaintext fd00::/8", "fd12::1") && !in("Plaintext fd00::/8", "fe80::1") && !in("Plaintext fd00::/8", "::ffff:10.0.0.1"), "a network of IPv6");
	ok(in("Plaintext 192.0.2.1 10.0.0.0/8 \"fd00::/8\" # ours", "fd00::1") && in("Plaintext=192.0.2.1 10.0.0.0/8", "::ffff:192.0.2.1"), "several, and single addresses");
	ok(!in("Plaintext 10.0.0.0/8\nPlaintext fd00::/8", "fd00::1"), "the first line that applies is the whole list");
	ok(!in("Plaintext none\nPlaintext 10.0.0.0/8", "::ffff:10.0.0.1") && !in("Host h\nPlaintext none\nHost *\nPlaintext 10.0.0.0/8", "::ffff:10.0.0.1"), "none ends it");
	ok(!in("Host other\nPlaintext 10.0.0.0/8", "::ffff:10.0.0.1"), "another host's networks are not this one's");
	ok(find("Plaintext 10.0.0.0/8", "h", &c) == 0 && c.plain_count == 1 && !c.port, "nothing else comes with it");
	size_t n = (size_t)snprintf(text, sizeof text, "Plaintext");
	for (unsigned i = 0; i < 64; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, " 10.0.%u.0/24", i);
	ok(in(text, "::ffff:10.0.63.1") && !in(text, "::ffff:10.0.64.1"), "64 networks");
	snprintf(text + n, sizeof text - n, " 10.9.0.0/16");
	ok(find(text, "h", &c) < 0 && strstr(why, "'10.9.0.0/16': more than 64 networks"), "65: %s", why);
}

/* --- what is refused: the file, the line, and what there is ---------------------------------------------------------------- */

static void mistakes(void)
{
	static const struct { const char *line, *say; } t[] = {
		{ "User me", "'User': there is no such keyword: those there are: Host, HostName, Port, Identity, Plaintext" },
		{ "IdentityFile ~/x", "'IdentityFile': there is no such keyword" }, { "Port7", "'Port7': there is no such keyword" }, { "= 7", "'': there is no such keyword" },
		{ "integrity none", "'integrity': there is no such keyword" }, { "Match all", "no such keyword" }, { "Include x", "no such keyword" },
		{ "\xef\xbb\xbfHost a", "no such keyword" }, { "Port\x1b[2J 7", "a control character" },
		{ "Host", "Host: a pattern is missing" }, { "Host # a", "Host: a pattern is missing" }, { "Host !", "Host: '!': a ! stands before a pattern" },
		{ "Host \"\"", "Host: an empty value" }, { "Host a \"b", "Host: a quote without its end" },
		{ "HostName", "HostName: a value is missing" }, { "HostName=", "HostName: a value is missing" }, { "HostName \"\"", "HostName: an empty value" },
		{ "HostName a b", "HostName: 'b': one value only" }, { "HostName a \"b", "HostName: a quote without its end" },
		{ "HostName \"a\"b", "HostName: quotes stand around a whole word" }, { "HostName a\"b\"", "HostName: quotes stand around a whole word" },
		{ "HostName %h.example", "HostName: '%h.example': not a host's name or address" }, { "HostName [::1]", "'[::1]': not a host's name" },
		{ "HostName nas:7722", "'nas:7722': not a host's name" }, { "HostName -x", "'-x': not a host's name" }, { "HostName a/b", "'a/b': not a host's name" },
		{ "HostName me@nas", "'me@nas': not a host's name" }, { "HostName 1:2:3", "not a host's name" }, { "HostName \"a b\"", "'a b': not a host's name" },
		{ "Port", "Port: a value is missing" }, { "Port 0", "Port: '0': not a whole number from 1 to 65535" }, { "Port 65536", "'65536': not a whole number" },
		{ "Port ssh", "'ssh': not" }, { "Port 0x10", "'0x10': not" }, { "Port -1", "'-1': not" }, { "Port 7 8", "'8': one value only" }, { "Port 99999999999999999999999", "not a whole" },
		{ "Identity", "Identity: a value is missing" }, { "Identity nas", "Identity: 'nas': not a file named from / or ~/" }, { "Identity ~me/x", "'~me/x': not a file" },
		{ "Identity ~", "'~': not a file" }, { "Identity /a b", "'b': one value only (quotes" },
		{ "Plaintext", "Plaintext: a network is missing" }, { "Plaintext 10.0.0.1/8", "'10.0.0.1/8': not a network: its bits behind the / are not 0" },
		{ "Plaintext fe80::1/10", "its bits behind the / are not 0" }, { "Plaintext 10.0.0.0/33", "'10.0.0.0/33': not a network: write" },
		{ "Plaintext yes", "'yes': not a network: write" }, { "Plaintext 10.0.0.0/8,fd00::/8", "not a network: write" }, { "Plaintext none 10.0.0.0/8", "none stands alone" },
		{ "Plaintext 10.0.0.0/8 none", "none stands alone" }, { "Plaintext 10.0.0.0/8 yes", "'yes': not a network" },
	};
	struct host_config c;
	char               text[400];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		memset(&c, 0xff, sizeof c);
		snprintf(text, sizeof text, "# first\nPort 1\n%s\nPort 2\n", t[i].line);
		bool found = find(text, "h", &c) == -EINVAL && strstr(why, t[i].say) && strncmp(why, "/c/onfig, line 3: ", 18) == 0 && c.port == 0xffff;
		/* what is wrong is wrong in every block, and without an end of line */
		snprintf(text, sizeof text, "Host other\n\n%s", t[i].line);
		ok(found && find(text, "h", &c) == -EINVAL && strstr(why, t[i].say), "mistake %zu: %s", i, strchr(why, '\x1b') ? "raw" : why);
	}
	unsetenv("HOME");
	ok(find("Identity ~/x", "h", &c) == 0, "without HOME it is the password entry's");
	setenv("HOME", "/home/me", 1);
}

static void bytes(void)
{
	static const char     nul[] = "Port 1\nPort\0 2\n", nul_in_comment[] = "#\0";
	struct host_config    c;
	char                 *text = malloc(70000);
	size_t                n;

	ok(find_n(nul, sizeof nul - 1, "h", &c) < 0 && strstr(why, "line 2: a NUL byte"), "a NUL byte: %s", why);
	ok(find_n(nul_in_comment, 2, "h", &c) < 0 && strstr(why, "line 1: a NUL byte"), "in a comment, too");
	ok(find("# \x1b[31m", "h", &c) < 0 && strstr(why, "line 1: a control character") && !strchr(why, '\x1b'), "control characters, in a comment, too");
	ok(find("Port 1\rPort 2", "h", &c) < 0 && strstr(why, "a control character"), "CR alone is no end of line");
	if (!text)
		return;
	memset(text, 'x', 70000);
	memcpy(text, "Port 9\n#", 8);
	ok(find_n(text, 7 + 8191, "h", &c) == 0 && c.port == 9, "a line of 8,191 bytes");
	ok(find_n(text, 7 + 8192, "h", &c) < 0 && strstr(why, "line 2: longer than 8,191 bytes"), "8,192: %s", why);
	ok(find_n(text, 70000, "h", &c) < 0 && strstr(why, "longer than"), "70,000");
	memcpy(text, "HostName ", 9);
	ok(find_n(text, 9 + 256, "h", &c) < 0 && strstr(why, "not a host's name"), "a name of 256 bytes");
	ok(find_n(text, 8000, "h", &c) < 0 && strlen(why) < 600, "a long word is shown in part: %zu bytes", strlen(why));
	n = (size_t)snprintf(text, 70000, "Identity ~/");
	memset(text + n, 'x', 4095);
	ok(find_n(text, n + 4095, "h", &c) < 0 && strstr(why, "longer than a path can be"), "a path that is too long");
	/* every cut of a file with everything in it ends somehow, and reads nothing behind it */
	static const char all[] = "Host a \"b c\" !d*\n HostName=x\r\n Port = 5 # y\n Identity \"/a b\"\n Plaintext 10.0.0.0/8 fd00::/8\n";
	unsigned cut = 0;
	for (size_t i = 0; i < sizeof all; i++) {
		int r = find_n(all, i, "a", &c);
		cut += r == 0 || (r == -EINVAL && why[0]);
	}
	ok(cut == sizeof all, "each cut of it is read or refused");
	free(text);
}

/* --- the file --------------------------------------------------------------------------------------------------------------- */

static int port_in_file(const char *named)
{
	struct host_file   f;
	struct host_config c = { .port = 0 };
	int                r = host_file_read(&f, named, why);

	if (r == 0)
		r = host_config_find(&f, "h", &c, why);
	host_file_clear(&f);
	return r < 0 ? r : c.port;
}

static void files(int at)
{
	char path[5000], dir[4200];

	snprintf(dir, sizeof dir, "%s/zcp", scratch_path());
	setenv("XDG_CONFIG_HOME", scratch_path(), 1);
	snprintf(path, sizeof path, "%s/config", dir);
	ok(port_in_file(NULL) == 0, "the default file may be missing, and its directory, too");
	ok(port_in_file(path) == -EINVAL && strstr(why, "no such file"), "one that was named may not: %s", why);
	ok(mkdir(dir, 0700) == 0 && port_in_file(NULL) == 0, "only the file");
	put_file(at, "zcp/config", "Port 5\n", 0644);
	ok(port_in_file(NULL) == 5 && port_in_file(path) == 5, "it is read");
	ok(port_in_file("none") == 0, "none: no file is");
	for (unsigned bit = 02; bit <= 020; bit <<= 3) {
		chmod(path, 0644 | bit);
		ok(port_in_file(NULL) == -EINVAL && strstr(why, "others can write it") && port_in_file(path) == -EINVAL, "mode %o: %s", 0644 | bit, why);
	}
	chmod(path, 0600);
	if (geteuid() == 0) {
		ok(chown(path, 12345, 0) == 0 && port_in_file(NULL) == -EINVAL && strstr(why, "another user's"), "a foreign owner");
		ok(chown(path, 0, 0) == 0, "given back");
	} else {
		ok(chmod(path, 0) == 0 && port_in_file(NULL) == -EINVAL && strstr(why, "permission"), "one that cannot be read: %s", why);
		ok(chmod(dir, 0) == 0 && port_in_file(NULL) == 0 && port_in_file(path) == -EINVAL && chmod(dir, 0700) == 0, "a directory that is closed has none, unless it was named");
		chmod(path, 0600);
	}
	ok(truncate(path, HOST_CONFIG_BYTES + 1) == 0 && port_in_file(NULL) == -EINVAL && strstr(why, "larger than 1 MiB"), "too large: %s", why);
	ok(unlink(path) == 0 && mkfifo(path, 0600) == 0 && port_in_file(NULL) == -EINVAL, "a FIFO does not hang: %s", why);
	ok(unlink(path) == 0 && mkdir(path, 0700) == 0 && port_in_file(NULL) == -EINVAL, "a directory: %s", why);
	ok(port_in_file("/dev/null") == -EINVAL && strstr(why, "-F none"), "a device: %s", why);
	setenv("XDG_CONFIG_HOME", "/dev/null", 1);
	ok(port_in_file(NULL) == 0, "XDG_CONFIG_HOME=/dev/null has none");
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	ok(port_in_file(path) == -EINVAL, "a name that is too long: %.80s", why);
}

int main(void)
{
	int dir = scratch(NULL);

	if (!ok(dir >= 0, "a directory to work in"))
		return done();
	forms();
	blocks();
	patterns();
	values();
	mistakes();
	bytes();
	files(dir);
	close(dir);
	return done();
}
