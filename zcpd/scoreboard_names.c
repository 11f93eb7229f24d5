/* scoreboard_names.c - words for what the board has numbers for; see scoreboard.h */
#include "zcpd/scoreboard.h"

const char *board_state_name(unsigned n)
{
	static const char *const names[BOARD_STATES] = { "free", "greeting", "idle", "listing", "sending", "receiving" };

	return n < BOARD_STATES ? names[n] : "?";
}

const char *board_cause_name(unsigned n)
{
	static const char *const names[CAUSE_COUNT] = { "none", "no zcp", "handshake", "deadline", "key", "busy", "penalty", "crash" };

	return n < CAUSE_COUNT ? names[n] : "?";
}

const char *board_engine_name(unsigned n)
{
	const struct engine *e = n <= UINT8_MAX ? engine_by_id((uint8_t)n) : NULL;

	return n == 0 ? "inline" : e ? e->name : "?";
}
