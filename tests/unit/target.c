/* links: zcp */
#include <stdlib.h>
#include <string.h>
#include "common/vis.h"
#include "tests/unit/tap.h"
#include "zcp/cli/target.h"

static void remote(const char *text, const char *host, unsigned port, const char *path, bool contents)
{
	struct target t;
	char          why[400] = "";
	enum status   st = target_parse(text, &t, why, sizeof why);

	ok(st == ST_OK, "%s is understood %s", text, why);
	ok(t.host && strcmp(t.host, host) == 0, "  host %s", t.host ? t.host : "(none)");
	ok(t.port == port, "  port %u", t.port);
	ok(t.path && strcmp(t.path, path) == 0, "  path '%s'", t.path ? t.path : "(none)");
	ok(t.contents == contents, "  %s", contents ? "its contents" : "itself");
	target_clear(&t);
}

static void local(const char *text, const char *path)
{
	struct target t;
	char          why[400] = "", seen[80];

	ok(target_parse(text, &t, why, sizeof why) == ST_OK && !t.host && t.path && strcmp(t.path, path) == 0, "'%s' is local %s",
	   vis_str(seen, sizeof seen, text), why);
	target_clear(&t);
}

static void refused(const char *text, enum status want, const char *word)
{
	struct target t;
	char          why[400] = "", seen[80];
	enum status   st = target_parse(text, &t, why, sizeof why);

	ok(st == want && strstr(why, word), "'%s': status %d, says '%s': %s", vis_str(seen, sizeof seen, text), st, word, why);
	for (const char *p = why; *p; p++)
		if ((unsigned char)*p < 0x20)
			ok(false, "a control byte reaches the message");
	target_clear(&t);
}

static void parse_remote(void)
{
	remote("h:f", "h", 0, "f", false);
	remote("h:/f", "h", 0, "f", false);
	remote("h:", "h", 0, "", true);
	remote("h:/", "h", 0, "", true);
	remote("h:.", "h", 0, "", true);
	remote("h:a/b/", "h", 0, "a/b", false);
	remote("h:a//b/./c", "h", 0, "a/b/c", false);
	remote("h:a/../b", "h", 0, "b", false);
	remote("h:a/b/../../c", "h", 0, "c", false);
	remote("h:dir/.", "h", 0, "dir", true);
	remote("h:dir/sub/..", "h", 0, "dir", true);
	remote("h:./~x", "h", 0, "~x", false);
	remote("h:a:b", "h", 0, "a:b", false);
	remote("h:*.c", "h", 0, "*.c", false);
	remote("unix:/run/s:f", "unix:/run/s", 0, "f", false);
	remote("unix:/run/s:/a:b/", "unix:/run/s", 0, "a:b", false);
	remote("unix:/run/s:", "unix:/run/s", 0, "", true);
	remote("unix:f", "unix", 0, "f", false);
	remote("zcp://unix/f", "unix", 0, "f", false);
	remote("h:.../x", "h", 0, ".../x", false);
	remote("me@h:f", "h", 0, "f", false);
	remote("me@there@h:f", "h", 0, "f", false);
	remote("[::1]:f", "::1", 0, "f", false);
	remote("me@[::1]:/f", "::1", 0, "f", false);
	remote("[fe80::1%lo]:f", "fe80::1%lo", 0, "f", false);
	remote("[h]:f", "h", 0, "f", false);
	remote("h.example-1_x:f", "h.example-1_x", 0, "f", false);
	remote("zcp://h/f", "h", 0, "f", false);
	remote("zcp://h", "h", 0, "", true);
	remote("zcp://h/", "h", 0, "", true);
	remote("zcp://h:7/a/b", "h", 7, "a/b", false);
	remote("zcp://me@h:65535/a", "h", 65535, "a", false);
	remote("zcp://[::1]:8/a", "::1", 8, "a", false);
	remote("zcp://[fe80::1%25lo]/a", "fe80::1%lo", 0, "a", false);
	remote("zcp://h/sp%20ace/%e4", "h", 0, "sp ace/\xe4", false);
	remote("zcp://h/%2A%3f*", "h", 0, "\\*\\?*", false);
	remote("zcp://h/a@b:c", "h", 0, "a@b:c", false);
}

static void parse_local(void)
{
	local("f", "f");
	local("./a:b", "./a:b");
	local("/a:b", "/a:b");
	local("d/", "d");
	local("d///", "d");
	local("/", "/");
	local(":x", ":x");
	local("[ab]", "[ab]");
	local("d/h:f", "d/h:f");
	local("-x", "-x");
	local("new\nline", "new\nline");
	local("~/x", "~/x");
}

