/* pattern.c - see pattern.h */
#include "zcp/select/pattern.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum kind { BYTE, ANY, SET, STAR, STARS };

struct element {
	uint8_t  kind, byte;    /* byte: of BYTE */
	uint16_t at;            /* of SET: what is behind its '[', in the text */
};

enum start { AT_ROOT, AT_TAIL, AT_EVERY };      /* of the path: its first component; the last `tail` ones; any */

struct pattern {
	const char    *text;            /* behind the elements, in one block */
	enum start     start;
	unsigned       tail;
	bool           dirs_only;
	bool           slash_before;    /* it begins with "**": one more '/' in front of the path, so that "**" "/x" is also x at the root */
	bool           slash_behind;    /* it ends with "***": one more behind a directory, so that "x/" "***" is also x itself */
	size_t         count;
	struct element el[];
};

static const char no_end[]     = "a '[' without its ']' matches nothing: close it, or put a backslash before it to mean the character";
static const char no_class[]   = "there is no such class: [:alnum:], [:alpha:], [:blank:], [:cntrl:], [:digit:], [:graph:], [:lower:], [:print:], "
                                 "[:punct:], [:space:], [:upper:] and [:xdigit:] are those there are";
static const char lone_slash[] = "a backslash at the end matches nothing: write it twice to mean the character";
static const char no_name[]    = "it matches nothing, since no name is empty, '.' or '..': write /NAME for what stands at the transfer's root";

