/* config_values.c - one word of zcpd.conf into its place: NULL, or what it must be. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/num.h"
#include "common/vis.h"
#include "zcpd/authorized.h"
#include "zcpd/config.h"
#include "zcpd/config_rows.h"

enum { SOCKET_PATH_MAX = 107, TEXT_MAX = 255 };
static const char no_memory[] = "out of memory", outside[] = "";        /* "": what the row's range says */

static void *field(const struct row *r, void *base)
{
	return (char *)base + r->at;
}

static const char *put(char **where, const char *text)
{
	free(*where);
	*where = strdup(text);
	return *where ? NULL : no_memory;
}

static bool is_none(const struct value *v)
{
	return v->count == 1 && strcmp(v->text, "none") == 0;
}

/* Can be printed as it is: no control characters, well-formed UTF-8. */
static bool is_plain(const char *text)
{
	char   shown[4 * TEXT_MAX + 1];
	size_t len = strlen(text), backslashes = 0;

	for (const char *p = text; *p; p++)
		backslashes += *p == '\\';             /* which vis() doubles */
	return len && len <= TEXT_MAX && strlen(vis_str(shown, sizeof shown, text)) == len + backslashes;
}

const char *take_number(const struct row *r, void *base, const struct value *v)
{
	uint64_t n;

	if (num_parse(v->text, r->least, r->most, &n) < 0)
		return outside;
	*(unsigned *)field(r, base) = (unsigned)n;
	return NULL;
}

static int choice(const struct row *r, const char *text)
{
	for (int i = 0; r->choices[i]; i++)
		if (strcmp(r->choices[i], text) == 0)
			return i;
	return -1;
}

const char *take_choice(const struct row *r, void *base, const struct value *v)
{
	int i = choice(r, v->text);

	if (i < 0)
		return outside;
	*(bool *)field(r, base) = i == 1;
	return NULL;
}

const char *take_level(const struct row *r, void *base, const struct value *v)
{
	int i = choice(r, v->text);

	if (i < 0)
		return outside;
	*(int *)field(r, base) = i;
	return NULL;
}

/* Digits and a letter of "KMGT". A rate has no unit of its own, since programs differ in what they take it for. */
const char *take_size(const struct row *r, void *base, const struct value *v)
{
	static const char letters[] = "KMGT";
	size_t            digits = strspn(v->text, "0123456789");
	const char       *letter = v->text[digits] ? strchr(letters, v->text[digits]) : NULL;
	unsigned          shift = letter ? 10 * (unsigned)(letter - letters + 1) : 0;
	char              number[24];
	uint64_t          n = 0;

	if (is_none(v)) {
		*(uint64_t *)field(r, base) = 0;
		return NULL;
	}
	if (digits >= sizeof number || strlen(v->text) != digits + (letter ? 1 : 0) || (r->unit && !letter))
		return outside;
	memcpy(number, v->text, digits);
	number[digits] = '\0';
	if (num_parse(number, 1, r->most >> shift, &n) < 0 || n << shift < r->least)
		return outside;
	*(uint64_t *)field(r, base) = n << shift;
	return NULL;
}

const char *take_text(const struct row *r, void *base, const struct value *v)
{
	return is_plain(v->text) ? put(field(r, base), v->text) : "1 to 255 bytes that can be printed";
}

const char *take_path(const struct row *r, void *base, const struct value *v)
{
	return *v->text == '/' && strlen(v->text) < 4096 ? put(field(r, base), v->text) : outside;
}

const char *take_keys_file(const struct row *r, void *base, const struct value *v)
{
	return strcmp(v->text, "any") == 0 ? put(field(r, base), v->text) : take_path(r, base, v);
}

static const char *take_none(const struct row *r, void *base)
{
	free(*(char **)field(r, base));
	*(char **)field(r, base) = NULL;
	return NULL;
}

const char *take_log_file(const struct row *r, void *base, const struct value *v)
{
	if (is_none(v))
		return take_none(r, base);
	return strcmp(v->text, "log") == 0 ? put(field(r, base), v->text) : take_path(r, base, v);
}

const char *take_socket(const struct row *r, void *base, const struct value *v)
{
	if (is_none(v) || (*v->text == '/' && strlen(v->text) <= SOCKET_PATH_MAX))
		return put(field(r, base), v->text);
	return outside;
}

/* "ADDR:PORT", the address a number. */
static bool on_loopback(const char *text)
{
	const char     *colon = strrchr(text, ':');
	size_t          len = colon ? (size_t)(colon - text) : 0;
	bool            v6 = len > 2 && text[0] == '[' && text[len - 1] == ']';
	char            host[64];
	struct net_cidr one;
	struct net_addr addr = { 0 };
	uint64_t        port;

	if (len == 0 || len >= sizeof host || num_parse(colon + 1, 0, 65535, &port) < 0 || memchr(text, '/', len))
		return false;
	if (!v6 && memchr(text, ':', len))
		return false;
	snprintf(host, sizeof host, "%.*s", (int)(v6 ? len - 2 : len), v6 ? text + 1 : text);
	if (net_cidr_parse(host, &one) < 0)
		return false;
	memcpy(addr.ip, one.ip, sizeof addr.ip);
	return net_is_loopback(&addr);
}

