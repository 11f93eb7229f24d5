/*
 * cell.h - one cell: a file fetched from a zcpd by this sender, this receiver, carried this way; an ordinary job of zcp in a process of its own.
 *
 * Job      run_copy() with the options of a user who asks for just that: handshake, confinement, wire and checks are what a copy has. One stream; --no-resume, since the journal of
 *          a cut copy would be a pass over the contents of its own.
 * Time     from the first contents to the last (costs.h). Costs are those between WELCOME and BYE.
 * Returns  as child.h; what the job could not do is *m's status and why.
 * Proof    tests/bench.bats.
 */
#pragma once
#include "zcp/bench/child.h"
#include "zcp/job.h"

struct cell {
	const struct engine *send, *recv;       /* NULL: auto */
	bool                 sealed, tagged;    /* raw: with MACs? */
	const struct suite  *suite;             /* sealed: this one; raw: what its MACs and records are by; NULL: the best */
};

struct cell_place {
	const struct job     *job;              /* whose signals count, and whose options are the base */
	const struct options *opt;
	char                 *source, *to;      /* host:path, and a file: it is removed by the caller */
	int                   core;             /* the receiver's */
	bool                  quiet;
};

struct cell_work { const struct cell *cell; const struct cell_place *place; };         /* lives until the child is finished */

int cell_start(struct child *, struct cell_work *);
int cell_run(struct cell_work *, struct measured *);
