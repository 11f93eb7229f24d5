/* connect.c - see connect.h; what is made of the host's key is in trust.c */
#include "zcp/connect.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/handshake.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcp/home.h"
#include "zcp/trust.h"

enum { LEAVE_MS = 2000 };

static enum status fail_job(struct job *j, enum status st)
{
	return report_end(&j->report, st);
}

/* --- identity ---------------------------------------------------------------------------------------------------- */

static enum status say_identity(struct job *j, const char *path, int r)
{
	char name[300], words[120];

	vis_str(name, sizeof name, path);
	if (r == -EPERM)
		log_error("identity %s: others can read or write it, or it is not yours: chmod 600 it", name);
	else if (r == -EINVAL)
		log_error("identity %s: there is no zcp key in it; another is named with -i", name);
	else if (r == -ENOENT)
		log_error("identity %s: no such file; `zcp -i %s --public-key` makes one", name, name);
	else
		log_error("identity %s: %s", name, fail_words(fail_errno(r), words, sizeof words));
	return fail_job(j, ST_USAGE);
}

enum status connect_identity(struct job *j, struct keypair *pair, bool make)
{
	char        path[HOME_PATH], comment[160], host[80] = "";
	const char *user = getenv("USER");
	int         r;

	if (j->opt->identity)
		r = snprintf(path, sizeof path, "%s", j->opt->identity) < (int)sizeof path ? 0 : -ENAMETOOLONG;
	else
		r = home_file("identity", path);
	if (r < 0) {
		log_error("no home directory is known: set HOME or XDG_CONFIG_HOME, or name a key with -i");
		return fail_job(j, ST_USAGE);
	}
	gethostname(host, sizeof host - 1);
	snprintf(comment, sizeof comment, "%s%s%s", user ? user : "", user ? "@" : "", host);
	r = j->opt->identity && !make ? keys_load(path, pair) : keys_load_or_make(path, comment, pair);
	return r < 0 ? say_identity(j, path, r) : ST_OK;
}

/* --- connection -------------------------------------------------------------------------------------------------- */

static enum status say_connect(struct job *j, int r, int gai)
{
	if (r == -ETIMEDOUT) {
		log_error("%s: no answer within %u s: is the host up, and does a firewall let port %u through? (--contimeout)", j->where,
		          j->opt->connect_s, j->port);
		return fail_job(j, ST_CONNECT_TIMEOUT);
	}
	if (r == -ECONNREFUSED)
		log_error("%s: connection refused: is zcpd running there, and is it this port? (-P PORT)", j->where);
	else if (r == -EHOSTUNREACH && gai)
		log_error("%s: the host has no address: %s", j->where, gai_strerror(gai));
	else
		log_error("%s: cannot connect: %s", j->where, stream_words(r));
	return fail_job(j, ST_CONNECTION);
}

static enum status say_opening(struct job *j, const struct handshake *h, int r)
{
	char seen[80];

	if (r == -ETIMEDOUT) {
		/* not a matter of --contimeout: a zcpd that is being restarted answers when the new one is up */
		log_error("%s: connected, but it said nothing for %u s: is that zcpd? (--timeout)", j->where, j->opt->stall_s);
		return fail_job(j, ST_STALLED);
	}
	if (r == -EPROTO && h->first_len) {
		log_error("%s does not speak zcp: it said '%s'", j->where, vis(seen, sizeof seen, h->first, h->first_len));
		return fail_job(j, ST_PROTOCOL);
	}
	if (r == -EPROTO || r == -EMSGSIZE || r == -EBADMSG) {
		log_error("%s: the opening of the stream was damaged, forged, or is not zcp's: nothing was sent", j->where);
		return fail_job(j, ST_PROTOCOL);
	}
	if (r == -EOPNOTSUPP) {
		log_error("%s: both sides have no cipher or version in common: see --cipher", j->where);
		return fail_job(j, ST_CANNOT);
	}
	if (r == -ENODATA || r == -ECONNRESET || r == -EPIPE)
		log_error("%s: it closed the connection during the opening: is that zcpd?", j->where);
	else
		log_error("%s: %s", j->where, stream_words(r));
	return fail_job(j, status_of_stream(r));
}

static void note_place(struct job *j, int sock)
{
	struct net_addr own, peer;

	j->loopback = net_addrs(sock, &own, &peer) == 0 && net_is_loopback(&own) && net_is_loopback(&peer);
}

static enum status take_stream(struct job *j, int *sock, struct handshake *h)
{
	int stall_ms = (int)j->opt->stall_s * 1000;
	int r = net_setup(*sock, stall_ms);

