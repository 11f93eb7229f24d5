/* target.c - see target.h */
#include "zcp/cli/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/num.h"
#include "common/unix_socket.h"
#include "common/vis.h"
#include "common/wire.h"

enum { SEEN = 200 };

/* `say` goes on from the quoted text. */
static enum status refuse(enum status st, char *why, size_t len, const char *say, const char *text)
{
	char seen[SEEN];

	snprintf(why, len, "'%s'%s", vis_str(seen, sizeof seen, text), say);
	return st;
}

void target_clear(struct target *t)
{
	free(t->host);
	free(t->path);
	*t = (struct target){ 0 };
}

const char *target_base(const struct target *t)
{
	const char *slash = strrchr(t->path, '/');

	return slash ? slash + 1 : t->path;
}

bool path_clean(char *path)
{
	char *out = path, *p = path;

	while (*p) {
		size_t n = strcspn(p, "/");
		char  *next = p + n + (p[n] == '/');
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (out == path)
				return false;
			do
				out--;
			while (out > path && out[-1] != '/');
		} else if (n && !(n == 1 && p[0] == '.')) {
			bool more = p[n] == '/';
			memmove(out, p, n);
			out += n;
			if (more)
				*out++ = '/';
		}
		p = next;
	}
	while (out > path && out[-1] == '/')
		out--;
	*out = '\0';
	return true;
}

static bool last_part_is_dots(const char *path)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;

	return strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
}

static enum status clean_remote(struct target *t, char *why, size_t len)
{
	size_t n = strlen(t->path);

	if (t->path[0] == '~')
		return refuse(ST_MISSING, why, len, ": there are no home directories here: paths start at the directory zcpd serves "
		              "(a file of that name is ./~...)", t->path);
	t->contents = n == 0 || last_part_is_dots(t->path);
	t->slash = n > 0 && t->path[n - 1] == '/';
	char *whole = strdup(t->path);
	if (!whole)
		return refuse(ST_FILE_IO, why, len, ": out of memory", t->path);
	enum status st = ST_OK;
	if (!path_clean(t->path))
		st = refuse(ST_MISSING, why, len, " climbs outside the served directory: paths start at the directory zcpd serves", whole);
	else if (strlen(t->path) > WIRE_PATH_MAX)
		st = refuse(ST_MISSING, why, len, ": the path is longer than 4,095 bytes", whole);
	free(whole);
	if (!t->path[0])
		t->contents = true;
	return st;
}

bool target_host_ok(const char *host, size_t n)
{
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";

	return n > 0 && n <= HOST_MAX && host[0] != '-' && strspn(host, bytes) >= n;
}

static enum status take_host(struct target *t, const char *host, size_t n, const char *text, char *why, size_t len)
{
	if (n == 0)
		return refuse(ST_USAGE, why, len, ": there is no host name before the ':'", text);
	if (host[0] == '-')
		return refuse(ST_USAGE, why, len, ": a host name does not start with '-'", text);
	if (n > HOST_MAX)
		return refuse(ST_USAGE, why, len, ": the host name is too long", text);
	if (!target_host_ok(host, n))
		return refuse(ST_USAGE, why, len, ": not a host name (a local file with ':' in its name is ./name)", text);
	t->host = strndup(host, n);
	return t->host ? ST_OK : refuse(ST_FILE_IO, why, len, ": out of memory", text);
}

