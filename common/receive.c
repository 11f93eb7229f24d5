/* receive.c - one file in, chunk by chunk. */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/holes.h"
#include "common/io.h"
#include "common/receive.h"

enum { PIECES_MORE = 64, SECOND_NS = 1000000000 };

void incoming_init(struct incoming *in, uint32_t id, int file, uint64_t size)
{
	*in = (struct incoming){ .id = id, .file = file, .size = size, .until = size };
}

void incoming_range(struct incoming *in, uint32_t id, int file, uint64_t size, uint64_t off, uint64_t len)
{
	*in = (struct incoming){ .id = id, .file = file, .size = size, .next = off, .until = off + len };
}

/* Raw bytes are in the file before their tags are known: what was not proved in the end is said, or what another stream had right there would count. */
static void say_unproved(struct incoming *in)
{
	if (!in->resume || in->file < 0 || !in->shared)
		return;
	if (in->unproved_len)
		resume_void(in->resume, in->unproved, in->unproved_len);
	for (size_t i = 0; i < in->bad_count; i++)
		resume_void(in->resume, in->bad[i].off, in->bad[i].len);
}

void incoming_clear(struct incoming *in)
{
	say_unproved(in);
	engine_close(&in->transfer);
	free(in->bad);
	free(in->pieces);
	sodium_memzero(&in->key, sizeof in->key);
	*in = (struct incoming){ .file = -1 };
}

static bool same_segment(const struct wire_segment *a, const struct wire_segment_end *b)
{
	return a->id == b->id && a->offset == b->offset && a->length == b->length;
}

static int note_bad(struct incoming *in, uint64_t off, uint32_t len)
{
	if (in->bad_count == BAD_CHUNKS_MAX) {
		in->fail = fail_why(ST_INTEGRITY, WHY_INTEGRITY);
		return 0;
	}
	struct bad_chunk *more = realloc(in->bad, (in->bad_count + 1) * sizeof *more);

	if (!more)
		return -ENOMEM;
	in->bad = more;
	in->bad[in->bad_count++] = (struct bad_chunk){ .off = off, .len = len };
	return 0;
}

/* Sealed bytes are right: what they cover of damaged chunks, from its start on, is damaged no more. A part mends a part. */
static void mended(struct incoming *in, uint64_t off, uint32_t len)
{
	for (size_t i = 0; i < in->bad_count;) {
		struct bad_chunk *b = &in->bad[i];
		uint64_t          covered = off <= b->off && b->off < off + len ? off + len - b->off : 0;

		if (covered >= b->len) {
			*b = in->bad[--in->bad_count];
			continue;
		}
		b->off += covered;
		b->len -= (uint32_t)covered;
		i++;
	}
}

