/*
 * destination.h - the local DST of a download: looked at before anything is asked for, opened once.
 *
 * Rules    cp's and scp's: an existing directory takes sources under their own names; anything else is the new name of one source. `DST/` that is missing,
 *          or whose parent is: ST_MISSING. Several sources onto anything but a directory: ST_USAGE. A link is resolved once. A character device, FIFO or
 *          pipe is written into, and so is /dev/stdout and its like, whatever is behind it; a block device, a socket, a dangling link: ST_IN_THE_WAY.
 * After    everything is made through common/path and common/aside below `base`: nothing is opened by its whole name again.
 * Returns  ST_OK or the status to end with, said and counted. Proof tests/destination.bats.
 */
#pragma once
#include <sys/stat.h>
#include "zcp/job.h"
#include "zcp/cli/target.h"

struct destination {
	int         base;               /* owned; -1: none (pour) */
	bool        is_dir;             /* sources keep their names below base */
	bool        missing;            /* nothing was there: the one source becomes it */
	bool        is_file;            /* a regular file has the name */
	bool        pour;               /* contents are written into what DST names */
	bool        is_stdout;          /* ... and standard output leads there */
	int         given;              /* ... which is this open descriptor (/dev/stdout, /dev/fd/N); -1: none */
	char        name[WIRE_NAME_MAX + 1];    /* below base, unless is_dir */
	char        shown[1024];        /* for messages: DST, visible */
	const char *path;               /* as typed; borrowed */
	struct stat st;                 /* of what is there: is_dir, is_file, pour */
};

/* With --delete nobody guesses, by an earlier run's log, whether a directory is the copy or where the copy lies. */
#define DESTINATION_UNSURE "nothing stood here when an earlier run of this command began, which was cut short: --delete does not guess whether this is what it made. " \
	"Name the source as SRC/. to go on into it, or give --no-resume to copy into it by the source's name"

enum status destination_look(struct job *, const struct target *, int sources, struct destination *);
void destination_clear(struct destination *);
/* Opens what is written into; waits for a FIFO's reader. fd or -errno */
int  destination_pour(const struct destination *);
/* Is the directory (dev, ino) base itself, or one above it? A copy of it into itself would never end. */
bool destination_inside(const struct destination *, const struct identity *);
/* The directory that is copied into; and the one that a source called `as` becomes: once they are there. */
bool destination_root(const struct destination *, struct identity *);
bool destination_target(const struct destination *, const char *as, struct identity *);
/* Is the directory of this descriptor that one, or below it? */
bool destination_in(int fd, const struct identity *);
