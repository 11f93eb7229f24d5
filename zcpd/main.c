/*
 * main.c - zcpd: options, checks, keys, sockets, then the listener; every step that fails says what to do.
 *
 * Status   0 ended by a signal, or said what was asked; 1 usage or configuration; 4 this kernel cannot; 10 cannot listen, or nobody answers.
 * Order    options, settings, kernel; state, host key, exports; sockets (those of a socket unit, else our own); where the user is changed, the sockets
 *          come first. Who is let in; capabilities dropped, sandbox made ready; signals, scoreboard, port file; systemd is told.
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/path.h"
#include "common/standard.h"
#include "common/vis.h"
#include "zcpd/admin.h"
#include "zcpd/check.h"
#include "zcpd/listener_parts.h"
#include "zcpd/options.h"
#include "zcpd/public_key.h"
#include "zcpd/status.h"
#include "zcpd/turn_away.h"

enum { LOG_PATIENCE_MS = 1000 };        /* for whoever reads the log; then clients come first */

struct zcpd {
	struct options  options;
	struct listener listener;
	bool            again;          /* another image of a listener that goes on: reexec.c */
};

/* It holds the host key: no core file, and no other process of this user may look into its memory. */
static void keep_secrets(void)
{
	struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
}

static int check_kernel(void)
{
	int r = path_supported();

	if (r == 0)
		return ST_OK;
	log_error("this kernel has no openat2 (Linux 5.6)%s: there is no other way to keep a peer's names inside the served directory",
	          r == -EPERM ? ", or a container's filter forbids it" : "");
	return ST_CANNOT;
}

static int print_status(const struct zcpd *z, const struct settings *s)
{
	CLEAN_PTR char *path = status_path(s);

	return status_print(path, z->options.json, stdout);
}

/* --- serving ----------------------------------------------------------------------------------------------------- */

static int open_sockets(struct listener *l)
{
	const struct settings *s = &l->service->settings;
	int                    count, r = listener_inherit(l);
	const char *const     *specs = reload_specs(s, &count);

	if (r < 0)
		return ST_CONNECTION;
	for (int i = 0; i < count && r >= 0 && !(l->k.count && l->k.sock[0].inherited); i++)
		r = listener_open(l, specs[i]);
	if (r == -EINVAL)
		return ST_USAGE;
	return r < 0 || watchers_open(l, s) < 0 ? ST_CONNECTION : ST_OK;
}

static int belongings(struct listener *l, enum service_when when)
{
	int status = service_user(l->service);

	if (status == ST_OK)
		status = service_keys(l->service, when);
	return status == ST_OK ? service_exports(l->service) : status;
}

/* Low ports are root's: who is to become another user listens first. Who is not finds mistakes in files before it listens. */
static int prepare(struct listener *l)
{
	bool listens_first = geteuid() == 0 && l->service->settings.user;
	int  status = listens_first ? ST_OK : belongings(l, SERVICE_START);

	if (status == ST_OK)
		status = open_sockets(l);
	if (status == ST_OK && listens_first && watchers_give(l, l->service->settings.user) < 0)
		status = ST_CONNECTION;
	return status == ST_OK && listens_first ? belongings(l, SERVICE_START) : status;
}

static int confine(struct listener *l, enum service_when when)
{
	struct service *v = l->service;
	int             status = service_admission(v, l->k.loopback_only);

	memcpy(v->cc, l->k.cc, sizeof v->cc);
	return status == ST_OK ? service_confine(v, when) : status;
}

static int announce(struct zcpd *z)
{
	char        words[128], shown[512], line[128];
	const char *file = z->again ? NULL : z->options.port_file;
	int         r = listener_ready(&z->listener);

	if (r < 0) {
		log_error("cannot serve: %s%s", fail_words(fail_errno(r), words, sizeof words),
		          r == -EFBIG ? ": the limit on the size of files (ulimit -f, LimitFSIZE=) is below the 4 MiB that zcpd needs for itself" : "");
		return ST_CANNOT;
	}
	if (file && (r = listener_port_file(&z->listener, file)) < 0) {
		log_error("--port-file=\"%s\": %s", vis_str(shown, sizeof shown, file), fail_words(fail_errno(r), words, sizeof words));
		return ST_USAGE;
	}
	if (z->again) {
		log_info("executed anew after a crash, with %u stream%s live", z->listener.k.live, z->listener.k.live == 1 ? "" : "s");
		return ST_OK;
	}
	service_announce(z->listener.service);
	listener_announce(&z->listener);
	notify_ready(&z->listener.k.notify, status_line(&z->listener.board, line));
	return ST_OK;
}

