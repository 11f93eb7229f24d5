/*
 * show.h - zcp --list: what is there, without copying: a line for each, as ls -l has it, on standard output.
 *
 * What     each argument: of a directory what is in it (with -r all below it), else itself; patterns as for copies; HOST: lists the exports that this key may see.
 * Line     type and mode, owner, group, bytes, modification time (local; UTC with TZ=UTC0), name; a link with its target. The name is what stands below the argument, or, where there are several
 *          arguments, with it; visible text.
 *          --json: an object for each (tell_entry()), always with the argument.
 * Order    by name within a directory, where it has at most SHOW_SORTED entries: more are sorted in parts, so that a directory of any size needs no more memory.
 * Chosen   --include, --exclude, --max-size and the like count, as for a copy. Links are shown, not followed.
 * Returns  the job's status, said and counted. Proof tests/list.bats.
 */
#pragma once
#include "zcp/plan.h"

enum { SHOW_SORTED = 65536 };
enum status show_run(struct job *, const struct target *, int n);
