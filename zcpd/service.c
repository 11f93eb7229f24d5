/* service.c - see service.h */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/caps.h"
#include "zcpd/place.h"
#include "zcpd/service.h"

static const char *say(int minus_errno, char words[static 128])
{
	return fail_words(fail_errno(minus_errno), words, 128);
}

void service_init(struct service *v)
{
	*v = (struct service){ .sandbox.ruleset = -1, .transfer_fd = -1 };
	v->boot_id_known = place_boot_id(v->boot_id) == 0;
}

/* Is stderr the journal's? Then lines carry their priority: systemd.exec(5), JOURNAL_STREAM. */
static int under_journald(void)
{
	const char        *where = getenv("JOURNAL_STREAM");    /* NOLINT(concurrency-mt-unsafe): one thread */
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

void service_log(const struct settings *s, int verbose)
{
	int most = s->log_level + verbose;

	most = most < LOG_LEVEL_ERROR ? LOG_LEVEL_ERROR : most > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG : most;
	log_setup("zcpd", (enum log_level)most, under_journald());
}

/* --- the user ---------------------------------------------------------------------------------------------------- */

/* A directory that is missing, and then the user's. */
static int give_one(const char *dir, const struct passwd *pw)
{
	int r = mkdir(dir, 0700) < 0 ? -errno : 0;

	if (r < 0)
		return r == -EEXIST || access(dir, F_OK) == 0 ? 0 : r;
	CLEAN_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || fchown(fd, pw->pw_uid, pw->pw_gid) < 0 ? -errno : 0;
}

/* Made by root for the user, with all that is missing above it: the user has to get there. What is there already is the user's own, or
 * service_keys() will say what is wrong with it. */
static int give_state(const struct service *v, const struct passwd *pw)
{
	char   words[128], shown[512], part[PATH_MAX];
	size_t len = strlen(v->state);
	int    r = len < sizeof part ? 0 : -ENAMETOOLONG;

	for (size_t i = 1; i < len && r == 0; i++) {
		if (v->state[i] != '/')
			continue;
		memcpy(part, v->state, i);
		part[i] = '\0';
		r = give_one(part, pw);
	}
	if (r == 0)
		r = give_one(v->state, pw);
	if (r < 0)
		log_error("\"%s\" cannot be made for the user %s: %s", vis_str(shown, sizeof shown, v->state), pw->pw_name, say(r, words));
	return r;
}

/* For good: real, effective and saved. The bounding set first, while there is the capability for it; the rest goes with uid 0. */
static int become(const struct passwd *pw)
{
	int r = caps_drop_bounding();

	if (r < 0)
		return r;
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		return -errno;
	return geteuid() == pw->pw_uid && getuid() == pw->pw_uid && setuid(0) < 0 ? 0 : -EPERM;
}

int service_user(struct service *v)
{
	const char          *name = v->settings.user;
	const struct passwd *pw = name ? getpwnam(name) : NULL;         /* NOLINT(concurrency-mt-unsafe): one thread */
	char                 words[128], shown[128];

	if (!name)
		return ST_OK;
	vis_str(shown, sizeof shown, name);
	if (!pw) {
		log_error("user = \"%s\": there is no such user", shown);
		return ST_USAGE;
	}
	if (pw->pw_uid == geteuid())
		return ST_OK;
	if (geteuid() != 0) {
		log_error("user = \"%s\": zcpd was started as another user, and only root can change it", shown);
		return ST_USAGE;
	}
	v->state = place_state(v->settings.state);
	if (!v->state || give_state(v, pw) < 0)
		return ST_USAGE;
	int r = become(pw);
	if (r < 0) {
		log_error("user = \"%s\": cannot be changed to: %s", shown, say(r, words));
		return ST_USAGE;
	}
	/* root's default place: another image of this process, and a reload, have to find it again */
	setenv("STATE_DIRECTORY", v->state, 1);         /* NOLINT(concurrency-mt-unsafe): one thread */
	return ST_OK;
}

/* --- state and keys ---------------------------------------------------------------------------------------------- */

static int load_key(struct service *v, enum service_when when)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");      /* NOLINT(concurrency-mt-unsafe): one thread */

	v->key_file = place_key(v->settings.host_key, v->state);
	if (!v->key_file)
		return -ENOMEM;
	if (!v->settings.host_key && dir && *dir && strncmp(v->key_file, dir, strlen(dir)) == 0)
		return keys_load_credential(v->key_file, &v->host);
	return when == SERVICE_START ? keys_load_or_make(v->key_file, "zcpd host key", &v->host) : keys_load(v->key_file, &v->host);
}

