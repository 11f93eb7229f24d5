/* json.c - what is written is JSON, reads back as what it was, and never leaves its buffer. The reader here is the test's own. */
#include <stdlib.h>
#include <string.h>
#include "common/json.h"
#include "tests/unit/tap.h"

enum { MOST = 4096 };

/* --- a reader of one string ------------------------------------------------------------------------------------------ */

static bool put_utf8(uint32_t c, char *out, size_t *n)
{
	if (c < 0x80) {
		out[(*n)++] = (char)c;
	} else if (c < 0x800) {
		out[(*n)++] = (char)(0xc0 | c >> 6);
		out[(*n)++] = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		out[(*n)++] = (char)(0xe0 | c >> 12);
		out[(*n)++] = (char)(0x80 | (c >> 6 & 63));
		out[(*n)++] = (char)(0x80 | (c & 63));
	} else {
		out[(*n)++] = (char)(0xf0 | c >> 18);
		out[(*n)++] = (char)(0x80 | (c >> 12 & 63));
		out[(*n)++] = (char)(0x80 | (c >> 6 & 63));
		out[(*n)++] = (char)(0x80 | (c & 63));
	}
	return true;
}

static bool escape(const char **p, char *out, size_t *n)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char       *at = **p ? strchr(letters, **p) : NULL;
	char              hex[5] = { 0 }, *end;

	if (at) {
		out[(*n)++] = means[at - letters];
		(*p)++;
		return true;
	}
	if (**p != 'u' || strspn(*p + 1, "0123456789abcdef") < 4)
		return false;
	memcpy(hex, *p + 1, 4);
	unsigned long c = strtoul(hex, &end, 16);
	*p += 5;
	return c && (c < 0xd800 || c > 0xdfff) && put_utf8((uint32_t)c, out, n);
}

/* "..." at *p: its text, terminated; false: no string, or a byte in it that must not stand there. */
static bool read_string(const char **p, char *out)
{
	size_t n = 0;

	if (*(*p)++ != '"')
		return false;
	while (**p != '"') {
		unsigned char c = (unsigned char)**p;
		if (c < 0x20 || c == 0x7f || n > MOST - 8)
			return false;
		(*p)++;
		if (c != '\\')
			out[n++] = (char)c;
		else if (!escape(p, out, &n))
			return false;
	}
	(*p)++;
	out[n] = '\0';
	return true;
}

static bool word(const char **p, const char *w)
{
	size_t n = strlen(w);

	if (strncmp(*p, w, n) != 0)
		return false;
	*p += n;
	return true;
}

static size_t from_base64(const char *text, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t            n = 0;

	for (; *text; text += 4) {
		uint32_t v = 0, bytes = 3;
		for (int i = 0; i < 4; i++) {
			bytes -= text[i] == '=';
			v = v << 6 | (text[i] == '=' ? 0 : (uint32_t)(strchr(digits, text[i]) - digits));
		}
		for (uint32_t i = 0; i < bytes; i++)
			out[n++] = (char)(v >> (16 - 8 * i));
	}
	out[n] = '\0';
	return n;
}

/* --- names ----------------------------------------------------------------------------------------------------------- */

struct got { char text[MOST], raw[MOST]; bool twin; };

static bool read_name(const char *line, struct got *g)
{
	char b64[2 * MOST] = "";

	if (!word(&line, "{\"path\":") || !read_string(&line, g->text))
		return false;
	g->twin = word(&line, ",\"path_base64\":");
	if (g->twin && (!read_string(&line, b64) || strlen(b64) % 4))
		return false;
	if (g->twin)
		from_base64(b64, g->raw);
	return strcmp(line, "}") == 0;
}

static bool write_name(struct json *j, const char *bytes, struct got *g)
{
	json_again(j);
	json_object(j, NULL);
	json_name(j, "path", bytes);
	json_object_end(j);
	return !j->bad && strlen(j->p) == j->len && read_name(j->p, g);
}

/* Nothing that moves a cursor stands in a line, whatever the name. */
static bool safe(const char *line)
{
	for (const unsigned char *p = (const unsigned char *)line; *p; p++)
		if (*p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) || (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae))
			return false;
	return true;
}

static bool exact(struct json *j, const char *bytes)
{
	struct got g;

	return write_name(j, bytes, &g) && !g.twin && strcmp(g.text, bytes) == 0 && safe(j->p);
}

/* As many U+FFFD as there are bad bytes, and the bytes themselves beside it. */
static bool broken(struct json *j, const char *bytes, const char *shown)
{
	struct got g;

	return write_name(j, bytes, &g) && g.twin && strcmp(g.raw, bytes) == 0 && strcmp(g.text, shown) == 0 && safe(j->p);
}

