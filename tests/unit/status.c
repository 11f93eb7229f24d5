/* links: zcpd */
/*
 * status - the snapshot over its socket, what is made of it, and whoever may answer there instead of zcpd.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/err.h"
#include "common/vis.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "zcpd/status.h"
#include "zcpd/status_wire.h"

static const struct net_addr someone = { .ip = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 7 }, .port = 4711 };

/* Accepts `times` in a process of its own and answers by `answer`. */
static pid_t server(int sock, int times, void (*answer)(int, const void *), const void *with)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	signal(SIGPIPE, SIG_IGN);
	fcntl(sock, F_SETFL, fcntl(sock, F_GETFL) & ~O_NONBLOCK);
	while (times-- > 0) {
		int client = accept(sock, NULL, NULL);
		answer(client, with);
		close(client);
	}
	_exit(0);
}

static void serve_board(int client, const void *b) { status_serve(b, client); _exit(0); }
static void serve_forked(int client, const void *b)      /* as the listener does: a process for each */
{
	pid_t pid = fork();

	if (pid == 0)
		serve_board(client, b);
	waitpid(pid, NULL, 0);
}

static int stop(pid_t pid)
{
	int status = 0;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return status;
}

/* What fn prints. */
static char *printed(void (*fn)(FILE *, const struct status_snapshot *, const struct status_snapshot *), const struct status_snapshot *before,
                     const struct status_snapshot *now)
{
	char  *text = NULL;
	size_t len = 0;
	FILE  *to = open_memstream(&text, &len);

	fn(to, before, now);
	fclose(to);
	return text;
}

static void json(FILE *to, const struct status_snapshot *before, const struct status_snapshot *now)   { (void)!status_json(to, before, now); }
static void wide(FILE *to, const struct status_snapshot *before, const struct status_snapshot *now)   { status_table(to, 0, before, now); }
static void narrow(FILE *to, const struct status_snapshot *before, const struct status_snapshot *now) { status_table(to, 130, before, now); }

static bool has(const char *text, const char *what)
{
	bool there = strstr(text, what) != NULL;

	if (!there)
		note("no \"%s\" in: %s", what, text);
	return there;
}

static size_t longest(const char *text)
{
	size_t most = 0;
	char   line[8192];

	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
		if (!strncmp(line, "since its start", 15))
			continue;               /* the totals are a sentence */
		most = vis_columns(line) > most ? vis_columns(line) : most;
	}
	return most;
}

static void places(const char *dir)
{
	char            path[4200], other[4200], too_long[300];
	struct stat     st;
	char            none[] = "none", named[] = "/x/y";
	struct settings s = { .config = false };

	unsetenv("RUNTIME_DIRECTORY");
	ok(status_path(&s) == NULL, "--root: no socket unless it is named");
	s.config = true;
	char *p = status_path(&s);
	ok(p && !strcmp(p, "/run/zcpd/status.sock"), "--config: the default");
	free(p);
	setenv("RUNTIME_DIRECTORY", "/run/one:/run/two", 1);
	p = status_path(&s);
	ok(p && !strcmp(p, "/run/one/status.sock"), "the unit's runtime directory, the first of several");
	free(p);
	unsetenv("RUNTIME_DIRECTORY");
	s.status_socket = none;
	ok(status_path(&s) == NULL, "none");
	s.status_socket = named;
	p = status_path(&s);
	ok(p && !strcmp(p, "/x/y"), "as named");
	free(p);

	snprintf(path, sizeof path, "%s/sock", dir);
	mode_t mask = umask(0);
	int    fd = status_listen(path);
	umask(mask);
	ok(fd >= 0 && stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 07777) == 0660, "a socket, 0660 whatever the umask is");
	ok(status_listen(path) == -EADDRINUSE, "a live one is not replaced");
	close(fd);
	mask = umask(0777);
	fd = status_listen(path);
	umask(mask);
	ok(fd >= 0 && stat(path, &st) == 0 && (st.st_mode & 07777) == 0660, "a dead one is");
	ok(fcntl(fd, F_GETFD) & FD_CLOEXEC && fcntl(fd, F_GETFL) & O_NONBLOCK, "close-on-exec, and it never blocks the listener");
	close(fd);
	snprintf(other, sizeof other, "%s/file", dir);
	close(open(other, O_CREAT | O_WRONLY, 0600));
	ok(status_listen(other) == -EEXIST && stat(other, &st) == 0 && S_ISREG(st.st_mode), "another file stays");
	snprintf(other, sizeof other, "%s/nowhere/sock", dir);
	ok(status_listen(other) == -ENOENT, "no such directory");
	memset(too_long, 'x', sizeof too_long);
	too_long[0] = '/';
	too_long[sizeof too_long - 1] = '\0';
	ok(status_listen(too_long) == -ENAMETOOLONG && status_listen("") == -ENAMETOOLONG, "a path that is too long for a socket");
}

