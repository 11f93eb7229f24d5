/*
 * mmap.c - the file as memory: sent from a sliding window through libsodium (or as it is), received into the aside file's own pages.
 *
 * A file shortened under the mapping: SIGBUS in the cipher (guard.h) and EFAULT from the socket both end the file with -EFAULT, not the process.
 * Receiving needs every page that it writes to be there already (fallocate), since a full disk under a mapping would be a SIGBUS; elsewhere -EOPNOTSUPP.
 * Where the whole file was not granted, each run is before it comes: what is between two runs may be a hole, and stays one. There the bytes are
 * copied into the pages when they are off the stream (take_aside).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "common/count.h"
#include "common/engine/rows.h"
#include "common/guard.h"

static ssize_t mmap_send(struct transfer *t, size_t max)
{
	uint8_t *p;
	int      r = window_at(&t->window, t->file, t->off, max, t->size, &p);

	return r < 0 ? r : transfer_give(t, p, max);
}

struct target { uint8_t *p; uint64_t off; size_t len; uint64_t granted, until; };

enum { ALLOCATE_TRIES = 16 };    /* a signal breaks a long fallocate off */

static int counted_fallocate(const struct transfer *t)
{
	count_call(CALL_FALLOCATE);
	return fallocate(t->file, 0, (off_t)t->off, (off_t)(t->end - t->off));
}

/* Files that are small, have holes, or lie on tmpfs come here without their space: for this run it is asked for now. */
static int allocated(struct target *w, const struct transfer *t)
{
	if (t->allocated || (t->off >= w->granted && t->end <= w->until))
		return 0;
	for (int i = 0; counted_fallocate(t) < 0; i++) {
		if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
			return -errno;
		if (errno != EINTR || i >= ALLOCATE_TRIES)
			return -EOPNOTSUPP;
	}
	w->granted = t->off;
	w->until = t->end;
	return 0;
}

static int mmap_open(struct transfer *t, unsigned way)
{
	if (way == CAN_SEND)
		return 0;
	t->own = calloc(1, sizeof(struct target));
	int r = t->own ? allocated(t->own, t) : -ENOMEM;
	if (r < 0) {
		free(t->own);
		t->own = NULL;
	}
	return r;
}

static void target_close(struct target *w)
{
	if (w->p) {
		count_call(CALL_MUNMAP);
		munmap(w->p, w->len);
	}
	w->p = NULL;
}

static int target_at(struct target *w, const struct transfer *t, size_t n)
{
	if (w->p && t->off >= w->off && t->off + n <= w->off + w->len)
		return 0;
	target_close(w);
	uint64_t from = t->off & ~(uint64_t)4095;
	uint64_t want = t->size - from < WINDOW_BYTES ? t->size - from : WINDOW_BYTES;
	count_call(CALL_MMAP);
	void    *p = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_SHARED, t->file, (off_t)from);
	if (p == MAP_FAILED)
		return -errno;
	w->p = p;
	w->off = from;
	w->len = want;
	return 0;
}

struct taking { struct transfer *t; uint8_t *p; size_t n; const uint8_t *from; };

static int take_into(void *arg)
{
	struct taking *k = arg;
	return transfer_take(k->t, k->p, k->n);
}

static int copy_into(void *arg)
{
	struct taking *k = arg;
	memcpy(k->p, k->from, k->n);
	count_through(k->n);
	return 0;
}

/* A page's first write asks for the blocks of its whole large folio (kernel 6.16), and what lies beside the run has not been asked for: a full disk can be
 * a SIGBUS all the same. So the bytes are off the stream, and their record spent, before the mapping is touched. */
static int take_aside(struct taking *k, const struct target *w)
{
	uint8_t    *scratch = stream_scratch(k->t->stream);
	struct stat st;
	int         r = scratch ? transfer_take(k->t, scratch, k->n) : -ENOMEM;

	if (r < 0 || k->t->file_error)
		return r;
	k->from = scratch;
	if (guard_run(w->p, w->len, copy_into, k) == -EFAULT)
		k->t->file_error = fstat(k->t->file, &st) == 0 && (uint64_t)st.st_size >= k->t->off + k->n ? -ENOSPC : -EIO;
	return 0;
}

static int take_straight(struct taking *k, const struct target *w)
{
	int r = guard_run(w->p, w->len, take_into, k);

	if (r == 0 && k->t->carry == CARRY_SEALED)
		count_through(k->n);            /* opened into the mapping; raw bytes came there by recv */

	if (r == -EFAULT && !k->t->stream->broken)
		k->t->stream->broken = -EIO;    /* the aside file was shortened in mid-record: nobody knows what was taken */
	return r;
}

static ssize_t mmap_recv(struct transfer *t, size_t max)
{
	struct target *w = t->own;

	/* no more than the mapping holds, nor the scratch buffer in its place: an unchecked raw segment is asked for whole */
	if (max > WIRE_CONTENTS_MAX)
		max = WIRE_CONTENTS_MAX;
	int r = allocated(w, t);
	if (r == 0)
		r = target_at(w, t, max);
	if (r < 0)
		t->file_error = r;      /* not here after all: the bytes are due, so they go by way of the scratch buffer to nowhere */
	struct taking k = { .t = t, .p = r < 0 ? NULL : w->p + (t->off - w->off), .n = max };
	r = t->allocated && r == 0 ? take_straight(&k, w) : take_aside(&k, w);
	return r < 0 ? r : (ssize_t)max;
}

static void mmap_close(struct transfer *t)
{
	if (t->own) {
		target_close(t->own);
		free(t->own);
	}
}

const struct engine engine_mmap = {
	.name = "mmap", .id = ENGINE_MMAP, .can = CAN_SEND | CAN_RECV | CAN_SEAL | CAN_MAC_RECV, .automatic = AUTO_SEALED_SEND,
	.open = mmap_open, .send = mmap_send, .recv = mmap_recv, .close = mmap_close,
};
