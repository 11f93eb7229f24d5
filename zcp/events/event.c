/* event.c - see event.h */
#include "zcp/events/event.h"

#include "common/log.h"
#include "common/vis.h"

static bool made(enum event_what what)
{
	return what == EVENT_COPY || what == EVENT_SYMLINK || what == EVENT_HARDLINK || what == EVENT_REMOVE;
}

void event_tell(struct job *j, const struct event *e)
{
	char seen[2048];

	if (j->opt->verbose && made(e->what))
		log_info("%s%s", e->what == EVENT_REMOVE ? "removed: " : "", vis_str(seen, sizeof seen, e->path));
}