/* ASCII's own classes: isalpha() and its kin would ask the locale. -1: no class has that name. */
static int in_class(const char *name, size_t n, uint8_t c)
{
	const struct { const char *name; bool in; } classes[] = {
		{ "alnum", (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') },
		{ "alpha", (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') },
		{ "blank", c == ' ' || c == '\t' },
		{ "cntrl", c < 0x20 || c == 0x7f },
		{ "digit", c >= '0' && c <= '9' },
		{ "graph", c > ' ' && c < 0x7f },
		{ "lower", c >= 'a' && c <= 'z' },
		{ "print", c >= ' ' && c < 0x7f },
		{ "punct", (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~') },
		{ "space", c == ' ' || (c >= '\t' && c <= '\r') },
		{ "upper", c >= 'A' && c <= 'Z' },
		{ "xdigit", (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') },
	};

	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (strlen(classes[i].name) == n && memcmp(classes[i].name, name, n) == 0)
			return classes[i].in;
	return -1;
}

struct scan {
	const char *s;          /* the next byte of the set */
	const char *close;      /* the first ']' behind some "[:": looked for once, else a set of many "[:" would cost its square */
	uint8_t     before;     /* the member that a '-' may continue, 0: none */
};

/* One member: a byte, a range that begins with the member before, or [:class:]. Returns a sentence when it has no end. */
static const char *set_member(struct scan *r, uint8_t c, bool *in)
{
	const char *p = r->s;

	if (*p == '[' && p[1] == ':') {
		if (r->close < p + 2)
			r->close = strchrnul(p + 2, ']');
		if (!*r->close)
			return no_end;
		if (r->close > p + 2 && r->close[-1] == ':') {
			int is = in_class(p + 2, (size_t)(r->close - 1 - (p + 2)), c);
			*in |= is == 1;
			*r = (struct scan){ r->close + 1, r->close, 0 };
			return is < 0 ? no_class : NULL;
		}
	}
	bool range = *p == '-' && r->before && p[1] && p[1] != ']';
	p += range;
	p += *p == '\\';
	if (!*p)
		return no_end;
	*in |= range ? c >= r->before && c <= (uint8_t)*p : c == (uint8_t)*p;
	r->before = range ? 0 : (uint8_t)*p;
	r->s = p + 1;
	return NULL;
}

/* s: behind the '['; afterwards behind the ']'. A ']' that comes first is a member. *in: is c one of the set? */
static const char *set_read(const char **s, uint8_t c, bool *in)
{
	const char *why;
	bool        inverse = **s == '!' || **s == '^';
	struct scan r = { *s + inverse, *s, 0 };

	*in = false;
	do {
		why = set_member(&r, c, in);
	} while (!why && *r.s != ']');
	*s = r.s + !why;
	*in ^= inverse;
	return why;
}

static bool takes(const struct pattern *p, const struct element *e, uint8_t c)
{
	const char *s = p->text + e->at;
	bool        in;

	switch (e->kind) {
	case BYTE:  return c == e->byte;
	case STARS: return true;
	case SET:   return c != '/' && !set_read(&s, c, &in) && in;
	default:    return c != '/';
	}
}

static bool star(const struct element *e)
{
	return e->kind == STAR || e->kind == STARS;
}

/* Without a wildcard all bytes mean themselves; with one a backslash quotes the next. */
static const char *read_elements(struct pattern *p, const char *s, const char *end)
{
	bool        wild = strpbrk(s, "*?[") != NULL, in;
	const char *why = NULL;

	while (!why && s < end) {
		struct element *e = &p->el[p->count++];
		uint8_t c = (uint8_t)*s++;
		if (wild && c == '*') {
			size_t more = strspn(s, "*");
			e->kind = more ? STARS : STAR;
			s += more;
		} else if (wild && c == '?') {
			e->kind = ANY;
		} else if (wild && c == '[') {
			*e = (struct element){ .kind = SET, .at = (uint16_t)(s - p->text) };
			why = set_read(&s, 0, &in);
		} else {
			if (wild && c == '\\' && s == end)
				return lone_slash;
			*e = (struct element){ .kind = BYTE, .byte = wild && c == '\\' ? (uint8_t)*s++ : c };
		}
	}
	return why;
}

static bool is_byte(const struct element *e, uint8_t c)
{
	return e->kind == BYTE && e->byte == c;
}

/* A component that no path has: "", "." or "..". */
static bool has_no_name(const struct pattern *p)
{
	for (size_t i = 0, first = 0; i <= p->count; i++) {
		size_t dots = 0;
		if (i < p->count && !is_byte(&p->el[i], '/'))
			continue;
		while (first + dots < i && is_byte(&p->el[first + dots], '.'))
			dots++;
		if (first + dots == i && dots <= 2)
			return true;
		first = i + 1;
	}
	return false;
}

static unsigned slashes(const char *s, const char *end)
{
	unsigned n = 0;

	for (; s < end; s++)
		n += *s == '/';
	return n;
}

static const char *compile(struct pattern *p, size_t len)
{
	const char *s = p->text, *end = s + len, *stars = strstr(s, "**");
	bool        anchored = *s == '/';

	p->dirs_only = len > 1 && end[-1] == '/';
	end -= p->dirs_only;
	p->slash_before = stars == s;
	p->slash_behind = end - s >= 3 && memcmp(end - 3, "***", 3) == 0;
	p->start = anchored || p->slash_before ? AT_ROOT : stars ? AT_EVERY : AT_TAIL;
	p->tail = slashes(s, end) + 1;
	const char *why = read_elements(p, s + anchored, end);
	return why ? why : has_no_name(p) ? no_name : NULL;
}

struct pattern *pattern_new(const char *text, const char **why)
{
	size_t          len = strlen(text), elements = len * sizeof(struct element);
	struct pattern *p = NULL;

	*why = len == 0 ? "an empty pattern matches nothing: name what is meant, or leave it away" :
	       len > PATTERN_MAX ? "it is too long: a pattern has at most 4,095 bytes" : NULL;
	if (!*why)
		p = calloc(1, sizeof *p + elements + len + 1);
	if (!p)
		return NULL;
	p->text = memcpy((char *)p->el + elements, text, len + 1);
	*why = compile(p, len);
	if (*why) {
		free(p);
		p = NULL;
	}
	return p;
}

void pattern_free(struct pattern *p)
{
	free(p);
}

const char *pattern_text(const struct pattern *p)
{
	return p->text;
}

/* on[i]: what was read so far is matched by the elements before i. A star may also be passed over. */
static bool spread(const struct pattern *p, uint8_t *on)
{
	bool any = on[p->count];

	for (size_t i = 0; i < p->count; i++) {
		any |= on[i];
		if (on[i] && star(&p->el[i]))
			on[i + 1] = 1;
	}
	return any || on[p->count];
}

/* One byte more. From the end, so that what an element hands on is not handed on at once by the next. */
static bool step(const struct pattern *p, uint8_t *on, uint8_t c)
{
	on[p->count] = 0;
	for (size_t i = p->count; i-- > 0;) {
		if (!on[i])
			continue;
		on[i] = takes(p, &p->el[i], c);
		if (!star(&p->el[i])) {
			on[i + 1] |= on[i];
			on[i] = 0;
		}
	}
	return spread(p, on);
}

static void begin(const struct pattern *p, uint8_t *on)
{
	on[0] = 1;
	spread(p, on);
}

/* The last n components, NULL: the path has not so many. */
static const char *tail_of(const char *path, const char *end, unsigned n)
{
	for (const char *s = end; s > path; s--)
		if (s[-1] == '/' && --n == 0)
			return s;
	return n == 1 ? path : NULL;
}

/* Tells most paths from most patterns at a glance. */
static bool may_end(const struct element *last, uint8_t c)
{
	return last->kind != BYTE || last->byte == c;
}

bool pattern_matches(const struct pattern *p, const char *path, bool dir)
{
	uint8_t     on[PATTERN_MAX + 1];
	const char *end = path + strlen(path), *s = path;
	bool        alive = true;

	if (s == end || (p->dirs_only && !dir) || !may_end(&p->el[p->count - 1], (uint8_t)end[-1]))
		return false;
	if (p->start == AT_TAIL)
		s = tail_of(path, end, p->tail);
	if (!s)
		return false;
	memset(on, 0, p->count + 1);
	begin(p, on);
	if (p->slash_before)
		step(p, on, '/');
	for (; *s && alive; s++) {
		alive = step(p, on, (uint8_t)*s) || p->start == AT_EVERY;
		if (p->start == AT_EVERY && *s == '/')
			begin(p, on);
	}
	if (!alive)
		return false;
	if (dir && p->slash_behind)
		step(p, on, '/');
	return on[p->count];
}
