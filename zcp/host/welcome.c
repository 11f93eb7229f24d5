/* welcome.c - WELCOME, REFUSED, SETUP's answer, and BYE: see connect.h */
#include "zcp/host/connect.h"

#include <errno.h>
#include "common/log.h"
#include "zcp/host/costs.h"

enum { LEAVE_MS = 2000 };

static enum status fail_job(struct worker *w, enum status st)
{
	return w->number ? st : report_end(&w->job->report, st);
}

static enum status say_refused(struct worker *w, struct fail f)
{
	char words[400];
	enum status st = f.status ? (enum status)f.status : ST_REFUSED;

	worker_say(w, "%s: refused: %s", w->job->where, fail_words(f, words, sizeof words));
	return fail_job(w, st);
}

static enum status say_fail(struct worker *w, struct fail f)
{
	char words[400];

	worker_say(w, "%s: %s", w->job->where, fail_words(f, words, sizeof words));
	return fail_job(w, f.status ? (enum status)f.status : ST_CANNOT);
}

static enum status say_engine(struct worker *w, const struct engine *e, struct fail f)
{
	char words[400];

	worker_say(w, "--engine=%s %s", e ? e->name : "auto", fail_words(f, words, sizeof words));
	return fail_job(w, f.status ? (enum status)f.status : ST_CANNOT);
}

static enum status check_engines(struct worker *w, enum carry carry)
{
	const struct options *o = w->job->opt;
	bool        raw = carry == CARRY_RAW;
	unsigned    seal = raw ? 0 : CAN_SEAL, mac = raw && o->integrity == INTEGRITY_MAC ? CAN_MAC_RECV : 0;
	struct fail f = o->send ? engine_check(o->send, CAN_SEND | seal) : (struct fail){ 0 };

	if (f.status)
		return say_engine(w, o->send, f);
	f = o->recv ? engine_check(o->recv, CAN_RECV | seal | mac) : (struct fail){ 0 };
	return f.status ? say_engine(w, o->recv, f) : ST_OK;
}

enum status connect_check_engines(struct job *j, enum carry carry)
{
	return check_engines(&j->lead, carry);
}

static enum status take_welcome(struct worker *w, const struct wire_welcome *m)
{
	const struct options *o = w->job->opt;

	if (m->carry != CARRY_SEALED && (m->carry != CARRY_RAW || w->chosen != CARRY_RAW)) {
		worker_say(w, "%s: granted what nobody asked for: plaintext", w->job->where);
		return fail_job(w, ST_PROTOCOL);
	}
	w->stream.carry = (enum carry)m->carry;
	w->welcome = true;
	if (!w->number)
		w->job->how = (struct job_how){ true, w->stream.carry, w->stream.integrity, w->stream.tx.suite };
	struct wire_str list = m->exports, prefix;
	uint8_t         flags;
	while (wire_export_next(&list, &prefix, &flags) > 0) {
		w->writable |= (flags & EXPORT_WRITE) != 0;
		granted_add(&w->granted, prefix, flags);
	}
	if (m->carry == CARRY_SEALED && w->chosen == CARRY_RAW)
		w->reason = BECAUSE_DAEMON_SEALS;
	if (o->wish == WISH_PLAIN && m->carry != CARRY_RAW)
		return say_fail(w, fail_why(ST_CANNOT, WHY_PLAIN_REFUSED));
	if (o->integrity == INTEGRITY_NONE && w->stream.integrity != INTEGRITY_NONE)
		return say_fail(w, fail_why(ST_CANNOT, WHY_NONE_REFUSED));
	return check_engines(w, (enum carry)m->carry);
}

static enum status broken(struct worker *w, int r)
{
	worker_broken(w, r);
	return w->number ? status_of_stream(r) : status_job(&w->job->report);
}

enum status connect_welcome(struct worker *w)
{
	struct record rec;
	int           r = stream_get(&w->stream, &rec);

	if (r < 0)
		return broken(w, r);
	if (rec.type == WIRE_REFUSED)
		return say_refused(w, rec.body.refused.fail);
	if (rec.type != WIRE_WELCOME)
		return broken(w, -EPROTO);
	enum status st = take_welcome(w, &rec.body.welcome);
	if (st != ST_OK)
		return st;
	r = stream_get(&w->stream, &rec);
	if (r < 0)
		return broken(w, r);
	if (rec.type == WIRE_ERROR && rec.body.error.id == 0) {
		const struct options *o = w->job->opt;
		struct fail           f = rec.body.error.fail;
		if (f.why == WHY_ENGINE_SEAL || f.why == WHY_ENGINE_SIDE || f.why == WHY_ENGINE_MAC || f.why == WHY_ENGINE_OPEN)
			return say_engine(w, w->job->upload ? o->recv : o->send, f);
		return say_fail(w, f);
	}
	if (rec.type != WIRE_OK || rec.body.ok.id != 0)
		return broken(w, -EPROTO);
	r = costs_begin(w);
	return r < 0 ? broken(w, r) : ST_OK;
}

/* The host's BYE is the last record of a stream. */
static void note_bye(struct worker *w, const struct record *rec)
{
	w->told = true;
	w->host = rec->body.bye;
}

/* The job has failed before a file was on its way. What it asked for may still be answered; nothing of it is said any more. */
static void leave(struct worker *w)
{
	struct record rec;
	int           r = stream_bye(&w->stream);

	if (w->stream.stall_ms > LEAVE_MS)
		w->stream.stall_ms = LEAVE_MS;
	for (uint32_t left = w->next_id + 2; r == 0 && left > 0; left--) {
		r = stream_get(&w->stream, &rec);
		if (r == 0 && rec.type == WIRE_BYE) {
			note_bye(w, &rec);
			break;
		}
	}
}

void connect_bye(struct worker *w)
{
	struct record rec;

	if (!w->connected || w->stream.broken)
		return;
	if (w->job->report.ended) {
		if (w->welcome && !w->astray && !job_stopped(w->job))
			leave(w);
		return;
	}
	int r = costs_end(w);
	r = r < 0 ? r : stream_bye(&w->stream);
	r = r < 0 ? r : stream_get(&w->stream, &rec);
	if (r == 0 && rec.type != WIRE_BYE)
		r = -EPROTO;
	if (r == 0)
		note_bye(w, &rec);
	else
		worker_broken(w, r);
}
