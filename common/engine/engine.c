/* engine.c - the table, and the one loop each way: the only place where an offset moves. */
#include <errno.h>
#include <string.h>
#include "common/engine/engine.h"
#include "common/clock.h"
#include "common/count.h"
#include "common/engine/rows.h"
#include "common/guard.h"

const struct engine *const engines[] = {                /* best first */
	&engine_sendfile, &engine_splice, &engine_mmap, &engine_readwrite, &engine_direct, &engine_null, NULL
};

const struct engine *engine_by_name(const char *name)
{
	for (size_t i = 0; engines[i]; i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

const struct engine engine_handed = { .name = "descriptor", .id = ENGINE_HANDED };

const struct engine *engine_by_id(uint8_t id)
{
	for (size_t i = 0; engines[i]; i++)
		if (engines[i]->id == id)
			return engines[i];
	return id == ENGINE_HANDED ? &engine_handed : NULL;
}

struct fail engine_check(const struct engine *only, unsigned need)
{
	unsigned lacks = only ? need & ~only->can : 0;

	if (lacks & (CAN_SEND | CAN_RECV))
		return fail_why(ST_CANNOT, WHY_ENGINE_SIDE);
	if (lacks & CAN_SEAL)
		return fail_why(ST_CANNOT, need & CAN_RECV ? WHY_ENGINE_OPEN : WHY_ENGINE_SEAL);
	if (lacks & CAN_MAC_RECV)
		return fail_why(ST_CANNOT, WHY_ENGINE_MAC);
	return (struct fail){ 0 };
}

/* Records and tagged chunks are whole; what has no such borders may be as small as a rate wants it. */
size_t transfer_piece(const struct transfer *t)
{
	uint64_t left = t->end - t->off;
	uint64_t most = t->carry == CARRY_SEALED ? WIRE_CONTENTS_MAX : t->mac ? SEAL_RAW_CHUNK : throttle_piece(t->rate, (size_t)left);

	return left < most ? (size_t)left : (size_t)most;
}

/* One step. What has its bytes from stream_*() is timed there; sendfile and splice use the socket themselves. */
static ssize_t step(struct transfer *t, const struct engine *e, ssize_t (*move)(struct transfer *, size_t), size_t n)
{
	if (e->can & CAN_SEAL)
		return move(t, n);
	uint64_t start = clock_ns();
	ssize_t  moved = move(t, n);
	int      r = moved > 0 ? stream_paced(t->stream, move == e->send, clock_ns() - start) : 0;
	return r < 0 ? r : moved;
}

/* seal_raw_tag(), in its time. */
static int tag_timed(struct stream *s, struct seal *seal, uint8_t *tag, const void *chunk, size_t n)
{
	struct stages_mark m = stages_begin(&s->stages);
	int                r = seal_raw_tag(seal, tag, chunk, n);

	stages_end(&s->stages, STAGE_CIPHER, &m);
	return r;
}

/* Tag the chunk at hand, once. The nonce is spent before the bytes are looked at, whatever becomes of them. */
static int take_tag(struct transfer *t, const void *chunk, size_t n)
{
	uint8_t *tag = t->tags + t->tag_count * t->stream->tx.mac->tag;

	if (t->tag_taken)
		return 0;
	t->tag_taken = true;
	memset(tag, 0, t->stream->tx.mac->tag);
	return tag_timed(t->stream, &t->stream->tx, tag, chunk, n);
}

struct span { struct transfer *t; const void *p; size_t n; };

static int tag_span(void *arg)
{
	const struct span *s = arg;
	return take_tag(s->t, s->p, s->n);
}

static int seal_span(void *arg)
{
	const struct span *s = arg;
	return stream_contents_seal(s->t->stream, s->p, s->n);
}

static bool in_window(const struct transfer *t, const uint8_t *p)
{
	return t->window.p && p >= t->window.p && p < t->window.p + t->window.len;
}

/* f over bytes that may be somebody's file: guarded where they are mapped. */
static int over(struct transfer *t, const void *bytes, size_t n, int (*f)(void *))
{
	struct span s = { t, bytes, n };

	if (!in_window(t, bytes))
		return f(&s);
	int r = guard_run(bytes, n, f, &s);
	if (r == 0)
		count_through(n);
	return r;
}

ssize_t transfer_give(struct transfer *t, const void *bytes, size_t n)
{
	if (t->carry == CARRY_SEALED) {
		int r = stream_contents_room(t->stream, n);
		if (r < 0)
			return r;
		r = over(t, bytes, n, seal_span);
		if (r == -EFAULT)
			stream_skipped(t->stream);
		r = r < 0 ? r : stream_flush(t->stream, true);
		if (r == 0)
			count_through(n);
		return r < 0 ? r : (ssize_t)n;
	}
	int r = t->mac ? over(t, bytes, n, tag_span) : 0;
	if (r < 0)
		return r;
	ssize_t sent = stream_raw_out(t->stream, bytes, n);
	count_through(sent > 0 ? (uint64_t)sent : 0);
	return sent;
}

int transfer_take(struct transfer *t, void *buf, size_t n)
{
	int r = t->carry == CARRY_SEALED ? stream_contents_in(t->stream, buf, n) : stream_raw_in(t->stream, buf, n);

	if (r == 0 && t->carry == CARRY_RAW && t->mac)
		r = tag_timed(t->stream, &t->stream->rx, t->tags + t->tag_count * t->stream->rx.mac->tag, buf, n);
	if (r == 0)
		count_through(n);
	if (r == 0 && t->took)
		t->took(t->took_arg, t->off, buf, n);
	return r;
}

/* Engines that never see the bytes have their chunks tagged here, in place in the page cache, just before they leave. */
static int tag_in_place(struct transfer *t, size_t piece)
{
	uint8_t *p;
	int      r = window_at(&t->window, t->file, t->off, piece, t->size, &p);

	return r < 0 ? r : over(t, p, piece, tag_span);
}

static int opened(struct transfer *t, const struct engine *e, unsigned way)
{
	if (t->opened == e)
		return 0;
	engine_close(t);
	int r = e->open ? e->open(t, way) : 0;
	if (r == 0)
		t->opened = e;
	return r;
}

static int send_piece(struct transfer *t, const struct engine *e, size_t piece)
{
	uint64_t end = t->off + piece;
	int      r = 0;

	/* a record or a tagged chunk is whole, but need not leave at once: it may take minutes at the rate that holds by now */
	if (e->can & CAN_SEAL)
		stream_owe_at(t->stream, t->rate, piece);
	if (t->carry == CARRY_RAW && t->mac && !(e->can & CAN_SEAL))
		r = tag_in_place(t, piece);
	while (r == 0 && t->off < end) {
		size_t most = (size_t)(end - t->off);
		if (!(e->can & CAN_SEAL)) {
			most = throttle_piece(t->rate, most);
			stream_wait_rate(t->stream, t->rate, most);
		}
		ssize_t n = step(t, e, e->send, most);
		if (n > 0)
			t->off += (uint64_t)n;
		else
			r = n == 0 ? -ENODATA : (int)n;
	}
	stream_settle_quietly(t->stream);
	if (r == -EOPNOTSUPP && t->off != end - piece)
		r = -EIO;               /* half moved: no other row can go on inside a chunk */
	return r;
}

static void chunk_done(struct transfer *t)
{
	if (t->carry == CARRY_RAW && t->mac) {
		t->tag_count++;
		t->tag_taken = false;
	}
}

static int send_with(struct transfer *t, const struct engine *e)
{
	int r = opened(t, e, CAN_SEND);

	while (r == 0 && t->off < t->end) {
		r = send_piece(t, e, transfer_piece(t));
		if (r == 0) {
			t->used = e;
			chunk_done(t);
		}
	}
	return r;
}

static unsigned need_to_send(const struct transfer *t)
{
	return CAN_SEND | (t->carry == CARRY_SEALED ? CAN_SEAL : 0);
}

static unsigned need_to_recv(const struct transfer *t)
{
	return CAN_RECV | (t->carry == CARRY_SEALED ? CAN_SEAL : t->mac || t->took ? CAN_MAC_RECV : 0);
}

/* The table's rows that can `need`, in order, until one does not say "not here". */
static int each(struct transfer *t, const struct engine *only, unsigned need, unsigned automatic,
                int (*with)(struct transfer *, const struct engine *))
{
	int r = -EOPNOTSUPP;

	if (t->carry == CARRY_NONE)
		return -EINVAL;
	t->tag_count = 0;
	t->tag_taken = false;
	for (size_t i = 0; engines[i] && r == -EOPNOTSUPP; i++) {
		const struct engine *e = engines[i];
		if ((e->can & need) == need && (only ? e == only : (e->automatic & automatic) != 0))
			r = with(t, e);
	}
	return r;
}

int engine_send(struct transfer *t, const struct engine *only)
{
	return each(t, only, need_to_send(t), t->carry == CARRY_SEALED ? AUTO_SEALED_SEND : AUTO_RAW_SEND, send_with);
}

/* Where a piece is that has not come whole yet: what came counts the record's tag, too. */
struct arriving { const struct transfer *t; const struct engine *e; uint64_t at, end; };

static void came(void *arg, size_t n)
{
	struct arriving *a = arg;

	a->at = n < a->end - a->at ? a->at + n : a->end;
	a->t->moved(a->t->moved_arg, a->e, a->at);
}

static int recv_piece(struct transfer *t, const struct engine *e, uint64_t end)
{
	struct arriving a = { t, e, t->off, end };

	t->stream->came = t->moved ? came : NULL;
	t->stream->came_arg = &a;
	if (t->moved)
		came(&a, stream_raw_held(t->stream));   /* what was read ahead */
	ssize_t n = 1;
	while (n > 0 && t->off < end) {
		n = step(t, e, e->recv, (size_t)(end - t->off));
		t->off += n > 0 ? (uint64_t)n : 0;
	}
	t->stream->came = NULL;
	t->stream->came_arg = NULL;
	if (n > 0 && t->moved)
		t->moved(t->moved_arg, e, t->off);
	return n == 0 ? -EIO : n < 0 ? (int)n : 0;
}

static int recv_with(struct transfer *t, const struct engine *e)
{
	int r = opened(t, e, CAN_RECV);

	while (r == 0 && t->off < t->end) {
		uint64_t end = t->off + transfer_piece(t);
		/* records and chunks come in one piece whatever the rate: the stream lets it come slowly */
		stream_owe_at(t->stream, t->rate, end - t->off);
		r = recv_piece(t, e, end);
		if (r < 0)
			return r;
		stream_settle(t->stream);
		t->used = e;
		chunk_done(t);
		r = t->file_error;
	}
	return r;
}

int engine_recv(struct transfer *t, const struct engine *only)
{
	t->file_error = 0;
	return each(t, only, need_to_recv(t), AUTO_RECV, recv_with);
}

static const uint8_t zeros[SEAL_RAW_CHUNK];

/* Raw bytes to the end of the chunk at hand: its tag may be spent already, and is then wrong, as SEGMENT_END says. */
static int pad_chunk(struct transfer *t, uint64_t start)
{
	uint64_t into = (t->off - start) % SEAL_RAW_CHUNK, left = t->end - t->off;
	size_t   n = left < SEAL_RAW_CHUNK - into ? (size_t)left : (size_t)(SEAL_RAW_CHUNK - into);
	int      r = t->mac ? take_tag(t, zeros, n) : 0;

	return r < 0 ? r : (int)stream_raw_out(t->stream, zeros, n);
}

static int pad_record(struct transfer *t)
{
	size_t   n = transfer_piece(t);
	uint8_t *p = stream_scratch(t->stream);

	if (!p)
		return -ENOMEM;
	memset(p, 0, n);
	return (int)transfer_give(t, p, n);
}

int engine_pad(struct transfer *t, uint64_t start)
{
	while (t->off < t->end) {
		int n = t->carry == CARRY_SEALED ? pad_record(t) : pad_chunk(t, start);
		if (n < 0)
			return n;
		t->off += (uint64_t)n;
		chunk_done(t);
	}
	return 0;
}

void engine_close(struct transfer *t)
{
	if (t->opened && t->opened->close)
		t->opened->close(t);
	t->opened = NULL;
	t->own = NULL;
}
