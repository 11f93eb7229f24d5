/* public_key.c - see public_key.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/admin_unit.h"
#include "zcpd/check.h"
#include "zcpd/place.h"
#include "zcpd/public_key.h"

/* systemd.exec(5), LoadCredential=: a name without a directory is looked for here */
static const char *const stores[] = { "/etc/credstore", "/run/credstore", "/usr/local/lib/credstore", "/usr/lib/credstore" };

static int print(const struct keypair *pair)
{
	char text[KEY_TEXT], fingerprint[KEY_FINGERPRINT];

	keys_text(pair->pk, text);
	keys_fingerprint(pair->pk, fingerprint);
	printf("%s\n%s\n", text, fingerprint);
	return fflush(stdout) == 0 ? ST_OK : ST_USAGE;
}

/* --- the service's ----------------------------------------------------------------------------------------------- */

static void units(const struct settings *s, struct unit *u)
{
	if (!unit_find(unit_dirs, u) || !unit_reads(u, s->config_file))
		*u = (struct unit){ .file = "" };
}

static char *state_of(const struct settings *s, const struct unit *u)
{
	const char *given = getenv("STATE_DIRECTORY");          /* NOLINT(concurrency-mt-unsafe): one thread */

	return s->state || (given && *given) || !*u->state ? place_state(s->state) : place_in("/var/lib", u->state);
}

char *public_key_state(const struct settings *s)
{
	struct unit u;

	units(s, &u);
	return state_of(s, &u);
}

/* NULL: the unit brings none. */
static char *credential(const struct unit *u)
{
	for (size_t i = 0; i < sizeof stores / sizeof *stores && *u->credential; i++) {
		char *path = *u->credential == '/' ? place_in("", u->credential + 1) : place_in(stores[i], u->credential);
		if (path && access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static int say(const char *file, int r)
{
	char words[128], shown[512];

	vis_str(shown, sizeof shown, file);
	if (r == -ENOENT)
		log_error("there is no host key yet: \"%s\" is made at the first start", shown);
	else if (r == -EACCES)
		log_error("the service's host key \"%s\": only root and the service's user may read it; for a zcpd of your own name its --state DIR", shown);
	else if (r == -EPERM)
		log_error("the host key \"%s\" can be read or written by others, or belongs to one: chmod 600", shown);
	else
		log_error("the host key \"%s\": %s", shown, r == -EINVAL ? "is not a host key" : fail_words(fail_errno(r), words, sizeof words));
	return ST_USAGE;
}

static int print_service(const struct settings *s)
{
	struct unit    u;
	struct stat    st;
	struct keypair pair;

	units(s, &u);
	CLEAN_PTR char *state = state_of(s, &u), *brought = s->host_key ? NULL : credential(&u);
	CLEAN_PTR char *file = brought ? NULL : place_key(s->host_key, state), *own = place_in(state, "host_key");
	if (!brought && !file) {
		log_error("no home directory is known: name one for the host key with --state DIR");
		return ST_USAGE;
	}
	if (!brought)                   /* the service manager reads a credential as root */
		check_become(s, state && stat(state, &st) == 0 ? &st : NULL);
	bool as_credential = brought || (!s->host_key && own && strcmp(file, own) != 0);
	int  r = as_credential ? keys_load_credential(brought ? brought : file, &pair) : keys_load(file, &pair);
	int  status = r < 0 ? say(brought ? brought : file, r) : print(&pair);
	keys_wipe(&pair);
	return status;
}

/* --- this user's own --------------------------------------------------------------------------------------------- */

static int print_own(const struct options *o, struct service *v)
{
	struct unit u;
	char        shown[512];
	int         status = service_user(v);

	if (status == ST_OK)
		status = service_keys(v, SERVICE_START);
	if (status == ST_OK)
		status = print(&v->host);
	if (status == ST_OK && !o->over.state && unit_find(unit_dirs, &u) && *u.config)
		log_info("this is your own zcpd's key; as root, zcpd --config %s --public-key prints that of zcpd.service",
		         vis_str(shown, sizeof shown, u.config));
	return status;
}

int public_key_print(const struct options *o, struct service *v)
{
	return v->settings.config && !o->over.state ? print_service(&v->settings) : print_own(o, v);
}
