/* usage.c - USAGE: what this stream's process has cost so far, said to whoever it serves. See common/usage.h */
#include "common/usage.h"
#include "zcpd/session.h"

int handle_usage(struct session *s, const union wire_body *b)
{
	struct usage    u = usage_now();
	union wire_body answer = { .used = usage_put(&u) };

	(void)b;
	return session_reply(s, WIRE_USED, &answer);
}
