/* event.c - see event.h */
#include "zcp/events/event.h"

#include "common/log.h"
#include "common/vis.h"

static bool made(enum event_what what)
{
	return what == EVENT_COPY || what == EVENT_SYMLINK || what == EVENT_HARDLINK || what == EVENT_REMOVE;
}

bool event_heard(const struct job *j)
{
	return j->opt->verbose || j->opt->json || j->opt->dry_run;
}

void event_tell(struct job *j, const struct event *e)
{
	char seen[2048];

	if (e->what == EVENT_SAME && e->type == 'f')
		report_same(&j->report);
	if (e->what == EVENT_REMOVE)
		report_removed(&j->report);
	if (j->opt->json)
		tell_file(j, e);
	if (j->opt->verbose && made(e->what))
		log_info("%s%s", e->what == EVENT_REMOVE ? "removed: " : "", vis_str(seen, sizeof seen, e->path));
}
