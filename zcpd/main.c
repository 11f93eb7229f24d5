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
#include "common/cleanup.h"
#include "common/log.h"
#include "common/path.h"
#include "common/vis.h"
#include "zcpd/caps.h"
#include "zcpd/listener.h"
#include "zcpd/options.h"
#include "zcpd/place.h"

struct zcpd {
	struct options  options;
	struct service  service;
	struct listener listener;
	char           *state, *key_file;
};

static const char *say(int minus_errno, char words[static 128])
{
	return fail_words(fail_errno(minus_errno), words, 128);
}

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

static int load_host_key(struct zcpd *z)
{
	char words[128], shown[512];

	z->state = place_state(z->options.state);
	if (!z->state) {
		log_error("no home directory is known: name one for the host key with --state DIR");
		return ST_USAGE;
	}
	if (place_make_state(z->state) < 0)
		return ST_USAGE;
	z->key_file = place_in(z->state, "host_key");
	int r = z->key_file ? keys_load_or_make(z->key_file, "zcpd host key", &z->service.host) : -ENOMEM;
	vis_str(shown, sizeof shown, z->key_file ? z->key_file : "");
	if (r == -EPERM)
		log_error("the host key \"%s\" can be read or written by others, or belongs to one: chmod 600, or remove it for a new one", shown);
	else if (r == -EINVAL)
		log_error("\"%s\" is not a host key: remove it for a new one; clients will then see another key", shown);
	else if (r < 0)
		log_error("the host key \"%s\": %s", shown, say(r, words));
	else if (r > 0)
		log_info("made a new host key: \"%s\"", shown);
	return r < 0 ? ST_USAGE : ST_OK;
}

static int print_public_key(const struct zcpd *z)
{
	char text[KEY_TEXT], print[KEY_FINGERPRINT];

	keys_text(z->service.host.pk, text);
	keys_fingerprint(z->service.host.pk, print);
	printf("%s\n%s\n", text, print);
	return fflush(stdout) == 0 ? ST_OK : ST_USAGE;
}