int service_keys(struct service *v, enum service_when when)
{
	char words[128], shown[512];

	if (!v->state)
		v->state = place_state(v->settings.state);
	if (!v->state) {
		log_error("no home directory is known: name one for the host key with --state DIR");
		return ST_USAGE;
	}
	if (place_make_state(v->state) < 0)
		return ST_USAGE;
	int r = load_key(v, when);
	vis_str(shown, sizeof shown, v->key_file ? v->key_file : "");
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

/* --- what is served ---------------------------------------------------------------------------------------------- */

/* Said, and kept for whoever has to say it once more. */
static int refuse(struct service *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int refuse(struct service *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->why, sizeof v->why, fmt, ap);
	va_end(ap);
	log_error("%s", v->why);
	return ST_USAGE;
}

static int open_export(struct service *v, const struct settings_export *e)
{
	char words[128], shown[512];
	int  r = export_add(&v->exports, e);

	vis_str(shown, sizeof shown, e->path);
	if (r < 0)
		return refuse(v, "%s\"%s\": %s", v->settings.config ? "the export's directory " : "--root=", shown, say(r, words));
	CLEAN_FD int state = open(v->state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (state >= 0 && mask_lies_in(e->path, state) == 1)
		return refuse(v, "%s\"%s\" lies in the state directory, which holds the host key", v->settings.config ? "the export's directory " : "--root=",
		              shown);
	if (mask_lies_in(v->state, v->exports.list[v->exports.count - 1].dir) == 1)
		log_info("the state directory lies in \"%s\": it is hidden from clients", shown);
	return ST_OK;
}

static int open_transfer_log(struct service *v)
{
	const char *path = v->settings.transfer_log;
	char        words[128], shown[512];
	struct stat st;

	if (!path || strcmp(path, "log") == 0)
		return ST_OK;
	vis_str(shown, sizeof shown, path);
	/* O_NONBLOCK: a FIFO would keep us waiting for its reader */
	v->transfer_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (v->transfer_fd < 0 || fstat(v->transfer_fd, &st) < 0)
		return refuse(v, "the transfer log \"%s\": %s", shown, say(-errno, words));
	return S_ISREG(st.st_mode) ? ST_OK : refuse(v, "the transfer log \"%s\" is not a regular file", shown);
}

/* The state directory with all in it, and what lies elsewhere. */
static int hide(struct service *v)
{
	const char *const files[] = { v->key_file, v->settings.config_file, v->transfer_fd >= 0 ? v->settings.transfer_log : NULL };
	int               r = mask_init(&v->mask, v->state);

	for (size_t i = 0; i < sizeof files / sizeof *files && r == 0; i++)
		if (files[i])
			r = mask_file(&v->mask, files[i]);
	return r;
}

int service_exports(struct service *v)
{
	char words[128];
	int  status = ST_OK;

	for (size_t i = 0; i < v->settings.export_count && status == ST_OK; i++)
		status = open_export(v, &v->settings.exports[i]);
	if (status == ST_OK)
		status = open_transfer_log(v);
	if (status != ST_OK)
		return status;
	int r = hide(v);
	if (r == 0)
		r = owners_load(&v->owners);
	return r < 0 ? refuse(v, "%s", say(r, words)) : ST_OK;
}

static bool any_writable(const struct service *v)
{
	for (size_t i = 0; i < v->exports.count; i++)
		if (v->exports.list[i].writable)
			return true;
	return false;
}

/* "Nobody" is a mistake that would be found out too late, and "anybody may write" one that would. */
static int check_admission(const struct service *v, bool loopback_only)
{
	const struct authorized *a = &v->authorized;
	char                     shown[512];

	if (loopback_only)
		return ST_OK;
	if (a->rule == AUTHORIZED_ANY && any_writable(v)) {
		log_error("%s, and not on a loopback address: anybody could fill this disk. Name the clients in a file",
		          v->settings.config ? "authorized-keys = any with mode = rw in an export" : "--authorized-keys=any with --writable");
		return ST_USAGE;
	}
	/* under --config it starts, refuses everybody and says so: `zcpd --add-key` is the next step */
	if (!v->settings.config && a->rule == AUTHORIZED_DEFAULT && access(a->file, F_OK) < 0) {
		log_error("nobody would be let in: there is no \"%s\". On each client, type this and append the line here:",
		          vis_str(shown, sizeof shown, a->file));
		log_error("    zcp --public-key");
		log_error("or for your own client on this machine:  zcp --public-key >>%s", vis_str(shown, sizeof shown, a->file));
		return ST_USAGE;
	}
	return ST_OK;
}

int service_admission(struct service *v, bool loopback_only)
{
	struct authorized *a = &v->authorized;
	const char        *option = v->settings.authorized_keys;

	a->rule = !option ? AUTHORIZED_DEFAULT : strcmp(option, "any") == 0 ? AUTHORIZED_ANY : AUTHORIZED_FILE;
	a->file = a->rule == AUTHORIZED_FILE ? strdup(option) : place_in(v->state, "authorized_keys");
	if (a->rule == AUTHORIZED_DEFAULT && loopback_only && !v->settings.config)
		a->identity = place_identity();
	if (!a->file || mask_file(&v->mask, a->file) < 0 || (a->identity && mask_file(&v->mask, a->identity) < 0)) {
		log_error("out of memory");
		return ST_USAGE;
	}
	int status = check_admission(v, loopback_only);
	if (status == ST_OK)
		authorized_refresh(a);
	if (status == ST_OK && a->rule == AUTHORIZED_ANY)
		log_warn("%s: every client is let in, whatever its key", v->settings.config ? "authorized-keys = any" : "--authorized-keys=any");
	return status;
}

static const char *own_name(char buf[static 64])
{
	const struct passwd *pw = getpwuid(geteuid());          /* NOLINT(concurrency-mt-unsafe): one thread */

	if (pw)
		snprintf(buf, 64, "%s", pw->pw_name);
	else
		snprintf(buf, 64, "%lu", (unsigned long)geteuid());
	return buf;
}

int service_confine(struct service *v, enum service_when when)
{
	char words[128], name[64];
	int  r = caps_drop();

	if (r == 0)
		r = sandbox_prepare(&v->sandbox, &v->exports);
	if (r < 0) {
		log_error("streams cannot be confined, so none is served: %s", say(r, words));
		return ST_CANNOT;
	}
	if (geteuid() == 0 && when == SERVICE_START)
		log_warn("started as root: serving as uid 0 without capabilities, so other users' private files are closed to it; "
		         "better run it as a user of its own");
	for (size_t i = 0; i < v->exports.count; i++) {
		const struct export *e = &v->exports.list[i];
		if (faccessat(e->dir, ".", R_OK | X_OK | (e->writable ? W_OK : 0), AT_EACCESS) < 0)
			log_warn("\"%s\" cannot be %s by the user %s", vis_str(words, sizeof words, e->path), e->writable ? "read and written" : "read",
			         own_name(name));
	}
	return ST_OK;
}

void service_announce(const struct service *v)
{
	char print[KEY_FINGERPRINT], shown[512], name[512];

	keys_fingerprint(v->host.pk, print);
	log_info("host key %s", print);
	for (size_t i = 0; i < v->exports.count; i++) {
		const struct export *e = &v->exports.list[i];
		if (e->prefix[0])
			log_info("serving \"%s\" as \"%s\", %s", vis_str(shown, sizeof shown, e->path), vis_str(name, sizeof name, e->prefix),
			         e->writable ? "writable" : "read-only");
		else
			log_info("serving \"%s\", %s", vis_str(shown, sizeof shown, e->path), e->writable ? "writable" : "read-only");
	}
	if (v->exports.count == 0)
		log_info("nothing is served yet: zcpd --add-export DIR");
}

void service_clear(struct service *v)
{
	sandbox_clear(&v->sandbox);
	authorized_clear(&v->authorized);
	mask_clear(&v->mask);
	owners_clear(&v->owners);
	exports_clear(&v->exports);
	keys_wipe(&v->host);
	close_fd(&v->transfer_fd);
	free(v->state);
	free(v->key_file);
	settings_clear(&v->settings);
}
