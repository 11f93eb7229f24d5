/*
 * sides.h - a client and a daemon at their handshake, each in a thread, on sockets that the driver gives them.
 *
 * A side that is done says so by shutting its end down, whatever the result: whoever stands between sees the end and never hangs.
 */
#pragma once
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "common/handshake.h"

struct side {
	struct handshake h;
	struct keypair   key;
	bool             client;
	bool             stay;          /* keep the socket as it is afterwards */
	int              r;
	pthread_t        thread;
	uint8_t          seen[KEY_BYTES];
	int              refuse;        /* what check_key answers */
};

static inline int side_check(void *arg, const uint8_t server[static KEY_BYTES])
{
	struct side *s = arg;

	memcpy(s->seen, server, KEY_BYTES);
	return s->refuse;
}

/* Every usable suite; the daemon offers nothing raw, the client wishes auto. */
static inline void side_init(struct side *s, bool client, int sock)
{
	struct timeval t = { .tv_sec = 20 };    /* only a driver that is broken waits for it */
	size_t         n = 0;

	memset(s, 0, sizeof *s);
	s->client = client;
	memset(s->key.sk, client ? 0x11 : 0x22, KEY_BYTES);
	crypto_scalarmult_base(s->key.pk, s->key.sk);
	s->h.sock = sock;
	s->h.own = &s->key;
	s->h.check_key = side_check;
	s->h.check_arg = s;
	for (const struct suite *const *p = suites; *p; p++)
		if (suite_usable(*p))
			s->h.suites[n++] = (*p)->id;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

static inline void *side_run(void *arg)
{
	struct side *s = arg;

	s->r = s->client ? handshake_client(&s->h) : handshake_daemon(&s->h);
	if (!s->stay)
		shutdown(s->h.sock, SHUT_WR);
	return NULL;
}

static inline void side_start(struct side *s)
{
	if (pthread_create(&s->thread, NULL, side_run, s))
		_exit(3);
}

static inline int side_end(struct side *s)
{
	pthread_join(s->thread, NULL);
	return s->r;
}

/* Wipes what a successful side owns, and closes. */
static inline void side_clear(struct side *s)
{
	if (s->r == 0) {
		seal_clear(&s->h.tx);
		seal_clear(&s->h.rx);
	}
	close(s->h.sock);
}

/* A record from one to the other, both ways. */
static inline bool sides_talk(struct side *a, struct side *b)
{
	uint8_t buf[64], word[4] = { 3 };
	size_t  tag;

	tag = a->h.suite->tag;
	if (seal_record(&a->h.tx, buf, (const uint8_t *)"abc", 3, word) || open_record(&b->h.rx, buf, buf, 3 + tag, word) || memcmp(buf, "abc", 3) != 0)
		return false;
	if (seal_record(&b->h.tx, buf, (const uint8_t *)"xyz", 3, word) || open_record(&a->h.rx, buf, buf, 3 + tag, word) || memcmp(buf, "xyz", 3) != 0)
		return false;
	return a->h.suite == b->h.suite && a->h.tx.suite == a->h.suite;
}

static inline void pair_unix(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		_exit(3);
}

/* All that comes until the end of the stream, at most max. */
static inline size_t drain(int sock, uint8_t *buf, size_t max)
{
	size_t  have = 0;
	ssize_t n;

	while (have < max && (n = recv(sock, buf + have, max - have, 0)) > 0)
		have += (size_t)n;
	return have;
}