	if (r == 0) {
		r = stream_init(&j->stream, *sock, FROM_DAEMON, &h->tx, &h->rx, stall_ms);
		*sock = -1;
	} else {
		seal_clear(&h->tx);
		seal_clear(&h->rx);
	}
	if (r < 0) {
		log_error("%s: %s", j->where, stream_words(r));
		return fail_job(j, status_of_stream(r));
	}
	j->stream.integrity = (uint8_t)h->integrity;
	j->stream.carry = CARRY_SEALED;         /* until WELCOME */
	j->reason = h->reason;
	j->connected = true;
	return ST_OK;
}

/* One connection and handshake. *chosen: what message 3 chose. */
static enum status attempt(struct job *j, const struct keypair *own, struct trust *t, enum carry *chosen)
{
	struct handshake h = {
		.own = own, .check_key = trust_check, .check_arg = t, .wish = j->opt->wish, .integrity = j->opt->integrity,
	};
	int gai = 0, r;
	CLEAN_FD int sock = net_connect(j->host, j->port, j->opt->family, (int)j->opt->connect_s * 1000, &gai);

	if (sock < 0)
		return say_connect(j, sock, gai);
	j->watch(sock);
	note_place(j, sock);
	memcpy(h.suites, j->opt->suites, sizeof h.suites);
	h.sock = sock;
	r = net_setup(sock, (int)j->opt->stall_s * 1000);
	if (r == 0 && net_cc(sock, j->opt->cc) < 0 && j->opt->cc) {
		char words[200];
		log_error("--cc=%s: %s", j->opt->cc, fail_words(fail_why(ST_CANNOT, WHY_CC), words, sizeof words));
		j->watch(-1);
		return fail_job(j, ST_CANNOT);
	}
	r = r < 0 ? r : handshake_client(&h);
	if (r == 0) {
		*chosen = h.carry;
		return take_stream(j, &sock, &h);
	}
	j->watch(-1);
	if (r == -ENOKEY)
		return trust_verdict(j, t);
	if (job_stopped(j)) {
		log_error("%s: interrupted", j->where);
		return fail_job(j, ST_INTERRUPTED);
	}
	return say_opening(j, &h, r);
}

static enum status put_setup(struct job *j, bool upload)
{
	const struct options *o = j->opt;
	const struct engine  *send = upload ? NULL : o->send, *recv = upload ? o->recv : NULL;
	union wire_body       b = { .setup = { .send_engine = send ? send->id : 0, .recv_engine = recv ? recv->id : 0 } };

	/* so that the daemon knows why this client leaves, should it not grant that */
	b.setup.flags = (o->wish == WISH_PLAIN ? SETUP_PLAIN : 0) | (o->integrity == INTEGRITY_NONE ? SETUP_NO_TAGS : 0);
	b.setup.cc = wire_cstr(o->cc ? o->cc : "");
	int r = stream_put(&j->stream, WIRE_SETUP, &b, false);
	return r < 0 ? (job_broken(j, r), status_job(&j->report)) : ST_OK;
}

enum status connect_job(struct job *j)
{
	struct keypair own;
	struct trust   t;
	enum carry     chosen = CARRY_SEALED;
	enum status    st = connect_identity(j, &own, false);

	if (st != ST_OK)
		return st;
	st = trust_begin(j, &t);
	if (st == ST_OK)
		st = attempt(j, &own, &t, &chosen);
	if (st == ST_OK && !j->connected) {
		/* the question was answered, the key is in known_hosts: this key and no other */
		st = attempt(j, &own, &t, &chosen);
	}
	keys_wipe(&own);
	if (st != ST_OK)
		return st;
	j->chosen = chosen;
	return put_setup(j, j->upload);
}

/* --- WELCOME ----------------------------------------------------------------------------------------------------- */

static enum status say_refused(struct job *j, struct fail f)
{
	char words[400];
	enum status st = f.status ? (enum status)f.status : ST_REFUSED;

	log_error("%s: refused: %s", j->where, fail_words(f, words, sizeof words));
	return fail_job(j, st);
}

static enum status say_fail(struct job *j, struct fail f)
{
	char words[400];

	log_error("%s: %s", j->where, fail_words(f, words, sizeof words));
	return fail_job(j, f.status ? (enum status)f.status : ST_CANNOT);
}

static enum status say_engine(struct job *j, const struct engine *e, struct fail f)
{
	char words[400];

	log_error("--engine=%s %s", e ? e->name : "auto", fail_words(f, words, sizeof words));
	return fail_job(j, f.status ? (enum status)f.status : ST_CANNOT);
}

