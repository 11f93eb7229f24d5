/* event.c - see event.h */
#include "zcp/events/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"

static bool made(enum event_what what)
{
	return what == EVENT_COPY || what == EVENT_SYMLINK || what == EVENT_HARDLINK || what == EVENT_REMOVE;
}

/* -n: the words that begin a line. What stays as it is has none. */
static const char *const words[] = {
	[EVENT_COPY] = "copy", [EVENT_MKDIR] = "mkdir", [EVENT_SYMLINK] = "link", [EVENT_HARDLINK] = "hardlink", [EVENT_REMOVE] = "remove", [EVENT_META] = "meta", [EVENT_SAME] = NULL,
};

static void unwritten(struct job *j)
{
	bool gone = errno == EPIPE;

	if (j->halted)
		return;
	report_end(&j->report, ST_FILE_IO);     /* first: who finds the job stopped looks what ended it */
	j->halted = true;
	log_error("%s", gone ? "nobody reads standard output any more (-n)" : "standard output cannot be written (-n)");
	j->halt();
}

static void would(struct job *j, const struct event *e)
{
	char seen[4 * WIRE_PATH_MAX + 8], target[4 * WIRE_LINK_MAX + 8];
	bool dir = e->type == 'd';

	if (!words[e->what])
		return;
	vis_str(seen, sizeof seen, *e->path ? e->path : ".");
	int n = e->target ? printf("%-8s %s -> %s\n", words[e->what], seen, vis_str(target, sizeof target, e->target))
	                  : printf("%-8s %s%s\n", words[e->what], seen, dir && seen[strlen(seen) - 1] != '/' ? "/" : "");
	if (n < 0)
		unwritten(j);
}

void event_end(struct job *j)
{
	if (j->opt->dry_run && !j->opt->json && fflush(stdout) != 0)
		unwritten(j);
}

bool event_heard(const struct job *j)
{
	return j->opt->verbose || j->opt->json || j->opt->dry_run;
}

void event_tell(struct job *j, const struct event *e)
{
	char seen[2048];

	if (j->opt->json)
		tell_file(j, e);
	else if (j->opt->dry_run)
		would(j, e);
	if (j->opt->verbose && !j->opt->dry_run && made(e->what))
		log_info("%s%s", e->what == EVENT_REMOVE ? "removed: " : "", vis_str(seen, sizeof seen, e->path));
}
