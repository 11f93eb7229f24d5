/*
 * aside.h - a file while it is incomplete, and the one rename that makes it a file.
 *
 * Aside    `.zcp-` + 32 random hex digits in the destination's directory, O_EXCL, 0600. fallocate first from 8 MiB (not on tmpfs, nor for a file with holes), so that a
 *          full disk is found before the bytes travel.
 *          Locked (flock) while it is filled, so that nobody sweeps it. By ranges: a name that is found again, and a journal: resume.h.
 *          A small new file (aside_whole()) has no name at all until it is complete (O_TMPFILE, linkat), where kernel and file system can.
 * Publish  extras (extras.h), mode and times on the descriptor, close() checked, then rename: whoever looks sees the old file or the new one.
 *          Only a regular file or a symbolic link (never followed) is ever renamed over; anything else that stands there is -EEXIST and stays (status 45).
 *          New file: mode & 0777 & ~umask. Replaced: the old one's mode, and its owner, group and ACL where permitted. keep_mode: as sent & 0777, or 07777
 *          where extras set the owner, too. ACLs among the extras imply keep_mode, since they and the mode are one.
 * State    aside.c keeps the last name it gave, one for each thread: the next one counts on from it.
 * Returns  0 or -errno. After any failure aside_drop() removes what there is. ENOSPC, EDQUOT, integrity: dropped by the caller at once.
 * Source   rename(2), renameat2(2), fallocate(2), open(2) O_TMPFILE, style: what "copied" means in zcp(1). Proof tests/unit/aside.c, tests/destination.bats.
 */
#pragma once
#include "common/extras.h"
#include "common/path.h"

enum { ASIDE_NAME = 5 + 32 + 1 };

struct aside {
	int  dir, fd;                   /* owned; -1 when closed */
	char name[ASIDE_NAME];
	char final[WIRE_NAME_MAX + 1];
	bool allocated;                 /* fallocate granted the whole size */
	uint64_t dev, ino;              /* of the regular file that had the final name when this was opened; 0: none had */
};

struct publish {
	struct meta meta;
	bool keep_mode, keep_times;     /* -p */
	bool fresh_dir;                 /* the directory was made for this copy: nothing is looked for before (should something stand there, the rename finds it) */
	bool fsync;                     /* fsync before the rename, and the directory after it */
	const struct stat *source;      /* the file that the bytes come from, of this machine: where it stands itself nothing is replaced, -ECANCELED. NULL: not known */
	bool source_links;              /* ... nor where a link to it stands */
	struct extras *extras;          /* what else it is to have; missed: what it has not got. NULL: nothing is set, nothing removed */
};

/* dirfd is borrowed (duplicated). size: what is to be granted now; 0: nothing, since it has holes, and nobody knows how much it will take. Refuses early when something that is no regular file stands there. */
int  aside_open(struct aside *, int dirfd, const char *final, uint64_t size);
int  aside_publish(struct aside *, const struct publish *);     /* closes everything, also on failure (and then removes the aside) */
void aside_drop(struct aside *);                                /* takes a published or zeroed (-1) one too */
void aside_keep(struct aside *);                                /* closes, and leaves the file where it is: resume.h */
/* The aside file by a given name (resume.h): made or found, space for what is missing of it granted as in aside_open(); its contents and a greater size stay.
 * *found: it was there. -EPERM: what is there is not ours (not regular, links, owner, mode). No space: removed. */
int  aside_open_named(struct aside *, int dirfd, const char *final, uint64_t size, const char name[static ASIDE_NAME], bool *found);
/* A whole small file at once: create, write, publish. */
int  aside_whole(int dirfd, const char *final, const void *p, size_t len, const struct publish *);
int  aside_symlink(int dirfd, const char *final, const char *target);   /* replaces a file or a link, never a directory */
/* Another name of the regular file `name` in dir: 0, 1 = it was that already. Replaces as aside_symlink() does. -EEXIST, -EXDEV (another file system), -errno */
int  aside_link(int dirfd, const char *final, int dir, const char *name);
/* Directory: made 0700 | mode, or there already (1; then its mode is left alone). A link or a file there: -ENOTDIR */
int  aside_mkdir(int dirfd, const char *final, mode_t mode);
/* An open directory, of this user's, that he may not fill: 0700 more, until aside_set_meta() gives it its own mode. */
void aside_widen(int fd);
/* Extras, mode & 0777 and times of the directory, or (meta.type 'f') regular file, that has the name. -ENOTDIR, -EEXIST: something else has it */
int  aside_set_meta(int dirfd, const char *final, const struct publish *);
/* The owner, if that is among the extras, of the link that has the name. -EEXIST: something else has it */
int  aside_set_link(int dirfd, const char *final, struct extras *);
