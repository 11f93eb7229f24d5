/* status_read.c - a snapshot from the socket, checked: who answers there may be anybody. See status.h */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/status.h"
#include "zcpd/status_wire.h"

static int nobody(const char *shown, int r)
{
	if (r == -EACCES || r == -EPERM)
		log_error("\"%s\": permission denied: ask as root, as the service's user, or as a member of its group", shown);
	else if (r == -EAGAIN)
		log_error("\"%s\": no answer, too many are asking at once: try again", shown);
	else if (r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR || r == -ENOTSOCK)
		log_error("nobody answers at \"%s\": is zcpd running (systemctl status zcpd), and is status-socket the same in its configuration?", shown);
	else
		log_error("nobody answers at \"%s\": %s", shown, strerrordesc_np(-r));
	return ST_CONNECTION;
}

/* How many bytes came before the end or the deadline; -ETIMEDOUT. */
static ssize_t take(int sock, void *buf, size_t len, int64_t end)
{
	size_t at = 0;

	while (at < len) {
		int64_t left = end - (int64_t)board_now_ms();
		if (left <= 0 || io_wait(sock, POLLIN, (int)left) < 0)
			return -ETIMEDOUT;
		ssize_t n = io_recv_some(sock, (char *)buf + at, len - at, false);
		if (n == -EAGAIN)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	return (ssize_t)at;
}

static int not_one(const char *shown, const char *why)
{
	log_error("what answers at \"%s\" sent no snapshot of zcpd's: %s", shown, why);
	return ST_PROTOCOL;
}

static int take_all(int sock, const char *shown, int64_t end, struct status_snapshot *out)
{
	struct status_head head;
	ssize_t            n = take(sock, &head, sizeof head, end);
	char               one;

	if (n == -ETIMEDOUT)
		return not_one(shown, "nothing complete came in time");
	if (n == 0)
		return nobody(shown, -EAGAIN);
	if (n != sizeof head || memcmp(head.magic, STATUS_MAGIC, sizeof head.magic) != 0)
		return not_one(shown, n >= 0 && n < (ssize_t)sizeof head ? "it ended early" : "it begins with something else");
	if (head.version != BOARD_VERSION || head.page != BOARD_PAGE)
		return not_one(shown, "it is of another version; use the zcpd that is installed with it, or restart the service");
	if (head.slots > LIMITS_STREAMS_MAX)
		return not_one(shown, "it claims more streams than there can be");
	size_t          len = (size_t)(head.slots + 1) * BOARD_PAGE;
	CLEAN_PTR void *memory = aligned_alloc(BOARD_PAGE, len);
	if (!memory)
		return not_one(shown, "no memory for it");
	n = take(sock, memory, len, end);
	if (n != (ssize_t)len)
		return not_one(shown, n == -ETIMEDOUT ? "nothing complete came in time" : "it ended early");
	n = take(sock, &one, 1, end);
	if (n != 0)
		return not_one(shown, n == 1 ? "it goes on after its end" : "it did not end");
	*out = (struct status_snapshot){ .now_ms = head.now_ms, .memory = memory };
	memcpy(out->zcpd, head.zcpd, sizeof out->zcpd - 1);
	out->board = (struct board){ .totals = memory, .slot = (struct board_slot *)memory + 1, .slots = head.slots, .fd = -1, .kept = SIZE_MAX };
	memory = NULL;
	return ST_OK;
}

/* What is only bookkeeping between a board and its readers is put right. */
static void settle(struct status_snapshot *s)
{
	struct board *b = &s->board;

	atomic_store(&b->totals->turn, 0);
	atomic_store(&b->totals->used, (uint32_t)b->slots);
	for (size_t i = 0; i < b->slots; i++) {
		struct board_slot *slot = &b->slot[i];
		unsigned           state = atomic_load(&slot->state);
		atomic_store(&slot->turn, 0);
		if (state == BOARD_FREE || state >= BOARD_STATES)
			atomic_store(&slot->state, BOARD_IDLE);
		slot->key[sizeof slot->key - 1] = slot->suite[sizeof slot->suite - 1] = '\0';
		slot->export[sizeof slot->export - 1] = slot->file[sizeof slot->file - 1] = '\0';
	}
}

int status_read(const char *path, int ms, struct status_snapshot *out)
{
	char         shown[512];
	CLEAN_FD int sock = status_connect(path);

	vis_str(shown, sizeof shown, path);
	if (sock < 0)
		return nobody(shown, sock);
	int status = take_all(sock, shown, (int64_t)board_now_ms() + ms, out);
	if (status == ST_OK)
		settle(out);
	return status;
}

void status_clear(struct status_snapshot *s)
{
	free(s->memory);
	*s = (struct status_snapshot){ .board.fd = -1 };
}

uint64_t status_bytes(const struct board_slot *s)
{
	uint64_t all = 0;

	for (size_t w = 0; w < BOARD_WAYS; w++)
		for (size_t e = 0; e < ENGINE_IDS; e++) {
			uint64_t n = atomic_load_explicit(&s->counts.bytes[w][e], memory_order_relaxed);
			all = n > INT64_MAX || all > INT64_MAX - n ? INT64_MAX : all + n;
		}
	return all;
}

/* The same stream, and how far it has come since. */
uint64_t status_rate(const struct status_snapshot *before, const struct status_snapshot *now, const struct board_slot *s, bool *known)
{
	*known = false;
	if (!before || now->now_ms <= before->now_ms)
		return 0;
	for (size_t i = 0; i < before->board.slots; i++) {
		const struct board_slot *old = &before->board.slot[i];
		if (atomic_load(&old->pid) != atomic_load(&s->pid) || atomic_load(&old->began_ms) != atomic_load(&s->began_ms))
			continue;
		uint64_t then = status_bytes(old), bytes = status_bytes(s), ms = now->now_ms - before->now_ms;
		bytes = bytes > then ? bytes - then : 0;
		*known = true;
		return bytes > UINT64_MAX / 1000 ? bytes / ms * 1000 : bytes * 1000 / ms;
	}
	return 0;
}
