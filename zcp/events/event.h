/*
 * event.h - what has become of each name, or would (-n): told to whoever watches, in one place.
 *
 * Who      --json: an object for each (tell.h). -n: a line on standard output for everything that would be done, "WORD PATH", visible text; PATH is at the destination. -v: a line on standard error
 *          for each file and link that was made, as it is called at the destination.
 * Counts   nothing: who does it counts it (report.h).
 * Path     raw bytes, terminated; for a download DST as it was typed and what is below it, for an upload the path on the host.
 * Threads  event_tell() may be called by several; a line is one write.
 * Proof    tests/json.bats, tests/dry-run.bats.
 */
#pragma once
#include "zcp/job.h"

enum event_what { EVENT_COPY, EVENT_MKDIR, EVENT_SYMLINK, EVENT_HARDLINK, EVENT_REMOVE, EVENT_META /* mode, times and the like of what need not be copied */, EVENT_SAME /* nothing to do */ };

struct event {
	enum event_what what;
	uint8_t         type;           /* as struct meta has it */
	const char     *path;           /* borrowed */
	const char     *target;         /* of links: borrowed; else NULL */
	uint64_t        size;           /* EVENT_COPY: bytes of the file */
};

/* Is there anybody to tell of what is made? Else its path need not be put together. */
bool event_heard(const struct job *);
void event_tell(struct job *, const struct event *);
void event_end(struct job *);           /* -n: all has been told; standard output that cannot be written is the job's failure */
