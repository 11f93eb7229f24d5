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
	return extras_tell(fd, st, kinds & s->extras, s->owners, s->ext, ext, f);
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
