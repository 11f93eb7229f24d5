/* check.c - see check.h */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/admin_try.h"
#include "zcpd/authorized.h"
#include "zcpd/check.h"
#include "zcpd/mask.h"
#include "zcpd/place.h"
#include "zcpd/public_key.h"

struct check { struct settings settings; struct authorized authorized; char *state, *key, who[64]; int state_fd; bool bad; };   /* who: whose eyes */

static const char *say(int minus_errno, char words[static 128])
{
	return fail_words(fail_errno(minus_errno), words, 128);
}

/* Root asks for a service that runs as another: `user`, else the state directory's owner. From here on files are looked at with that user's
 * eyes. st NULL: there is no such directory yet. */
void check_become(const struct settings *s, const struct stat *st)
{
	const char          *name = s->user;
	const struct passwd *pw = name ? getpwnam(name) : st ? getpwuid(st->st_uid) : NULL;     /* NOLINT(concurrency-mt-unsafe): one thread only */
	uid_t                uid = pw ? pw->pw_uid : st ? st->st_uid : 0;
	gid_t                gid = pw ? pw->pw_gid : st ? st->st_gid : 0;
	char                 words[128];

	if (geteuid() != 0 || uid == 0)
		return;
	if ((pw ? initgroups(pw->pw_name, gid) : setgroups(0, NULL)) < 0 || setegid(gid) < 0 || seteuid(uid) < 0)
		log_warn("the files are looked at as root, not as the service's user: %s", say(-errno, words));
}

/* As place_make_state() has it, but nothing is made: a directory that is not there yet is none of this user's mistakes. */
static void check_state(struct check *c)
{
	char        shown[512], words[128];
	struct stat st;

	c->state = geteuid() == 0 ? public_key_state(&c->settings) : place_state(c->settings.state);
	if (!c->state) {
		log_error("no home directory is known: name one for the host key with --state DIR");
		c->bad = true;
		return;
	}
	vis_str(shown, sizeof shown, c->state);
	c->state_fd = open(c->state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->state_fd < 0 && errno == ENOENT) {
		check_become(&c->settings, NULL);
		return;
	}
	if (c->state_fd < 0 || fstat(c->state_fd, &st) < 0) {
		log_error("the state directory \"%s\": %s", shown, say(-errno, words));
		c->bad = true;
		return;
	}
	check_become(&c->settings, &st);
	if (st.st_mode & 022 || (st.st_uid != geteuid() && st.st_uid != 0)) {
		log_error("the state directory \"%s\" %s, and the host key could be replaced", shown,
		          st.st_mode & 022 ? "can be written by others (chmod go-w)" : "belongs to another user");
		c->bad = true;
	}
}

static void check_key(struct check *c)
{
	char           shown[512], words[128];
	struct keypair pair;

	CLEAN_PTR char *own = place_in(c->state, "host_key");
	c->key = place_key(c->settings.host_key, c->state);
	bool credential = !c->settings.host_key && c->key && own && strcmp(c->key, own) != 0;
	int  r = !c->key || !own ? -ENOMEM : credential ? keys_load_credential(c->key, &pair) : keys_load(c->key, &pair);
	keys_wipe(&pair);
	if (r == 0 || r == -ENOENT)             /* it is made at the start */
		return;
	c->bad = true;
	vis_str(shown, sizeof shown, c->key ? c->key : "");
	if (r == -EPERM)
		log_error("the host key \"%s\" can be read or written by others, or belongs to one: chmod 600, or remove it for a new one", shown);
	else if (r == -EINVAL)
		log_error("\"%s\" is not a host key: remove it for a new one; clients will then see another key", shown);
	else
		log_error("the host key \"%s\": %s", shown, say(r, words));
}

static void name_user(struct check *c)
{
	const struct passwd *pw = getpwuid(geteuid());          /* NOLINT(concurrency-mt-unsafe): one thread only */

	if (pw)
		snprintf(c->who, sizeof c->who, "%s", pw->pw_name);
	else
		snprintf(c->who, sizeof c->who, "%lu", (unsigned long)geteuid());
}

