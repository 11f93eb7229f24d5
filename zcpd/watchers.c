/*
 * watchers.c - those who look at the scoreboard: a short-lived process for each connection to the status socket, and one for metrics.
 *
 * They have the board for reading, one socket, no keys, no exports; VIEW_S ends the first kind, the metrics process ends with the listener
 * and is started again when it dies, after a while that doubles.
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/descriptors.h"
#include "zcpd/listener_parts.h"
#include "zcpd/metrics.h"
#include "zcpd/status.h"

enum { VIEW_S = 5, AGAIN_FIRST_S = 1, AGAIN_MOST_S = 60 };

/* --- the sockets ------------------------------------------------------------------------------------------------- */

static bool wanted(const char *setting)
{
	return setting && strcmp(setting, "none") != 0;
}

/* The default place may be missing, or not be ours: then there is no --status, and the service is served. One that was named must be had. */
static int open_viewers(const struct settings *s, struct viewers *v)
{
	CLEAN_PTR char *path = status_path(s);
	char            shown[256], words[128];
	int             r = path && strlen(path) >= sizeof v->path ? -ENAMETOOLONG : 0;

	if (!path)
		return 0;
	v->sock = r < 0 ? r : status_listen(path);
	if (v->sock >= 0) {
		memcpy(v->path, path, strlen(path) + 1);
		return 0;
	}
	r = v->sock;
	v->sock = -1;
	vis_str(shown, sizeof shown, path);
	fail_words(fail_errno(r), words, sizeof words);
	if (wanted(s->status_socket))
		log_error("the status socket \"%s\": %s", shown, words);
	else
		log_warn("no status socket, \"%s\": %s", shown, words);
	return wanted(s->status_socket) ? r : 0;
}

static int open_metrics(const struct settings *s, struct metrics *m)
{
	if (!wanted(s->metrics))
		return 0;
	if (strlen(s->metrics) >= sizeof m->where)
		return -ENAMETOOLONG;
	memcpy(m->where, s->metrics, strlen(s->metrics) + 1);
	m->sock = metrics_listen(s->metrics);
	return m->sock < 0 ? m->sock : 0;
}

int watchers_open(struct listener *l, const struct settings *s)
{
	int r = open_viewers(s, &l->k.viewers);

	return r < 0 ? r : open_metrics(s, &l->k.metrics);
}

/* The file of a metrics socket; NULL: it has none. */
static const char *metrics_file(const struct metrics *m)
{
	return m->sock >= 0 && strncmp(m->where, "unix:", 5) == 0 ? m->where + 5 : NULL;
}

int watchers_give(const struct listener *l, const char *user)
{
	const struct passwd *pw = getpwnam(user);       /* NOLINT(concurrency-mt-unsafe): one thread */
	const char *const    files[] = { l->k.viewers.sock >= 0 ? l->k.viewers.path : NULL, metrics_file(&l->k.metrics) };
	char                 shown[256];

	for (size_t i = 0; i < sizeof files / sizeof *files && pw; i++) {
		if (!files[i] || lchown(files[i], pw->pw_uid, pw->pw_gid) == 0)
			continue;
		int r = -errno;
		log_error("\"%s\" cannot be given to the user %s: %s", vis_str(shown, sizeof shown, files[i]), pw->pw_name, strerrordesc_np(-r));
		return r;
	}
	return 0;
}

static void shut(struct viewers *v, struct metrics *m)
{
	const char *file = m ? metrics_file(m) : NULL;

	if (v && v->sock >= 0)
		unlink(v->path);
	if (v)
		close_fd(&v->sock);
	if (file)
		unlink(file);
	if (m)
		close_fd(&m->sock);
}

void watchers_close(struct listener *l)
{
	shut(&l->k.viewers, &l->k.metrics);
}

/* For a reload: *v and *m are the present ones, or new ones where the settings are others. */
int watchers_renew(const struct listener *l, const struct settings *s, struct viewers *v, struct metrics *m, char why[static RELOAD_WHY])
{
	CLEAN_PTR char *path = status_path(s);
	const char     *which = "status-socket", *where = path;
	char            shown[256], words[128];
	int             r = 0;

	*v = l->k.viewers;
	*m = l->k.metrics;
	if (strcmp(path ? path : "", v->sock >= 0 ? v->path : "") != 0) {
		v->sock = -1;
		v->path[0] = '\0';
		r = open_viewers(s, v);
	}
	if (r == 0 && strcmp(wanted(s->metrics) ? s->metrics : "", m->sock >= 0 ? m->where : "") != 0) {
		*m = (struct metrics){ .sock = -1 };
		which = "metrics";
		where = s->metrics;
		r = open_metrics(s, m);
	}
	if (r < 0)
		snprintf(why, RELOAD_WHY, "%s = \"%s\": %s", which, vis_str(shown, sizeof shown, where ? where : ""),
		         fail_words(fail_errno(r), words, sizeof words));
	if (r < 0)
		shut(v->sock != l->k.viewers.sock ? v : NULL, m->sock != l->k.metrics.sock ? m : NULL);
	return r;
}

