/*
 * extras.c - owners, attributes and ACLs in the daemon: sent where SETUP asked for them, set on what a client stores.
 *
 * Owners are told, and never set: this process has no capability, and no right to give files away.
 */
#include <errno.h>
#include <stdlib.h>
#include "common/extras.h"
#include "zcpd/session.h"

int extras_begin(struct session *s, uint8_t setup_flags)
{
	s->extras = setup_flags & EXTRAS_ALL;
	s->wants = setup_flags & (SETUP_HOLES | SETUP_LINKS);
	s->ext = malloc(WIRE_EXT_MAX);
	return s->ext ? 0 : -ENOMEM;
}

int extras_of(struct session *s, int fd, const struct stat *st, unsigned kinds, struct wire_str *ext, struct fail *f)
{
	size_t used = 0;
	int    r = 0;

	*ext = (struct wire_str){ NULL, 0 };
	kinds &= s->extras;
	if (!kinds)
		return 0;
	if (kinds & EXTRAS_OWNER) {
		struct owner o = owners_describe(s->owners, st->st_uid, st->st_gid);
		r = wire_owner_add(s->ext, WIRE_EXT_MAX, &used, &o);
	}
	if (r == 0 && fd >= 0)
		r = extras_read(fd, S_ISDIR(st->st_mode), kinds, s->ext, &used);
	*f = r == -EMSGSIZE ? fail_why(ST_FILE_IO, WHY_EXTRAS_MANY) : fail_errno(r);
	*ext = (struct wire_str){ s->ext, used };
	return r < 0 ? -1 : 0;
}

struct extras *extras_to_set(const struct session *s, struct wire_str ext, struct extras *e)
{
	*e = (struct extras){ .kinds = s->extras & (EXTRAS_XATTRS | EXTRAS_ACLS), .ext = ext };
	return e->kinds ? e : NULL;
}

uint8_t extras_missed(const struct extras *e)
{
	unsigned missed = e ? e->missed : 0;

	return (uint8_t)((missed & EXTRAS_XATTRS ? OK_NO_XATTRS : 0) | (missed & EXTRAS_ACLS ? OK_NO_ACLS : 0));
}
