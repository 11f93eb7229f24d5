/* json.c - see json.h */
#include "common/json.h"

#include <math.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/utf8.h"

enum { ROOM_FIRST = 1024 };

void json_init(struct json *j, char *buf, size_t room)
{
	*j = (struct json){ .p = buf, .room = room, .space = "" };
	buf[0] = '\0';
}

void json_grow(struct json *j)
{
	*j = (struct json){ .grows = true, .space = "" };
}

void json_again(struct json *j)
{
	j->len = 0;
	j->depth = 0;
	j->bad = j->some = false;
	j->once = NULL;
	if (j->p)
		j->p[0] = '\0';
}

void json_clear(struct json *j)
{
	if (j->grows)
		free(j->p);
	*j = (struct json){ .grows = j->grows, .space = j->space };
}

/* n bytes more, and the end's. */
static bool fits(struct json *j, size_t n)
{
	size_t room = j->room ? j->room : ROOM_FIRST;

	if (j->bad || n < j->room - j->len)
		return !j->bad;
	while (j->grows && room - j->len <= n && room <= SIZE_MAX / 2)
		room *= 2;
	char *p = j->grows && room - j->len > n ? realloc(j->p, room) : NULL;
	if (!p) {
		j->bad = true;
		return false;
	}
	j->p = p;
	j->room = room;
	return true;
}

static void add(struct json *j, const char *text, size_t n)
{
	if (!fits(j, n))
		return;
	memcpy(j->p + j->len, text, n);
	j->len += n;
	j->p[j->len] = '\0';
}

static void add_text(struct json *j, const char *text)
{
	add(j, text, strlen(text));
}

static void add_space(struct json *j)
{
	add_text(j, j->once ? j->once : j->space);
	j->once = NULL;
}

/* What stands before a value. */
static void begin(struct json *j, const char *name)
{
	if (j->some)
		add_text(j, ",");
	if (j->depth)
		add_space(j);
	j->some = true;
	if (!name)
		return;
	add_text(j, "\"");
	add_text(j, name);
	add_text(j, "\":");
	add_text(j, j->space);
}

static void start(struct json *j, const char *name, const char *brace)
{
	begin(j, name);
	add_text(j, brace);
	j->depth++;
	j->some = false;
}

static void end(struct json *j, const char *brace)
{
	add_text(j, brace);
	j->depth -= j->depth > 0;
	j->some = true;
}

void json_object(struct json *j, const char *name) { start(j, name, "{"); }
void json_array(struct json *j, const char *name)  { start(j, name, "["); }

void json_object_end(struct json *j)
{
	add_space(j);
	end(j, "}");
}

void json_array_end(struct json *j)
{
	if (j->some)
		add_space(j);
	end(j, "]");
}

/* --- strings -------------------------------------------------------------------------------------------------------- */

static void add_escaped(struct json *j, uint32_t c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char       *at = c < 0x80 ? strchr(plain, (int)c) : NULL;
	char              out[8];

	if (at)
		snprintf(out, sizeof out, "\\%c", letters[at - plain]);
	else
		snprintf(out, sizeof out, "\\u%04x", (unsigned)c & 0xffff);      /* all that are escaped are below U+10000 */
	add_text(j, out);
}

/* Into quotes. */
static void add_string(struct json *j, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t               n = strlen(text), run = 0;         /* run: bytes that stand for themselves */

	add_text(j, "\"");
	while (n > 0) {
		uint32_t c = 0;
		size_t   len = utf8_next(p, n, &c);
		bool     as_is = len && c != '"' && c != '\\' && !utf8_unseen(c);
		if (!as_is) {
			add(j, (const char *)p - run, run);
			if (len)
				add_escaped(j, c);
			else
				add_text(j, "\xef\xbf\xbd");    /* U+FFFD */
		}
		len += !len;
		run = as_is ? run + len : 0;
		p += len;
		n -= len;
	}
	add(j, (const char *)p - run, run);
	add_text(j, "\"");
}

static void add_base64(struct json *j, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	add_text(j, "\"");
	for (; n > 0; p += n < 3 ? n : 3, n -= n < 3 ? n : 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
		char     out[4] = { digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '=' };
		add(j, out, sizeof out);
	}
	add_text(j, "\"");
}

void json_string(struct json *j, const char *name, const char *text)
{
	begin(j, name);
	add_string(j, text);
}

void json_name(struct json *j, const char *name, const char *bytes)
{
	char twin[64];

	json_string(j, name, bytes);
	if (utf8_all(bytes))
		return;
	snprintf(twin, sizeof twin, "%s_base64", name);
	json_base64(j, twin, bytes);
}

void json_base64(struct json *j, const char *name, const char *bytes)
{
	begin(j, name);
	add_base64(j, (const unsigned char *)bytes, strlen(bytes));
}

/* --- all else -------------------------------------------------------------------------------------------------------- */

void json_number(struct json *j, const char *name, uint64_t n)
{
	char out[24];

	begin(j, name);
	snprintf(out, sizeof out, "%" PRIu64, n);
	add_text(j, out);
}

void json_seconds(struct json *j, const char *name, uint64_t ms)
{
	char out[32];

	begin(j, name);
	snprintf(out, sizeof out, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
	add_text(j, out);
}

void json_real(struct json *j, const char *name, double v)
{
	char out[40];

	begin(j, name);
	snprintf(out, sizeof out, isfinite(v) ? "%.9g" : "null", v);
	add_text(j, out);
}

void json_bool(struct json *j, const char *name, bool is)
{
	begin(j, name);
	add_text(j, is ? "true" : "false");
}

void json_null(struct json *j, const char *name)
{
	begin(j, name);
	add_text(j, "null");
}
