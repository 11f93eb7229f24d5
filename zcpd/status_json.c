/* status_json.c - zcpd --status --json: one document, valid whatever bytes a peer sent. See status.h */
#include <string.h>

#include "common/err.h"
#include "common/vis.h"
#include "zcpd/status.h"

/* Visible text: it has no control characters, and is UTF-8. So only " and \ are left to escape. */
static void string(FILE *to, const char *bytes)
{
	char buf[4 * BOARD_FILE + 8];

	vis_str(buf, sizeof buf, bytes);
	fputc('"', to);
	for (const char *p = buf; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', to);
		fputc(*p, to);
	}
	fputc('"', to);
}

static void text(FILE *to, const char *name, const char *bytes, bool there)
{
	fprintf(to, ", \"%s\": ", name);
	if (there)
		string(to, bytes);
	else
		fputs("null", to);
}

static void number(FILE *to, const char *name, uint64_t n)
{
	fprintf(to, ", \"%s\": %llu", name, (unsigned long long)n);
}

static void millis(FILE *to, const char *name, uint64_t ms)
{
	fprintf(to, ", \"%s\": %llu.%03u", name, (unsigned long long)ms / 1000, (unsigned)(ms % 1000));
}

static void way(FILE *to, const char *name, const struct board_sum *sum, enum board_way w)
{
	uint64_t all = 0;

	for (size_t e = 0; e < ENGINE_IDS; e++)
		all = all > UINT64_MAX - sum->bytes[w][e] ? UINT64_MAX : all + sum->bytes[w][e];
	fprintf(to, ",\n  \"%s\": { \"files\": %llu", name, (unsigned long long)sum->files[w]);
	number(to, "bytes", all);
	fputs(", \"bytes_by_engine\": {", to);
	for (unsigned e = 0; e < ENGINE_IDS; e++)
		fprintf(to, "%s \"%s\": %llu", e ? "," : "", board_engine_name(e), (unsigned long long)sum->bytes[w][e]);
	fputs(" } }", to);
}

static void errors(FILE *to, const struct board_sum *sum)
{
	bool first = true;

	fputs(",\n  \"errors\": {", to);
	for (unsigned i = 0; i < BOARD_STATUSES; i++) {
		if (sum->errors[i])
			fprintf(to, "%s \"%u\": %llu", first ? "" : ",", i, (unsigned long long)sum->errors[i]);
		first = first && !sum->errors[i];
	}
	fputs(" },\n  \"handshake_failures\": {", to);
	for (unsigned i = CAUSE_NONE + 1; i < CAUSE_COUNT; i++)
		fprintf(to, "%s \"%s\": %llu", i > CAUSE_NONE + 1 ? "," : "", board_cause_name(i), (unsigned long long)sum->causes[i]);
	fputs(" }", to);
}

static void stream(FILE *to, const struct board_slot *s, const struct status_snapshot *before, const struct status_snapshot *now)
{
	unsigned state = atomic_load(&s->state);
	bool     moves = state == BOARD_SENDING || state == BOARD_RECEIVING, file = moves || state == BOARD_LISTING, known;
	uint64_t rate = status_rate(before, now, s, &known), began = atomic_load(&s->began_ms);
	char     peer[64];

	fputs("{ \"peer\": ", to);
	string(to, net_text(&s->peer, peer));
	number(to, "pid", atomic_load(&s->pid));
	text(to, "key", s->key, s->key[0]);
	text(to, "state", board_state_name(state), true);
	text(to, "way", state == BOARD_SENDING ? "sent" : "received", moves);
	text(to, "export", s->export, file);
	text(to, "file", s->file, file);
	number(to, "file_size", moves ? atomic_load(&s->file_size) : 0);
	number(to, "file_done", moves ? atomic_load(&s->file_done) : 0);
	text(to, "engine", board_engine_name(atomic_load(&s->engine)), moves);
	text(to, "suite", s->suite, s->suite[0]);
	fprintf(to, ", \"encrypted\": %s", !s->suite[0] ? "null" : atomic_load(&s->sealed) ? "true" : "false");
	number(to, "bytes", status_bytes(s));
	if (known)
		number(to, "bytes_per_second", rate);
	else
		fputs(", \"bytes_per_second\": null", to);
	millis(to, "seconds", now->now_ms > began ? now->now_ms - began : 0);
	fputs(" }", to);
}

void status_json(FILE *to, const struct status_snapshot *before, const struct status_snapshot *now)
{
	struct board_sum sum;

	board_sum(&now->board, &sum);
	fputs("{ \"zcpd\": ", to);
	string(to, now->zcpd);
	millis(to, "up_seconds", now->now_ms > sum.began_ms ? now->now_ms - sum.began_ms : 0);
	number(to, "live", now->board.slots);
	number(to, "accepted", sum.streams);
	for (unsigned i = BOARD_FREE + 1; i < BOARD_STATES; i++)
		number(to, board_state_name(i), sum.states[i]);
	number(to, "requests", sum.requests);
	number(to, "crashes", sum.crashes);
	number(to, "reloads", sum.reloads);
	way(to, "sent", &sum, BOARD_SENT);
	way(to, "received", &sum, BOARD_RECEIVED);
	errors(to, &sum);
	fputs(",\n  \"streams\": [", to);
	for (size_t i = 0; i < now->board.slots; i++) {
		fputs(i ? ",\n    " : "\n    ", to);
		stream(to, &now->board.slot[i], before, now);
	}
	fputs(now->board.slots ? "\n  ] }\n" : "] }\n", to);
}
