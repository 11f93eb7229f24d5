/* verdicts.c - may this key have one more stream, and may those it has stay? The listener's side of verdict.h, and authorized_keys read anew. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "zcpd/listener_parts.h"
#include "zcpd/verdict.h"

static const struct authorized_key *let_in(const struct listener *l, const uint8_t pk[static KEY_BYTES], const struct net_addr *peer,
                                           struct authorized_key *any)
{
	struct timespec t;
	struct fail     why;

	clock_gettime(CLOCK_REALTIME, &t);
	return authorized_find(&l->service->authorized, pk, peer, (int64_t)t.tv_sec, any, &why);
}

static unsigned of_key(const struct listener *l, const uint8_t pk[static KEY_BYTES])
{
	unsigned n = 0;

	for (size_t i = 0; i < LISTENER_STREAMS; i++)
		n += l->k.slot[i].pid > 0 && l->k.slot[i].let_in && memcmp(l->k.slot[i].key, pk, KEY_BYTES) == 0;
	return n;
}

static enum verdict judge(struct listener *l, struct stream_slot *s)
{
	struct authorized_key any;

	verdict_refresh(l, false);
	if (!let_in(l, s->key, &s->peer, &any))
		return VERDICT_GONE;
	if (limits_key(&l->service->settings.limits, of_key(l, s->key)))
		return VERDICT_GO;
	board_cause(&l->board, CAUSE_BUSY);     /* its process logs it, with the key's name */
	return VERDICT_BUSY;
}

/* Exactly one message of exactly a key's length: whatever else comes is not from the code that we started. */
void verdict_answer(struct listener *l, struct stream_slot *s)
{
	uint8_t message[KEY_BYTES + 1];
	ssize_t n = recv(s->verdict, message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);
	char    peer[64];

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && n != KEY_BYTES) {
		log_error("%s: its process did not ask as it should and was ended; please report this", net_text(&s->peer, peer));
		kill(s->pid, SIGKILL);
	}
	if (n == KEY_BYTES) {
		memcpy(s->key, message, KEY_BYTES);
		uint8_t answer = judge(l, s);
		s->known = true;
		s->let_in = answer == VERDICT_GO;
		do
			n = send(s->verdict, &answer, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		while (n < 0 && errno == EINTR);
		if (n != 1)
			s->let_in = false;      /* it has gone: SIGCHLD follows */
	}
	close_fd(&s->verdict);
}

static bool same_file(const struct authorized_stamp *a, const struct authorized_stamp *b)
{
	return a->err == b->err && a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtim.tv_sec == b->mtim.tv_sec &&
	       a->mtim.tv_nsec == b->mtim.tv_nsec && a->ctim.tv_sec == b->ctim.tv_sec && a->ctim.tv_nsec == b->ctim.tv_nsec;
}

static void revoke_gone(struct listener *l)
{
	struct authorized_key any;
	char                  peer[64];

	for (size_t i = 0; i < LISTENER_STREAMS; i++) {
		struct stream_slot *s = &l->k.slot[i];
		if (s->pid <= 0 || !s->let_in || s->revoked || let_in(l, s->key, &s->peer, &any))
			continue;
		s->revoked = true;
		board_revoke(&l->board, i);
		log_info("%s: its key is not let in any more, it ends at its next request", net_text(&s->peer, peer));
	}
}

void verdict_refresh(struct listener *l, bool look_again)
{
	struct authorized      *a = &l->service->authorized;
	struct authorized_stamp file = a->file_stamp, identity = a->identity_stamp;

	authorized_refresh(a);
	/* not readable for a moment, for lack of descriptors or memory: nobody new is let in, and no stream is ended for it. CHECK_MS looks again */
	if (!a->read_once)
		return;
	if (look_again || !same_file(&file, &a->file_stamp) || !same_file(&identity, &a->identity_stamp))
		revoke_gone(l);
}
