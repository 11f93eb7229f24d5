/* links: zcpd */
/*
 * config.c - zcpd.conf from memory: values, mistakes with their lines, what libConfuse would let pass, and two bounded floods: every prefix of
 * a good file, every byte of it flipped, each a clean yes or a clean no.
 */
#include <errno.h>
#include <sodium.h>
#include <unistd.h>
#include "common/log.h"
#include "scratch.h"
#include "tap.h"
#include "zcpd/config_rows.h"

static char good[] =
	"# zcpd.conf\n"
	"listen = { \":7722\", [::1]:0, 'localhost:80' } # three\n"
	"state = /var/lib/zcpd\nhost-key = \"/etc/zcp/host \\\"key\\\"\"\nauthorized-keys = any\nuser = nobody\n"
	"plaintext-from = {10.0.0.0/8, fd00::/8}\nintegrity = none\nciphers = {chacha20poly1305}\nlog-level = debug\n"
	"status-socket = none\nmetrics = \"[::1]:9722\"\ntransfer-log = log\nstreams = 100\nstreams-per-source = 50\nstreams-per-key = 60\n"
	"max-startups = \"10:30:60\"\ngreeting-timeout = 5\nidle-timeout = 6\nstall-timeout = 7\ndrain-timeout = 8\n"
	"penalty-crash = 9\npenalty-refused = 1\npenalty-most = 11\npenalty-exempt = none\n"
	"export data {\n\tpath = \"/srv/data\"\n\tmode = rw\n\tallow = {anna, bert}\n\tallow-write = anna\n\tplaintext-from = none\n"
	"\tmax-bytes = 10G\n\tfsync = yes\n\tbwlimit = 2M\n\tcomment = 'all ${of} + it'\n}\n"
	"export all { prefix = / path = / }\n"
	"export 'old.1' { prefix = /data/old/ path = /srv }\n";

static int saved_stderr = -1, sink = -1;

/* What was said while `text` was read; the answer in *r. */
static const char *try(const char *text, int *r, struct settings *s)
{
	static char said[8192];

	settings_defaults(s);
	fflush(stderr);
	if (ftruncate(sink, 0) < 0 || lseek(sink, 0, SEEK_SET) < 0)
		_exit(2);
	dup2(sink, STDERR_FILENO);
	*r = config_parse(text, "file", s);
	dup2(saved_stderr, STDERR_FILENO);
	ssize_t n = pread(sink, said, sizeof said - 1, 0);
	said[n < 0 ? 0 : n] = '\0';
	return said;
}

static void takes(const char *text)
{
	struct settings s;
	int             r;
	const char     *said = try(text, &r, &s);

	ok(r == 0 && !*said, "taken: %.60s %s", text, said);
	settings_clear(&s);
}

static void refuses(const char *text, const char *words)
{
	struct settings s;
	int             r;
	const char     *said = try(text, &r, &s);

	if (!ok(r == -EINVAL && strstr(said, words), "refused, \"%s\"", words))
		note("%d: %s", r, said);
	settings_clear(&s);
}

static void values(void)
{
	struct settings s;
	int             r;
	const char     *said = try(good, &r, &s);

	if (!ok(r == 0, "a good file"))
		note("%s", said);
	ok(s.config && strcmp(s.config_file, "file") == 0, "a file was read");
	ok(s.listen_count == 3 && strcmp(s.listen[1], "[::1]:0") == 0, "listen");
	ok(strcmp(s.host_key, "/etc/zcp/host \"key\"") == 0, "an escaped quote");
	ok(s.plain.count == 2 && s.plain_auto && s.integrity_none, "plaintext-from, integrity");
	ok(s.suites[0] == SUITE_CHACHA20POLY1305 && s.suites[1] == 0, "ciphers");
	ok(s.log_level == 3 && strcmp(s.status_socket, "none") == 0 && strcmp(s.metrics, "[::1]:9722") == 0, "log-level, status-socket, metrics");
	ok(s.limits.streams == 100 && s.limits.per_source == 50 && s.limits.per_key == 60, "streams");
	ok(s.limits.start == 10 && s.limits.rate == 30 && s.limits.full == 60, "max-startups");
	ok(s.limits.greeting_s == 5 && s.limits.idle_s == 6 && s.limits.stall_s == 7 && s.limits.drain_s == 8, "timeouts");
	ok(s.limits.penalty_crash_s == 9 && s.limits.penalty_refused_s == 1 && s.limits.penalty_most_s == 11, "penalties");
	ok(s.limits.exempt_count == 0, "penalty-exempt = none");
	ok(s.user_line == 6, "the line of user: %u", s.user_line);
	if (ok(s.export_count == 3, "three exports")) {
		const struct settings_export *e = &s.exports[0];
		ok(strcmp(e->name, "data") == 0 && strcmp(e->prefix, "data") == 0 && strcmp(e->path, "/srv/data") == 0, "name, prefix, path");
		ok(e->writable && e->fsync && e->line == 27, "mode, fsync, the line of path: %u", e->line);
		ok(e->allow_given && e->allow.count == 2 && e->allow_write.count == 1 && strcmp(e->allow.list[1], "bert") == 0, "allow");
		ok(e->plain_given && e->plain.count == 0, "plaintext-from = none");
		ok(e->max_bytes == UINT64_C(10) << 30 && e->bwlimit == 2 << 20, "max-bytes, bwlimit");
		ok(strcmp(e->comment, "all ${of} + it") == 0, "single quotes take all as it is");
		ok(strcmp(s.exports[1].prefix, "") == 0 && !s.exports[1].writable && !s.exports[1].allow_given, "prefix = /");
		ok(strcmp(s.exports[2].prefix, "data/old") == 0 && strcmp(s.exports[2].name, "old.1") == 0, "one slash at either end means nothing");
	}
	settings_clear(&s);
}

