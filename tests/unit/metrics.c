/* links: zcpd */
/*
 * metrics - the text, the requests, the addresses. "metrics text": a board with numbers in it, as tests/metrics.bats has it checked.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/log.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "zcpd/metrics.h"

static const struct net_addr someone = { .ip = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 7 }, .port = 4711 };

static char *text_of(const struct board *b, struct metrics_memory *m)
{
	char  *text = NULL;
	size_t len = 0;
	FILE  *to = open_memstream(&text, &len);

	metrics_text(to, b, m);
	fclose(to);
	return text;
}

static bool has(const char *text, const char *line)
{
	char want[256];

	snprintf(want, sizeof want, "\n%s\n", line);
	bool there = strstr(text, want) != NULL;
	if (!there)
		note("no \"%s\"", line);
	return there;
}

static void fill(struct board *b)
{
	board_open(b, 8, -1);
	for (size_t i = 0; i < 3; i++)
		board_begin(b, i, &someone);
	board_key(&b->slot[0], "alice\"\n", "aegis128l", true);
	board_done(&b->slot[0], BOARD_SENT, engine_by_id(ENGINE_MMAP), 5000);
	board_done(&b->slot[0], BOARD_RECEIVED, NULL, 70);
	board_error(&b->slot[0], 3);
	board_error(&b->slot[0], 63);
	board_request(&b->slot[0], 10);
	board_request(&b->slot[0], 700);
	board_request(&b->slot[0], UINT64_C(200000000));
	board_file(&b->slot[0], BOARD_SENDING, "x", "y", 1, 100);
	board_end(b, 2, CAUSE_HANDSHAKE);
	board_cause(b, CAUSE_BUSY);
	board_reload(b);
}

static void text(void)
{
	struct board          b;
	struct metrics_memory m = { .started = 0 };

	fill(&b);
	/* time for 200 s of requests: what is more than its time can hold is cut */
	b.totals->began_ms = b.slot[0].began_ms = 0;
	b.slot[0].began_ms = 1;
	char *t = text_of(&b, &m);
	ok(!strncmp(t, "# TYPE zcp_streams gauge\n", 25) && strlen(t) > 6 && !strcmp(t + strlen(t) - 6, "# EOF\n"), "begins and ends");
	ok(has(t, "zcp_streams{state=\"sending\"} 1") && has(t, "zcp_streams{state=\"greeting\"} 1") && has(t, "zcp_streams_accepted_total 3"), "streams");
	ok(has(t, "zcp_bytes_total{direction=\"sent\",engine=\"mmap\"} 5000") && has(t, "zcp_bytes_total{direction=\"received\",engine=\"inline\"} 70"),
	   "bytes");
	ok(has(t, "zcp_files_total{direction=\"sent\"} 1"), "files");
	ok(has(t, "zcp_errors_total{number=\"3\",status=\"no such file or export\"} 1") &&
	   has(t, "zcp_errors_total{number=\"63\",status=\"unknown status\"} 1"), "errors");
	ok(has(t, "zcp_handshake_failures_total{cause=\"handshake\"} 1") && has(t, "zcp_handshake_failures_total{cause=\"busy\"} 1"), "causes");
	ok(has(t, "zcp_request_seconds_bucket{le=\"0.00005\"} 1") && has(t, "zcp_request_seconds_bucket{le=\"1.0\"} 2") &&
	   has(t, "zcp_request_seconds_bucket{le=\"100.0\"} 2") && has(t, "zcp_request_seconds_bucket{le=\"+Inf\"} 3") &&
	   has(t, "zcp_request_seconds_count 3"), "a histogram");
	ok(has(t, "zcp_request_seconds_sum 200.00071"), "its sum");
	ok(has(t, "zcp_crashes_total 0") && has(t, "zcp_reloads_total 1") && strstr(t, "zcp_build_info{version=\""), "the rest");
	ok(!strstr(t, "alice") && !strstr(t, "192.0.2"), "no name and no address is in it");
	free(t);
	double began = m.started;
	b.slot[0].counts.bytes[BOARD_SENT][ENGINE_MMAP] = 1;
	b.slot[0].counts.latency[0] = 0;
	b.totals->began_ms = 99;
	t = text_of(&b, &m);
	ok(has(t, "zcp_bytes_total{direction=\"sent\",engine=\"mmap\"} 5000") && has(t, "zcp_request_seconds_count 3"), "a slot's numbers run backwards, these do not");
	ok(m.started == began, "the start stays the same");
	free(t);
	memset((void *)b.slot, 0xff, BOARD_PAGE);
	memset(&b.totals->ended, 0xff, sizeof b.totals->ended);
	t = text_of(&b, &m);
	ok(strlen(t) < METRICS_TEXT, "the greatest numbers fit (%zu bytes)", strlen(t));
	free(t);
	board_close(&b);
}

