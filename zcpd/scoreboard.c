/* scoreboard.c - see scoreboard.h */
#include "zcpd/scoreboard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

/* What one stream can have done in a millisecond, at the very most: 128 GiB/s, 16 million of anything a second. */
enum { PER_MS_BYTES = 128 << 20, PER_MS_COUNT = 16 << 10, GRACE_MS = 1000, TRIES = 64 };

const uint32_t board_bounds_us[BOARD_BUCKETS] = {
	50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000, 25000000, 100000000,
};

static uint64_t get(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void set(_Atomic uint64_t *n, uint64_t to)
{
	atomic_store_explicit(n, to, memory_order_relaxed);
}

/* Every counter has one writer, so nothing is lost without a locked addition. At the top it stays. */
static void add(_Atomic uint64_t *n, uint64_t more)
{
	uint64_t now = get(n);

	set(n, more > INT64_MAX || now > INT64_MAX - more ? INT64_MAX : now + more);
}

uint64_t board_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Odd while something changes; a reader that finds it odd, or another one afterwards, looks again. */
static void turn_begin(_Atomic uint32_t *turn)
{
	atomic_store_explicit(turn, (atomic_load_explicit(turn, memory_order_relaxed) + 1) | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void turn_end(_Atomic uint32_t *turn)
{
	atomic_store_explicit(turn, atomic_load_explicit(turn, memory_order_relaxed) + 1, memory_order_release);
}

static bool turn_same(const _Atomic uint32_t *turn, uint32_t was)
{
	atomic_thread_fence(memory_order_acquire);
	return !(was & 1) && atomic_load_explicit(turn, memory_order_relaxed) == was;
}

/* --- the mapping ------------------------------------------------------------------------------------------------- */

static size_t bytes_of(size_t slots)
{
	return (slots + 1) * BOARD_PAGE;
}

static int map(struct board *b, size_t slots, int fd, int prot)
{
	char *p = mmap(NULL, bytes_of(slots), prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	b->totals = (struct board_totals *)(void *)p;
	b->slot = (struct board_slot *)(void *)(p + BOARD_PAGE);
	b->slots = slots;
	b->kept = SIZE_MAX;
	return 0;
}

static int new_memory(size_t slots)
{
	CLEAN_FD int fd = memfd_create("zcpd-scoreboard", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)bytes_of(slots)) < 0)
		return -errno;
	/* a page that could be cut off under the listener would end it by SIGBUS */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return keep_fd(&fd);
}

static bool right_size(int fd, size_t slots)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == (off_t)bytes_of(slots);
}

int board_open(struct board *b, size_t slots, int fd)
{
	bool fresh = fd < 0;

	if (sysconf(_SC_PAGESIZE) != BOARD_PAGE)
		return -EOPNOTSUPP;             /* slots would share a page */
	if (slots == 0 || slots > LIMITS_STREAMS_MAX || (!fresh && !right_size(fd, slots)))
		return -EINVAL;
	struct board made = { .fd = fresh ? new_memory(slots) : fd };
	if (made.fd < 0)
		return made.fd;
	int r = map(&made, slots, made.fd, PROT_READ | PROT_WRITE);
	if (!made.totals) {
		if (fresh)
			close_fd(&made.fd);
		return r;
	}
	if (madvise(made.totals, bytes_of(slots), MADV_DONTFORK) < 0)
		r = -errno;
	if (r == 0 && !fresh && (made.totals->version != BOARD_VERSION || made.totals->slots != slots))
		r = -EINVAL;
	if (r < 0) {
		munmap(made.totals, bytes_of(slots));
		if (fresh)
			close_fd(&made.fd);
		return r;
	}
	fcntl(made.fd, F_SETFD, FD_CLOEXEC);
	if (fresh) {
		made.totals->version = BOARD_VERSION;
		made.totals->slots = (uint32_t)slots;
		set(&made.totals->began_ms, board_now_ms());
	}
	*b = made;
	return 0;
}

void board_close(struct board *b)
{
	if (b->totals)
		munmap(b->totals, bytes_of(b->slots));
	if (b->totals)
		close_fd(&b->fd);
	*b = (struct board){ .fd = -1, .kept = SIZE_MAX };
}

/* The old one first: should the second call fail, the child has no slot, not two. */
int board_only(struct board *b, size_t keep)
{
	if (keep == b->kept || !b->totals)
		return 0;
	if (b->kept < b->slots && madvise(&b->slot[b->kept], BOARD_PAGE, MADV_DONTFORK) < 0)
		return -errno;
	b->kept = SIZE_MAX;
	if (keep < b->slots && madvise(&b->slot[keep], BOARD_PAGE, MADV_DOFORK) < 0)
		return -errno;
	b->kept = keep;
	return 0;
}

void board_forget(struct board *b)
{
	if (b->totals)
		close_fd(&b->fd);
	b->fd = -1;
}

/* A descriptor for reading makes a mapping that mprotect(2) cannot make writable again. */
int board_view(struct board *b)
{
	char         path[32] = "/proc/self/fd/";
	char         digits[12];
	struct board view = { .fd = -1 };
	size_t       at = sizeof digits, len = strlen(path);

	if (!b->totals || b->fd < 0)
		return b->totals ? 0 : -EINVAL;
	digits[--at] = '\0';
	for (unsigned n = (unsigned)b->fd; at == sizeof digits - 1 || n > 0; n /= 10)
		digits[--at] = (char)('0' + n % 10);
	memcpy(path + len, digits + at, sizeof digits - at);
	CLEAN_FD int reading = open(path, O_RDONLY | O_CLOEXEC);
	int r = map(&view, b->slots, reading >= 0 ? reading : b->fd, PROT_READ);
	if (r < 0)
		return r;
	if (b->kept < b->slots)
		munmap(&b->slot[b->kept], BOARD_PAGE);
	close_fd(&b->fd);
	*b = view;
	return 0;
}

/* --- the listener ------------------------------------------------------------------------------------------------ */

void board_begin(struct board *b, size_t i, const struct net_addr *peer)
{
	if (!b->totals || i >= b->slots)
		return;
	struct board_slot *s = &b->slot[i];
	uint32_t           turn = atomic_load_explicit(&s->turn, memory_order_relaxed) | 1;

	turn_begin(&b->totals->turn);
	memset((void *)s, 0, sizeof *s);
	atomic_store_explicit(&s->turn, turn, memory_order_relaxed);
	s->peer = *peer;
	set(&s->began_ms, board_now_ms());
	atomic_store_explicit(&s->state, BOARD_GREETING, memory_order_relaxed);
	turn_end(&s->turn);
	if (atomic_load_explicit(&b->totals->used, memory_order_relaxed) <= i)
		atomic_store_explicit(&b->totals->used, (uint32_t)i + 1, memory_order_relaxed);
	add(&b->totals->streams, 1);
	add(&b->totals->live, 1);
	turn_end(&b->totals->turn);
}

void board_pid(struct board *b, size_t i, int pid)
{
	if (b->totals && i < b->slots)
		set(&b->slot[i].pid, (uint64_t)pid);
}

#define EVER UINT64_MAX

static uint64_t at_most(uint64_t n, uint64_t most)
{
	return n < most ? n : most;
}

static void plus(uint64_t *n, uint64_t more)
{
	*n = more > INT64_MAX || *n > INT64_MAX - more ? INT64_MAX : *n + more;
}

/* What was counted in ms, as far as that time can hold it: a slot is written by a process that a peer may have taken over. EVER: no bound. */
static void sum_counts(struct board_sum *sum, const struct board_counts *c, uint64_t ms)
{
	uint64_t bytes = ms == EVER ? EVER : at_most(ms, UINT32_MAX) * PER_MS_BYTES;
	uint64_t count = ms == EVER ? EVER : at_most(ms, UINT32_MAX) * PER_MS_COUNT;
	uint64_t us = ms == EVER ? EVER : at_most(ms, UINT32_MAX) * 1000;

	for (size_t w = 0; w < BOARD_WAYS; w++) {
		for (size_t e = 0; e < ENGINE_IDS; e++)
			plus(&sum->bytes[w][e], at_most(get(&c->bytes[w][e]), bytes));
		plus(&sum->files[w], at_most(get(&c->files[w]), count));
	}
	for (size_t i = 0; i < BOARD_STATUSES; i++)
		plus(&sum->errors[i], at_most(get(&c->errors[i]), count));
	plus(&sum->requests, at_most(get(&c->requests), count));
	for (size_t i = 0; i <= BOARD_BUCKETS; i++)
		plus(&sum->latency[i], at_most(get(&c->latency[i]), count));
	plus(&sum->latency_us, at_most(get(&c->latency_us), us));
}

static uint64_t lived_ms(const struct board *b, const struct board_slot *s, uint64_t now)
{
	uint64_t began = get(&s->began_ms), first = get(&b->totals->began_ms);

	began = began > first ? began : first;
	return (now > began ? now - began : 0) + GRACE_MS;
}

static void add_counts(struct board_counts *c, const struct board_sum *sum)
{
	for (size_t w = 0; w < BOARD_WAYS; w++) {
		for (size_t e = 0; e < ENGINE_IDS; e++)
			add(&c->bytes[w][e], sum->bytes[w][e]);
		add(&c->files[w], sum->files[w]);
	}
	for (size_t i = 0; i < BOARD_STATUSES; i++)
		add(&c->errors[i], sum->errors[i]);
	add(&c->requests, sum->requests);
	for (size_t i = 0; i <= BOARD_BUCKETS; i++)
		add(&c->latency[i], sum->latency[i]);
	add(&c->latency_us, sum->latency_us);
}

static void count_cause(struct board_totals *t, enum board_cause cause)
{
	if (cause > CAUSE_NONE && cause < CAUSE_COUNT)
		add(&t->causes[cause], 1);
}

void board_end(struct board *b, size_t i, enum board_cause cause)
{
	struct board_sum sum = { 0 };

	if (!b->totals || i >= b->slots)
		return;
	struct board_slot   *s = &b->slot[i];
	struct board_totals *t = b->totals;
	bool                 greeting = atomic_load_explicit(&s->state, memory_order_relaxed) == BOARD_GREETING;

	sum_counts(&sum, &s->counts, lived_ms(b, s, board_now_ms()));
	turn_begin(&t->turn);
	add_counts(&t->ended, &sum);
	if (cause == CAUSE_CRASH)
		add(&t->crashes, 1);
	if (cause != CAUSE_CRASH || greeting)
		count_cause(t, cause);
	if (get(&t->live) > 0)
		set(&t->live, get(&t->live) - 1);
	memset((void *)s, 0, sizeof *s);
	turn_end(&t->turn);
}

void board_cause(struct board *b, enum board_cause cause)
{
	if (b->totals)
		count_cause(b->totals, cause);
}

void board_revoke(struct board *b, size_t i)
{
	if (b->totals && i < b->slots)
		atomic_store_explicit(&b->slot[i].revoked, 1, memory_order_relaxed);
}

void board_reload(struct board *b)
{
	if (b->totals)
		add(&b->totals->reloads, 1);
}

/* --- the stream -------------------------------------------------------------------------------------------------- */

static void text(char *to, size_t room, const char *from, size_t len)
{
	len = at_most(len, room - 1);
	memcpy(to, from, len);
	memset(to + len, 0, room - len);
}

void board_key(struct board_slot *s, const char *name, const char *suite, bool sealed)
{
	if (!s)
		return;
	turn_begin(&s->turn);
	text(s->key, sizeof s->key, name, strlen(name));
	text(s->suite, sizeof s->suite, suite, strlen(suite));
	turn_end(&s->turn);
	board_carried(s, sealed);
	board_state(s, BOARD_IDLE);
}

void board_file(struct board_slot *s, enum board_state state, const char *export, const char *path, size_t path_len, uint64_t size)
{
	if (!s)
		return;
	turn_begin(&s->turn);
	text(s->export, sizeof s->export, export, strlen(export));
	text(s->file, sizeof s->file, path, path_len);
	set(&s->file_size, size);
	set(&s->file_done, 0);
	set(&s->file_began_ms, board_now_ms());
	atomic_store_explicit(&s->engine, 0, memory_order_relaxed);
	turn_end(&s->turn);
	board_state(s, state);
}

static void count_moved(struct board_slot *s, enum board_way way, const struct engine *e, uint64_t bytes)
{
	uint64_t before = get(&s->file_done);
	unsigned id = e && e->id < ENGINE_IDS ? e->id : 0;

	if (bytes > before)                     /* what is sent a second time is not counted again */
		add(&s->counts.bytes[way][id], bytes - before);
	atomic_store_explicit(&s->engine, id, memory_order_relaxed);
}

void board_moved(struct board_slot *s, const struct engine *e, uint64_t bytes)
{
	if (!s)
		return;
	unsigned state = atomic_load_explicit(&s->state, memory_order_relaxed);
	count_moved(s, state == BOARD_RECEIVING ? BOARD_RECEIVED : BOARD_SENT, e, bytes);
	if (bytes > get(&s->file_done))
		set(&s->file_done, bytes);
}

void board_resume(struct board_slot *s, uint64_t done)
{
	if (s)
		set(&s->file_done, done);
}

void board_carried(struct board_slot *s, bool sealed)
{
	if (s)
		atomic_store_explicit(&s->sealed, sealed, memory_order_relaxed);
}

void board_done(struct board_slot *s, enum board_way way, const struct engine *e, uint64_t bytes)
{
	if (!s)
		return;
	if (e)
		count_moved(s, way, e, bytes);
	else                                    /* all of it at once, whatever else is at hand */
		add(&s->counts.bytes[way][0], bytes);
	add(&s->counts.files[way], 1);
	set(&s->file_done, 0);
	board_state(s, BOARD_IDLE);
}

void board_state(struct board_slot *s, enum board_state state)
{
	if (s)
		atomic_store_explicit(&s->state, state, memory_order_relaxed);
}

void board_error(struct board_slot *s, unsigned status)
{
	if (s)
		add(&s->counts.errors[status < BOARD_STATUSES ? status : BOARD_STATUSES - 1], 1);
}

void board_request(struct board_slot *s, uint64_t took_us)
{
	size_t i = 0;

	if (!s)
		return;
	while (i < BOARD_BUCKETS && took_us > board_bounds_us[i])
		i++;
	add(&s->counts.requests, 1);
	add(&s->counts.latency[i], 1);
	add(&s->counts.latency_us, took_us);
}

bool board_revoked(const struct board_slot *s)
{
	return s && atomic_load_explicit(&s->revoked, memory_order_relaxed);
}

/* --- readers ----------------------------------------------------------------------------------------------------- */

size_t board_used(const struct board *b)
{
	return at_most(atomic_load_explicit(&b->totals->used, memory_order_relaxed), b->slots);
}

static void sum_once(const struct board *b, struct board_sum *out)
{
	const struct board_totals *t = b->totals;
	uint64_t                   now = board_now_ms();

	*out = (struct board_sum){
		.crashes = get(&t->crashes), .reloads = get(&t->reloads), .streams = get(&t->streams), .began_ms = get(&t->began_ms),
	};
	for (size_t i = 0; i < CAUSE_COUNT; i++)
		out->causes[i] = get(&t->causes[i]);
	sum_counts(out, &t->ended, EVER);
	for (size_t i = 0; i < board_used(b); i++) {
		const struct board_slot *s = &b->slot[i];
		unsigned                 state = atomic_load_explicit(&s->state, memory_order_relaxed);
		if (state == BOARD_FREE && !get(&s->began_ms))
			continue;
		out->states[state > BOARD_FREE && state < BOARD_STATES ? state : BOARD_IDLE]++;
		sum_counts(out, &s->counts, lived_ms(b, s, now));
	}
}

void board_sum(const struct board *b, struct board_sum *out)
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t turn = atomic_load_explicit(&b->totals->turn, memory_order_acquire);
		sum_once(b, out);
		if (turn_same(&b->totals->turn, turn))
			return;
	}
}

bool board_copy(const struct board_slot *s, struct board_slot *out)
{
	bool whole = false;

	for (int i = 0; i < TRIES && !whole; i++) {
		uint32_t turn = atomic_load_explicit(&s->turn, memory_order_acquire);
		memcpy((void *)out, (const void *)s, sizeof *out);
		whole = turn_same(&s->turn, turn);
	}
	if (!whole) {
		memset(out->key, 0, sizeof out->key);
		memset(out->export, 0, sizeof out->export);
		memset(out->file, 0, sizeof out->file);
		memset(out->suite, 0, sizeof out->suite);
	}
	out->suite[sizeof out->suite - 1] = out->key[sizeof out->key - 1] = '\0';
	out->export[sizeof out->export - 1] = out->file[sizeof out->file - 1] = '\0';
	return get(&out->began_ms) != 0;
}