static void fill(struct board *b)
{
	const struct engine *mmap = engine_by_id(ENGINE_MMAP), *sendfile = engine_by_id(ENGINE_SENDFILE);

	board_open(b, 16, -1);
	for (size_t i = 0; i < 4; i++) {
		board_begin(b, i + 3, &someone);
		board_pid(b, i + 3, 100 + (int)i);
	}
	board_key(&b->slot[4], "alice", "aegis128l", true);
	board_file(&b->slot[4], BOARD_SENDING, "data", "photos/very/long/path/0001.raw", 30, UINT64_C(4) << 30);
	board_moved(&b->slot[4], mmap, UINT64_C(1) << 30);
	board_key(&b->slot[5], "bob\x1b[31m\"", "aegis256", false);
	board_file(&b->slot[5], BOARD_RECEIVING, "in\n", "\xff\xfe\"\\\x01", 5, 1000);
	board_moved(&b->slot[5], sendfile, 500);
	board_key(&b->slot[6], "carol", "chacha20poly1305", true);
	board_error(&b->slot[6], 3);
	board_end(b, 3, CAUSE_NO_ZCP);
}

static void good(const char *dir)
{
	char                   path[4200];
	struct board           b;
	struct status_snapshot one = { 0 }, two = { 0 };

	fill(&b);
	snprintf(path, sizeof path, "%s/good", dir);
	int   sock = status_listen(path);
	pid_t pid = server(sock, 1, serve_forked, &b);
	ok(status_read(path, 20000, &one) == ST_OK && one.board.slots == 3, "a snapshot has the slots in use");
	b.slot[4].counts.bytes[BOARD_SENT][ENGINE_MMAP] += UINT64_C(1) << 30;
	waitpid(pid, NULL, 0);
	pid = server(sock, 1, serve_forked, &b);
	ok(status_read(path, 20000, &two) == ST_OK && two.now_ms >= one.now_ms, "and another");
	stop(pid);
	one.now_ms = two.now_ms - 500;
	char *t = printed(wide, &one, &two);
	ok(has(t, "PEER") && has(t, "KEY") && has(t, "EXPORT") && has(t, "FILE") && has(t, "ENGINE") && has(t, "BYTES") && has(t, "RATE"), "a head");
	ok(has(t, "192.0.2.7:4711  alice") && has(t, "sending") && has(t, "photos/very/long/path/0001.raw") && has(t, "25 %") && has(t, "aegis128l"),
	   "who sends what");
	ok(has(t, "2.0 GiB") && has(t, "2.0 GiB/s"), "bytes and rate");
	ok(has(t, "bob\\x1b[31m") && has(t, "\\xff\\xfe") && has(t, "plaintext") && !strchr(t, 0x1b), "a peer's bytes are escaped");
	ok(has(t, "3 streams (1 sending, 1 receiving), 2.0 GiB sent, 500 B received"), "a line of totals");
	ok(has(t, "4 streams") && has(t, "1 error,") && has(t, "1 let in no further"), "since its start");
	free(t);
	t = printed(narrow, &one, &two);
	ok(longest(t) <= 130 && has(t, "..."), "cut to the terminal (%zu)", longest(t));
	ok(has(t, "1.raw"), "a file's end is kept");
	free(t);
	t = printed(json, &one, &two);
	ok(has(t, "\"key\": \"bob\\\\x1b[31m\\\"\"") && has(t, "\"export\": \"in\\\\x0a\"") && has(t, "\"bytes_per_second\": 2147483648") &&
	   has(t, "\"no zcp\": 1") && has(t, "\"3\": 1"), "json");
	ok(has(t, "{ \"zcpd\": \"") && has(t, ",\n  \"errors\": { \"3\": 1 },\n  \"handshake_failures\": { ") && has(t, ",\n  \"streams\": [\n    { \"peer\": \"") &&
	   has(t, " },\n    { \"peer\": \"") && has(t, " }\n  ] }\n"), "its lines");
	free(t);
	t = printed(wide, NULL, &one);
	ok(strstr(t, "B/s") == NULL, "without an earlier one there is no rate");
	free(t);
	status_clear(&one);
	status_clear(&two);
	close(sock);
	board_close(&b);
}

