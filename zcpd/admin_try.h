/*
 * admin_try.h - may the service's user do with a directory what an export promises? It is tried, as that user.
 *
 * How      a process of its own becomes the user (groups, gid, uid, no capabilities) and tries: pass through every directory on the way, list, open
 *          the first entries, and for a writable export make and remove a file. Nothing else is changed.
 * Returns  0; or -EINVAL: what cannot be done was said, with the setfacl lines that change it.
 * Proof    tests/admin.bats.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct service_user { char name[64]; uid_t uid; gid_t gid; bool self; };        /* self: nobody has to be become */

/* Settings' user, else the unit's, else zcpd where root asks and there is one, else the one who asks. 0, or -EINVAL said */
int try_owner(const char *configured, const char *of_unit, struct service_user *);
/* The same, and whoever asks can become that user. */
int try_user(const char *configured, const char *of_unit, struct service_user *);
/* Whoever runs this now cannot reach or use it: the lines that change that for the user so called, as log lines; a file's or a directory's path. */
void try_way(const char *name, const char *path, bool writable);
int try_export(const struct service_user *, const char *path, bool writable);   /* path: absolute, real, printable */
