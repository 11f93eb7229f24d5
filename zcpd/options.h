/*
 * options.h - zcpd's command line -> struct options. No other file of zcpd includes popt.h, and no defaults or aliases of popt's are read.
 *
 * Task     what this run is for: serve (--root or --config), or one thing that is done and over.
 *          --config is CONFIG_FILE where a task needs one and none is given; --status does without where that cannot be read,
 *          --public-key where there is none, or a place is named.
 * Returns  options_parse(): 0 = go on with o->task, 1 = all was said (--help, --help-config, --version), -EINVAL = usage, the sentence is on stderr.
 *          options_settings(): defaults, the file, the command line's words over them; checked. 0 or -EINVAL, said on stderr. May be
 *          called again for a reload.
 * Source   zcpd(8) OPTIONS. Proof tests/daemon.bats (every option, each given wrongly), tests/config.bats, tests/manual.bats.
 */
#pragma once
#include "zcpd/settings.h"

enum task { TASK_SERVE = 0, TASK_PUBLIC_KEY, TASK_CHECK_CONFIG, TASK_STATUS, TASK_ADD_KEY, TASK_ADD_EXPORT };

struct options {
	enum task task;
	char     *config, *root, *port_file;                    /* owned; NULL: not given */
	char     *subject, *name;                               /* of --add-key and --add-export, and what --name calls it; owned */
	bool      writable, json;
	bool      plain_given, integrity_given, suites_given, timeout_given;    /* which of `over` counts */
	struct settings over;
	int       verbose;                                      /* -v minus -q */
};

int  options_parse(struct options *, int argc, char **argv);
int  options_settings(const struct options *, struct settings *);
void options_clear(struct options *);
