/* place.c - see place.h */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/place.h"

char *place_in(const char *dir, const char *name)
{
	char *path = NULL;

	return dir && asprintf(&path, "%s/%s", dir, name) >= 0 ? path : NULL;
}

static const char *given(const char *variable)
{
	const char *v = getenv(variable);       /* NOLINT(concurrency-mt-unsafe): before anything is started */

	return v && *v ? v : NULL;
}

static const char *home(void)
{
	const char          *h = given("HOME");
	const struct passwd *pw = h ? NULL : getpwuid(geteuid());       /* NOLINT(concurrency-mt-unsafe) */

	return h ? h : pw && pw->pw_dir && *pw->pw_dir ? pw->pw_dir : NULL;
}

/* An XDG directory; one that is not absolute is to be ignored (XDG Base Directory Specification). */
static char *xdg(const char *variable, const char *below_home, const char *name)
{
	const char *v = given(variable);
	char       *base = v && *v == '/' ? strdup(v) : place_in(home(), below_home), *path = place_in(base, name);

	free(base);
	return path;
}

char *place_state(const char *option)
{
	const char *v = given("STATE_DIRECTORY");

	if (option)
		return strdup(option);
	if (v)
		return strndup(v, strcspn(v, ":"));
	return geteuid() == 0 ? strdup("/var/lib/zcpd") : xdg("XDG_STATE_HOME", ".local/state", "zcpd");
}

char *place_key(const char *option, const char *state)
{
	char *credential = option ? NULL : place_in(given("CREDENTIALS_DIRECTORY"), "host_key");

	if (credential && access(credential, F_OK) == 0)
		return credential;
	free(credential);
	return option ? strdup(option) : place_in(state, "host_key");
}

char *place_identity(void)
{
	return xdg("XDG_CONFIG_HOME", ".config", "zcp/identity");
}

static int make_one(const char *dir)
{
	/* a directory that may not be made may be there */
	return mkdir(dir, 0700) < 0 && errno != EEXIST && access(dir, F_OK) < 0 ? -errno : 0;
}

static int make_with_parents(const char *dir)
{
	char *path = strdup(dir);
	int   r = path ? 0 : -ENOMEM;

	for (char *p = path ? path + (*path == '/') : NULL; p && *p && r == 0; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		r = make_one(path);
		*p = '/';
	}
	free(path);
	return r < 0 ? r : make_one(dir);
}

int place_make_state(const char *dir)
{
	char        shown[512], words[128];
	struct stat st = { 0 };
	int         r = make_with_parents(dir);
	CLEAN_FD int fd = r < 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	vis_str(shown, sizeof shown, dir);
	if (r == 0 && (fd < 0 || fstat(fd, &st) < 0))
		r = -errno;
	if (r < 0) {
		log_error("--state: \"%s\": %s", shown, fail_words(fail_errno(r), words, sizeof words));
		return r;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		log_error("--state: \"%s\" belongs to another user, who could replace the host key", shown);
		return -EPERM;
	}
	if (st.st_mode & 022) {
		log_error("--state: others may write in \"%s\" and could replace the host key (chmod go-w)", shown);
		return -EPERM;
	}
	return 0;
}
