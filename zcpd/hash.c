/*
 * hash.c - HASH: what bytes does this file have, or what attributes and ACLs? For a client that has the same file already.
 *
 * Only regular files of this key's exports, opened as for FETCH. It may take long: WAIT is said meanwhile, and a client that is gone ends it.
 */
#include <errno.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/digest.h"
#include "zcpd/session.h"

enum { SECOND_NS = 1000000000 };

struct hashing { struct session *s; uint64_t said_ns; };

static int beat(void *arg)
{
	struct hashing *h = arg;
	uint64_t        now = clock_ns();

	if (now - h->said_ns >= SECOND_NS) {
		h->said_ns = now;
		session_wait(h->s);
	}
	return h->s->stream.broken;
}

/* What has no extras that SETUP asked for has the digest of nothing. */
static int hash_extras(struct session *s, const struct wire_hash *m, int fd, const struct stat *st, union wire_body *a, struct fail *f)
{
	struct wire_str ext;

	if (extras_of(s, fd, st, EXTRAS_XATTRS | EXTRAS_ACLS, &ext, f) < 0)
		return -1;
	a->digest.length = ext.len;
	int r = extras_digest(ext, s->extras, m->key, a->digest.digest);
	*f = fail_errno(r);
	return r;
}

static int hash_contents(struct session *s, const struct wire_hash *m, int fd, union wire_body *a, struct fail *f)
{
	struct hashing      h = { s, clock_ns() };
	struct digest_pulse pulse = { beat, &h };
	int                 r = digest_file(fd, s->stream.tx.mac, m->key, m->offset, m->length, &pulse, a->digest.digest, &a->digest.length);

	*f = fail_errno(r);
	return r;
}

int handle_hash(struct session *s, const union wire_body *b)
{
	const struct wire_hash m = b->hash;
	union wire_body        a = { .digest = { .id = m.id } };
	struct target          t;
	struct stat            st;
	struct fail            f;

	if (session_target(s, m.path, false, &t, &f) < 0)
		return session_error(s, m.id, f, "read", m.path);
	board_file(s->slot, BOARD_LISTING, export_shown(t.export), t.path, strlen(t.path), 0);
	CLEAN_FD int fd = session_source(s, &t, (m.flags & LOOK_FOLLOW) != 0, &st, &f);
	if (fd < 0) {
		board_state(s->slot, BOARD_IDLE);
		return session_error(s, m.id, f, "read", m.path);
	}
	int r = m.flags & LOOK_EXTRAS ? hash_extras(s, &m, fd, &st, &a, &f) : hash_contents(s, &m, fd, &a, &f);
	board_state(s->slot, BOARD_IDLE);
	if (s->stream.broken)
		return s->stream.broken;
	if (r < 0)
		return session_error(s, m.id, f, "read", m.path);
	a.digest.meta = meta_from_stat(&st);
	a.digest.identity = identity_from_stat(&st);
	return session_reply(s, WIRE_DIGEST, &a);
}
