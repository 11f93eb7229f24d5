/* connect.c - see connect.h; what is made of the host's key is in trust.c, of its WELCOME in welcome.c */
#include "zcp/host/connect.h"

#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/handshake.h"
#include "common/log.h"
#include "common/nic.h"
#include "common/unix_socket.h"
#include "common/vis.h"
#include "zcp/home.h"
#include "zcp/host/costs.h"
#include "zcp/host/trust.h"

static enum status fail_job(struct worker *w, enum status st)
{
	return w->number ? st : report_end(&w->job->report, st);
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
		log_error("identity %s: %s (in rsync -i itemizes: -n or -v)", name, fail_words(fail_errno(r), words, sizeof words));
	return report_end(&j->report, ST_USAGE);
}

enum status connect_identity(struct job *j, struct keypair *pair, bool make)
{
	char        path[HOME_PATH], comment[160], host[80] = "";
	const char *user = getenv("USER");
	int         r;

	const char *named = j->opt->identity ? j->opt->identity : j->config.identity[0] ? j->config.identity : NULL;

	if (named)
		r = snprintf(path, sizeof path, "%s", named) < (int)sizeof path ? 0 : -ENAMETOOLONG;
	else
		r = home_file("identity", path);
	if (r < 0) {
		log_error("no home directory is known: set HOME or XDG_CONFIG_HOME, or name a key with -i");
		return report_end(&j->report, ST_USAGE);
	}
	gethostname(host, sizeof host - 1);
	snprintf(comment, sizeof comment, "%s%s%s", user ? user : "", user ? "@" : "", host);
	r = named && !make ? keys_load(path, pair) : keys_load_or_make(path, comment, pair);
	return r < 0 ? say_identity(j, path, r) : ST_OK;
}

/* --- connection -------------------------------------------------------------------------------------------------- */

/* ENOENT, ECONNREFUSED: zcpd may be on its way up. What is forbidden stays so. */
static enum status say_socket(struct worker *w, int r)
{
	struct job *j = w->job;
	enum status st = r == -ETIMEDOUT ? ST_CONNECT_TIMEOUT : ST_CONNECTION;

	j->no_address |= !w->number && (r == -EACCES || r == -EPERM);
	if (r == -ENOENT)
		worker_end(w, st, "%s: no such socket: does zcpd run, and listen there (--listen=unix:/PATH)?", j->where);
	else if (r == -ECONNREFUSED)
		worker_end(w, st, "%s: nobody listens there: is zcpd running?", j->where);
	else if (r == -EACCES || r == -EPERM)
		worker_end(w, st, "%s: permission denied: who connects needs write permission for the socket, and search permission for its directories", j->where);
	else if (r == -ETIMEDOUT)
		worker_end(w, st, "%s: zcpd took nobody in for %u s (--contimeout)", j->where, j->opt->connect_s);
	else
		worker_end(w, st, "%s: cannot connect: %s", j->where, stream_words(r));
	return fail_job(w, st);
}

static enum status say_connect(struct worker *w, int r, int gai)
{
	struct job *j = w->job;

	if (job_stopped(j))
		return fail_job(w, job_stopped_by(j));
	/* of what a name server says, only "not now" may be otherwise in a minute */
	j->no_address |= !w->number && gai && gai != EAI_AGAIN && gai != EAI_SYSTEM && gai != EAI_MEMORY;
	if (job_socket(j))
		return say_socket(w, r);
	if (r == -ETIMEDOUT) {
		worker_end(w, ST_CONNECT_TIMEOUT, "%s: no answer within %u s: is the host up, and does a firewall let port %u through? (--contimeout)", j->where,
		          j->opt->connect_s, j->port);
		return fail_job(w, ST_CONNECT_TIMEOUT);
	}
	if (r == -ECONNREFUSED)
		worker_end(w, ST_CONNECTION, "%s: connection refused: is zcpd running there, and is it this port? (-P PORT)", j->where);
	else if (r == -EHOSTUNREACH && gai)
		worker_end(w, ST_CONNECTION, "%s: the host has no address: %s", j->where, gai_strerror(gai));
	else
		worker_end(w, ST_CONNECTION, "%s: cannot connect: %s", j->where, stream_words(r));
	return fail_job(w, ST_CONNECTION);
}

static enum status say_opening(struct worker *w, const struct handshake *h, int r)
{
	struct job *j = w->job;
	char seen[80];

