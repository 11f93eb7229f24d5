/* worker.c - see worker.h */
#include "zcp/worker.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include "common/clock.h"
#include "common/engine/engine.h"
#include "common/log.h"
#include "zcp/job.h"

void worker_init(struct worker *w, struct job *j, unsigned number)
{
	*w = (struct worker){ .job = j, .number = number, .stream.sock = -1, .next_id = 1 };
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What the host says of itself is no more than this stream has lived. */
static void count_host(struct worker *w, uint64_t lived)
{
	const struct wire_bye *b = &w->host;
	struct stages          there = { { least(b->disk_ns, lived), least(b->cipher_ns, lived), least(b->wait_ns, lived), least(b->rate_ns, lived) } };

	if (!w->told)
		return;
	w->spent.heard_ns += lived;
	stages_add(&w->spent.there, &there);
}

/* How the connection was doing, as far as this side sends. */
static void count_socket(struct spent *s, int sock)
{
	struct tcp_info i = { 0 };
	socklen_t       len = sizeof i;

	if (getsockopt(sock, IPPROTO_TCP, TCP_INFO, &i, &len) < 0)
		return;
	s->busy_us += i.tcpi_busy_time;
	s->window_us += i.tcpi_rwnd_limited;
	s->buffer_us += i.tcpi_sndbuf_limited;
	s->segments += i.tcpi_segs_out;
	s->again += i.tcpi_total_retrans;
	s->round_trip_us = s->round_trip_us > i.tcpi_rtt ? s->round_trip_us : i.tcpi_rtt;
}

void worker_settle(struct worker *w)
{
	uint64_t lived;

	if (!w->began_ns)
		return;
	lived = clock_ns() - w->began_ns;
	w->began_ns = 0;
	w->spent.lived_ns += lived;
	w->spent.out += w->stream.bytes_out;
	w->spent.in += w->stream.bytes_in;
	stages_add(&w->spent.here, &w->stream.stages);
	count_host(w, lived);
	count_socket(&w->spent, w->stream.sock);
}

void worker_clear(struct worker *w)
{
	worker_settle(w);
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
	into->handed += w->handed;
	into->copiers |= w->copiers;
	spent_add(&into->spent, &w->spent);
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