/* Every default, written out, changes nothing: the table says what limits.c and settings.c do. */
static void defaults(void)
{
	char            text[8192] = "";
	size_t          n = 0;
	struct settings bare, full;
	int             r, q;

	for (const struct row *row = config_rows; row->name; row++)
		if (row->def)
			n += (size_t)snprintf(text + n, sizeof text - n, *row->def == '{' ? "%s = %s\n" : "%s = '%s'\n", row->name, row->def);
	n += (size_t)snprintf(text + n, sizeof text - n, "export x {\npath = /\n");
	for (const struct row *row = config_export_rows; row->name; row++)
		if (row->def)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s = '%s'\n", row->name, row->def);
	snprintf(text + n, sizeof text - n, "}\n");
	const char *said = try(text, &r, &full);
	if (!ok(r == 0, "every default can be written"))
		note("%s in: %s", said, text);
	try("export x { path = / }\n", &q, &bare);
	ok(q == 0 && memcmp(&bare.limits, &full.limits, sizeof bare.limits) == 0, "the limits are the table's");
	ok(bare.integrity_none == full.integrity_none && bare.log_level == full.log_level, "so are integrity and log-level");
	ok(!bare.metrics && !full.metrics && !bare.transfer_log && !full.transfer_log, "no metrics, no transfer log");
	if (bare.export_count == 1 && full.export_count == 1) {
		const struct settings_export *a = &bare.exports[0], *b = &full.exports[0];
		ok(a->writable == b->writable && a->fsync == b->fsync && a->max_bytes == b->max_bytes && a->bwlimit == b->bwlimit, "and an export's");
	}
	settings_clear(&bare);
	settings_clear(&full);
}

static void spelling(void)
{
	takes("");
	takes("# nothing");
	takes("streams = '7'");
	takes("listen = :1");
	takes("export a { path = / prefix = / } export b { path = / prefix = b/c }");
	takes("export a { path = \"/a b\" comment = \"x # y ; z + * ( ) $\" }");
	refuses("streams = 1\r\n", "line 1: the line ends in CR LF");
	refuses("\nuser = \"a\r\n\"", "line 2: the line ends in CR LF");
	refuses("streams = 1;", "line 1: \";\": no semicolons");
	refuses("include(\"/etc/passwd\")", "line 1: \"(\"");
	refuses("\n\nuser = ${HOME}", "line 3: \"$\": variables");
	refuses("user = \"${HOME}\"", "line 1: \"${\": variables");
	refuses("listen += {:1}", "line 1: \"+\"");
	refuses("state = /srv/a+b", "line 1: \"+\"");
	refuses("state = /srv/*", "line 1: \"*\"");
	refuses("/* ever and ever", "line 1: \"*\"");
	refuses("// ever", "line 1: \"//\": comments begin with #");
	refuses("state = /srv//x", "line 1: \"//\"");
	refuses("user = \"a\\0b\"", "line 1: a \\ in");
	refuses("user = \"a\\x41\"", "line 1: a \\ in");
	refuses("user = \"anna", "line 1: a \" that is not closed before the end of the file");
	refuses("user = \"anna\nx\"", "line 1: a \" that is not closed before the end of the line");
	refuses("user = 'anna\n", "line 1: a ' that is not closed before the end of the line");
	refuses("user = 'a\001'", "line 1: a control character");
	refuses("user = a\001", "line 1: \"\\x01\"");
	refuses("\nlisten = {:1,\n:2\n", "line 2: a { that is not closed");
	refuses("\nexport a\n{ path = /\n", "line 2: a { that is not closed");
	refuses("streams = 1\n\nstreams = 1", "line 3: \"streams\" stands twice, first in line 1");
	refuses("listen = {:1}\nlisten = {:2}", "line 2: \"listen\" stands twice");
	refuses("export a { path = / path = / }", "\"path\" stands twice");
	refuses("\"streams\" = 1", "line 1: \"=\": the name of a key");
	refuses("= 1", "line 1: \"=\": the name of a key");
	refuses("export a { path = / allow = { } }", "line 1: an empty list");
	refuses("penalty-exempt = {}", "line 1: an empty list");
	refuses("\nlisten", "line 2: premature end of file");
	refuses("streams =", "premature end of file");
	refuses("lisen = :1", "no such option 'lisen'");
	refuses("\nexport a { path = /\nstreams = 1 }", "line 3: no such option 'streams'");
	refuses("path = /", "no such option 'path'");
	refuses("exports a { }", "no such option 'exports'");
	refuses("export { path = / }", "missing title");
	refuses("export a b { path = / }", "missing opening brace");
	refuses("export a { path = / } }", "unexpected closing brace");
	refuses("export a { path = /\nexport b { mode = rw } }", "line 2: no such option 'export'");
	refuses("streams = {1}", "unexpected token '{'");
	refuses("streams : 1", "missing equal sign");
	refuses("export=a|path = /etc", "line 1: \"|\"");
	refuses("export a { path = / }\n\"export=a|path\" x", "line 2");
	refuses("\"=\" { }", "line 1");
	refuses("\033[2J = 1", "\"\\x1b\"");
	refuses("a\xff\xfe = 1", "'a\\xff\\xfe'");
}

