/* metrics_http.c - as much of HTTP/1.1 as one resource needs; see metrics.h */
#include <string.h>
#include <strings.h>

#include "zcpd/metrics.h"

static const struct { unsigned status; const char *words; } statuses[] = {
	{ 200, "OK" }, { 400, "Bad Request" }, { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" },
	{ 414, "URI Too Long" }, { 431, "Request Header Fields Too Large" }, { 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

static bool word_is(const char *p, size_t len, const char *word)
{
	return len == strlen(word) && !memcmp(p, word, len);
}

/* RFC 9110, 5.6.2: a method is a token */
static bool is_token(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || (p[i] && strchr("!#$%&'*+-.^_`|~", p[i]))))
			return false;
	return len > 0;
}

static bool is_visible(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] > '~')
			return false;
	return len > 0;
}

/* "/metrics", "/metrics?x", "http://host/metrics" (RFC 9112, 3.2.2) */
static bool is_ours(const char *p, size_t len)
{
	static const char http[] = "http://";
	const char       *slash;

	if (len > strlen(http) && !strncasecmp(p, http, strlen(http))) {
		slash = memchr(p + strlen(http), '/', len - strlen(http));
		if (!slash)
			return false;
		len -= (size_t)(slash - p);
		p = slash;
	}
	const char *query = memchr(p, '?', len);
	return word_is(p, query ? (size_t)(query - p) : len, "/metrics");
}

/* METHOD SP TARGET SP HTTP/1.x */
static struct metrics_request request_line(const char *p, size_t len)
{
	struct metrics_request bad = { .status = 400 };
	const char            *end = p + len, *one = memchr(p, ' ', len);
	const char            *two = one ? memchr(one + 1, ' ', (size_t)(end - one - 1)) : NULL;

	if (!two || !is_token(p, (size_t)(one - p)) || !is_visible(one + 1, (size_t)(two - one - 1)))
		return bad;
	const char *version = two + 1;
	if (end - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.')
		return bad;
	bool head = word_is(p, (size_t)(one - p), "HEAD");
	if (version[5] != '1')
		return (struct metrics_request){ 505, head };
	if (!is_ours(one + 1, (size_t)(two - one - 1)))
		return (struct metrics_request){ 404, head };
	if (!head && !word_is(p, (size_t)(one - p), "GET"))
		return (struct metrics_request){ 405, false };
	return (struct metrics_request){ 200, head };
}

/* The line at p: its length without CR LF or LF, *next behind it; false: it is not complete. RFC 9112, 2.2 allows a bare LF. */
static bool line(const char *p, size_t len, size_t *have, size_t *next)
{
	const char *lf = memchr(p, '\n', len);

	if (!lf)
		return false;
	*next = (size_t)(lf - p) + 1;
	*have = *next - 1 - (lf > p && lf[-1] == '\r');
	return true;
}

struct metrics_request metrics_parse(const char *p, size_t len)
{
	size_t have, next, at;

	if (!line(p, len, &have, &next))
		return (struct metrics_request){ .status = len < METRICS_REQUEST ? 0 : 414 };
	struct metrics_request out = request_line(p, have);
	if (out.status == 400)
		return out;                     /* what follows is not looked at */
	for (at = next; line(p + at, len - at, &have, &next); at += next) {
		if (have == 0)
			return out;
		if (memchr(p + at, '\0', have))
			return (struct metrics_request){ .status = 400 };
	}
	return (struct metrics_request){ .status = len < METRICS_REQUEST ? 0 : 431 };
}

static const char *words_of(unsigned status)
{
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (statuses[i].status == status)
			return statuses[i].words;
	return "Error";
}

size_t metrics_answer(char *out, size_t room, struct metrics_request r, const char *body, size_t len)
{
	static const char open_metrics[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";
	char              words[64];

	if (r.status != 200) {
		snprintf(words, sizeof words, "%s\n", words_of(r.status));
		body = words;
		len = strlen(words);
	}
	int n = snprintf(out, room, "HTTP/1.1 %u %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", r.status,
	                 words_of(r.status), r.status == 405 ? "Allow: GET, HEAD\r\n" : "", r.status == 200 ? open_metrics : "text/plain; charset=utf-8", len);
	if (n < 0 || (size_t)n + len > room)
		return 0;
	if (!r.head)
		memcpy(out + n, body, len);
	return (size_t)n + (r.head ? 0 : len);
}
