/*
 * extras.h - what a file has besides its bytes, mode and times: owner, extended attributes, access control lists. Read from one, set on another.
 *
 * Kinds    EXTRAS_*, the same bits as in SETUP. What is not of a kind that is wanted costs nothing: no call is made.
 * Exactly  of each kind that is set the file has afterwards what the ext says and nothing else: user.* attributes it does not name, and ACLs it does not have, are removed.
 *          Other attributes (security.*, trusted.*) neither travel nor are touched.
 * Order    attributes (while its owner may still write it), owner, ACLs; then the caller's chmod with the mode that extras_set() gives, then times. An ACL is there before
 *          the mode, since a mode's group bits are an ACL's mask: without the ACL they would let the group in.
 * Missed   what the file system or the kernel refuses, and what is broken, is left out, noted in `missed`, and the rest is done.
 * Hostile  an ext that was decoded has the shape (wire.h); names and ACLs are checked here before the kernel gets them. An owner of -1 is none.
 * Returns  0 or -errno: of reading, when nothing is to be sent; -EMSGSIZE: more than WIRE_EXT_MAX.
 * Source   xattr(7), acl(5), linux/posix_acl_xattr.h, zcp-wire(7) EXTRAS. Proof tests/unit/extras.c, tests/unit/aside_extras.c, tests/metadata.bats.
 */
#pragma once
#include <sys/stat.h>
#include "common/owners.h"

enum { EXTRAS_OWNER = SETUP_OWNERS, EXTRAS_XATTRS = SETUP_XATTRS, EXTRAS_ACLS = SETUP_ACLS, EXTRAS_ALL = EXTRAS_OWNER | EXTRAS_XATTRS | EXTRAS_ACLS };

struct extras {                         /* what one file is to have */
	unsigned             kinds;     /* these, exactly as ext says */
	struct wire_str      ext;       /* borrowed until it is set */
	const struct owners *owners;    /* names of owners are looked up here; NULL: their numbers count */
	unsigned             missed;    /* kinds that could not be set as they should be */
};

/* An ext that outlives the record it came in: owned. */
struct kept_ext { uint8_t *p; size_t len; };
int  ext_keep(struct kept_ext *, struct wire_str);      /* in the place of what it had. 0 or -ENOMEM */
void ext_drop(struct kept_ext *);
struct wire_str ext_kept(const struct kept_ext *);

/* The attributes and ACLs of an open file or directory, those kinds that are wanted, behind what stands in p (WIRE_EXT_MAX bytes) already. */
int  extras_read(int fd, bool directory, unsigned kinds, uint8_t *p, size_t *used);
/* All of it that is wanted, the owner too, into p (WIRE_EXT_MAX bytes); fd -1: the owner alone. 0; -1 and *f */
int  extras_tell(int fd, const struct stat *, unsigned kinds, const struct owners *, uint8_t *p, struct wire_str *ext, struct fail *f);
/* Everything but mode and times. Returns the mode that is to be set next: `mode` below 0777; with set-id and sticky bits only where the owner was set; and where an ACL
 * could not be, with no more for the group than the ACL gave it. */
mode_t extras_set(int fd, bool directory, struct extras *, mode_t mode);
/* The owner of a symbolic link: link is an O_PATH descriptor of it. */
void extras_set_link(int link, struct extras *);
/* Whom it is to belong to, here. False: it does not say. */
bool extras_owner(const struct extras *, uint32_t *uid, uint32_t *gid);
/* extras_same.c: has the file exactly these? 1, 0, -errno of reading. */
int  extras_same(int fd, const struct extras *);
bool extras_owned(const struct extras *, const struct stat *);          /* the owner alone */
/* One number for attributes and ACLs, in whatever order they came: BLAKE2b, 32 bytes, under key over tag, length and value of each, sorted by their bytes. 0 or -ENOMEM */
int  extras_digest(struct wire_str ext, unsigned kinds, const uint8_t key[static WIRE_KEY_BYTES], uint8_t out[static WIRE_DIGEST_BYTES]);