#define BAD "\xef\xbf\xbd"

static void every_byte(struct json *j)
{
	unsigned good = 0, bad = 0;
	char     s[8];

	for (unsigned c = 1; c < 0x100; c++) {
		snprintf(s, sizeof s, "a%cz", (int)c);
		if (c < 0x80)
			good += exact(j, s);
		else
			bad += broken(j, s, "a" BAD "z");
	}
	ok(good == 0x7f, "bytes below 128 stand for themselves, or are escaped (%u)", good);
	ok(bad == 0x80, "a byte above, alone, is U+FFFD, and the name stands beside it (%u)", bad);
}

static void every_character(struct json *j)
{
	uint32_t wrong = 0;
	char     s[8];

	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		size_t n = 0;
		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		put_utf8(c, s, &n);
		s[n] = '\0';
		wrong = wrong ? wrong : exact(j, s) ? 0 : c;
	}
	ok(!wrong, "every character of Unicode reads back as it was (U+%04x)", wrong);
}

static void every_pair(struct json *j)
{
	unsigned   wrong = 0;
	struct got g;
	char       s[3] = "";

	for (unsigned a = 1; a < 0x100; a++)
		for (unsigned b = 1; b < 0x100; b++) {
			s[0] = (char)a;
			s[1] = (char)b;
			bool utf8 = (a < 0x80 && b < 0x80) || (a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);
			if (!write_name(j, s, &g) || g.twin == utf8 || strcmp(utf8 ? g.text : g.raw, s) != 0 || !safe(j->p))
				wrong++;
		}
	ok(!wrong, "every two bytes: the exact name is there, and base64 only where they are no UTF-8 (%u)", wrong);
}

static void broken_forms(struct json *j)
{
	static const struct { const char *what, *bytes, *shown; } forms[] = {
		{ "an overlong NUL", "\xc0\x80", BAD BAD },                      { "an overlong slash", "\xc0\xaf", BAD BAD },
		{ "an overlong form of three", "\xe0\x9f\xbf", BAD BAD BAD },    { "an overlong form of four", "\xf0\x8f\xbf\xbf", BAD BAD BAD BAD },
		{ "an overlong form of two", "\xc1\xbf", BAD BAD },              { "a high surrogate", "\xed\xa0\x80", BAD BAD BAD },
		{ "a low surrogate", "\xed\xbf\xbf", BAD BAD BAD },              { "a pair of surrogates", "\xed\xa0\xbd\xed\xb8\x80", BAD BAD BAD BAD BAD BAD },
		{ "above U+10FFFF", "\xf4\x90\x80\x80", BAD BAD BAD BAD },       { "five bytes", "\xf8\x88\x80\x80\x80", BAD BAD BAD BAD BAD },
		{ "six bytes", "\xfc\x84\x80\x80\x80\x80", BAD BAD BAD BAD BAD BAD },
		{ "0xfe and 0xff", "\xfe\xff", BAD BAD },                        { "a lone continuation", "a\x80" "b", "a" BAD "b" },
		{ "two of three, and the end", "x\xe2\x82", "x" BAD BAD },       { "three of four, and the end", "\xf0\x9f\x98", BAD BAD BAD },
		{ "two of three, and a letter", "\xe2\x82z", BAD BAD "z" },      { "two of three, and a good one", "\xe2\x82\xc3\xa4", BAD BAD "\xc3\xa4" },
		{ "a beginning before a beginning", "\xc3\xc3\xa4", BAD "\xc3\xa4" },
		{ "a quote behind a beginning", "\xc3\"", BAD "\"" },            { "a backslash behind a beginning", "\xe2\\n", BAD "\\n" },
		{ "good, bad, good", "\xc3\xa4\xff\xe2\x82\xac", "\xc3\xa4" BAD "\xe2\x82\xac" },
		{ "U+FFFD, and a bad byte", BAD "\xff", BAD BAD },
	};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		ok(broken(j, forms[i].bytes, forms[i].shown), "%s: %s", forms[i].what, j->p);
	ok(exact(j, BAD), "U+FFFD itself is a character like others");
	ok(exact(j, ""), "an empty name");
}

/* The same ones each time. */
static void any_bytes(struct json *j)
{
	uint32_t   seed = 1;
	unsigned   wrong = 0;
	struct got g;
	char       s[301];

	for (unsigned i = 0; i < 20000; i++) {
		size_t n = i % 300;
		for (size_t k = 0; k < n; k++) {
			seed = seed * 1664525 + 1013904223;
			s[k] = (char)(seed >> 24 ? seed >> 24 : 1);
		}
		s[n] = '\0';
		if (!write_name(j, s, &g) || strcmp(g.twin ? g.raw : g.text, s) != 0 || !safe(j->p))
			wrong++;
	}
	ok(!wrong, "names of any bytes and any length are there exactly (%u)", wrong);
}

