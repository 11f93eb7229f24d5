/* cell.c - see cell.h */
#include "zcp/bench/cell.h"

#include <unistd.h>
#include "zcp/run.h"

/* What a user would type: zcp -q -j 1 --no-resume --engine=... SOURCE TO */
static struct options options_of(const struct cell_work *w, char **args)
{
	const struct cell *c = w->cell;
	struct options     o = *w->place->opt;

	args[0] = w->place->source;
	args[1] = w->place->to;
	o.args = args;
	o.count = 2;
	o.send = c->send;
	o.recv = c->recv;
	o.wish = c->sealed ? WISH_SEALED : WISH_PLAIN;
	o.integrity = c->sealed || c->tagged ? INTEGRITY_MAC : INTEGRITY_NONE;
	o.streams = 1;
	o.no_resume = o.quiet = true;
	o.json = o.bench = false;
	o.verbose = 0;
	if (c->suite) {
		o.suites[0] = c->suite->id;
		o.suites[1] = 0;
	}
	return o;
}

static void work(void *arg, struct measured *m)
{
	const struct cell_work *w = arg;
	const struct job       *j = w->place->job;
	char                   *args[3] = { NULL };
	struct options          o = options_of(w, args);
	struct job              job;

	job_init(&job, &o, j->stop, j->watch, j->halt);
	job.costs = &m->costs;
	m->status = run_copy(&job);
	m->bytes = job.report.bytes;
	/* it ends here: nothing has to be freed, but secrets are wiped */
	worker_clear(&job.lead);
	keys_wipe(&job.own);
}

int cell_start(struct child *c, struct cell_work *w)
{
	return child_start(c, w->place->core, w->place->quiet, work, w);
}

int cell_run(struct cell_work *w, struct measured *m)
{
	int r = child_run(w->place->core, w->place->quiet, work, w, m, w->place->job->stop);

	if (w->place->to)
		unlink(w->place->to);
	return r;
}
