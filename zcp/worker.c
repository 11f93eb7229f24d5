/* worker.c - see worker.h */
#include "zcp/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include "common/engine/engine.h"
#include "common/log.h"
#include "zcp/job.h"

void worker_init(struct worker *w, struct job *j, unsigned number)
{
	*w = (struct worker){ .job = j, .number = number, .stream.sock = -1, .next_id = 1 };
}

void worker_clear(struct worker *w)
{
	w->job->watch(w->number, -1);
	stream_clear(&w->stream);
	w->connected = w->welcome = false;
}

void worker_count(struct worker *into, const struct worker *w)
{
	into->carried |= w->carried;
	into->senders |= w->senders;
	into->receivers |= w->receivers;
	into->inlined += w->inlined;
}


/* Others take over its work. */
static void say_other(const struct worker *w, const char *line)
{
	log_info("stream %u: %s", w->number + 1, line);
}

void worker_say(const struct worker *w, const char *fmt, ...)
{
	char    line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (w->number)
		say_other(w, line);
	else
		log_error("%s", line);
}

void worker_end(const struct worker *w, enum status st, const char *fmt, ...)
{
	char    line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (w->number)
		say_other(w, line);
	else
		job_say(w->job, st, line);
}

int worker_broken(struct worker *w, int r)
{
	w->astray = true;
	if (!w->number)
		return job_broken(w->job, r);
	if (!job_stopped(w->job))
		worker_say(w, "%s: %s", w->job->where, stream_words(r));
	return r;
}

uint32_t worker_id(struct worker *w)
{
	return w->next_id++;
}

void worker_moved_by(struct worker *w, uint8_t sender, uint8_t receiver)
{
	if (sender && sender < ENGINE_IDS)
		w->senders |= 1u << sender;
	if (receiver && receiver < ENGINE_IDS)
		w->receivers |= 1u << receiver;
}

void worker_carried(struct worker *w, enum carry carry)
{
	w->carried |= 1u << carry;
}

bool worker_sealed(const struct worker *w, const char *path, struct fail *f)
{
	const struct options *o = w->job->opt;
	const struct engine  *recv = o->recv, *send = o->send;

	*f = (struct fail){ 0 };
	if (w->stream.carry != CARRY_RAW)
		return true;            /* looked at when WELCOME came */
	if (w->job->poured || granted_raw(&w->granted, path))
		return w->job->poured;
	*f = engine_check(send, CAN_SEND | CAN_SEAL);
	if (!f->status)
		*f = engine_check(recv, CAN_RECV | CAN_SEAL);
	if (o->wish == WISH_PLAIN)
		*f = fail_why(ST_CANNOT, WHY_PLAIN_REFUSED);
	return true;
}
