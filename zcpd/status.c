/* status.c - the daemon's side, and the words for systemd; see status.h */
#include "zcpd/status.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/num.h"
#include "common/unix_socket.h"
#include "zcpd/status_wire.h"

enum { SERVE_MS = 5000, TRIES = 64 };

char *status_path(const struct settings *s)
{
	const char *run = getenv("RUNTIME_DIRECTORY");         /* NOLINT(concurrency-mt-unsafe): one thread */
	char       *out = NULL;

	if (s->status_socket)
		return strcmp(s->status_socket, "none") ? strdup(s->status_socket) : NULL;
	if (!s->config)
		return NULL;
	if (!run || run[0] != '/')
		return strdup(STATUS_DEFAULT);
	/* systemd.exec(5): several are separated by colons */
	return asprintf(&out, "%.*s/status.sock", (int)strcspn(run, ":"), run) < 0 ? NULL : out;
}

int status_connect(const char *path)
{
	return unix_connect(path, 0);
}

int status_listen(const char *path)
{
	return unix_listen(path, 0660);
}

/* --- the snapshot ------------------------------------------------------------------------------------------------ */

static size_t copy_slots(const struct board *b, struct board_slot *to)
{
	size_t n = 0;

	for (size_t i = 0; i < board_used(b); i++) {
		if (!board_copy(&b->slot[i], &to[n]))
			continue;
		atomic_store_explicit(&to[n].turn, 0, memory_order_relaxed);
		n++;
	}
	return n;
}

/* Head, totals, slots: taken while no stream ended, so that none is in the totals and in its slot as well. Bytes, or 0. */
static size_t snapshot(const struct board *b, void **out)
{
	size_t             used = board_used(b), n = 0;
	struct status_head head = { .magic = STATUS_MAGIC, .version = BOARD_VERSION, .page = BOARD_PAGE, .zcpd = ZCP_VERSION };
	char              *p = aligned_alloc(BOARD_PAGE, (used + 2) * BOARD_PAGE);

	if (!p)
		return 0;
	struct board_totals *totals = (struct board_totals *)(void *)(p + BOARD_PAGE);
	struct board         some = *b;
	some.slots = used;              /* as many as there is room for: others may begin meanwhile */
	for (int i = 0; i < TRIES; i++) {
		uint32_t turn = atomic_load_explicit(&b->totals->turn, memory_order_acquire);
		memcpy((void *)totals, (const void *)b->totals, sizeof *totals);
		n = copy_slots(&some, (struct board_slot *)(void *)(p + 2 * BOARD_PAGE));
		atomic_thread_fence(memory_order_acquire);
		if (!(turn & 1) && atomic_load_explicit(&b->totals->turn, memory_order_relaxed) == turn)
			break;
	}
	head.slots = (uint32_t)n;
	head.now_ms = board_now_ms();
	/* the head lies right before the totals' page */
	memcpy(p + BOARD_PAGE - sizeof head, &head, sizeof head);
	*out = p;
	return (n + 1) * BOARD_PAGE + sizeof head;
}

/* A reader that takes it slowly, or not at all, has SERVE_MS. */
static void send_all(int client, const char *p, size_t len)
{
	int64_t end = (int64_t)board_now_ms() + SERVE_MS, left;

	while (len > 0 && (left = end - (int64_t)board_now_ms()) > 0) {
		ssize_t n = io_send_some(client, p, len);
		if (n == -EAGAIN)
			n = io_wait(client, POLLOUT, (int)left) < 0 ? -ETIMEDOUT : 0;
		if (n < 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

void status_serve(const struct board *b, int client)
{
	struct board   view = *b;
	CLEAN_PTR void *memory = NULL;

	if (board_view(&view) < 0)
		return;
	size_t len = snapshot(&view, &memory);
	if (len > 0)
		send_all(client, (const char *)memory + BOARD_PAGE - sizeof(struct status_head), len);
	shutdown(client, SHUT_RDWR);
}

const char *status_line(const struct board *b, char buf[static 128])
{
	struct board_sum sum;
	char             moving[64] = "", out[16], in[16];
	uint64_t         live = 0, sent = 0, received = 0;

	board_sum(b, &sum);
	for (size_t i = 0; i < BOARD_STATES; i++)
		live += sum.states[i];
	for (size_t i = 0; i < ENGINE_IDS; i++) {
		sent += sum.bytes[BOARD_SENT][i];
		received += sum.bytes[BOARD_RECEIVED][i];
	}
	unsigned sending = (unsigned)sum.states[BOARD_SENDING], receiving = (unsigned)sum.states[BOARD_RECEIVING];
	if (sending || receiving)
		snprintf(moving, sizeof moving, " (%u sending, %u receiving)", sending, receiving);
	snprintf(buf, 128, "%u stream%s%s, %s sent, %s received", (unsigned)live, live == 1 ? "" : "s", moving, num_size(sent, out),
	         num_size(received, in));
	return buf;
}