static int open_exports(struct zcpd *z)
{
	const char *root = z->options.root;
	char        words[128], shown[512];
	int         r = export_add(&z->service.exports, "", root, z->options.writable);

	vis_str(shown, sizeof shown, root);
	if (r < 0) {
		log_error("--root=\"%s\": %s", shown, say(r, words));
		return ST_USAGE;
	}
	CLEAN_FD int state = open(z->state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (state >= 0 && mask_lies_in(root, state) == 1) {
		log_error("--root=\"%s\" lies in the state directory, which holds the host key", shown);
		return ST_USAGE;
	}
	r = mask_init(&z->service.mask, z->state);
	if (r == 0)
		r = mask_file(&z->service.mask, z->key_file);
	if (r < 0) {
		log_error("%s", say(r, words));
		return ST_USAGE;
	}
	if (mask_lies_in(z->state, z->service.exports.list[0].dir) == 1)
		log_info("the state directory lies in \"%s\": it is hidden from clients", shown);
	return ST_OK;
}

static int open_sockets(struct zcpd *z)
{
	int r = 0;

	listener_init(&z->listener, &z->service);
	for (int i = 0; i < z->options.listen_count && r == 0; i++)
		r = listener_open(&z->listener, z->options.listen[i]);
	if (z->options.listen_count == 0)
		r = listener_open(&z->listener, ":7722");
	if (r == -EINVAL)
		return ST_USAGE;
	return r < 0 ? ST_CONNECTION : ST_OK;
}

/* "Nobody" is a mistake that would be found out too late, and "anybody may write" one that would. */
static int check_admission(const struct zcpd *z)
{
	const struct authorized *a = &z->service.authorized;
	char                     shown[512];

	if (z->listener.loopback_only)
		return ST_OK;
	if (a->rule == AUTHORIZED_ANY && z->options.writable) {
		log_error("--authorized-keys=any with --writable, and not on a loopback address: anybody could fill this disk. "
		          "Name the clients in a file");
		return ST_USAGE;
	}
	if (a->rule == AUTHORIZED_DEFAULT && access(a->file, F_OK) < 0) {
		log_error("nobody would be let in: there is no \"%s\". On each client, type this and append the line here:",
		          vis_str(shown, sizeof shown, a->file));
		log_error("    zcp --public-key");
		log_error("or for your own client on this machine:  zcp --public-key >>%s", vis_str(shown, sizeof shown, a->file));
		return ST_USAGE;
	}
	return ST_OK;
}

static int set_admission(struct zcpd *z)
{
	struct authorized *a = &z->service.authorized;
	const char        *option = z->options.authorized_keys;

	a->rule = !option ? AUTHORIZED_DEFAULT : strcmp(option, "any") == 0 ? AUTHORIZED_ANY : AUTHORIZED_FILE;
	a->file = a->rule == AUTHORIZED_FILE ? strdup(option) : place_in(z->state, "authorized_keys");
	if (a->rule == AUTHORIZED_DEFAULT && z->listener.loopback_only)
		a->identity = place_identity();
	if (!a->file || mask_file(&z->service.mask, a->file) < 0 || (a->identity && mask_file(&z->service.mask, a->identity) < 0)) {
		log_error("out of memory");
		return ST_USAGE;
	}
	int status = check_admission(z);
	if (status == ST_OK)
		authorized_refresh(a);
	if (status == ST_OK && a->rule == AUTHORIZED_ANY)
		log_warn("--authorized-keys=any: every client is let in, whatever its key");
	return status;
}

static int confine(struct zcpd *z)
{
	char words[128];
	int  r = caps_drop();

	if (r == 0)
		r = sandbox_prepare(&z->service.sandbox, &z->service.exports);
	if (r < 0) {
		log_error("streams cannot be confined, so none is served: %s", say(r, words));
		return ST_CANNOT;
	}
	if (geteuid() == 0)
		log_warn("started as root: serving as uid 0 without capabilities, so other users' private files are closed to it; "
		         "better run it as a user of its own");
	const struct export *e = &z->service.exports.list[0];
	if (faccessat(e->dir, ".", R_OK | X_OK | (e->writable ? W_OK : 0), AT_EACCESS) < 0)
		log_warn("\"%s\" cannot be %s by this user", vis_str(words, sizeof words, e->path), e->writable ? "read and written" : "read");
	return ST_OK;
}

static int announce(struct zcpd *z)
{
	char print[KEY_FINGERPRINT], words[128], shown[512];
	int  r = listener_signals(&z->listener);

	if (r == 0 && z->options.port_file)
		r = listener_port_file(&z->listener, z->options.port_file);
	if (r < 0) {
		log_error("--port-file=\"%s\": %s", vis_str(shown, sizeof shown, z->options.port_file ? z->options.port_file : ""), say(r, words));
		return ST_USAGE;
	}
	keys_fingerprint(z->service.host.pk, print);
	log_info("host key %s", print);
	log_info("serving \"%s\", %s", vis_str(shown, sizeof shown, z->options.root), z->options.writable ? "writable" : "read-only");
	listener_announce(&z->listener);
	return ST_OK;
}

static void take_options(struct zcpd *z)
{
	struct service *v = &z->service;

	v->suites = z->options.suites;
	v->networks = z->options.networks;
	v->network_count = z->options.network_count;
	v->plain_auto = z->options.plain_auto;
	v->integrity_none = z->options.integrity_none;
	v->stall_ms = z->options.stall_ms;
	v->boot_id_known = place_boot_id(v->boot_id) == 0;
}

static int serve(struct zcpd *z)
{
	int (*const steps[])(struct zcpd *) = { open_exports, open_sockets, set_admission, confine, announce };
	int status = ST_OK;

	for (size_t i = 0; i < sizeof steps / sizeof *steps && status == ST_OK; i++)
		status = steps[i](z);
	if (status != ST_OK)
		return status;
	int r = listener_run(&z->listener);
	if (r < 0)
		log_error("the listener failed: %s", strerrordesc_np(-r));
	return r < 0 ? ST_CONNECTION : ST_OK;
}

static int run(struct zcpd *z, int argc, char **argv)
{
	int most = LOG_LEVEL_INFO;
	int r = options_parse(&z->options, argc, argv);

	if (r != 0)
		return r < 0 ? ST_USAGE : ST_OK;
	most += z->options.verbose;
	most = most < LOG_LEVEL_ERROR ? LOG_LEVEL_ERROR : most > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG : most;
	log_setup("zcpd", (enum log_level)most, under_journald());
	take_options(z);
	int status = check_kernel();
	if (status == ST_OK)
		status = load_host_key(z);
	if (status != ST_OK)
		return status;
	return z->options.public_key ? print_public_key(z) : serve(z);
}

static void clear(struct zcpd *z)
{
	listener_clear(&z->listener);
	sandbox_clear(&z->service.sandbox);
	authorized_clear(&z->service.authorized);
	mask_clear(&z->service.mask);
	exports_clear(&z->service.exports);
	keys_wipe(&z->service.host);
	options_clear(&z->options);
	free(z->state);
	free(z->key_file);
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
	z.service.sandbox.ruleset = -1;
	int status = run(&z, argc, argv);
	clear(&z);
	return status;
}
