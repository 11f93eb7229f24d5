/*
 * main.c - zcpd: options, checks, keys, sockets, then the listener; every step that fails says what to do.
 *
 * Status   0 ended by a signal, or said what was asked; 1 usage or configuration; 4 this kernel cannot; 10 cannot listen.
 * Order    options, kernel, state, host key, exports, listen, who is let in, capabilities dropped, sandbox made ready, port file.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/log.h"
#include "common/path.h"
#include "common/vis.h"
#include "zcpd/listener.h"
#include "zcpd/options.h"

struct zcpd {
	struct options  options;
	struct service  service;
	struct listener listener;
};

/* Descriptors 0, 1, 2 are always something: else a socket could become what a log line is written to. */
static int fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
	return fd < 0 ? -errno : 0;
}

static int under_journald(void)
{
	const char        *where = getenv("JOURNAL_STREAM");    /* NOLINT(concurrency-mt-unsafe): nothing is started yet */
	unsigned long long dev, ino;
	struct stat        st;
	char               own[64];

	if (!where || fstat(STDERR_FILENO, &st) < 0)
		return 0;
	dev = st.st_dev;
	ino = st.st_ino;
	snprintf(own, sizeof own, "%llu:%llu", dev, ino);
	return strcmp(own, where) == 0;
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

static int print_public_key(const struct zcpd *z)
{
	char text[KEY_TEXT], print[KEY_FINGERPRINT];

	keys_text(z->service.host.pk, text);
	keys_fingerprint(z->service.host.pk, print);
	printf("%s\n%s\n", text, print);
	return fflush(stdout) == 0 ? ST_OK : ST_USAGE;
}

static int open_sockets(struct zcpd *z)
{
	const struct settings *s = &z->service.settings;
	int                    r = 0;

	listener_init(&z->listener, &z->service);
	for (int i = 0; i < s->listen_count && r == 0; i++)
		r = listener_open(&z->listener, s->listen[i]);
	if (s->listen_count == 0)
		r = listener_open(&z->listener, ":7722");
	if (r == -EINVAL)
		return ST_USAGE;
	return r < 0 ? ST_CONNECTION : ST_OK;
}

static int announce(struct zcpd *z)
{
	char        words[128], shown[512];
	const char *file = z->options.port_file;
	int         r = listener_signals(&z->listener);

	if (r == 0 && file)
		r = listener_port_file(&z->listener, file);
	if (r < 0) {
		log_error("--port-file=\"%s\": %s", vis_str(shown, sizeof shown, file ? file : ""), fail_words(fail_errno(r), words, sizeof words));
		return ST_USAGE;
	}
	service_announce(&z->service);
	listener_announce(&z->listener);
	return ST_OK;
}

static int serve(struct zcpd *z)
{
	int status = service_exports(&z->service);

	if (status == ST_OK)
		status = open_sockets(z);
	if (status == ST_OK)
		status = service_admission(&z->service, z->listener.loopback_only);
	if (status == ST_OK)
		status = service_confine(&z->service);
	if (status == ST_OK)
		status = announce(z);
	if (status != ST_OK)
		return status;
	int r = listener_run(&z->listener);
	if (r < 0)
		log_error("the listener failed: %s", strerrordesc_np(-r));
	return r < 0 ? ST_CONNECTION : ST_OK;
}

static void set_log(const struct zcpd *z)
{
	int most = z->service.settings.log_level + z->options.verbose;

	most = most < LOG_LEVEL_ERROR ? LOG_LEVEL_ERROR : most > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG : most;
	log_setup("zcpd", (enum log_level)most, under_journald());
}

static int run(struct zcpd *z, int argc, char **argv)
{
	int r = options_parse(&z->options, argc, argv);

	if (r != 0)
		return r < 0 ? ST_USAGE : ST_OK;
	if (options_settings(&z->options, &z->service.settings) < 0)
		return ST_USAGE;
	set_log(z);
	int status = check_kernel();
	if (status == ST_OK)
		status = service_keys(&z->service);
	if (status != ST_OK)
		return status;
	return z->options.task == TASK_PUBLIC_KEY ? print_public_key(z) : serve(z);
}

int main(int argc, char **argv)
{
	static struct zcpd z;           /* large, and one only */

	log_setup("zcpd", LOG_LEVEL_INFO, under_journald());
	if (fill_standard() < 0 || sodium_init() < 0) {
		log_error("cannot start: no /dev/null, or libsodium found no source of randomness");
		return ST_CANNOT;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);       /* a limit on the size of files is one file's failure (EFBIG) */
	listener_init(&z.listener, &z.service);
	service_init(&z.service);
	int status = run(&z, argc, argv);
	listener_clear(&z.listener);
	service_clear(&z.service);
	options_clear(&z.options);
	return status;
}
