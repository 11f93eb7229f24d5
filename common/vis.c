/* vis.c - see vis.h */
#include "common/vis.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

/* One well-formed UTF-8 character of at most n bytes at p: its length, 0 if it is none (overlong, surrogate, above U+10FFFF). */
static size_t utf8_next(const unsigned char *p, size_t n, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t c;

	if (len == 0 || len > n)
		return 0;
	c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

/* Characters that move the cursor, turn the writing direction, break lines or cannot be seen. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* What stands for the first unit of p: its bytes in out, how many in *out_len; returns the bytes of p used. */
static size_t unit(const unsigned char *p, size_t n, char out[static 4], size_t *out_len)
{
	static const char hex[] = "0123456789abcdef";
	uint32_t c = 0;
	size_t len = utf8_next(p, n, &c);

	if (len && c == '\\') {
		out[0] = out[1] = '\\';
		*out_len = 2;
		return 1;
	}
	if (len && !is_control(c)) {
		memcpy(out, p, len);
		*out_len = len;
		return len;
	}
	out[0] = '\\';                          /* byte by byte: those that follow are judged anew */
	out[1] = 'x';
	out[2] = hex[p[0] >> 4];
	out[3] = hex[p[0] & 15];
	*out_len = 4;
	return 1;
}

const char *vis(char *buf, size_t len, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t at = 0, dots = 0;                /* dots: the last place where "..." still fits */
	char u[4];

	if (len == 0)
		return "";
	while (n > 0) {
		size_t ulen, used = unit(p, n, u, &ulen);

		if (at + 3 < len)
			dots = at;
		if (at + ulen >= len) {
			at = dots;
			while (at < dots + 3 && at + 1 < len)
				buf[at++] = '.';
			break;
		}
		memcpy(buf + at, u, ulen);
		at += ulen;
		p += used;
		n -= used;
	}
	buf[at] = '\0';
	return buf;
}

const char *vis_str(char *buf, size_t len, const char *s)
{
	return vis(buf, len, s, strlen(s));
}

size_t vis_columns(const char *visible)
{
	const unsigned char *p = (const unsigned char *)visible;
	size_t n = strlen(visible), columns = 0;

	while (n > 0) {
		uint32_t c = 0;
		size_t len = utf8_next(p, n, &c);
		/* -1 where the locale does not know it: most terminals then show one column */
		int w = len ? wcwidth((wchar_t)c) : 1;

		columns += w < 0 ? 1 : (size_t)w;
		if (!len)
			len = 1;
		p += len;
		n -= len;
	}
	return columns;
}