/* Compare what was computed with what the sender says, chunk by chunk. */
static int check_tags(struct incoming *in, const struct transfer *t, const struct wire_segment *seg, struct wire_str tags, size_t tag)
{
	if (tags.len != t->tag_count * tag)
		return -EPROTO;
	for (size_t i = 0; i < t->tag_count; i++) {
		uint64_t at = (uint64_t)i * SEAL_RAW_CHUNK;
		uint64_t left = seg->length - at;
		if (sodium_memcmp(t->tags + i * tag, tags.p + i * tag, tag) == 0)
			continue;
		int r = note_bad(in, seg->offset + at, left < SEAL_RAW_CHUNK ? (uint32_t)left : SEAL_RAW_CHUNK);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- for the journal ----------------------------------------------------------------------------------------------- */

static void no_notes(struct incoming *in, int error)
{
	in->note_error = error;
	in->resume = NULL;
}

/* One more, or NULL: no memory, and nothing more is noted. */
static struct resume_piece *piece_at(struct incoming *in, uint64_t off, uint32_t len)
{
	if (in->piece_count % PIECES_MORE == 0) {
		struct resume_piece *more = realloc(in->pieces, (in->piece_count + PIECES_MORE) * sizeof *more);
		if (!more) {
			no_notes(in, -ENOMEM);
			return NULL;
		}
		in->pieces = more;
	}
	struct resume_piece *p = &in->pieces[in->piece_count];
	*p = (struct resume_piece){ .off = off, .len = len };
	return p;
}

/* The tag last: these bytes may be a mapping's, and looking at them may be the end of it (guard.h). */
static void took(void *arg, uint64_t off, const void *bytes, size_t n)
{
	struct incoming     *in = arg;
	struct resume_piece *p = in->resume ? piece_at(in, off, (uint32_t)n) : NULL;

	if (!p)
		return;
	struct stages_mark m = stages_begin(&in->transfer.stream->stages);
	resume_tag(in->resume, off, bytes, n, p->tag);
	stages_end(&in->transfer.stream->stages, STAGE_CIPHER, &m);
	in->piece_count++;
}

/* splice, asked for by name, shows nobody the bytes: they are read back. */
static bool shows(const struct engine *only)
{
	return !only || (only->can & CAN_MAC_RECV);
}

static bool noted(const struct incoming *in)
{
	return in->resume && in->file >= 0 && !in->fail.status && !(in->only && in->only->id == ENGINE_NULL);
}

static void read_back(struct stream *s, struct incoming *in, const struct wire_segment *seg)
{
	uint8_t *buf = stream_scratch(s);

	for (uint64_t at = 0; at < seg->length && in->resume;) {
		size_t  n = seg->length - at < WIRE_CONTENTS_MAX ? (size_t)(seg->length - at) : WIRE_CONTENTS_MAX;
		ssize_t got = buf ? io_pread_full(in->file, buf, n, seg->offset + at) : -ENOMEM;
		if (got == (ssize_t)n)
			took(in, seg->offset + at, buf, n);
		else
			no_notes(in, got < 0 ? (int)got : -EIO);
		at += n;
	}
}

/* Raw chunks get a tag from the stream: a second pass over their bytes would say nothing new. */
static bool has_tags(const struct stream *s, const struct wire_segment *seg)
{
	return seg->carry == CARRY_RAW && s->integrity == INTEGRITY_MAC;
}

/* Before the segment's end is read: with it, the epoch may be over. A key is noted once for each file and epoch. */
static void know_key(struct stream *s, struct incoming *in)
{
	struct resume_key k = { .suite = s->rx.mac->id };

	in->counter = seal_raw_key(&s->rx, k.key);
	k.noted = in->key.noted && in->key.suite == k.suite && sodium_memcmp(in->key.key, k.key, sizeof k.key) == 0;
	in->key = k;
	sodium_memzero(&k, sizeof k);
}

/* Its chunks, with the tags that were found equal to the sender's. */
static void take_tags(const struct stream *s, struct incoming *in, const struct wire_segment *seg)
{
	size_t tag = s->rx.mac->tag;

	for (size_t i = 0; i < in->transfer.tag_count && in->resume; i++) {
		uint64_t             at = (uint64_t)i * SEAL_RAW_CHUNK, left = seg->length - at;
		struct resume_piece *p = piece_at(in, seg->offset + at, left < SEAL_RAW_CHUNK ? (uint32_t)left : SEAL_RAW_CHUNK);

		if (!p)
			return;
		p->nonce = (uint32_t)(in->counter + i);
		memcpy(p->tag, in->transfer.tags + i * tag, tag);
		in->piece_count++;
	}
}

static bool damaged(const struct incoming *in, const struct resume_piece *p)
{
	for (size_t i = 0; i < in->bad_count; i++)
		if (p->off < in->bad[i].off + in->bad[i].len && in->bad[i].off < p->off + p->len)
			return true;
	return false;
}

/* SEGMENT_END has said which chunks of it are right. */
static void note_pieces(struct stream *s, struct incoming *in, const struct wire_segment *seg)
{
	size_t right = 0;
	bool   tags = has_tags(s, seg);

	if (!noted(in))
		return;
	if (tags)
		take_tags(s, in, seg);
	else if (!shows(in->only))
		read_back(s, in, seg);
	for (size_t i = 0; i < in->piece_count; i++)
		if (!in->bad_count || !damaged(in, &in->pieces[i]))
			in->pieces[right++] = in->pieces[i];
	int r = 0;
	if (right && in->resume)
		r = tags ? resume_note_keyed(in->resume, &in->key, in->pieces, right) : resume_note(in->resume, in->pieces, right);
	if (r < 0)
		no_notes(in, r);
}

/* --- a segment ----------------------------------------------------------------------------------------------------- */

/* Contents by the engine, or by none where there is no file to write. Whatever fails, the bytes come off the stream. */
static int take_contents(struct stream *s, struct incoming *in, const struct wire_segment *seg)
{
	struct transfer     *t = &in->transfer;
	const struct engine *nowhere = engine_by_id(ENGINE_NULL);

	t->stream = s;
	t->file = in->file;
	t->off = seg->offset;
	t->end = seg->offset + seg->length;
	t->size = in->size;
	t->carry = (enum carry)seg->carry;
	t->mac = s->integrity == INTEGRITY_MAC;
	t->allocated = in->allocated && !in->holes;
	t->in_order = in->in_order;
	t->rate = in->rate;

	t->moved = in->file < 0 || in->fail.status || in->range ? NULL : in->moved;
	t->moved_arg = in->moved_arg;
	t->took = noted(in) && shows(in->only) && !has_tags(s, seg) ? took : NULL;
	t->took_arg = in;
	if (noted(in) && has_tags(s, seg))
		know_key(s, in);
	in->piece_count = 0;

	int r = in->file < 0 || in->fail.status ? engine_recv(t, nowhere) : engine_recv(t, in->only);
	if (s->broken)
		return s->broken;
	if (r == -EOPNOTSUPP && t->off == seg->offset)
		in->fail = fail_why(ST_CANNOT, WHY_ENGINE_FILE);
	else if (r < 0 && !in->fail.status)
		in->fail = fail_errno(-r);
	if (r == 0 && !in->fail.status)
		in->used = t->used;
	t->moved = NULL;
	t->took = NULL;
	if (t->off < t->end) {
		size_t counted = t->tag_count;  /* engine_recv() counts from 0: the rest's tags do not matter any more */
		r = engine_recv(t, nowhere);
		t->tag_count += counted;
	} else {
		r = 0;
	}
	return s->broken ? s->broken : r;
}

/* May it come, here and so? */
static bool due(const struct stream *s, const struct incoming *in, const struct wire_segment *seg)
{
	if (seg->carry == CARRY_RAW && s->carry != CARRY_RAW)
		return false;           /* raw was not granted: never accept it */
	if (seg->offset > in->until || seg->length > in->until - seg->offset || (!in->range && seg->offset != in->next))
		return false;
	/* what is asked for again comes sealed, or a damaged chunk could be damaged for ever */
	return !in->range || in->file < 0 || seg->carry == CARRY_SEALED;
}

static void begin_raw(struct incoming *in, const struct wire_segment *seg)
{
	if (in->resume && in->unproved_len)     /* one that came to nothing */
		resume_void(in->resume, in->unproved, in->unproved_len);
	in->unproved = seg->offset;
	in->unproved_len = seg->length;
}

static int take_segment(struct stream *s, struct incoming *in, const struct wire_segment *seg)
{
	struct record rec;

	if (!due(s, in, seg))
		return -EPROTO;
	bool failed = in->fail.status != ST_OK;
	if (seg->carry == CARRY_RAW && !in->range && !failed && in->shared)
		begin_raw(in, seg);
	int  r = take_contents(s, in, seg);
	if (r < 0)
		return r;

	r = stream_get(s, &rec);
	if (r < 0)
		return r;
	if (rec.type != WIRE_SEGMENT_END || !same_segment(seg, &rec.body.segment_end))
		return -EPROTO;
	in->flags |= rec.body.segment_end.flags;
	in->sender = rec.body.segment_end.engine ? rec.body.segment_end.engine : in->sender;
	in->next = in->range ? in->next : seg->offset + seg->length;
	if (failed || in->fail.status || in->file < 0 || (rec.body.segment_end.flags & (SENT_SHRANK | SENT_FAILED)))
		return 0;
	if (seg->carry == CARRY_SEALED || s->integrity == INTEGRITY_NONE) {
		mended(in, seg->offset, seg->length);
		r = rec.body.segment_end.tags.len ? -EPROTO : 0;
	} else {
		r = check_tags(in, &in->transfer, seg, rec.body.segment_end.tags, s->rx.mac->tag);
	}
	if (r == 0) {
		in->unproved_len = 0;           /* what of it is wrong stands in `bad` */
		note_pieces(s, in, seg);
	}
	return r;
}

/* --- a hole ---------------------------------------------------------------------------------------------------------- */

struct wiping { struct stream *s; int file; uint64_t said_ns; };

/* What cannot be removed becomes zeros, if it is not. That may take long, and the sender is told that this end is alive. */
static int wipe(void *arg, uint64_t at, uint8_t *bytes, size_t n)
{
	const union wire_body none = { .id = { 0 } };
	struct wiping        *w = arg;
	uint64_t              now = clock_ns();
	ssize_t               r = 0;

	if (now - w->said_ns >= SECOND_NS) {
		w->said_ns = now;
		if (stream_put(w->s, WIRE_WAIT, &none, false) == 0)
			stream_try_flush(w->s);
	}
	if (!holes_zeros(bytes, n)) {
		memset(bytes, 0, n);
		r = io_pwrite_full(w->file, bytes, n, at);
	}
	return r < 0 ? (int)r : w->s->broken;
}

/* What follows the last data is not written by anybody. */
static int set_end(const struct incoming *in)
{
	struct stat st;

	if (fstat(in->file, &st) < 0)
		return -errno;
	return (uint64_t)st.st_size >= in->size || ftruncate(in->file, (off_t)in->size) == 0 ? 0 : -errno;
}

static int make_hole(struct stream *s, struct incoming *in, const struct wire_hole *h)
{
	struct wiping w = { s, in->file, clock_ns() };
	bool          last = h->offset + h->length == in->size;
	/* a block goes only whole, and behind the end there is nothing to keep */
	uint64_t      more = last && in->size < INT64_MAX - HOLES_ALIGN ? (HOLES_ALIGN - in->size % HOLES_ALIGN) % HOLES_ALIGN : 0;
	int           r = holes_make(in->file, h->offset, h->length + more, in->allocated);

	if (r < 0) {
		engine_close(&in->transfer);    /* direct I/O has wishes about buffers */
		r = holes_read(in->file, h->offset, h->length, wipe, &w);
	}
	return r == 0 && last ? set_end(in) : r;
}

int receive_hole(struct stream *s, struct incoming *in, const struct wire_hole *h)
{
	int r = 0;

	if (in->range || in->in_order || h->offset != in->next || h->length > in->until - in->next)
		return -EPROTO;
	bool made = in->file >= 0 && !in->fail.status && !(in->only && in->only->id == ENGINE_NULL);
	if (made)
		r = make_hole(s, in, h);
	if (s->broken)
		return s->broken;
	in->next += h->length;
	in->holes += h->length;
	if (r < 0)
		in->fail = fail_errno(-r);
	else if (made && in->resume)
		r = resume_note_hole(in->resume, h->offset, h->length);
	if (r < 0 && !in->fail.status)
		no_notes(in, r);
	return 0;
}

int receive_segment(struct stream *s, struct incoming *in, const struct wire_segment *seg)
{
	struct stages_mark m = stages_begin(&s->stages);

	if (!s->contents_from_ns)
		s->contents_from_ns = clock_ns();
	int r = take_segment(s, in, seg);
	stages_end(&s->stages, STAGE_DISK, &m);
	s->contents_until_ns = clock_ns();
	return r;
}

int receive_discard(struct stream *s, const struct wire_segment *seg)
{
	struct incoming in;

	incoming_init(&in, seg->id, -1, seg->offset + seg->length);
	in.range = true;
	int r = receive_segment(s, &in, seg);
	incoming_clear(&in);
	return r;
}