enum status connect_check_engines(struct job *j, enum carry carry)
{
	const struct options *o = j->opt;
	bool        raw = carry == CARRY_RAW;
	unsigned    seal = raw ? 0 : CAN_SEAL, mac = raw && o->integrity == INTEGRITY_MAC ? CAN_MAC_RECV : 0;
	struct fail f = o->send ? engine_check(o->send, CAN_SEND | seal) : (struct fail){ 0 };

	if (f.status)
		return say_engine(j, o->send, f);
	f = o->recv ? engine_check(o->recv, CAN_RECV | seal | mac) : (struct fail){ 0 };
	return f.status ? say_engine(j, o->recv, f) : ST_OK;
}

static enum status take_welcome(struct job *j, const struct wire_welcome *w)
{
	if (w->carry != CARRY_SEALED && (w->carry != CARRY_RAW || j->chosen != CARRY_RAW)) {
		log_error("%s: granted what nobody asked for: plaintext", j->where);
		return fail_job(j, ST_PROTOCOL);
	}
	j->stream.carry = (enum carry)w->carry;
	j->welcome = true;
	struct wire_str list = w->exports, prefix;
	uint8_t         flags;
	while (wire_export_next(&list, &prefix, &flags) > 0) {
		j->writable |= (flags & EXPORT_WRITE) != 0;
		granted_add(&j->granted, prefix, flags);
	}
	if (w->carry == CARRY_SEALED && j->chosen == CARRY_RAW)
		j->reason = BECAUSE_DAEMON_SEALS;
	if (j->opt->wish == WISH_PLAIN && w->carry != CARRY_RAW)
		return say_fail(j, fail_why(ST_CANNOT, WHY_PLAIN_REFUSED));
	if (j->opt->integrity == INTEGRITY_NONE && j->stream.integrity != INTEGRITY_NONE)
		return say_fail(j, fail_why(ST_CANNOT, WHY_NONE_REFUSED));
	return connect_check_engines(j, (enum carry)w->carry);
}

static enum status unexpected(struct job *j)
{
	job_broken(j, -EPROTO);
	return ST_PROTOCOL;
}

static enum status broken_status(struct job *j)
{
	return status_job(&j->report);
}

enum status connect_welcome(struct job *j)
{
	struct record rec;

	if (job_get(j, &rec) < 0)
		return broken_status(j);
	if (rec.type == WIRE_REFUSED)
		return say_refused(j, rec.body.refused.fail);
	if (rec.type != WIRE_WELCOME)
		return unexpected(j);
	enum status st = take_welcome(j, &rec.body.welcome);
	if (st != ST_OK)
		return st;
	if (job_get(j, &rec) < 0)
		return broken_status(j);
	if (rec.type == WIRE_ERROR && rec.body.error.id == 0) {
		const struct options *o = j->opt;
		struct fail           f = rec.body.error.fail;
		if (f.why == WHY_ENGINE_SEAL || f.why == WHY_ENGINE_SIDE || f.why == WHY_ENGINE_MAC || f.why == WHY_ENGINE_OPEN)
			return say_engine(j, j->upload ? o->recv : o->send, f);
		return say_fail(j, f);
	}
	return rec.type == WIRE_OK && rec.body.ok.id == 0 ? ST_OK : unexpected(j);
}

/* The job has failed before a file was on its way. What it asked for may still be answered; nothing of it is said any more. */
static void leave(struct job *j)
{
	union wire_body none = { 0 };
	struct record   rec;
	int             r = stream_put(&j->stream, WIRE_BYE, &none, true);

	if (j->stream.stall_ms > LEAVE_MS)
		j->stream.stall_ms = LEAVE_MS;
	for (uint32_t left = j->next_id + 2; r == 0 && left > 0; left--) {
		r = stream_get(&j->stream, &rec);
		if (r == 0 && rec.type == WIRE_BYE)
			break;
	}
}

void connect_bye(struct job *j)
{
	union wire_body none = { 0 };
	struct record   rec;

	if (!j->connected || j->stream.broken)
		return;
	if (j->report.ended) {
		if (j->welcome && !j->astray && !job_stopped(j))
			leave(j);
		return;
	}
	int r = stream_put(&j->stream, WIRE_BYE, &none, true);
	r = r < 0 ? r : stream_get(&j->stream, &rec);
	if (r == 0 && rec.type != WIRE_BYE)
		r = -EPROTO;
	if (r < 0)
		job_broken(j, r);
}
