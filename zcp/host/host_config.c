/* host_config.c - see host_config.h */
#include "zcp/host/host_config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "common/err.h"
#include "common/io.h"
#include "common/num.h"
#include "common/vis.h"

#define BLANKS " \t"

struct reading {
	const char         *host;
	bool                applies;            /* the block that the line stands in */
	struct host_config *out;
	char               *at;                 /* the rest of the line */
	const char         *word;               /* the last one: a mistake quotes it; NULL: there was none */
	const char         *bad;                /* what is wrong with the quotes */
};

/* --- words ------------------------------------------------------------------------------------------------------------- */

/* Unquoted, in place. NULL: the end of the line, or r->bad. */
static char *next_word(struct reading *r)
{
	char *word = r->at + strspn(r->at, BLANKS), *end;
	bool  quoted = *word == '"';

	if (!*word || *word == '#')
		return NULL;
	end = quoted ? strchr(++word, '"') : word + strcspn(word, BLANKS "\"");
	if (!end)
		r->bad = "a quote without its end";
	else if (quoted ? end[1] && !strchr(BLANKS, end[1]) : *end == '"')
		r->bad = "quotes stand around a whole word";
	else if (end == word)
		r->bad = "an empty value";
	if (r->bad)
		return NULL;
	r->at = *end ? end + 1 : end;
	*end = '\0';
	r->word = word;
	return word;
}

/* NULL: not exactly one word, which *must says. */
static char *only_word(struct reading *r, const char **must)
{
	char *word = next_word(r);

	*must = !word ? "a value is missing" : next_word(r) ? "one value only (quotes stand around one with spaces in it)" : NULL;
	return *must || r->bad ? NULL : word;
}

/* --- keywords: NULL, or what is wrong with r->word ---------------------------------------------------------------------- */

/* * any bytes, ? one; no more steps than the lengths' product. */
static bool matches(const char *pattern, const char *name)
{
	const char *star = NULL, *retry = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			retry = name;
		} else if (*pattern == '?' || (*pattern && tolower((unsigned char)*pattern) == tolower((unsigned char)*name))) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++retry;
		} else {
			return false;
		}
	}
	return !pattern[strspn(pattern, "*")];
}

static const char *take_host(struct reading *r)
{
	bool any = false, one = false, never = false;

	for (char *word; (word = next_word(r)) != NULL; any = true) {
		bool negated = *word == '!';
		if (negated && !word[1])
			return "a ! stands before a pattern";
		if (matches(word + negated, r->host))
			*(negated ? &never : &one) = true;
	}
	r->applies = one && !never;
	return any ? NULL : "a pattern is missing";
}

/* A ':' belongs to an address of IPv6, a '%' to its scope. */
static bool host_name(const char *word)
{
	char            ip[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	size_t          n = strcspn(word, "%");

	if (!target_host_ok(word, strlen(word)))
		return false;
	if (!strchr(word, ':'))
		return !word[n];
	if (n >= sizeof ip)
		return false;
	snprintf(ip, sizeof ip, "%.*s", (int)n, word);
	return inet_pton(AF_INET6, ip, &v6) == 1;
}

static const char *take_name(struct reading *r)
{
	const char *must;
	char       *word = only_word(r, &must);

	if (!word)
		return must;
	if (!host_name(word))
		return "not a host's name or address (an address of IPv6 has no brackets here, and Port is a keyword of its own)";
	if (r->applies && !r->out->name[0])
		snprintf(r->out->name, sizeof r->out->name, "%s", word);
	return NULL;
}

static const char *take_port(struct reading *r)
{
	const char *must;
	char       *word = only_word(r, &must);
	uint64_t    n;

	if (!word)
		return must;
	if (num_parse(word, 1, 65535, &n) < 0)
		return "not a whole number from 1 to 65535";
	if (r->applies && !r->out->port)
		r->out->port = (uint16_t)n;
	return NULL;
}

static const char *take_identity(struct reading *r)
{
	const char *must;
	char       *word = only_word(r, &must), path[HOME_PATH];
	int         n = 0;

	if (!word)
		return must;
	if (word[0] == '~' && word[1] == '/')
		n = home_below(word + 2, path);
	else if (word[0] == '/')
		n = snprintf(path, sizeof path, "%s", word) < (int)sizeof path ? 0 : -ENAMETOOLONG;
	else
		return "not a file named from / or ~/";
	if (n < 0)
		return n == -ENOENT ? "no home directory is known: set HOME" : "longer than a path can be";
	if (r->applies && !r->out->identity[0])
		memcpy(r->out->identity, path, sizeof path);
	return NULL;
}

/* The whole list of the first line that applies; `none` is an empty one. */
static const char *take_plaintext(struct reading *r)
{
	struct host_config *o = r->out;
	bool                take = r->applies && !o->plain_given, none = false;
	unsigned            n = 0;
	struct net_cidr     one;

	for (char *word; (word = next_word(r)) != NULL; n++) {
		if (none || (n && strcmp(word, "none") == 0))
			return "none stands alone";
		none = strcmp(word, "none") == 0;
		if (n == HOST_CONFIG_NETWORKS)
			return "more than 64 networks";
		if (net_cidr_host_bits(word))
			return "not a network: its bits behind the / are not 0 (10.0.0.0/8); one address has no /";
		if (!none && net_cidr_parse(word, &one) < 0)
			return "not a network: write 10.0.0.0/8, fd00::/8, a single address, or none";
		if (take && !none)
			o->plain[n] = one;
	}
	if (take) {
		o->plain_given = true;
		o->plain_count = none ? 0 : n;
	}
	return n ? NULL : "a network is missing";
}

static const struct keyword { const char *name; const char *(*take)(struct reading *); } keywords[] = {
	{ "Host", take_host }, { "HostName", take_name }, { "Port", take_port }, { "Identity", take_identity }, { "Plaintext", take_plaintext },
};

/* --- lines -------------------------------------------------------------------------------------------------------------- */

static int refuse(char why[static HOST_CONFIG_WHY], const char *what, const char *quoted, const char *say)
{
	char seen[300];

	snprintf(why, HOST_CONFIG_WHY, "%s%s%s%s%s%s", what ? what : "", what ? ": " : "", quoted ? "'" : "", quoted ? vis_str(seen, sizeof seen, quoted) : "",
	         quoted ? "': " : "", say);
	return -EINVAL;
}

/* `Keyword value`, `Keyword=value` or `Keyword = value` */
static int take_line(struct reading *r, char *line, char why[static HOST_CONFIG_WHY])
{
	char       *name = line + strspn(line, BLANKS), *end = name + strcspn(name, BLANKS "="), *rest = end + strspn(end, BLANKS);
	const char *must;

	if (!*name || *name == '#')
		return 0;
	r->at = *rest == '=' ? rest + 1 : rest;
	*end = '\0';
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
		if (strcasecmp(name, keywords[i].name) != 0)
			continue;
		r->word = r->bad = NULL;
		must = keywords[i].take(r);
		if (r->bad)
			return refuse(why, keywords[i].name, NULL, r->bad);
		return must ? refuse(why, keywords[i].name, r->word, must) : 0;
	}
	return refuse(why, NULL, name, "there is no such keyword: those there are: Host, HostName, Port, Identity, Plaintext");
}

