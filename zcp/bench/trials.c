/* trials.c - see trials.h */
#include "zcp/bench/trials.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double GONE = 0.02;        /* so much may stay cached, and it counts as dropped */

/* Out of the cache; "" or why not. */
static double drop(const struct workdir *p, char why[static 200])
{
	double left = p->memory ? 1 : workdir_drop(p);

	if (p->memory)
		snprintf(why, 200, "%s: its files are in memory only", p->fs);
	else if (left < 0 || left > GONE)
		snprintf(why, 200, "%s does not let the file out of the page cache", p->fs);
	return left;
}

struct consumer { struct cell_work work; struct cell_place place; struct child child; struct measured m; char to[WORKDIR_PATH + 32]; bool begun; };

static void start(struct consumer *c, unsigned i, const struct cell *cell, const struct cell_place *at, const struct workdir *p)
{
	c->place = *at;
	snprintf(c->to, sizeof c->to, "%s/copy%u", p->dir, i);
	c->place.to = c->to;
	c->place.core = NO_CORE;
	c->work = (struct cell_work){ cell, &c->place };
	c->begun = cell_start(&c->child, &c->work) == 0;
}

/* They discard what comes, so that nothing but the reading moves a disk. */
static int many(const struct cell_place *at, const struct workdir *p, struct claims_seen *seen)
{
	const struct cell cell = { engine_by_id(ENGINE_SENDFILE), engine_by_id(ENGINE_NULL), false, false, NULL };
	static struct consumer c[CONSUMERS];
	uint64_t          disk = 0;
	int               r = 0;

	drop(p, seen->many.why);
	if (seen->many.why[0])
		return 0;
	for (unsigned i = 0; i < CONSUMERS; i++)
		start(&c[i], i, &cell, at, p);
	for (unsigned i = 0; i < CONSUMERS; i++) {
		int one = c[i].begun ? child_finish(&c[i].child, &c[i].m, at->job->stop) : -ECHILD;
		struct usage u = usage_between(&c[i].m.costs.host[0], &c[i].m.costs.host[1]);
		unlink(c[i].to);
		disk += u.disk;
		r = one == -EINTR ? one : r;
		if (one != 0 || c[i].m.status != ST_OK || !c[i].m.costs.there)
			snprintf(seen->many.why, sizeof seen->many.why, "%.190s", one == 0 && c[i].m.why[0] ? c[i].m.why : "a download failed");
	}
	if (!seen->many.why[0] && disk == 0)
		snprintf(seen->many.why, sizeof seen->many.why, "%s: what it reads is not accounted to who reads", p->fs);
	seen->many.consumers = CONSUMERS;
	seen->many.disk = disk;
	return r;
}

static int direct(const struct cell_place *at, const struct workdir *p, struct claims_seen *seen)
{
	const struct cell cell = { engine_by_id(ENGINE_DIRECT), engine_by_id(ENGINE_NULL), false, false, NULL };
	struct cell_work  w = { &cell, at };
	struct measured   m;

	seen->direct.before = drop(p, seen->direct.why);
	if (seen->direct.why[0])
		return 0;
	int r = cell_run(&w, &m);
	if (r == 0 && m.status != ST_OK)
		snprintf(seen->direct.why, sizeof seen->direct.why, "%.190s", m.why);
	else if (r < 0)
		snprintf(seen->direct.why, sizeof seen->direct.why, "the download failed");
	seen->direct.after = workdir_resident(p);
	return r == -EINTR ? r : 0;
}

int trials_run(const struct cell_place *at, const struct workdir *p, struct claims_seen *seen)
{
	int r = many(at, p, seen);

	return r < 0 ? r : direct(at, p, seen);
}