/* --- who else may answer ----------------------------------------------------------------------------------------- */

static void nothing(int client, const void *w)  { (void)client; (void)w; pause(); }
static void closes(int client, const void *w)   { (void)client; (void)w; }
static void garbage(int client, const void *w)  { (void)w; (void)!write(client, "HTTP/1.1 200 OK\r\nContent-Length: 70000000000\r\n\r\n and more, and more of it", 72); }
static void endless(int client, const void *w)
{
	char page[BOARD_PAGE] = { 0 };

	while (write(client, w, sizeof(struct status_head)) > 0)
		while (write(client, page, sizeof page) > 0)
			;
}
static void stops(int client, const void *w)
{
	if (write(client, w, sizeof(struct status_head)) > 0)
		pause();
}
static void head_then_end(int client, const void *w)
{
	(void)!write(client, w, sizeof(struct status_head));
	(void)!write(client, w, 17);
}
struct made { struct status_head head; char pages[2 * BOARD_PAGE]; };
static void whole(int client, const void *w)    { (void)!write(client, w, sizeof(struct made)); }
static void too_much(int client, const void *w) { (void)!write(client, w, sizeof(struct made)); (void)!write(client, "x", 1); }

static void case_of(const char *dir, const char *name, int want, int ms, void (*answer)(int, const void *), const void *with)
{
	static unsigned        n;
	char                   path[4200];
	struct status_snapshot s = { 0 };

	snprintf(path, sizeof path, "%s/fake%u", dir, n++);
	int      sock = status_listen(path);
	pid_t    pid = server(sock, 1, answer, with);
	uint64_t began = board_now_ms();
	int      got = status_read(path, ms, &s);
	ok(got == want && board_now_ms() - began < 15000, "%s: status %d (%d)", name, want, got);
	if (got == ST_OK) {
		char *t = printed(wide, NULL, &s), *j = printed(json, &s, &s);
		ok(strlen(t) < 1 << 20 && strlen(j) < 1 << 20 && !strchr(t, 0x1b) && !strchr(j, 0x1b), "%s: shown all the same", name);
		free(t);
		free(j);
	}
	status_clear(&s);
	stop(pid);
	close(sock);
}