/* The start would fail: only root can become another. */
static void check_user(struct check *c)
{
	const struct passwd *pw = c->settings.user ? getpwnam(c->settings.user) : NULL;         /* NOLINT(concurrency-mt-unsafe) */
	char                 file[512], shown[300];

	if (!pw || geteuid() == 0 || pw->pw_uid == geteuid())
		return;
	log_error("\"%s\" line %u: user = \"%s\": zcpd was started as another user, and only root can change it",
	          vis_str(file, sizeof file, c->settings.config_file), c->settings.user_line, vis_str(shown, sizeof shown, c->settings.user));
	c->bad = true;
}

/* May the user do there what the export promises? A warning: it may be meant for later. */
static void check_rights(const struct check *c, const struct settings_export *e)
{
	char shown[512], words[128];

	if (faccessat(AT_FDCWD, e->path, R_OK | X_OK | (e->writable ? W_OK : 0), AT_EACCESS) == 0)
		return;
	int r = -errno;
	vis_str(shown, sizeof shown, e->path);
	if (r == -EROFS && getenv("STATE_DIRECTORY"))           /* NOLINT(concurrency-mt-unsafe): set for what a unit runs */
		log_warn("export \"%s\": the unit may not write in \"%s\"; what zcpd --add-export DIR --writable gives it, it has from its next restart on: "
		         "systemctl daemon-reload && systemctl restart zcpd", e->name, shown);
	if (r == -EROFS)
		return;
	log_warn("export \"%s\": its directory \"%s\" cannot be %s by the user %s: %s", e->name, shown, e->writable ? "read and written" : "read",
	         c->who, say(r, words));
	try_way(c->who, e->path, e->writable);
}

static void check_exports(struct check *c)
{
	char shown[512];

	for (size_t i = 0; i < c->settings.export_count; i++) {
		const struct settings_export *e = &c->settings.exports[i];
		if (c->state_fd < 0 || mask_lies_in(e->path, c->state_fd) != 1) {
			check_rights(c, e);
			continue;
		}
		log_error("the export's directory \"%s\" lies in the state directory, which holds the host key", vis_str(shown, sizeof shown, e->path));
		c->bad = true;
	}
}

static bool has_key(const struct check *c, const char *name)
{
	for (size_t i = 0; i < c->authorized.list.count; i++)
		if (strcmp(c->authorized.list.keys[i].name, name) == 0)
			return true;
	return false;
}

static bool has_export(const struct check *c, const char *name)
{
	for (size_t i = 0; i < c->settings.export_count; i++)
		if (strcmp(c->settings.exports[i].name, name) == 0)
			return true;
	return false;
}

static void check_names(const struct check *c, const struct settings_export *e, const char *word, unsigned line, const struct names *names)
{
	char shown[600], file[512];

	for (size_t i = 0; i < names->count; i++)
		if (!has_key(c, names->list[i]))
			log_warn("\"%s\" line %u: export \"%s\": %s names \"%s\", and no key is called so",
			         vis_str(file, sizeof file, c->settings.config_file), line, e->name, word, vis_str(shown, sizeof shown, names->list[i]));
}

/* A name that stands in one file and not in the other opens nothing. That may be meant, so it is a warning. */
static void check_mentions(const struct check *c)
{
	char file[512], name[600];

	for (size_t i = 0; i < c->settings.export_count; i++) {
		const struct settings_export *e = &c->settings.exports[i];
		check_names(c, e, "allow", e->allow_line, &e->allow);
		check_names(c, e, "allow-write", e->allow_write_line, &e->allow_write);
	}
	for (size_t i = 0; i < c->authorized.list.count; i++) {
		const struct authorized_key *key = &c->authorized.list.keys[i];
		for (size_t k = 0; k < key->exports.count; k++)
			if (!has_export(c, key->exports.list[k]))
				log_warn("\"%s\" line %u: export=%s, and no export is called so", vis_str(file, sizeof file, c->authorized.file), key->line,
				         vis_str(name, sizeof name, key->exports.list[k]));
	}
}

