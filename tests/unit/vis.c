/* vis.c - every byte, every control, ill-formed UTF-8, cut at every length; what comes out is well-formed UTF-8. */
#include "common/vis.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tests/unit/tap.h"

static size_t utf8(uint32_t c, char out[static 5])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(n == 1 ? c : c | (0xf00u >> n & 0xff));
	out[n] = '\0';
	return n;
}

/* glibc's own decoder judges what vis() let through */
static bool clean(const char *s)
{
	mbstate_t st = { 0 };
	size_t left = strlen(s);

	while (left) {
		wchar_t c;
		size_t n = mbrtowc(&c, s, left, &st);

		if (n == (size_t)-1 || n == (size_t)-2 || n == 0)
			return false;
		if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
			return false;
		s += n;
		left -= n;
	}
	return true;
}

static bool is(const char *in, size_t n, const char *want)
{
	char buf[256];

	if (strcmp(vis(buf, sizeof buf, in, n), want) == 0)
		return true;
	note("got %s", buf);
	return false;
}

static void bytes(void)
{
	unsigned bad = 0;

	for (unsigned b = 0; b < 256; b++) {
		char in = (char)b, want[8];

		if (b == '\\')
			snprintf(want, sizeof want, "\\\\");
		else if (b >= 0x20 && b < 0x7f)
			snprintf(want, sizeof want, "%c", (int)b);
		else
			snprintf(want, sizeof want, "\\x%02x", b);
		bad += !is(&in, 1, want);
	}
	ok(bad == 0, "every byte alone");
}

static void characters(void)
{
	static const uint32_t controls[][2] = {
		{ 0x80, 0x9f }, { 0x61c, 0x61c }, { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 }, { 0xfeff, 0xfeff },
	};
	unsigned bad = 0;

	for (uint32_t c = 0x80; c <= 0x10ffff; c++) {
		char in[5], buf[32];
		size_t n;
		bool shown, control = false;

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		n = utf8(c, in);
		for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
			control |= c >= controls[i][0] && c <= controls[i][1];
		shown = strcmp(vis(buf, sizeof buf, in, n), in) == 0;
		bad += shown == control || !clean(buf) || (control && strlen(buf) != 4 * n);
	}
	ok(bad == 0, "every character: all but the controls as they are (%u wrong)", bad);
}

static void ill_formed(void)
{
	ok(is("\xc0\x80", 2, "\\xc0\\x80"), "overlong NUL");
	ok(is("\xc1\xbf", 2, "\\xc1\\xbf"), "overlong, two bytes");
	ok(is("\xe0\x9f\xbf", 3, "\\xe0\\x9f\\xbf"), "overlong, three bytes");
	ok(is("\xf0\x8f\xbf\xbf", 4, "\\xf0\\x8f\\xbf\\xbf"), "overlong, four bytes");
	ok(is("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"), "a surrogate");
	ok(is("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"), "above U+10FFFF");
	ok(is("\xf8\x88\x80\x80\x80", 5, "\\xf8\\x88\\x80\\x80\\x80"), "five bytes");
	ok(is("\xc3", 1, "\\xc3") && is("\xe2\x82", 2, "\\xe2\\x82"), "cut short");
	ok(is("\xc3(\xc3\xa4", 4, "\\xc3(\xc3\xa4"), "what follows a broken start is judged anew");
	ok(is("\xe2\x80\xae" "cod.exe", 10, "\\xe2\\x80\\xae" "cod.exe"), "right-to-left override");
	ok(is("\x1b[2J\r\n", 6, "\\x1b[2J\\x0d\\x0a"), "an escape sequence");
	ok(is("a\0b", 3, "a\\x00b"), "NUL inside");
	ok(is("", 0, ""), "nothing");
}

static void cuts(void)
{
	static const char in[] = "a\xc3\xa4\x1b\xf0\x9f\x98\x80\\z\xe2\x82\xac\n\x7f" "end";
	char whole[256];
	unsigned bad = 0;

	vis_str(whole, sizeof whole, in);
	for (size_t len = 0; len <= strlen(whole) + 3; len++) {
		char *buf = malloc(len + 1);
		const char *s;
		size_t n;

		buf[len] = 'G';                 /* one past what vis() may use; the sanitizer build sees more */
		s = vis_str(buf, len, in);
		n = strlen(s);
		bad += buf[len] != 'G' || (len && n >= len) || !clean(s);
		if (len > strlen(whole))
			bad += strcmp(s, whole) != 0;
		else if (len >= 4)
			bad += n < 3 || strcmp(s + n - 3, "...") != 0 || strncmp(s, whole, n - 3) != 0 || n + 7 < len;
		else
			bad += n != (len ? len - 1 : 0) || strspn(s, ".") != n;
		free(buf);
	}
	ok(bad == 0, "cut at every length: terminated, well-formed, with dots");
}

static void columns(void)
{
	ok(vis_columns("") == 0 && vis_columns("abc") == 3, "columns: ASCII");
	ok(vis_columns("\xc3\xa4") == 1, "columns: a-umlaut");
	ok(vis_columns("\xe6\xbc\xa2\xe5\xad\x97") == 4, "columns: two wide characters");
	ok(vis_columns("e\xcc\x81") == 1, "columns: a combining accent");
	ok(vis_columns("\\x1b") == 4, "columns: an escaped byte");
}

int main(void)
{
	bool utf = setlocale(LC_CTYPE, "C.UTF-8") != NULL;

	ok(utf, "the C.UTF-8 locale is there");
	bytes();
	characters();
	ill_formed();
	cuts();
	columns();
	return done();
}
