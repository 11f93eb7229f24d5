/* vis.c - see vis.h */
#include "common/vis.h"

#include <stdint.h>
#include <string.h>
#include <wchar.h>
#include "common/utf8.h"

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
	if (len && !utf8_unseen(c)) {
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