/* Where it will listen is not known here: a socket unit may say so. */
static void check_any(const struct check *c)
{
	for (size_t i = 0; i < c->settings.export_count; i++) {
		if (!c->settings.exports[i].writable)
			continue;
		log_warn("authorized-keys = any with mode = rw in export \"%s\": zcpd serves that on loopback addresses alone, and does not start on others",
		         c->settings.exports[i].name);
		return;
	}
}

/* What was found in the file, or is elsewhere. */
static void say_keys(const struct check *c)
{
	const struct authorized *a = &c->authorized;
	CLEAN_PTR char          *other = a->rule != AUTHORIZED_FILE ? NULL : place_in(c->state, "authorized_keys");
	char                     shown[512], file[512];
	struct stat              used, st;

	vis_str(file, sizeof file, a->file);
	if (a->rule != AUTHORIZED_ANY && a->fail.status == ST_OK && a->list.count == 0)
		log_warn("nobody would be let in: there is no key in \"%s\" (zcpd --add-key)", file);
	if (a->rule != AUTHORIZED_ANY && faccessat(AT_FDCWD, a->file, R_OK, AT_EACCESS) < 0 && errno == EACCES) {
		log_error("the user %s cannot read it; this changes that:", c->who);
		try_way(c->who, a->file, false);
	}
	if (other && stat(other, &st) == 0 && (stat(a->file, &used) < 0 || used.st_dev != st.st_dev || used.st_ino != st.st_ino))
		log_warn("\"%s\" is not read: authorized-keys is \"%s\"", vis_str(shown, sizeof shown, other), file);
}

static void check_keys(struct check *c)
{
	struct authorized *a = &c->authorized;
	const char        *word = c->settings.authorized_keys;
	char               shown[512];

	a->rule = !word ? AUTHORIZED_DEFAULT : strcmp(word, "any") == 0 ? AUTHORIZED_ANY : AUTHORIZED_FILE;
	a->file = a->rule == AUTHORIZED_FILE ? strdup(word) : place_in(c->state, "authorized_keys");
	if (!a->file) {
		log_error("out of memory");
		c->bad = true;
	} else if (a->rule == AUTHORIZED_DEFAULT && faccessat(AT_FDCWD, a->file, F_OK, AT_EACCESS) < 0 && errno == ENOENT) {
		log_warn("nobody would be let in: there is no \"%s\" yet", vis_str(shown, sizeof shown, a->file));
	} else {
		authorized_refresh(a);
		c->bad |= a->fail.status != ST_OK;
		say_keys(c);
	}
	if (a->rule == AUTHORIZED_ANY)
		check_any(c);
	else if (a->fail.status == ST_OK)
		check_mentions(c);
}

static int tell(const struct check *c)
{
	const struct settings *s = &c->settings;
	size_t                 keys = c->authorized.list.count;
	char                   shown[512];

	printf("%s: ok, %zu export%s, ", vis_str(shown, sizeof shown, s->config_file), s->export_count, s->export_count == 1 ? "" : "s");
	if (c->authorized.rule == AUTHORIZED_ANY)
		printf("any key\n");
	else
		printf("%zu key%s\n", keys, keys == 1 ? "" : "s");
	return fflush(stdout) == 0 ? ST_OK : ST_USAGE;
}

int check_config(const struct options *o)
{
	struct check c = { .state_fd = -1 };
	int          status = ST_USAGE;

	log_setup("zcpd", LOG_LEVEL_WARN, 0);   /* a person reads it, and only what is wrong */
	if (options_settings(o, &c.settings) == 0) {
		check_user(&c);
		check_state(&c);
		name_user(&c);
		check_key(&c);
		check_exports(&c);
		check_keys(&c);
		c.bad |= !check_places(&c.settings, c.state);
		status = c.bad ? ST_USAGE : tell(&c);
	}
	close_fd(&c.state_fd);
	free(c.state);
	free(c.key);
	authorized_clear(&c.authorized);
	settings_clear(&c.settings);
	return status;
}