static void fakes(const char *dir)
{
	struct status_head head = { .magic = STATUS_MAGIC, .version = BOARD_VERSION, .page = BOARD_PAGE, .slots = 2 };
	static struct made made;

	case_of(dir, "one that says nothing", ST_PROTOCOL, 300, nothing, NULL);
	case_of(dir, "one that has no time and closes", ST_CONNECTION, 20000, closes, NULL);
	case_of(dir, "garbage", ST_PROTOCOL, 20000, garbage, NULL);
	case_of(dir, "an endless one", ST_PROTOCOL, 20000, endless, &head);
	case_of(dir, "one that stops in the middle", ST_PROTOCOL, 300, stops, &head);
	case_of(dir, "a short one", ST_PROTOCOL, 20000, head_then_end, &head);
	head.slots = UINT32_MAX;
	case_of(dir, "more streams than there can be", ST_PROTOCOL, 20000, endless, &head);
	head.slots = LIMITS_STREAMS_MAX;
	case_of(dir, "as many as there can be, and no end", ST_PROTOCOL, 20000, endless, &head);
	head.slots = 1;
	head.version = BOARD_VERSION + 1;
	case_of(dir, "another version", ST_PROTOCOL, 20000, endless, &head);
	head.version = BOARD_VERSION;
	made.head = head;
	case_of(dir, "all zeros", ST_OK, 20000, whole, &made);
	case_of(dir, "a byte too much", ST_PROTOCOL, 20000, too_much, &made);
	memset(&made, 0xff, sizeof made);
	made.head = head;
	case_of(dir, "all ones", ST_OK, 20000, whole, &made);
	memset(&made, 0x1b, sizeof made);
	made.head = head;
	memset(made.head.zcpd, 0x1b, sizeof made.head.zcpd);
	case_of(dir, "all escapes", ST_OK, 20000, whole, &made);
}

static void absent(const char *dir)
{
	char                   path[4200];
	struct status_snapshot s;

	snprintf(path, sizeof path, "%s/absent", dir);
	ok(status_read(path, 1000, &s) == ST_CONNECTION, "nobody there: status 10");
	int fd = status_listen(path);
	close(fd);
	ok(status_read(path, 1000, &s) == ST_CONNECTION, "nobody there any more: status 10");
}

/* A reader that never reads, and one that goes away, cost one process and a few seconds. */
static pid_t serve_to(const struct board *b, int *reader)
{
	int   pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		fcntl(pair[1], F_SETFL, O_NONBLOCK);
		serve_board(pair[1], b);
	}
	close(pair[1]);
	*reader = pair[0];
	return pid;
}

static void crowd(struct board *b)
{
	board_open(b, LIMITS_STREAMS_MAX, -1);
	for (size_t i = 0; i < LIMITS_STREAMS_MAX; i++)
		board_begin(b, i, &someone);
}

static void lines(void)
{
	char         buf[128];
	struct board b;

	board_open(&b, 4, -1);
	ok(!strcmp(status_line(&b, buf), "0 streams, 0 B sent, 0 B received"), "%s", buf);
	board_begin(&b, 0, &someone);
	ok(!strcmp(status_line(&b, buf), "1 stream, 0 B sent, 0 B received"), "%s", buf);
	board_file(&b.slot[0], BOARD_SENDING, "", "f", 1, 100);
	board_moved(&b.slot[0], NULL, 42);
	ok(!strcmp(status_line(&b, buf), "1 stream (1 sending, 0 receiving), 42 B sent, 0 B received"), "%s", buf);
	memset(&b.totals->ended, 0xff, sizeof b.totals->ended);
	ok(strlen(status_line(&b, buf)) < 128, "%s", buf);
	board_close(&b);
}

int main(void)
{
	char        *dir = scratch_path();
	struct board b;
	int          slow = -1, gone = -1, status;

	signal(SIGPIPE, SIG_IGN);
	close(scratch("/tmp"));         /* a socket's path is short */
	crowd(&b);
	pid_t waits = serve_to(&b, &slow), leaves = serve_to(&b, &gone);
	close(gone);
	places(dir);
	lines();
	good(dir);
	fakes(dir);
	absent(dir);
	ok(waitpid(leaves, &status, 0) == leaves && WIFEXITED(status), "a reader that goes away ends its server");
	ok(waitpid(waits, &status, 0) == waits && WIFEXITED(status), "one that never reads, too, in its time");
	close(slow);
	board_close(&b);
	scratch_remove();
	return done();
}