static void parse_refused(void)
{
	refused("", ST_USAGE, "empty");
	refused("-", ST_USAGE, "./-");
	refused("unix:/run/s", ST_USAGE, "':' behind the path");
	refused("unix:/run/s/:f", ST_USAGE, "no '/' at its end");
	refused("unix:/run/\x1bs:f", ST_USAGE, "no white space");
	refused("unix:/run/s:../f", ST_MISSING, "climbs");
	refused("-h:f", ST_USAGE, "'-'");
	refused("me@:f", ST_USAGE, "no host");
	refused("[]:f", ST_USAGE, "no host");
	refused("[::1:f", ST_USAGE, "]");
	refused("[::1]f:x", ST_USAGE, "]");
	refused("a b:f", ST_USAGE, "not a host name");
	refused("a\nb:f", ST_USAGE, "not a host name");
	refused("a\x1b[31m:f", ST_USAGE, "not a host name");
	refused("\xc3\xa4:f", ST_USAGE, "not a host name");
	refused("h::module", ST_USAGE, "host:path");
	refused("http://h/f", ST_USAGE, "zcp://");
	refused("scp://h/f", ST_USAGE, "zcp://");
	refused("zcp:///f", ST_USAGE, "no host");
	refused("zcp://", ST_USAGE, "no host");
	refused("zcp://-h/f", ST_USAGE, "'-'");
	refused("zcp://h:0/f", ST_USAGE, "port");
	refused("zcp://h:65536/f", ST_USAGE, "port");
	refused("zcp://h:/f", ST_USAGE, "port");
	refused("zcp://h:x/f", ST_USAGE, "port");
	refused("zcp://h:99999999999/f", ST_USAGE, "port");
	refused("zcp://::1/f", ST_USAGE, "brackets");
	refused("zcp://[::1/f", ST_USAGE, "]");
	refused("zcp://h/%", ST_USAGE, "hexadecimal");
	refused("zcp://h/%4", ST_USAGE, "hexadecimal");
	refused("zcp://h/%zz", ST_USAGE, "hexadecimal");
	refused("zcp://h/%00", ST_USAGE, "hexadecimal");
	refused("h:..", ST_MISSING, "outside");
	refused("h:../x", ST_MISSING, "outside");
	refused("h:/../x", ST_MISSING, "outside");
	refused("h:a/../../x", ST_MISSING, "outside");
	refused("zcp://h/%2e%2e/x", ST_MISSING, "outside");
	refused("h:~", ST_MISSING, "home");
	refused("h:~me/x", ST_MISSING, "home");
}

static void parse_long(void)
{
	char text[6000], why[400];
	struct target t;

	memset(text, 'a', sizeof text);
	memcpy(text, "h:", 2);
	text[2 + 4095] = '\0';
	ok(target_parse(text, &t, why, sizeof why) == ST_OK, "a path of 4,095 bytes");
	target_clear(&t);
	text[2 + 4095] = 'a';
	text[2 + 4096] = '\0';
	ok(target_parse(text, &t, why, sizeof why) == ST_MISSING && strstr(why, "longer"), "one more is too long");
	target_clear(&t);
	memset(text, 'a', 300);
	memcpy(text + 300, ":f", 3);
	ok(target_parse(text, &t, why, sizeof why) == ST_USAGE, "a host name of 300 bytes");
	target_clear(&t);
}

static void flags(void)
{
	struct target t;
	char          why[400];

	ok(target_parse("h:d/", &t, why, sizeof why) == ST_OK && t.slash && !t.contents, "h:d/ is to be a directory");
	ok(strcmp(target_base(&t), "d") == 0, "its base is d");
	target_clear(&t);
	ok(target_parse("d/", &t, why, sizeof why) == ST_OK && t.slash, "d/ too");
	target_clear(&t);
	ok(target_parse("a/b/..", &t, why, sizeof why) == ST_OK && t.contents, "a/b/.. has no name of its own");
	target_clear(&t);
	ok(target_parse("u@h:d", &t, why, sizeof why) == ST_OK && t.user, "user@ is noticed");
	target_clear(&t);
	ok(target_parse("zcp://h/%2a", &t, why, sizeof why) == ST_OK && t.quoted, "an address is quoted");
	target_clear(&t);
}

int main(void)
{
	parse_remote();
	parse_local();
	parse_refused();
	parse_long();
	flags();
	return done();
}