/* A copy, without blanks and CR at its end. NULL, or what no line may be. */
static const char *copy_line(char out[static HOST_CONFIG_LINE + 1], const char *line, size_t n)
{
	while (n && strchr(BLANKS "\r", line[n - 1]) && line[n - 1])
		n--;
	if (n > HOST_CONFIG_LINE)
		return "longer than 8,191 bytes";
	if (memchr(line, 0, n))
		return "a NUL byte: the file is damaged, or not text";
	for (size_t i = 0; i < n; i++)
		if (line[i] != '\t' && iscntrl((unsigned char)line[i]))
			return "a control character";
	memcpy(out, line, n);
	out[n] = '\0';
	return NULL;
}

int host_config_find(const struct host_file *f, const char *host, struct host_config *out, char why[static HOST_CONFIG_WHY])
{
	struct host_config c = { .port = 0 };
	struct reading     r = { .host = host, .applies = true, .out = &c };
	char               line[HOST_CONFIG_LINE + 1], say[HOST_CONFIG_WHY], file[300];
	const char        *at = f->text, *end = at ? at + f->len : NULL;

	for (unsigned number = 1; at && at < end; number++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at)), *bad = copy_line(line, at, (size_t)((stop ? stop : end) - at));
		if (bad ? refuse(say, NULL, NULL, bad) : take_line(&r, line, say)) {
			snprintf(why, HOST_CONFIG_WHY, "%s, line %u: %.800s", vis_str(file, sizeof file, f->path), number, say);
			return -EINVAL;
		}
		at = stop ? stop + 1 : end;
	}
	*out = c;
	return 0;
}

bool host_config_plain(const struct host_config *c, const struct net_addr *peer)
{
	for (unsigned i = 0; i < c->plain_count; i++)
		if (net_cidr_has(&c->plain[i], peer))
			return true;
	return false;
}

/* --- the file ------------------------------------------------------------------------------------------------------------ */

/* The default file, of which this user has none: also where its directory is another user's, who keeps it closed (sudo with that user's HOME). */
static bool is_none(const char *path, ssize_t r)
{
	struct stat st;

	return r == -ENOENT || r == -ENOTDIR || (r == -EACCES && lstat(path, &st) < 0);
}

static int cannot(const struct host_file *f, int r, char why[static HOST_CONFIG_WHY])
{
	char file[300], words[120];

	vis_str(file, sizeof file, f->path);
	if (r == -EPERM || r == -EINVAL)
		snprintf(why, HOST_CONFIG_WHY, "%s: others can write it, it is another user's, or no regular file: chmod go-w (-F none: no file)", file);
	else if (r == -EFBIG)
		snprintf(why, HOST_CONFIG_WHY, "%s: larger than 1 MiB: that is no configuration file of zcp", file);
	else
		snprintf(why, HOST_CONFIG_WHY, "%s: %s", file, fail_words(fail_errno(-r), words, sizeof words));
	return -EINVAL;
}

int host_file_read(struct host_file *f, const char *named, char why[static HOST_CONFIG_WHY])
{
	int r = 0;

	*f = (struct host_file){ .text = NULL };
	if (named && strcmp(named, "none") == 0)
		return 0;
	if (named)
		r = snprintf(f->path, sizeof f->path, "%s", named) < (int)sizeof f->path ? 0 : -ENAMETOOLONG;
	else if (home_file("config", f->path) < 0)
		return 0;                       /* no home, no file in it */
	char *text = r == 0 ? malloc(HOST_CONFIG_BYTES + 1) : NULL;
	if (!text)
		return cannot(f, r == 0 ? -ENOMEM : r, why);
	ssize_t n = io_slurp(f->path, text, HOST_CONFIG_BYTES + 1, IO_UNWRITTEN);
	if (n >= 0) {
		f->text = text;
		f->len = (size_t)n;
		return 0;
	}
	free(text);
	return !named && is_none(f->path, n) ? 0 : cannot(f, (int)n, why);
}

void host_file_clear(struct host_file *f)
{
	free(f->text);
	*f = (struct host_file){ .text = NULL };
}