const char *take_metrics(const struct row *r, void *base, const struct value *v)
{
	bool unix_socket = strncmp(v->text, "unix:/", 6) == 0 && strlen(v->text) <= SOCKET_PATH_MAX + 5;

	if (is_none(v))
		return take_none(r, base);
	return unix_socket || on_loopback(v->text) ? put(field(r, base), v->text) : outside;
}

const char *take_listen(const struct row *r, void *base, const struct value *v)
{
	struct settings *s = base;

	(void)r;
	if (!net_spec_ok(v->text))
		return outside;
	s->listen_count = (int)v->index + 1;
	return put(&s->listen[v->index], v->text);
}

static const char *take_network(struct net_cidr *list, int *count, const struct value *v)
{
	*count = 0;
	if (is_none(v))
		return NULL;
	if (net_cidr_parse(v->text, &list[v->index]) < 0)
		return net_cidr_host_bits(v->text) ? "a network, whose bits behind the / are 0 (10.0.0.0/8), or one address without /" : outside;
	*count = (int)v->index + 1;
	return NULL;
}

const char *take_plain(const struct row *r, void *base, const struct value *v)
{
	struct settings *s = base;

	(void)r;
	s->plain_auto = !is_none(v);
	return take_network(s->plain.list, &s->plain.count, v);
}

const char *take_export_plain(const struct row *r, void *base, const struct value *v)
{
	struct settings_export *e = base;

	(void)r;
	e->plain_given = true;
	return take_network(e->plain.list, &e->plain.count, v);
}

const char *take_exempt(const struct row *r, void *base, const struct value *v)
{
	struct limits_set *l = &((struct settings *)base)->limits;

	(void)r;
	return take_network(l->exempt, &l->exempt_count, v);
}

const char *take_suites(const struct row *r, void *base, const struct value *v)
{
	uint8_t     one[SUITE_ID_MAX], *ids = field(r, base);
	const char *bad = NULL;
	int         n = strchr(v->text, ',') ? -EINVAL : suite_parse_list(v->text, one, &bad);

	if (n != 1)
		return n == -EOPNOTSUPP ? "one that this libsodium and this processor have" : outside;
	if (v->index == 0)
		memset(ids, 0, SUITE_ID_MAX + 1);
	if (memchr(ids, one[0], v->index))
		return "named once";
	ids[v->index] = one[0];
	return NULL;
}

const char *take_startups(const struct row *r, void *base, const struct value *v)
{
	struct limits_set *l = &((struct settings *)base)->limits;
	uint64_t           n[3];
	char               text[64], *rest = text, *part;
	size_t             i = 0;

	(void)r;
	snprintf(text, sizeof text, "%s", strlen(v->text) < sizeof text ? v->text : "");
	for (; i < 3 && (part = strsep(&rest, ":")) != NULL; i++)
		if (num_parse(part, 1, i == 1 ? 100 : LIMITS_STREAMS_MAX, &n[i]) < 0)
			return outside;
	if (i < 3 || rest || n[0] > n[2])
		return outside;
	l->start = (unsigned)n[0];
	l->rate = (unsigned)n[1];
	l->full = (unsigned)n[2];
	return NULL;
}

const char *take_names(const struct row *r, void *base, const struct value *v)
{
	struct names *names = field(r, base);

	if (!is_plain(v->text) || strlen(v->text) > AUTHORIZED_NAME_MAX || strpbrk(v->text, " \t"))
		return "a NAME of the authorized_keys file: one word of at most 128 bytes";
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->list[i], v->text) == 0)
			return "named once";
	char **more = realloc(names->list, (names->count + 1) * sizeof *more);
	if (!more)
		return no_memory;
	names->list = more;
	more[names->count] = strdup(v->text);
	return more[names->count] ? (names->count++, NULL) : no_memory;
}

static bool component_ok(const char *part)
{
	return *part && strcmp(part, ".") != 0 && strcmp(part, "..") != 0;
}

static bool components_ok(const char *prefix)
{
	char copy[WIRE_NAME_MAX + 1], *rest = copy;

	snprintf(copy, sizeof copy, "%s", prefix);
	for (char *part; (part = strsep(&rest, "/")) != NULL; )
		if (!component_ok(part))
			return false;
	return true;
}

/* One slash at either end means nothing. */
const char *take_prefix(const struct row *r, void *base, const struct value *v)
{
	struct settings_export *e = base;
	const char             *from = v->text + (*v->text == '/');
	size_t                  len = strlen(from);
	char                    prefix[WIRE_NAME_MAX + 1];

	(void)r;
	len -= len > 1 && from[len - 1] == '/';
	if (len >= sizeof prefix)
		return "at most 255 bytes";
	memcpy(prefix, from, len);
	prefix[len] = '\0';
	if (len && !components_ok(prefix))
		return outside;
	return !len || is_plain(prefix) ? put(&e->prefix, prefix) : "bytes that can be printed";
}

bool config_name_ok(const char *name)
{
	if (!is_plain(name) || !component_ok(name))
		return false;
	for (; *name; name++) {
		char c = *name;
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.", c) || (unsigned char)c >= 0x80))
			return false;
	}
	return true;
}
