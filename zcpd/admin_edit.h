/*
 * admin_edit.h - one text file changed safely: locked, read, replaced as a whole.
 *
 * Lock     flock(2) on the file's directory, so that nothing is left behind and a file that is not there yet can be locked, too. It waits.
 * File     links on the way are followed once and stay; regular, of this user, of root or of `owner`, not writable by others; below 1 MiB, no NUL.
 *          A link that leads nowhere is refused.
 * Commit   a new file beside it, owner, mode and access control list as the old one's (or as asked, for a new one), on the disk, then renamed;
 *          refused when the old one is not the one that was read. Signals wait meanwhile: nothing half-done stays.
 * Returns  0 or -EINVAL, said on stderr.
 * Proof    tests/admin.bats, tests/unit/admin.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { EDIT_MAX = 1024 * 1024 };

struct edit {
	char       *path;               /* as given, for messages */
	char       *dir, *name;         /* where it really is */
	int         lock;               /* the directory */
	int         file;               /* -1: it is not there yet */
	struct stat st;
	char       *text;               /* "" when it is not there; terminated */
	size_t      len;
};
struct edit_new { uid_t uid; gid_t gid; mode_t mode; };         /* of a file that is not there yet; (uid_t)-1: as it comes */

int  edit_open(struct edit *, const char *path, uid_t owner);
/* The text with `more` behind it, on a line of its own; the caller's to free. NULL: no memory */
char *edit_append(const struct edit *, const char *more);
int  edit_commit(struct edit *, const char *text, const struct edit_new *);
void edit_clear(struct edit *);