/* Behind user@: the last '@' before the end of the authority. */
static const char *skip_user(struct target *t, const char *p, const char *end)
{
	for (const char *q = end; q > p; q--)
		if (q[-1] == '@') {
			t->user = true;
			return q;
		}
	return p;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decoded bytes that would be a pattern are quoted, so that %2A is a star and * is any. NULL: malformed, or a NUL. */
static char *percent_decode(const char *p, size_t n, bool quote)
{
	char *out = malloc(2 * n + 1), *o = out;

	for (size_t i = 0; out && i < n; i++) {
		if (p[i] != '%') {
			*o++ = p[i];
			continue;
		}
		int hi = i + 1 < n ? hex(p[i + 1]) : -1;
		int lo = i + 2 < n ? hex(p[i + 2]) : -1;
		if (hi < 0 || lo < 0 || (hi == 0 && lo == 0)) {
			free(out);
			return NULL;
		}
		char c = (char)(hi << 4 | lo);
		if (quote && strchr("*?[]\\", c))
			*o++ = '\\';
		*o++ = c;
		i += 2;
	}
	if (out)
		*o = '\0';
	return out;
}

static enum status take_port(struct target *t, const char *p, size_t n, const char *text, char *why, size_t len)
{
	char     digits[8];
	uint64_t port;

	if (n >= sizeof digits)
		return refuse(ST_USAGE, why, len, ": the port is not a number from 1 to 65535", text);
	memcpy(digits, p, n);
	digits[n] = '\0';
	if (num_parse(digits, 1, 65535, &port) < 0)
		return refuse(ST_USAGE, why, len, ": the port is not a number from 1 to 65535", text);
	t->port = (uint16_t)port;
	return ST_OK;
}

static enum status parse_authority(struct target *t, char *host, const char *text, char *why, size_t len)
{
	char  *p = host, *end = host + strlen(host), *port = NULL;
	size_t n;

	if (*p == '[') {
		char *close = strchr(++p, ']');
		if (!close || (close[1] && close[1] != ':'))
			return refuse(ST_USAGE, why, len, ": after '[' there must come an address and ']'", text);
		n = (size_t)(close - p);
		port = close[1] ? close + 2 : NULL;
	} else {
		char *colon = strrchr(p, ':');
		n = colon ? (size_t)(colon - p) : (size_t)(end - p);
		port = colon ? colon + 1 : NULL;
		if (memchr(p, ':', n))
			return refuse(ST_USAGE, why, len, ": an IPv6 address stands in brackets: zcp://[::1]/path", text);
	}
	enum status st = take_host(t, p, n, text, why, len);
	return st == ST_OK && port ? take_port(t, port, strlen(port), text, why, len) : st;
}

static enum status parse_url(struct target *t, const char *text, char *why, size_t len)
{
	const char *auth = text + strlen("zcp://"), *slash = auth + strcspn(auth, "/");
	const char *host = skip_user(t, auth, slash);
	char       *h = percent_decode(host, (size_t)(slash - host), false);

	t->path = percent_decode(slash, strlen(slash), true);
	t->quoted = true;
	if (!h || !t->path) {
		free(h);
		return refuse(ST_USAGE, why, len, ": after '%' there must come two hexadecimal digits, and not 00", text);
	}
	enum status st = parse_authority(t, h, text, why, len);
	free(h);
	return st == ST_OK ? clean_remote(t, why, len) : st;
}

/* "[v6]:path", perhaps behind user@. NULL: not of that form. */
static const char *bracket_of(const char *text, const char *colon)
{
	const char *open = strchr(text, '[');

	if (!open || open > colon || (open > text && open[-1] != '@'))
		return NULL;
	return open;
}

static enum status parse_remote(struct target *t, const char *text, const char *colon, char *why, size_t len)
{
	const char *open = bracket_of(text, colon), *host, *path;
	enum status st;

	if (open) {
		const char *close = strstr(open, "]:");
		if (!close)
			return refuse(ST_USAGE, why, len, ": after '[' there must come an address and ']:'", text);
		t->user = open > text;
		host = open + 1;
		st = take_host(t, host, (size_t)(close - host), text, why, len);
		path = close + 2;
	} else {
		host = skip_user(t, text, colon);
		st = take_host(t, host, (size_t)(colon - host), text, why, len);
		path = colon + 1;
		if (st == ST_OK && path[0] == ':')
			return refuse(ST_USAGE, why, len, ": rsync's host::module is host:path here, an IPv6 address stands in brackets", text);
	}
	if (st != ST_OK)
		return st;
	t->path = strdup(path);
	return t->path ? clean_remote(t, why, len) : refuse(ST_FILE_IO, why, len, ": out of memory", text);
}

static enum status parse_unix(struct target *t, const char *text, char *why, size_t len)
{
	const char *socket = unix_spec(text), *colon = strchr(socket, ':');

	if (!colon)
		return refuse(ST_USAGE, why, len, ": unix:/SOCKET:path has a ':' behind the path of the socket (a host that is called unix: unix:path, zcp://unix/path)", text);
	t->host = strndup(text, (size_t)(colon - text));
	t->path = strdup(colon + 1);
	if (!t->host || !t->path)
		return refuse(ST_FILE_IO, why, len, ": out of memory", text);
	if ((size_t)(colon - socket) > UNIX_PATH_BYTES)
		return refuse(ST_USAGE, why, len, ": the path of a socket has at most 107 bytes", t->host);
	if (!unix_path_ok(unix_spec(t->host)))
		return refuse(ST_USAGE, why, len, ": the path of a socket has no white space and no '/' at its end", t->host);
	return clean_remote(t, why, len);
}

static enum status parse_local(struct target *t, const char *text, char *why, size_t len)
{
	size_t n = strlen(text);

	if (strcmp(text, "-") == 0)
		return refuse(ST_USAGE, why, len, ": zcp copies files, not standard input or output "
		              "(a file of that name is ./-; a pipe is /dev/stdout)", text);
	t->slash = n > 0 && text[n - 1] == '/';
	while (n > 1 && text[n - 1] == '/')
		n--;
	t->path = strndup(text, n);
	if (!t->path)
		return refuse(ST_FILE_IO, why, len, ": out of memory", text);
	t->contents = strcmp(t->path, "/") == 0 || last_part_is_dots(t->path);
	return ST_OK;
}

enum status target_parse(const char *text, struct target *t, char *why, size_t len)
{
	const char *colon = strchr(text, ':'), *slash = strchr(text, '/');

	*t = (struct target){ 0 };
	if (!*text)
		return refuse(ST_USAGE, why, len, ": an empty name", text);
	if (strncmp(text, "zcp://", 6) == 0)
		return parse_url(t, text, why, len);
	if (unix_spec(text))
		return parse_unix(t, text, why, len);
	if (colon && colon > text && (!slash || colon < slash)) {
		if (strncmp(colon, "://", 3) == 0)
			return refuse(ST_USAGE, why, len, ": zcp speaks zcp:// only", text);
		return parse_remote(t, text, colon, why, len);
	}
	return parse_local(t, text, why, len);
}