void watchers_change(struct listener *l, const struct viewers *v, const struct metrics *m)
{
	if (v->sock != l->k.viewers.sock)
		shut(&l->k.viewers, NULL);
	if (m->sock != l->k.metrics.sock) {
		if (l->k.metrics.pid > 0)
			kill(l->k.metrics.pid, SIGTERM);
		shut(NULL, &l->k.metrics);
	}
	l->k.viewers = *v;
	l->k.metrics = *m;
}

void watchers_leave(struct listener *l)
{
	close_fd(&l->k.viewers.sock);
	close_fd(&l->k.metrics.sock);
}

/* --- their processes --------------------------------------------------------------------------------------------- */

/* In the child: nothing of the listener's is left but the board, for reading, and this socket. */
static void become_watcher(struct listener *l, int sock, int (*enter)(const struct sandbox *))
{
	int own[] = { sock, log_descriptor() };

	if (sock == l->k.metrics.sock)
		l->k.metrics.sock = -1;
	keys_wipe(&l->service->host);
	exports_clear(&l->service->exports);
	close_fd(&l->service->transfer_fd);
	int r = board_view(&l->board);
	streams_leave(l);
	if (r == 0)
		r = descriptors_keep(own, sizeof own / sizeof *own);
	if (r == 0)
		r = enter(&l->service->sandbox);
	if (r < 0) {
		log_error("a process that shows the scoreboard could not be confined: %s", strerrordesc_np(-r));
		_exit(1);
	}
}

void watchers_answer(struct listener *l)
{
	int client = accept4(l->k.viewers.sock, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		listener_pause(l, errno);
	for (size_t i = 0; client >= 0 && i < LISTENER_VIEWERS; i++) {
		if (l->k.viewers.pid[i] > 0)
			continue;
		pid_t pid = board_only(&l->board, SIZE_MAX) < 0 ? -1 : fork();
		if (pid == 0) {
			alarm(VIEW_S);
			become_watcher(l, client, sandbox_enter_status);
			status_serve(&l->board, client);
			_exit(0);
		}
		l->k.viewers.pid[i] = pid > 0 ? pid : 0;
		break;
	}
	close_fd(&client);                      /* more than a few at once: they may ask again */
}

static void start_metrics(struct listener *l, int64_t now)
{
	struct metrics *m = &l->k.metrics;
	int             sock = m->sock;
	pid_t           parent = getpid(), pid = board_only(&l->board, SIZE_MAX) < 0 ? -1 : fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != parent)
			_exit(0);
		become_watcher(l, sock, sandbox_enter_metrics);
		metrics_run(&l->board, sock);
		_exit(0);
	}
	if (pid < 0)
		m->again_ms = now + AGAIN_MOST_S * 1000;
	m->pid = pid > 0 ? pid : 0;
	m->began_ms = now;
}

void watchers_tick(struct listener *l, int64_t now)
{
	if (watchers_due(l) <= now)
		start_metrics(l, now);
}

int64_t watchers_due(const struct listener *l)
{
	const struct metrics *m = &l->k.metrics;

	return m->sock >= 0 && m->pid == 0 && l->phase != PHASE_ENDING ? m->again_ms : INT64_MAX;
}

static void metrics_died(struct listener *l, int status)
{
	struct metrics *m = &l->k.metrics;
	int64_t         now = clock_ms();

	m->pid = 0;
	if (l->phase == PHASE_ENDING)
		return;
	m->wait_s = now - m->began_ms > AGAIN_MOST_S * 1000 || m->wait_s == 0 ? AGAIN_FIRST_S : 2 * m->wait_s;
	m->wait_s = m->wait_s < AGAIN_MOST_S ? m->wait_s : AGAIN_MOST_S;
	m->again_ms = now + (int64_t)m->wait_s * 1000;
	log_warn("the metrics process ended (status %d), it is started again in %u s", status, m->wait_s);
}

bool watchers_reaped(struct listener *l, pid_t pid, int status)
{
	if (pid == l->k.metrics.pid) {
		metrics_died(l, status);
		return true;
	}
	for (size_t i = 0; i < LISTENER_VIEWERS; i++) {
		if (l->k.viewers.pid[i] != pid)
			continue;
		l->k.viewers.pid[i] = 0;
		return true;
	}
	return false;
}

void watchers_end(struct listener *l, int sig)
{
	if (l->k.metrics.pid > 0)
		kill(l->k.metrics.pid, sig);
	for (size_t i = 0; i < LISTENER_VIEWERS; i++)
		if (l->k.viewers.pid[i] > 0)
			kill(l->k.viewers.pid[i], SIGKILL);
}

bool watchers_live(const struct listener *l)
{
	bool live = l->k.metrics.pid > 0;

	for (size_t i = 0; i < LISTENER_VIEWERS; i++)
		live |= l->k.viewers.pid[i] > 0;
	return live;
}
