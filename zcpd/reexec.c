/*
 * reexec.c - after a crash of a stream's process the listener executes itself anew: all processes forked from one image share one address layout,
 * and who made one crash may have learned it.
 *
 * Same     process id, parent, sockets, children, penalties, scoreboard: `struct kept` in a memfd, descriptors without close-on-exec.
 * Anew     everything else, keys and configuration too: so they are tried first, and with a mistake in them the listener goes on as it is.
 * Trust    the variable is our own: it names our process id, and is taken out of the environment before a child is forked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"
#include "zcpd/listener_parts.h"

enum { EVERY_MS = 10000, DESCRIPTOR_MAX = 1 << 20 };
#define HANDED_OVER "ZCPD_LISTENER"     /* PID:FD */

static int keep(int fd, bool over_exec)
{
	return fd < 0 || fcntl(fd, F_SETFD, over_exec ? 0 : FD_CLOEXEC) == 0 ? 0 : -errno;
}

static int keep_all(const struct kept *k, bool over_exec)
{
	const int single[] = { k->board_fd, k->exe, k->notify.sock, k->viewers.sock, k->metrics.sock };
	int       r = 0;

	for (size_t i = 0; i < sizeof single / sizeof *single && r == 0; i++)
		r = keep(single[i], over_exec);
	for (int i = 0; i < k->count && r == 0; i++)
		r = keep(k->sock[i].fd, over_exec);
	for (size_t i = 0; i < LISTENER_LINGER && r == 0; i++)
		r = keep(k->linger[i].fd, over_exec);
	for (size_t i = 0; i < LISTENER_STREAMS && r == 0; i++)
		if (k->slot[i].pid > 0)
			r = keep(k->slot[i].verdict, over_exec);
	return r;
}

static int write_down(const struct kept *k)
{
	int     fd = memfd_create("zcpd-listener", 0);
	ssize_t n = fd < 0 ? -errno : io_pwrite_full(fd, k, sizeof *k, 0);

	if (n < 0)
		close_fd(&fd);
	return n < 0 ? (int)n : fd;
}

static int execute(struct listener *l)
{
	char value[48];
	int  r, fd;

	strncpy(l->k.build, ZCP_VERSION, sizeof l->k.build - 1);
	l->k.size = sizeof l->k;
	l->k.executed_ms = clock_ms();
	fd = write_down(&l->k);
	if (fd < 0)
		return fd;
	snprintf(value, sizeof value, "%ld:%d", (long)getpid(), fd);
	r = keep_all(&l->k, true);
	if (r == 0 && setenv(HANDED_OVER, value, 1) < 0)        /* NOLINT(concurrency-mt-unsafe): one thread */
		r = -errno;
	if (r == 0) {
		fexecve(l->k.exe, l->argv, environ);
		r = -errno;
	}
	unsetenv(HANDED_OVER);                                  /* NOLINT(concurrency-mt-unsafe) */
	keep_all(&l->k, false);
	close(fd);
	return r;
}

void reexec(struct listener *l)
{
	char            what[RELOAD_WHY];
	struct service *fresh = reload_build(l, what);

	l->crashed = false;
	if (fresh) {
		reload_drop(fresh);
		snprintf(what, sizeof what, "%s", strerrordesc_np(-execute(l)));
	}
	log_error("a stream's process crashed, and zcpd keeps its memory layout: it could not be executed anew: %s", what);
}

/* Not more often: who can make streams crash could keep it from serving. */
int64_t reexec_due(const struct listener *l)
{
	if (!l->crashed || l->phase != PHASE_SERVING)
		return INT64_MAX;
	return l->k.executed_ms ? l->k.executed_ms + EVERY_MS : 0;
}

/* --- the new image ----------------------------------------------------------------------------------------------- */

static int named_descriptor(void)
{
	char       *value = getenv(HANDED_OVER);        /* NOLINT(concurrency-mt-unsafe): nothing is started yet */
	char       *colon = value ? strchr(value, ':') : NULL;
	uint64_t    pid, fd;
	int         r = -1;

	if (colon) {
		*colon = '\0';
		if (num_parse(value, 1, INT32_MAX, &pid) == 0 && pid == (uint64_t)getpid() && num_parse(colon + 1, 3, DESCRIPTOR_MAX, &fd) == 0)
			r = (int)fd;
	}
	unsetenv(HANDED_OVER);                          /* NOLINT(concurrency-mt-unsafe) */
	return r;
}

bool reexec_adopt(struct listener *l)
{
	int         fd = named_descriptor();
	struct stat st;
	struct kept *k;

	if (fd < 0)
		return false;
	k = malloc(sizeof *k);
	bool good = k && fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof *k && io_pread_full(fd, k, sizeof *k, 0) == (ssize_t)sizeof *k &&
	            k->size == sizeof *k && strcmp(k->build, ZCP_VERSION) == 0 && k->count >= 0 && k->count <= LISTENER_SOCKETS;
	close(fd);
	if (good) {
		close_fd(&l->k.exe);
		l->k = *k;
		good = keep_all(&l->k, false) == 0;
		/* executed by descriptor, it would be called by the descriptor's number */
		prctl(PR_SET_NAME, "zcpd", 0, 0, 0);
	}
	free(k);
	return good;
}