static unsigned status_of(const char *request, bool *head)
{
	struct metrics_request r = metrics_parse(request, strlen(request));

	*head = r.head;
	return r.status;
}

static void requests(void)
{
	static const struct { unsigned status; const char *text; } cases[] = {
		{ 200, "GET /metrics HTTP/1.1\r\n\r\n" },
		{ 200, "GET /metrics HTTP/1.0\nHost: x\n\n" },
		{ 200, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" },
		{ 200, "GET /metrics?name=x HTTP/1.1\r\n\r\n" },
		{ 200, "GET http://localhost:9722/metrics HTTP/1.1\r\n\r\n" },
		{ 200, "GET /metrics HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n" },
		{ 0,   "" }, { 0, "G" }, { 0, "GET /metrics HTTP/1.1" }, { 0, "GET /metrics HTTP/1.1\r\n" }, { 0, "GET /metrics HTTP/1.1\r\nHost: x\r\n" },
		{ 404, "GET / HTTP/1.1\r\n\r\n" }, { 404, "GET /metrics/ HTTP/1.1\r\n\r\n" }, { 404, "GET /metricsx HTTP/1.1\r\n\r\n" },
		{ 404, "GET //metrics HTTP/1.1\r\n\r\n" }, { 404, "GET http://metrics HTTP/1.1\r\n\r\n" }, { 404, "GET ../../etc/passwd HTTP/1.1\r\n\r\n" },
		{ 405, "POST /metrics HTTP/1.1\r\n\r\n" }, { 405, "get /metrics HTTP/1.1\r\n\r\n" }, { 405, "DELETE /metrics HTTP/1.1\r\n\r\n" },
		{ 400, "\r\n" }, { 400, "GET\r\n" }, { 400, "GET /metrics\r\n" }, { 400, "GET  /metrics HTTP/1.1\r\n" }, { 400, " GET /metrics HTTP/1.1\r\n" },
		{ 400, "GET /metrics HTTP/1.1 \r\n" }, { 400, "GET /met\trics HTTP/1.1\r\n" }, { 400, "GET /metrics FTP/1.1\r\n" },
		{ 400, "G\x80T /metrics HTTP/1.1\r\n" }, { 400, "GET /metrics HTTP/11\r\n" }, { 400, "\x16\x03\x01 x\n" },
		{ 505, "GET /metrics HTTP/2.0\r\n\r\n" }, { 505, "PRI * HTTP/2.0\r\n\r\n" },
	};
	bool head;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned got = status_of(cases[i].text, &head);
		ok(got == cases[i].status, "request %zu: %u (%u)", i, cases[i].status, got);
	}
	ok(status_of("HEAD /metrics HTTP/1.1\r\n\r\n", &head) == 200 && head, "HEAD is one");
	char big[METRICS_REQUEST + 1];
	memset(big, 'A', sizeof big);
	big[METRICS_REQUEST] = '\0';
	ok(status_of(big, &head) == 414, "a line that does not end");
	memcpy(big, "GET /metrics HTTP/1.1\r\nX: ", 26);
	ok(status_of(big, &head) == 431, "headers that do not end");
	big[METRICS_REQUEST - 1] = '\0';
	ok(status_of(big, &head) == 0, "a byte less: there may be more");
	ok(metrics_parse("GET /metrics HTTP/1.1\r\nA\0: b\r\n\r\n", 33).status == 400, "a NUL");
}