/* A socket unit starts zcpd for whoever waits in its queue: while it cannot serve, they are told to come back, and the queue is empty. */
static void turn_all_away(struct zcpd *z)
{
	struct listener *l = &z->listener;
	int              fds[LISTENER_SOCKETS], count = 0;

	if (l->k.count == 0)
		listener_inherit(l);
	for (int i = 0; i < l->k.count; i++)
		if (l->k.sock[i].inherited)
			fds[count++] = l->k.sock[i].fd;
	int told = turn_away(fds, count);
	if (told > 0)
		log_warn("not started: %d client%s told to come back later", told, told == 1 ? " was" : "s were");
}

static int serve(struct zcpd *z)
{
	struct listener  *l = &z->listener;
	enum service_when when = z->again ? SERVICE_AGAIN : SERVICE_START;

	if (!z->again)
		notify_open(&l->k.notify);
	int status = z->again ? belongings(l, when) : prepare(l);
	if (status == ST_OK)
		status = confine(l, when);
	if (status == ST_OK)
		status = announce(z);
	if (status != ST_OK)
		return status;
	int r = listener_run(l);
	if (r < 0)
		log_error("the listener failed: %s", strerrordesc_np(-r));
	return r < 0 ? ST_CONNECTION : ST_OK;
}

static int run_task(struct zcpd *z)
{
	struct service *v = z->listener.service;

	switch (z->options.task) {
	case TASK_PUBLIC_KEY:   return public_key_print(&z->options, v);
	case TASK_STATUS:       return print_status(z, &v->settings);
	case TASK_ADD_KEY:      return admin_add_key(&z->options, &v->settings);
	case TASK_ADD_EXPORT:   return admin_add_export(&z->options, &v->settings);
	default:                return serve(z);
	}
}

static int run(struct zcpd *z, int argc, char **argv)
{
	int r = options_parse(&z->options, argc, argv);

	if (r != 0)
		return r < 0 || fflush(stdout) != 0 || ferror(stdout) ? ST_USAGE : ST_OK;      /* --help, --version: they may be lost */
	if (z->options.task == TASK_CHECK_CONFIG)
		return check_config(&z->options);
	struct service *v = z->listener.service = calloc(1, sizeof *v);
	if (!v)
		return ST_USAGE;
	service_init(v);
	if (options_settings(&z->options, &v->settings) < 0)
		return ST_USAGE;
	service_log(&v->settings, z->options.verbose);
	int status = check_kernel();
	return status == ST_OK ? run_task(z) : status;
}

int main(int argc, char **argv)
{
	static struct zcpd     z;       /* large, and one only */
	static struct settings quiet = { .log_level = LOG_LEVEL_INFO };

	service_log(&quiet, 0);
	log_patience(LOG_PATIENCE_MS);
	keep_secrets();
	if (standard_fill() < 0 || sodium_init() < 0) {
		log_error("cannot start: no /dev/null, or libsodium found no source of randomness");
		return ST_CANNOT;
	}
	/* whoever started zcpd may have ignored them: no end of a child would be seen, no deadline be kept */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);       /* a limit on the size of files is one file's failure (EFBIG) */
	listener_init(&z.listener, &z.options, argv);
	z.again = reexec_adopt(&z.listener);
	int status = run(&z, argc, argv);
	if (!z.again && z.options.task == TASK_SERVE && (status == ST_USAGE || status == ST_CANNOT))
		turn_all_away(&z);
	listener_clear(&z.listener);
	options_clear(&z.options);
	return status;
}