	if (r == -ETIMEDOUT) {
		/* not a matter of --contimeout: a zcpd that is being restarted answers when the new one is up */
		worker_end(w, ST_STALLED, "%s: connected, but it said nothing for %u s: is that zcpd? (--timeout)", j->where, j->opt->stall_s);
		return fail_job(w, ST_STALLED);
	}
	if (r == -EPROTO && h->first_len) {
		worker_say(w, "%s does not speak zcp: it said '%s'", j->where, vis(seen, sizeof seen, h->first, h->first_len));
		return fail_job(w, ST_PROTOCOL);
	}
	if (r == -EPROTO || r == -EMSGSIZE || r == -EBADMSG) {
		worker_say(w, "%s: the opening of the stream was damaged, forged, or is not zcp's: nothing was sent", j->where);
		return fail_job(w, ST_PROTOCOL);
	}
	if (r == -EOPNOTSUPP) {
		worker_say(w, "%s: both sides have no cipher or version in common: see --cipher", j->where);
		return fail_job(w, ST_CANNOT);
	}
	if (r == -ENODATA || r == -ECONNRESET || r == -EPIPE)
		worker_end(w, ST_CONNECTION, "%s: it closed the connection during the opening: is that zcpd?", j->where);
	else
		worker_end(w, status_of_stream(r), "%s: %s", j->where, stream_words(r));
	return fail_job(w, status_of_stream(r));
}

static void note_place(struct worker *w, int sock)
{
	struct net_addr own, peer;

	w->loopback = net_addrs(sock, &own, &peer) == 0 && net_is_loopback(&own) && net_is_loopback(&peer);
}

static enum status take_stream(struct worker *w, int *sock, struct handshake *h)
{
	struct job *j = w->job;
	int stall_ms = (int)j->opt->stall_s * 1000;
	int r = net_setup(*sock, stall_ms);

	if (r == 0) {
		r = stream_init(&w->stream, *sock, FROM_DAEMON, &h->tx, &h->rx, stall_ms);
		*sock = -1;
	} else {
		seal_clear(&h->tx);
		seal_clear(&h->rx);
	}
	if (r < 0) {
		worker_end(w, status_of_stream(r), "%s: %s", j->where, stream_words(r));
		return fail_job(w, status_of_stream(r));
	}
	w->stream.integrity = (uint8_t)h->integrity;
	w->stream.carry = CARRY_SEALED;         /* until WELCOME */
	w->stream.hands = (h->capabilities & CAPABILITY_HAND) != 0;
	w->reason = h->reason;
	w->tells_usage = h->capabilities & CAPABILITY_USAGE;
	w->connected = true;
	w->began_ns = clock_ns();
	j->host_seen |= !w->number;
	return ST_OK;
}

/* Of a stream after the first, or of a second attempt: the key that the first one was shown, and no other. */
static int same_key(void *arg, const uint8_t server[static KEY_BYTES])
{
	const struct job *j = arg;

	return sodium_memcmp(j->host_key, server, KEY_BYTES) == 0 ? 0 : -1;
}

/* What the configuration says counts where the command line says nothing, and for the address that this stream is connected to: all of a job have the same. */
static enum carry_wish wish(const struct job *j, int sock)
{
	struct net_addr own, peer;

	if (j->opt->wish != WISH_AUTO || net_addrs(sock, &own, &peer) < 0)
		return j->opt->wish;
	return host_config_plain(&j->config, &peer) ? WISH_NETWORK : WISH_AUTO;
}

/* Who made the socket may hand over what hangs whoever closes it (FUSE), beyond any signal: root and oneself can do that to a process anyway. */
static bool takes_descriptors(struct worker *w, int sock)
{
	uint32_t uid;

	w->strange = unix_is(sock) && (unix_peer_uid(sock, &uid) < 0 || (uid != 0 && uid != geteuid()));
	return job_takes_descriptors(w->job) && !w->strange;
}

static int open_socket(struct worker *w, int *gai)
{
	struct job *j = w->job;
	int         ms = (int)j->opt->connect_s * 1000;

	const char *path = job_socket(j);

	*gai = 0;
	if (path)
		return unix_connect(path, ms);
	if (j->address_len)             /* confined by now, or another stream of the same host: no name is looked up again */
		return net_connect_to((const struct sockaddr *)&j->address, j->address_len, ms);
	return net_connect(j->host, j->port, j->opt->family, ms, gai);
}

static enum status set_options(struct worker *w, int sock)
{
	const char *cc = w->job->opt->cc;
	char        words[200];
	int         r = net_setup(sock, (int)w->job->opt->stall_s * 1000);

	if (r < 0)
		return fail_job(w, status_of_stream(r));
	if (net_cc(sock, cc) == 0 || !cc)
		return ST_OK;
	worker_say(w, "--cc=%s: %s", cc, fail_words(fail_why(ST_CANNOT, WHY_CC), words, sizeof words));
	return fail_job(w, ST_CANNOT);
}

static enum status refused_opening(struct worker *w, struct handshake *h, struct trust *t, int r)
{
	struct job *j = w->job;

	j->watch(w->number, -1);
	if (r == -ENOKEY && t)
		return trust_verdict(j, t);
	if (r == -ENOKEY) {
		worker_say(w, "%s: it showed another key than a moment ago. Nothing was sent.", j->where);
		return fail_job(w, ST_HOST_CHANGED);
	}
	if (job_stopped(j))
		return fail_job(w, job_stopped_by(j));
	return say_opening(w, h, r);
}

