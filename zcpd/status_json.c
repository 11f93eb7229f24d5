/* status_json.c - zcpd --status --json: one document, valid whatever bytes a peer sent. See status.h */
#include "common/err.h"
#include "common/json.h"
#include "common/vis.h"
#include "zcpd/status.h"

/* A peer's bytes: visible text. */
static void text(struct json *j, const char *name, const char *bytes, bool there)
{
	char buf[4 * BOARD_FILE + 8];

	if (there)
		json_string(j, name, vis_str(buf, sizeof buf, bytes));
	else
		json_null(j, name);
}

static void way(struct json *j, const char *name, const struct board_sum *sum, enum board_way w)
{
	uint64_t all = 0;

	for (size_t e = 0; e < ENGINE_IDS; e++)
		all = all > UINT64_MAX - sum->bytes[w][e] ? UINT64_MAX : all + sum->bytes[w][e];
	j->once = "\n  ";
	json_object(j, name);
	json_number(j, "files", sum->files[w]);
	json_number(j, "bytes", all);
	json_object(j, "bytes_by_engine");
	for (unsigned e = 0; e < ENGINE_IDS; e++)
		json_number(j, board_engine_name(e), sum->bytes[w][e]);
	json_object_end(j);
	json_object_end(j);
}

static void errors(struct json *j, const struct board_sum *sum)
{
	char number[8];

	j->once = "\n  ";
	json_object(j, "errors");
	for (unsigned i = 0; i < BOARD_STATUSES; i++) {
		snprintf(number, sizeof number, "%u", i);
		if (sum->errors[i])
			json_number(j, number, sum->errors[i]);
	}
	json_object_end(j);
	j->once = "\n  ";
	json_object(j, "handshake_failures");
	for (unsigned i = CAUSE_NONE + 1; i < CAUSE_COUNT; i++)
		json_number(j, board_cause_name(i), sum->causes[i]);
	json_object_end(j);
}

static void stream(struct json *j, const struct board_slot *s, const struct status_snapshot *before, const struct status_snapshot *now)
{
	unsigned state = atomic_load(&s->state);
	bool     moves = state == BOARD_SENDING || state == BOARD_RECEIVING, file = moves || state == BOARD_LISTING, known;
	uint64_t rate = status_rate(before, now, s, &known), began = atomic_load(&s->began_ms);
	char     peer[64];

	j->once = "\n    ";
	json_object(j, NULL);
	text(j, "peer", net_text(&s->peer, peer), true);
	json_number(j, "pid", (uint64_t)atomic_load(&s->pid));
	text(j, "key", s->key, s->key[0]);
	text(j, "state", board_state_name(state), true);
	text(j, "way", state == BOARD_SENDING ? "sent" : "received", moves);
	text(j, "export", s->export, file);
	text(j, "file", s->file, file);
	json_number(j, "file_size", moves ? atomic_load(&s->file_size) : 0);
	json_number(j, "file_done", moves ? atomic_load(&s->file_done) : 0);
	text(j, "engine", board_engine_name(atomic_load(&s->engine)), moves);
	text(j, "suite", s->suite, s->suite[0]);
	if (s->suite[0])
		json_bool(j, "encrypted", atomic_load(&s->sealed));
	else
		json_null(j, "encrypted");
	json_number(j, "bytes", status_bytes(s));
	if (known)
		json_number(j, "bytes_per_second", rate);
	else
		json_null(j, "bytes_per_second");
	json_seconds(j, "seconds", now->now_ms > began ? now->now_ms - began : 0);
	json_object_end(j);
}

static void document(struct json *j, const struct status_snapshot *before, const struct status_snapshot *now)
{
	struct board_sum sum;

	board_sum(&now->board, &sum);
	json_object(j, NULL);
	text(j, "zcpd", now->zcpd, true);
	json_seconds(j, "up_seconds", now->now_ms > sum.began_ms ? now->now_ms - sum.began_ms : 0);
	json_number(j, "live", now->board.slots);
	json_number(j, "accepted", sum.streams);
	for (unsigned i = BOARD_FREE + 1; i < BOARD_STATES; i++)
		json_number(j, board_state_name(i), sum.states[i]);
	json_number(j, "requests", sum.requests);
	json_number(j, "crashes", sum.crashes);
	json_number(j, "reloads", sum.reloads);
	way(j, "sent", &sum, BOARD_SENT);
	way(j, "received", &sum, BOARD_RECEIVED);
	errors(j, &sum);
	j->once = "\n  ";
	json_array(j, "streams");
	for (size_t i = 0; i < now->board.slots; i++)
		stream(j, &now->board.slot[i], before, now);
	j->once = now->board.slots ? "\n  " : NULL;
	json_array_end(j);
	json_object_end(j);
}

bool status_json(FILE *to, const struct status_snapshot *before, const struct status_snapshot *now)
{
	struct json j;

	json_grow(&j);
	j.space = " ";
	document(&j, before, now);
	bool good = !j.bad && fprintf(to, "%s\n", j.p) > 0;
	json_clear(&j);
	return good;
}
