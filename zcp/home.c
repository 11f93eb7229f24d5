/* home.c - see home.h */
#include "zcp/home.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* NULL: nobody knows */
static const char *home_dir(void)
{
	const char *home = getenv("HOME");

	if (!home || home[0] != '/') {
		const struct passwd *pw = getpwuid(getuid());   /* NOLINT(concurrency-mt-unsafe): one thread */
		home = pw ? pw->pw_dir : NULL;
	}
	return home && home[0] == '/' ? home : NULL;
}

/* What is relative in such a variable counts for nothing (XDG base directory specification). */
static int below(const char *variable, const char *otherwise, const char *name, char out[static HOME_PATH])
{
	const char *base = getenv(variable), *home;
	int n;

	if (base && base[0] == '/') {
		n = snprintf(out, HOME_PATH, "%s/zcp/%s", base, name);
		return n < HOME_PATH ? 0 : -ENAMETOOLONG;
	}
	home = home_dir();
	if (!home)
		return -ENOENT;
	n = snprintf(out, HOME_PATH, "%s/%s/zcp/%s", home, otherwise, name);
	return n < HOME_PATH ? 0 : -ENAMETOOLONG;
}

int home_file(const char *name, char out[static HOME_PATH])
{
	return below("XDG_CONFIG_HOME", ".config", name, out);
}

int home_state(const char *name, char out[static HOME_PATH])
{
	return below("XDG_STATE_HOME", ".local/state", name, out);
}

int home_below(const char *path, char out[static HOME_PATH])
{
	const char *home = home_dir();

	if (!home)
		return -ENOENT;
	return snprintf(out, HOME_PATH, "%s/%s", home, path) < HOME_PATH ? 0 : -ENAMETOOLONG;
}

int home_make(const char *file)
{
	char dir[HOME_PATH];

	if (snprintf(dir, sizeof dir, "%s", file) >= (int)sizeof dir)
		return -ENAMETOOLONG;
	for (char *p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0700) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
			return -errno;          /* a directory above that cannot be written may well be there */
		*p = '/';
	}
	return 0;
}