/* One connection and handshake; t NULL: the job's host key is known. */
static enum status attempt(struct worker *w, struct trust *t)
{
	struct job      *j = w->job;
	struct handshake h = {
		.own = &j->own, .check_key = t ? trust_check : same_key, .check_arg = t ? (void *)t : (void *)j,
		.integrity = j->opt->integrity, .boot_id = j->boot_id[0] ? j->boot_id : NULL,
	};
	int gai;
	CLEAN_FD int sock = open_socket(w, &gai);

	if (sock < 0)
		return say_connect(w, sock, gai);
	j->watch(w->number, sock);
	note_place(w, sock);
	memcpy(h.suites, j->opt->suites, sizeof h.suites);
	h.sock = sock;
	h.path = job_socket(j);
	h.wish = wish(j, sock);
	h.capable = takes_descriptors(w, sock) ? CAPABILITY_HAND : 0;
	enum status st = set_options(w, sock);
	if (st != ST_OK) {
		j->watch(w->number, -1);
		return st;
	}
	int r = handshake_client(&h);
	if (r < 0)
		return refused_opening(w, &h, t, r);
	w->chosen = h.carry;
	if (t)                          /* of a further stream it is the same one, and others read it */
		memcpy(j->host_key, h.peer_key, KEY_BYTES);
	return take_stream(w, &sock, &h);
}

static enum status put_setup(struct worker *w)
{
	const struct options *o = w->job->opt;
	bool                  upload = w->job->upload;
	const struct engine  *send = upload ? NULL : o->send, *recv = upload ? o->recv : NULL;
	union wire_body       b = { .setup = { .send_engine = send ? send->id : 0, .recv_engine = recv ? recv->id : 0 } };

	/* so that the daemon knows why this client leaves, should it not grant that */
	b.setup.flags = (o->wish == WISH_PLAIN ? SETUP_PLAIN : 0) | (o->integrity == INTEGRITY_NONE ? SETUP_NO_TAGS : 0);
	if (o->list)
		b.setup.flags |= SETUP_OWNERS;
	if (!upload && o->hard_links)
		b.setup.flags |= SETUP_LINKS;
	b.setup.flags |= (uint8_t)w->job->extras;
	/* into a pipe or a device every byte goes */
	b.setup.flags |= upload || w->job->poured ? 0 : SETUP_HOLES;
	b.setup.cc = wire_cstr(o->cc ? o->cc : "");
	int r = stream_put(&w->stream, WIRE_SETUP, &b, false);
	if (r == 0)
		r = costs_ask(w);
	if (r == 0)
		return ST_OK;
	worker_broken(w, r);
	return w->number ? status_of_stream(r) : status_job(&w->job->report);
}

/* What every further stream needs of the first: where it led, so that no name is looked up again. */
static void note_address(struct job *j)
{
	socklen_t len = sizeof j->address;

	if (getpeername(j->lead.stream.sock, (struct sockaddr *)&j->address, &len) == 0)
		j->address_len = len;
}

/* Whether the network card spares sendfile its last copy. Now, since the confinement allows no netlink. */
static void say_nic(const struct job *j)
{
	struct nic   nic;
	char         words[NIC_WORDS];
	enum nic_way way = j->lead.chosen == CARRY_SEALED ? NIC_SEALED : j->upload ? NIC_SENDS : NIC_RECEIVES;
	int          r = j->opt->verbose && !j->opt->list ? nic_of_socket(j->lead.stream.sock, &nic) : -EAFNOSUPPORT;

	if (r == 0)
		log_info("%s: by %s", j->where, nic_words(&nic, way, words));
	else if (r != -EAFNOSUPPORT)
		log_info("%s: which network interface leads there is not known: %s", j->where, strerror(-r));
}

enum status connect_job(struct job *j)
{
	struct trust t;

	if (j->address_len)                     /* a further attempt: key, address and answers are known */
		return connect_worker(&j->lead);
	enum status st = connect_identity(j, &j->own, false);
	if (st != ST_OK)
		return st;
	if (place_boot_id(j->boot_id) < 0)
		j->boot_id[0] = '\0';
	st = trust_begin(j, &t);
	if (st == ST_OK)
		st = attempt(&j->lead, &t);
	if (st == ST_OK && !j->lead.connected) {
		/* the question was answered, the key is in known_hosts: this key and no other */
		st = attempt(&j->lead, &t);
	}
	if (st != ST_OK)
		return st;
	note_address(j);
	say_nic(j);
	return put_setup(&j->lead);
}

enum status connect_worker(struct worker *w)
{
	enum status st = attempt(w, NULL);

	return st == ST_OK ? put_setup(w) : st;
}
