/* links: zcpd */
/*
 * scoreboard - the board's pages: who may touch which, texts that change under a reader, totals that never run backwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/tap.h"
#include "zcpd/scoreboard.h"

static const struct net_addr someone = { .ip = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 7 }, .port = 4711 };

/* What becomes of a child that does this: its exit status, or 128 + the signal that ended it. */
static int in_child(void (*what)(struct board *), struct board *b)
{
	int   status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		/* under a sanitizer a fault is a report; here it is what is looked for */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		what(b);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void write_own(struct board *b)     { board_error(&b->slot[2], 3); }
static void read_before(struct board *b)   { _exit((int)b->slot[1].state & 1); }
static void read_after(struct board *b)    { _exit((int)b->slot[3].state & 1); }
static void read_totals(struct board *b)   { _exit((int)b->totals->version & 1); }
static void unmapped(struct board *b)
{
	unsigned char there;
	int           found = 0;

	for (size_t i = 0; i < b->slots; i++)
		found += mincore(&b->slot[i], BOARD_PAGE, &there) == 0;
	_exit(found + 100 * (mincore(b->totals, BOARD_PAGE, &there) == 0));
}
static void peek(struct board *b)               /* another process' eyes see no more */
{
	char         page[16];
	struct iovec to = { page, sizeof page }, from = { &b->slot[3], sizeof page };

	_exit(process_vm_readv(getpid(), &to, 1, &from, 1, 0) < 0 ? 7 : 0);
}
static void forget(struct board *b)
{
	int fd = b->fd;

	board_forget(b);
	_exit(b->fd == -1 && fcntl(fd, F_GETFD) < 0 ? 0 : 1);
}

static void neighbours(void)
{
	struct board b;

	ok(board_open(&b, 8, -1) == 0, "a board of 8 slots");
	ok(b.totals->version == BOARD_VERSION && b.totals->slots == 8 && b.totals->began_ms > 0, "it says what it is");
	for (size_t i = 0; i < 4; i++)
		board_begin(&b, i, &someone);
	ok(in_child(unmapped, &b) == 0, "a child that none was meant for inherits nothing");
	ok(board_only(&b, 2) == 0, "slot 2 is the next child's");
	ok(in_child(write_own, &b) == 0 && b.slot[2].counts.errors[3] == 1, "which writes it, and the listener sees that");
	ok(in_child(unmapped, &b) == 1, "one page of the board is mapped there");
	ok(in_child(read_before, &b) == 128 + SIGSEGV, "the slot before is not mapped");
	ok(in_child(read_after, &b) == 128 + SIGSEGV, "nor the one behind");
	ok(in_child(read_totals, &b) == 128 + SIGSEGV, "nor the totals");
	ok(in_child(peek, &b) == 7, "nor for process_vm_readv");
	ok(in_child(forget, &b) == 0, "board_forget closes what could map the rest");
	ok(board_only(&b, 3) == 0 && in_child(unmapped, &b) == 1 && in_child(write_own, &b) == 128 + SIGSEGV, "the next child has the next one's alone");
	ok(board_only(&b, SIZE_MAX) == 0 && in_child(unmapped, &b) == 0, "and then nobody again");
	board_close(&b);
	ok(b.fd == -1 && !b.totals, "closed");
}

static void look(struct board *b)
{
	struct board_sum sum;

	if (board_view(b) < 0 || b->fd != -1)
		_exit(1);
	board_sum(b, &sum);
	if (sum.streams != 4 || sum.errors[3] != 9)
		_exit(2);
	_exit(mprotect(b->totals, BOARD_PAGE, PROT_READ | PROT_WRITE) == 0 ? 3 : 0);
}
static void scribble(struct board *b)
{
	if (board_view(b) < 0)
		_exit(1);
	board_reload(b);
}

static void views(void)
{
	struct board b;

	board_open(&b, 8, -1);
	for (size_t i = 0; i < 4; i++)
		board_begin(&b, i, &someone);
	for (int i = 0; i < 9; i++)
		board_error(&b.slot[1], 3);
	ok(in_child(look, &b) == 0, "a view has all of it, for reading for good");
	ok(in_child(scribble, &b) == 128 + SIGSEGV, "writing to it is the end");
	ok(board_only(&b, 1) == 0 && in_child(look, &b) == 0, "also where a slot was inherited");
	board_close(&b);
}

static void inherited(void)
{
	struct board b, again;
	struct stat  st;

	board_open(&b, 4, -1);
	board_begin(&b, 1, &someone);
	board_cause(&b, CAUSE_BUSY);
	ok(ftruncate(b.fd, 0) < 0 && ftruncate(b.fd, 1 << 20) < 0, "the memory keeps its size");
	ok(fcntl(b.fd, F_GETFD) & FD_CLOEXEC, "close-on-exec, until somebody says otherwise");
	ok(board_open(&again, 5, b.fd) == -EINVAL && fstat(b.fd, &st) == 0, "not a board of another shape; it stays open");
	ok(board_open(&again, 4, STDERR_FILENO) == -EINVAL, "nor one of something else");
	ok(board_open(&again, 0, -1) == -EINVAL && board_open(&again, LIMITS_STREAMS_MAX + 1, -1) == -EINVAL, "nor one of no size");
	int fd = dup(b.fd);
	ok(board_open(&again, 4, fd) == 0 && again.totals->causes[CAUSE_BUSY] == 1 && again.slot[1].state == BOARD_GREETING, "over an exec it goes on");
	board_end(&again, 1, CAUSE_HANDSHAKE);
	ok(b.totals->causes[CAUSE_HANDSHAKE] == 1 && b.totals->live == 0 && b.totals->streams == 1, "both see one memory");
	board_close(&again);
	b.totals->version++;
	fd = dup(b.fd);
	ok(board_open(&again, 4, fd) == -EINVAL, "a board of another version is not taken");
	close(fd);
	board_close(&b);
}

/* One process changes the texts without a pause, this one reads: never half of each. */
static void torn(void)
{
	static const char letters[] = "abcdefgh";
	char              path[BOARD_FILE], first[BOARD_FILE];
	struct board      b;
	struct board_slot seen;
	unsigned          whole = 0, bad = 0, different = 0;

	board_open(&b, 2, -1);
	board_begin(&b, 0, &someone);
	board_only(&b, 0);
	pid_t pid = fork();
	if (pid == 0) {
		for (unsigned n = 0;; n++) {
			memset(path, letters[n % 8], sizeof path);
			board_file(&b.slot[0], BOARD_SENDING, "x", path, 200 + n % 800, n);
		}
	}
	/* on a busy machine it is a while until the other process has its turn */
	for (uint64_t end = board_now_ms() + 60000; (whole < 3000 || different <= 10) && bad == 0 && board_now_ms() < end;) {
		if (!board_copy(&b.slot[0], &seen) || !seen.file[0])
			continue;
		size_t len = strlen(seen.file);
		whole++;
		for (size_t i = 1; i < len; i++)
			bad += seen.file[i] != seen.file[0];
		bad += len < 200 || len > 999;
		different += whole > 1 && strcmp(first, seen.file) != 0;
		memcpy(first, seen.file, sizeof first);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(bad == 0 && different > 10, "%u readings of a text that changes: each whole (%u different)", whole, different);
	b.slot[0].turn |= 1;
	ok(board_copy(&b.slot[0], &seen) && !seen.file[0] && !seen.key[0], "one that never stops changing is blank");
	memset(b.slot[0].key, 'k', sizeof b.slot[0].key);
	b.slot[0].turn = 2;
	ok(board_copy(&b.slot[0], &seen) && strlen(seen.key) == BOARD_NAME, "a text without an end is ended");
	ok(!board_copy(&b.slot[1], &seen), "a free slot is told apart");
	board_close(&b);
}

static void counted(void)
{
	const struct engine *sendfile = engine_by_id(ENGINE_SENDFILE), *splice = engine_by_id(ENGINE_SPLICE);
	struct board         b;
	struct board_sum     sum;

	board_open(&b, 4, -1);
	board_begin(&b, 0, &someone);
	board_begin(&b, 1, &someone);
	board_pid(&b, 1, 4242);
	board_key(&b.slot[1], "alice", "aegis128l", true);
	struct board_slot *s = &b.slot[1];
	ok(s->pid == 4242 && s->state == BOARD_IDLE && s->sealed == 1 && !strcmp(s->key, "alice") && !strcmp(s->suite, "aegis128l"), "who it is");
	board_file(s, BOARD_SENDING, "data", "big", 3, 1000);
	board_moved(s, sendfile, 300);
	board_moved(s, sendfile, 700);
	ok(s->file_done == 700 && s->engine == ENGINE_SENDFILE && s->counts.bytes[BOARD_SENT][ENGINE_SENDFILE] == 700, "bytes count as they move");
	board_sum(&b, &sum);
	ok(sum.bytes[BOARD_SENT][ENGINE_SENDFILE] == 700 && sum.states[BOARD_SENDING] == 1 && sum.states[BOARD_GREETING] == 1, "and are in the sum");
	board_moved(s, splice, 900);
	board_moved(s, splice, 800);
	board_done(s, BOARD_SENT, splice, 1000);
	ok(s->counts.bytes[BOARD_SENT][ENGINE_SENDFILE] == 700 && s->counts.bytes[BOARD_SENT][ENGINE_SPLICE] == 300 && s->counts.files[BOARD_SENT] == 1,
	   "each engine has its own, nothing twice");
	ok(s->state == BOARD_IDLE && s->file_done == 0, "idle again");
	board_done(s, BOARD_RECEIVED, NULL, 50);
	ok(s->counts.bytes[BOARD_RECEIVED][0] == 50, "inline");
	board_file(s, BOARD_RECEIVING, "data", "up", 2, 5000);
	board_moved(s, splice, 1234);
	board_error(s, 44);
	board_error(s, 4000);
	board_request(s, 50);
	board_request(s, 51);
	board_request(s, UINT32_MAX);
	ok(s->counts.latency[0] == 1 && s->counts.latency[1] == 1 && s->counts.latency[BOARD_BUCKETS] == 1 && s->counts.requests == 3, "latency");
	board_end(&b, 1, CAUSE_CRASH);
	board_sum(&b, &sum);
	ok(sum.bytes[BOARD_RECEIVED][ENGINE_SPLICE] == 1234 && sum.bytes[BOARD_SENT][ENGINE_SPLICE] == 300, "a killed stream's bytes are not lost");
	ok(sum.errors[44] == 1 && sum.errors[BOARD_STATUSES - 1] == 1 && sum.requests == 3, "nor its errors and requests");
	ok(sum.crashes == 1 && sum.causes[CAUSE_CRASH] == 0, "a crash after its greeting is no failed greeting");
	board_end(&b, 0, CAUSE_CRASH);
	board_sum(&b, &sum);
	ok(sum.crashes == 2 && sum.causes[CAUSE_CRASH] == 1 && b.totals->live == 0 && sum.streams == 2, "one before it is");
	board_begin(&b, 1, &someone);
	ok(b.slot[1].file[0] == '\0' && b.slot[1].counts.requests == 0, "a slot begins empty");
	board_close(&b);
}

/* What a stream's process that was taken over could write. */
static void hostile(void)
{
	struct board     b;
	struct board_sum before, after;

	board_open(&b, 4, -1);
	board_begin(&b, 0, &someone);
	board_done(&b.slot[0], BOARD_SENT, NULL, 1 << 20);
	board_end(&b, 0, CAUSE_NONE);
	board_sum(&b, &before);
	bool backwards = false;
	for (int round = 0; round < 40; round++) {
		board_begin(&b, 0, &someone);
		memset((char *)&b.slot[0] + sizeof(uint32_t), round & 1 ? 0xff : 0x7f, sizeof b.slot[0] - sizeof(uint32_t));
		board_error(&b.slot[0], 3);             /* also its own arithmetic does not go round */
		board_end(&b, 0, CAUSE_NONE);
		board_sum(&b, &after);
		backwards |= after.bytes[BOARD_SENT][0] < before.bytes[BOARD_SENT][0] || after.errors[3] < before.errors[3] ||
		             after.latency_us < before.latency_us || after.requests < before.requests;
		before = after;
	}
	ok(!backwards, "slots full of nonsense: no total runs backwards");
	ok(after.bytes[BOARD_SENT][0] <= UINT64_C(40) * 3000 << 27, "nor further than that time can hold");
	b.totals->ended.bytes[BOARD_SENT][0] = INT64_MAX - 5;
	board_begin(&b, 0, &someone);
	board_done(&b.slot[0], BOARD_SENT, NULL, 100);
	board_sum(&b, &after);
	ok(after.bytes[BOARD_SENT][0] == INT64_MAX, "a sum stays at the top");
	board_end(&b, 0, CAUSE_NONE);
	ok(b.totals->ended.bytes[BOARD_SENT][0] == INT64_MAX, "a total as well");
	board_begin(&b, 1, &someone);
	b.slot[1].state = 77;
	board_sum(&b, &after);
	ok(after.states[BOARD_IDLE] == 1, "a state that there is not");
	b.slot[1].state = BOARD_SENDING;
	board_revoke(&b, 1);
	ok(board_revoked(&b.slot[1]) && !board_revoked(&b.slot[0]) && !board_revoked(NULL), "revoked, that one alone");
	b.totals->used = UINT32_MAX;
	ok(board_used(&b) == 4, "no reader goes past the end");
	board_close(&b);
}

/* Without a board, or without a slot, nothing happens: --once and the tests of the handlers have none. */
static void none(void)
{
	struct board b = { .fd = -1, .kept = SIZE_MAX };

	board_key(NULL, "k", "s", true);
	board_file(NULL, BOARD_SENDING, "", "", 0, 0);
	board_moved(NULL, NULL, 1);
	board_done(NULL, BOARD_SENT, NULL, 1);
	board_state(NULL, BOARD_IDLE);
	board_error(NULL, 1);
	board_request(NULL, 1);
	board_begin(&b, 0, &someone);
	board_pid(&b, 0, 1);
	board_end(&b, 0, CAUSE_NONE);
	board_cause(&b, CAUSE_BUSY);
	board_revoke(&b, 0);
	board_reload(&b);
	board_forget(&b);
	ok(board_only(&b, 3) == 0 && board_view(&b) == -EINVAL, "no board, no harm");
	board_close(&b);
}

int main(void)
{
	neighbours();
	views();
	inherited();
	torn();
	counted();
	hostile();
	none();
	return done();
}