static void meaning(void)
{
	static const char *const numbers[] = { "0", "1025", "-1", "0x10", "1e2", "010 ", "", " 1", "99999999999999999999", "1s", "ten" };
	static const char *const seconds[] = { "0", "86401", "-1", "1m" };
	static const char *const startups[] = { "1", "1:2", "1:2:3:4", "0:1:2", "5:30:4", "1:0:2", "1:101:2", "1:2:1025", "a:b:c", "::", "1: 2:3" };
	static const char *const metrics[] = { "0.0.0.0:1", "10.0.0.1:9", ":9722", "[::]:1", "localhost:1", "127.0.0.1", "127.0.0.1:65536", "unix:x",
	                                       "127.0.0.1/8:1", "::1:9", "[::1]", "" };
	static const char *const rates[] = { "16384", "15K", "1", "0", "-1K", "1.5M", "1k", "1P", "K", "99999999T", "16K " };
	static const char *const prefixes[] = { "a//b", ".", "..", "a/../b", "a/.", "./a", "//", "a\\\\x/\\\"/.." };
	static const char *const listens[] = { "", "7722", "127.0.0.1:", "127.0.0.1:65536", "::1:7", "[]:1", "1.2.3.4:x" };
	static const char *const networks[] = { "10.0.0.0/33", "10.0.0/8", "x", "", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8" };
	char text[8192];

#define EACH(list, format, words) \
	for (size_t i = 0; i < sizeof(list) / sizeof *(list); i++) { \
		snprintf(text, sizeof text, format, (list)[i]); \
		refuses(text, words); \
	}
	EACH(numbers, "\nstreams = \"%s\"", "line 2: streams = \"");
	EACH(seconds, "stall-timeout = \"%s\"", "must be 1 to 86400 seconds");
	EACH(startups, "max-startups = \"%s\"", "must be START:RATE:FULL");
	EACH(metrics, "metrics = \"%s\"", "must be ADDR:PORT on loopback");
	EACH(rates, "export a { path = /\nbwlimit = \"%s\" }", "line 2: bwlimit");
	EACH(prefixes, "export a { path = /\nprefix = \"%s\" }", "line 2: prefix");
	EACH(listens, "listen = {\":1\",\n\"%s\"}", "line 2: listen");
	EACH(networks, "plaintext-from = {\"::1\",\n\"%s\"}", "line 2: plaintext-from");
	EACH(networks, "export a { path = /\nplaintext-from = \"%s\" }", "line 2: plaintext-from");
	EACH(networks, "penalty-exempt = \"%s\"", "line 1: penalty-exempt");
	refuses("plaintext-from = {none, none}", "plaintext-from");
	refuses("integrity = maybe", "must be mac or none");
	refuses("log-level = loud", "must be error, warn, info or debug");
	refuses("ciphers = {rot13}", "must be aegis128l");
	refuses("ciphers = {chacha20poly1305, chacha20poly1305}", "must be named once");
	refuses("state = here", "state = \"here\": must be an absolute path");
	refuses("authorized-keys = \"\"", "must be an absolute path, or any");
	refuses("transfer-log = x", "must be an absolute path, log, or none");
	refuses("user = \"\"", "must be 1 to 255 bytes");
	refuses("status-socket = /a123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678",
	        "at most 107 bytes");
	refuses("streams = 10\nstreams-per-key = 11", "line 2: streams-per-key = 11: more than streams, which is 10");
	refuses("streams-per-source = 513", "line 1: streams-per-source = 513: more than streams, which is 512");
	refuses("penalty-most = 10", "line 1: penalty-most = 10: less than one penalty, which is 90");
	refuses("streams = 0\nidle-timeout = 0", "line 2: idle-timeout");     /* all mistakes, not the first */
	refuses("export a {\n}", "line 1: export \"a\" has no path");
	refuses("\nexport \"\" { path = / }", "line 2: export \"\": a name has");
	refuses("export a/b { path = / }", "export \"a/b\": a name has");
	refuses("export \"a b\" { path = / }", "a name has");
	refuses("export .. { path = / }", "a name has");
	refuses("export a { path = srv }", "path = \"srv\": must be an absolute path");
	refuses("export a { path = / mode = w }", "must be ro or rw");
	refuses("export a { path = / fsync = maybe }", "must be no or yes");
	refuses("export a { path = / max-bytes = 1.5G }", "max-bytes");
	refuses("export a { path = / max-bytes = 0 }", "max-bytes");
	refuses("export a { path = /\nallow-write = anna }", "line 2: allow-write in export \"a\", which is read-only");
	refuses("export a { path = / allow = \"\" }", "must be a NAME");
	refuses("export a { path = / allow = {\"an na\"} }", "must be a NAME");
	refuses("export a { path = / allow = {b, b} }", "must be named once");
	refuses("export a { path = / }\nexport a { path = /srv }", "line 2: found duplicate title 'a'");
	refuses("export a { path = /\nprefix = x }\nexport b { path = /srv prefix = /x }", "line 3: the prefix \"x\" is that of export \"a\", too (line 1)");
	refuses("export a { path = / }\nexport b { path = / prefix = a }", "line 2: the prefix \"a\"");
	refuses("export a { path = / prefix = / }\nexport b { path = / prefix = \"\" }", "line 2: the prefix \"\"");
}

static void counts(void)
{
	static char     text[65536];
	size_t          n = 0;
	struct settings s;
	int             r;

	for (int i = 0; i < 64; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "export e%d { path = / }\n", i);
	try(text, &r, &s);
	ok(r == 0 && s.export_count == 64, "64 exports");
	settings_clear(&s);
	snprintf(text + n, sizeof text - n, "export last { path = / }\n");
	refuses(text, "line 65: more than 64 exports");
	n = (size_t)snprintf(text, sizeof text, "listen = {:0");
	for (int i = 0; i < 15; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, ", :0");
	snprintf(text + n, sizeof text - n, "}");
	takes(text);
	snprintf(text + n, sizeof text - n, ", :0}");
	refuses(text, "listen: more than 16");
	n = 0;
	for (int i = 0; i < 41; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "k%d = 1\n", i);
	refuses(text, "line 41: more keys than there are");
}

/* Either nothing was said and all is there, or one thing at least was said, of this file. */
static bool clean(const char *text)
{
	struct settings s;
	int             r;
	const char     *said = try(text, &r, &s);
	bool            fine = r == 0 ? !*said : r == -EINVAL && strstr(said, "\"file\"") && strncmp(said, "zcpd: ", 6) == 0;

	settings_clear(&s);
	return fine;
}

static void floods(void)
{
	size_t len = sizeof good - 1, bad = 0, taken = 0;
	char  *copy = malloc(len + 1);

	if (!copy)
		_exit(2);
	for (size_t n = 0; n <= len; n++) {
		memcpy(copy, good, n);
		copy[n] = '\0';
		bad += !clean(copy);
	}
	ok(bad == 0, "each of %zu prefixes is a clean yes or no (%zu are not)", len + 1, bad);
	for (size_t at = bad = 0; at < len; at++)
		for (unsigned bit = 0; bit < 9; bit++) {
			memcpy(copy, good, len + 1);
			copy[at] = (char)(bit == 8 ? 0xff : copy[at] ^ 1 << bit);
			taken++;
			bad += !clean(copy);
		}
	ok(bad == 0, "each of %zu flipped files is a clean yes or no (%zu are not)", taken, bad);
	free(copy);
}

int main(void)
{
	int dir = scratch(NULL);

	if (sodium_init() < 0 || dir < 0)
		return 2;
	log_setup("zcpd", LOG_LEVEL_INFO, 0);
	saved_stderr = dup(STDERR_FILENO);
	sink = openat(dir, "said", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	values();
	defaults();
	spelling();
	meaning();
	counts();
	floods();
	return done();
}