static void answers(void)
{
	char   out[1024];
	size_t n = metrics_answer(out, sizeof out, (struct metrics_request){ 200, false }, "body\n", 5);

	out[n] = '\0';
	ok(!strncmp(out, "HTTP/1.1 200 OK\r\n", 17) && strstr(out, "\r\nContent-Length: 5\r\n") && strstr(out, "\r\nConnection: close\r\n") &&
	   strstr(out, "\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n") && !strcmp(out + n - 9, "\r\n\r\nbody\n"), "GET");
	n = metrics_answer(out, sizeof out, (struct metrics_request){ 200, true }, "body\n", 5);
	out[n] = '\0';
	ok(strstr(out, "\r\nContent-Length: 5\r\n") && !strcmp(out + n - 4, "\r\n\r\n"), "HEAD: the same without the body");
	n = metrics_answer(out, sizeof out, (struct metrics_request){ 405, false }, NULL, 0);
	out[n] = '\0';
	ok(!strncmp(out, "HTTP/1.1 405 Method Not Allowed\r\n", 33) && strstr(out, "\r\nAllow: GET, HEAD\r\n"), "405 says what is allowed");
	ok(metrics_answer(out, 100, (struct metrics_request){ 200, false }, "body", 4) == 0, "no room");
}

static void places(void)
{
	static const char *const wrong[] = {
		"0.0.0.0:0", "[::]:0", ":0", "10.0.0.1:9722", "192.0.2.1:0", "[2001:db8::1]:0", "example.com:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
		"127.0.0.1:70000", "", "unix:", "unix:relative", "/run/x", "http://127.0.0.1:1", "127.0.0.1/8:1", "[127.0.0.1:1", "127.0.0.1]:1",
		"unix:/dev/null", "unix:/nowhere/at/all", "[::ffff:10.0.0.1]:0", "%n:1",
	};
	struct net_addr own;
	struct stat     st;
	char            path[4200];

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		int fd = metrics_listen(wrong[i]);
		ok(fd < 0, "\"%s\" is refused (%d)", wrong[i], fd);
	}
	int fd = metrics_listen("127.0.0.1:0");
	ok(fd >= 0 && net_addrs(fd, &own, NULL) == 0 && net_is_loopback(&own) && own.port, "loopback");
	snprintf(path, sizeof path, "127.0.0.1:%u", own.port);
	ok(metrics_listen(path) == -EADDRINUSE, "an address in use");
	close(fd);
	fd = metrics_listen("127.9.9.9:0");
	ok(fd >= 0, "the whole of loopback");
	close(fd);
	fd = metrics_listen("localhost:0");
	ok(fd >= 0 && net_addrs(fd, &own, NULL) == 0 && net_is_loopback(&own), "localhost");
	close(fd);
	close(scratch("/tmp"));
	snprintf(path, sizeof path, "unix:%s/sock", scratch_path());
	fd = metrics_listen(path);
	ok(fd >= 0 && stat(path + 5, &st) == 0 && (st.st_mode & 07777) == 0660, "a Unix socket");
	ok(metrics_listen(path) == -EADDRINUSE, "one in use");
	close(fd);
}

int main(int argc, char **argv)
{
	struct board          b;
	struct metrics_memory m = { .started = 0 };

	log_setup("metrics", LOG_LEVEL_ERROR, 0);
	if (argc > 1 && !strcmp(argv[1], "text")) {
		fill(&b);
		metrics_text(stdout, &b, &m);
		return 0;
	}
	text();
	requests();
	answers();
	places();
	return done();
}