/* --- all of it ------------------------------------------------------------------------------------------------------- */

static void sample(struct json *j)
{
	json_object(j, NULL);
	json_string(j, "s", "a\"\\\n\x1b\xc3\xa4");
	json_name(j, "n", "\xff");
	json_number(j, "max", UINT64_MAX);
	json_seconds(j, "t", 61007);
	json_real(j, "r", 0.1875);
	json_real(j, "inf", 1e308 * 10);
	json_bool(j, "yes", true);
	json_bool(j, "no", false);
	json_null(j, "none");
	json_object(j, "o");
	json_object_end(j);
	json_array(j, "a");
	json_array_end(j);
	json_array(j, "b");
	json_number(j, NULL, 1);
	json_string(j, NULL, "x");
	json_object(j, NULL);
	json_number(j, "in", 0);
	json_object_end(j);
	json_array_end(j);
	json_object_end(j);
}
static const char compact[] = "{\"s\":\"a\\\"\\\\\\n\\u001b\xc3\xa4\",\"n\":\"" BAD "\",\"n_base64\":\"/w==\",\"max\":18446744073709551615,\"t\":61.007,\"r\":0.1875,\"inf\":null,\"yes\":true,"
	"\"no\":false,\"none\":null,\"o\":{},\"a\":[],\"b\":[1,\"x\",{\"in\":0}]}";
static const char spaced[] = "{ \"s\": \"a\\\"\\\\\\n\\u001b\xc3\xa4\", \"n\": \"" BAD "\", \"n_base64\": \"/w==\", \"max\": 18446744073709551615, \"t\": 61.007, \"r\": 0.1875, \"inf\": null, "
	"\"yes\": true, \"no\": false, \"none\": null, \"o\": { }, \"a\": [], \"b\": [ 1, \"x\", { \"in\": 0 } ] }";

static void whole(void)
{
	struct json j;

	json_grow(&j);
	sample(&j);
	ok(!j.bad && strcmp(j.p, compact) == 0, "%s", j.p);
	json_again(&j);
	j.space = " ";
	sample(&j);
	ok(!j.bad && strcmp(j.p, spaced) == 0, "%s", j.p);
	json_again(&j);
	json_object(&j, NULL);
	j.once = "\n  ";
	json_number(&j, "a", 1);
	json_number(&j, "b", 2);
	j.once = "\n";
	json_object_end(&j);
	ok(strcmp(j.p, "{\n  \"a\": 1, \"b\": 2\n}") == 0, "a line break once: %s", j.p);
	json_clear(&j);
	ok(!j.p && !j.len, "nothing is left");
	sample(&j);
	ok(!j.bad && strcmp(j.p, spaced) == 0, "and it can be used again");
	json_clear(&j);
}

/* Each length of buffer: a beginning of it, terminated, `bad` unless all of it fitted, and not a byte behind. */
static void cut(void)
{
	size_t   all = sizeof compact;
	unsigned wrong = 0;

	for (size_t room = 1; room <= all + 8; room++) {
		char       *buf = malloc(room + 1);
		struct json j;
		if (!buf)
			return;
		memset(buf, 'x', room + 1);
		json_init(&j, buf, room);
		sample(&j);
		bool good = buf[room] == 'x' && j.bad == (room < all) && j.len < room && buf[j.len] == '\0' && strncmp(buf, compact, j.len) == 0;
		wrong += !good || (!j.bad && strcmp(buf, compact) != 0);
		json_again(&j);
		wrong += j.bad || buf[0] != '\0';
		free(buf);
	}
	ok(!wrong, "a buffer of every length (%u)", wrong);
}

/* A path of the longest kind, of bytes that grow most. */
static void large(struct json *j)
{
	char bytes[MOST];
	bool good = true;

	memset(bytes, 0x01, sizeof bytes);
	bytes[sizeof bytes - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		json_again(j);
		json_object(j, NULL);
		for (int k = 0; k < 20; k++)
			json_name(j, "p", bytes);
		json_object_end(j);
		good &= !j->bad && j->len == 20 * (6 * (MOST - 1) + strlen("\"p\":\"\",")) + 1;
	}
	ok(good, "it grows as far as it must (%zu)", j->len);
}

int main(void)
{
	struct json j;

	json_grow(&j);
	every_byte(&j);
	every_character(&j);
	every_pair(&j);
	broken_forms(&j);
	any_bytes(&j);
	large(&j);
	json_clear(&j);
	whole();
	cut();
	return done();
}
