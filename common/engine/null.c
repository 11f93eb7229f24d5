/* null.c - zeros from nothing, and into nothing: the core's own cost. For --bench, and for contents that nobody wants. */
#include <errno.h>
#include <string.h>
#include "common/engine/rows.h"

static ssize_t null_send(struct transfer *t, size_t max)
{
	uint8_t *buf = stream_scratch(t->stream);
	size_t   want = max < WIRE_CONTENTS_MAX ? max : WIRE_CONTENTS_MAX;

	if (!buf)
		return -ENOMEM;
	memset(buf, 0, want);
	return transfer_give(t, buf, want);
}

static ssize_t null_recv(struct transfer *t, size_t max)
{
	uint8_t *buf = stream_scratch(t->stream);
	size_t   want = max < WIRE_CONTENTS_MAX ? max : WIRE_CONTENTS_MAX;

	if (!buf)
		return -ENOMEM;
	int r = transfer_take(t, buf, want);
	return r < 0 ? r : (ssize_t)want;
}

const struct engine engine_null = {
	.name = "null", .id = ENGINE_NULL, .can = CAN_SEND | CAN_RECV | CAN_SEAL | CAN_MAC_RECV, .automatic = 0,
	.send = null_send, .recv = null_recv,
};
