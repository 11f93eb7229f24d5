/*
 * transfer.h - what the drivers about contents share: a real TCP connection, files with known bytes, send.h in a thread and receive.h here.
 */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/receive.h"
#include "common/send.h"
#include "common/walk.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static inline void tcp_pair(int fds[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t          len = sizeof a;
	int                l = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(l, (struct sockaddr *)&a, sizeof a) || listen(l, 1) || getsockname(l, (struct sockaddr *)&a, &len))
		abort();
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fds[0], (struct sockaddr *)&a, sizeof a))
		abort();
	fds[1] = accept(l, NULL, NULL);
	close(l);
}

static inline void seals(const struct suite *suite, struct seal *one, struct seal *two, uint8_t seed)
{
	uint8_t h[64] = { 1 }, k1[32], k2[32];

	memset(k1, seed, sizeof k1);
	memset(k2, seed, sizeof k2);
	seal_init(one, suite, k1, h);
	seal_init(two, suite, k2, h);
}

/* The daemon's end sends, the client's receives: a download. */
static inline void streams(const struct suite *suite, struct stream *client, struct stream *daemon, enum carry carry, int integrity)
{
	int         fds[2];
	struct seal ct, cr, dt, dr;

	tcp_pair(fds);
	seals(suite, &ct, &dr, 1);
	seals(suite, &dt, &cr, 2);
	stream_init(client, fds[0], FROM_DAEMON, &ct, &cr, 60000);
	stream_init(daemon, fds[1], FROM_CLIENT, &dt, &dr, 60000);
	client->carry = daemon->carry = carry;
	client->integrity = daemon->integrity = (uint8_t)integrity;
}

enum { MOST = 20 * 1024 * 1024 };

/* What every file holds a beginning of; and room for what was found in one. */
static inline uint8_t *pattern(void)
{
	static uint8_t *p;

	if (!p) {
		p = malloc(MOST);
		randombytes_buf_deterministic(p, MOST, (const unsigned char *)"0123456789abcdef0123456789abcdef");
	}
	return p;
}

static inline uint8_t *found(void)
{
	static uint8_t *p;

	return p ? p : (p = malloc(MOST));
}

static inline int file_of(size_t size)
{
	char name[] = "/tmp/zcp-unit-XXXXXX";
	int  fd = mkstemp(name);

	unlink(name);
	if (fd < 0 || pwrite(fd, pattern(), size, 0) != (ssize_t)size)
		abort();
	return fd;
}

struct job {
	uint64_t       from, length;    /* of the file; length 0: all of it */
	struct stream *stream;
	int            file, other;     /* other: the same file through a descriptor that no engine puts O_DIRECT on */
	struct stat    st;
	const struct engine *only;
	bool           sealed, holes;
	int          (*between)(void *, uint32_t);
	struct sent    sent;
	int            result;
	uint32_t       id;
};

static inline void *sending(void *arg)
{
	struct job   *j = arg;
	struct sender s = { .stream = j->stream, .only = j->only, .between = j->between, .arg = j, .sealed = j->sealed, .holes = j->holes };

	j->result = send_contents(&s, j->id, j->file, &j->st, j->from, j->length ? j->length : (uint64_t)j->st.st_size, &j->sent);
	if (j->result == 0)
		j->result = stream_flush(j->stream, false);
	return NULL;
}

/* Receives until DONE. */
static inline int receiving(struct stream *s, struct incoming *in, struct wire_done *over)
{
	struct record rec;

	for (;;) {
		int r = stream_get(s, &rec);
		if (r < 0)
			return r;
		if (rec.type == WIRE_DONE) {
			*over = rec.body.done;
			return 0;
		}
		if (rec.type != WIRE_SEGMENT && rec.type != WIRE_HOLE)
			return -EPROTO;
		union wire_body b = rec.body;
		r = rec.type == WIRE_HOLE ? receive_hole(s, in, &b.hole) : receive_segment(s, in, &b.segment);
		if (r < 0)
			return r;
	}
}

static inline void start(pthread_t *t, struct job *j, struct stream *d, int file)
{
	j->stream = d;
	char same_file[40];

	j->file = file;
	snprintf(same_file, sizeof same_file, "/proc/self/fd/%d", file);
	j->other = open(same_file, O_RDWR);
	j->id = 1;
	fstat(file, &j->st);
	pthread_create(t, NULL, sending, j);
}

static inline bool same(int file, size_t size)
{
	return pread(file, found(), MOST, 0) == (ssize_t)size && memcmp(found(), pattern(), size) == 0;
}

/* These bytes once more, sealed. */
static inline void again(struct stream *c, struct stream *d, struct incoming *in, int from, uint64_t off, uint32_t len)
{
	struct transfer t = { .stream = d, .file = from, .off = off, .end = off + len, .size = 600000, .carry = CARRY_SEALED };
	union wire_body b = { .segment = { 1, off, len, CARRY_SEALED } };
	struct record   rec;

	stream_put(d, WIRE_SEGMENT, &b, true);
	engine_send(&t, NULL);
	b.segment_end = (struct wire_segment_end){ 1, off, len, 0, 0, { NULL, 0 } };
	stream_put(d, WIRE_SEGMENT_END, &b, true);
	stream_flush(d, false);
	ok(stream_get(c, &rec) == 0 && receive_segment(c, in, &rec.body.segment) == 0, "what was damaged comes again");
	engine_close(&t);
	window_close(&t.window);
}
