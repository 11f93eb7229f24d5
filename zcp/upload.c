/* upload.c - see upload.h: source after source, then what is still open, then links, modes and times */
#include "zcp/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "zcp/confine.h"

/* Between two segments: answers are read, so that the host never waits for this side to read them. */
static int between(void *arg, uint32_t id)
{
	struct upload *u = arg;
	int            r = answers_take(u);

	if (r < 0)
		return r;
	for (int i = 0; i < OPEN_MOST; i++)
		if (u->slots[i].state == SLOT_SENDING && u->slots[i].id == id && u->slots[i].answered)
			return 1;
	return job_stopped(u->job);
}

static void moved(void *arg, uint64_t bytes)
{
	struct upload *u = arg;

	progress_moved(&u->job->progress, bytes);
}

/* A file that was named. Opened without waiting: a FIFO has no contents to copy. */
static int upload_file(struct upload *u, uint32_t i)
{
	struct source *s = &u->plan->v[i];
	struct stat    st;
	int            fd = open(s->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct fail    f = { 0 };

	if (fd < 0 || fstat(fd, &st) < 0)
		f = errno == EACCES && confine_replaced(s) ? fail_why(ST_CHANGED, WHY_VANISHED) : fail_errno(errno);
	else if (!S_ISREG(st.st_mode))
		f = fail_why(ST_PARTIAL, WHY_NOT_REGULAR);
	if (!f.status)
		return send_file(u, i, 0, fd, &st, s->as);
	report_fail(&u->job->report, NULL, s->path, f);
	close_fd(&fd);
	return 0;
}

static void count_tree(struct upload *u, const char *path)
{
	struct progress_view *v = &u->job->progress.view;
	struct walk          *walk = NULL;
	struct walk_entry     e;

	CLEAN_FD int base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct walk_options o = { .base = base, .follow = !u->job->opt->keep_links, .recurse = true };
	if (base < 0 || walk_open(&walk, &o, "") < 0)
		return;
	while (!job_stopped(u->job) && walk_next(walk, &e) > 0)
		if (!e.fail.status && e.meta.type == 'f') {
			v->files_all++;
			v->bytes_all += e.meta.size;
		}
	walk_close(walk);
}

/* How much there is: looked up beforehand only for somebody who watches. */
static void count_all(struct upload *u)
{
	struct progress_view *v = &u->job->progress.view;

	if (!u->job->progress.on)
		return;
	for (size_t i = 0; i < u->plan->count; i++) {
		const struct source *s = &u->plan->v[i];
		if (s->meta.type == 'd') {
			count_tree(u, s->path);
		} else if (s->meta.type == 'f') {
			v->files_all++;
			v->bytes_all += s->meta.size;
		}
	}
	v->whole = true;
	if (u->plan->count == 1 && u->plan->v[0].meta.type != 'd')
		v->files_all = 0;
}

static int run(struct upload *u)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->plan->count && !job_stopped(u->job); i++) {
		if (u->plan->v[i].meta.type == 'd')
			r = tree_upload(u, (uint32_t)i);
		else if (u->plan->v[i].meta.type == 'f')
			r = upload_file(u, (uint32_t)i);
	}
	if (r == 0)
		r = send_rest(u);
	if (r == 0)
		r = answers_rest(u);
	if (r == 0 && !job_stopped(u->job))
		r = tree_upload_finish(u);
	return r < 0 ? r : job_stopped(u->job) ? -EINTR : 0;
}

static void clear(struct upload *u)
{
	for (int i = 0; i < OPEN_MOST; i++)
		slot_free(u, &u->slots[i]);
	for (; u->count; u->count--) {
		free(u->dues[u->first].path);
		u->first = (u->first + 1) % u->room;
	}
	for (size_t i = 0; u->trees && i < u->plan->count; i++) {
		if (u->trees[i])
			tree_clear(u->trees[i]);
		free(u->trees[i]);
	}
	free(u->trees);
	free(u->dues);
}

void upload_run(struct job *j, struct plan *p)
{
	struct upload u = { .job = j, .plan = p };
	int           r = 0;

	j->lead.astray = true;
	u.sender = (struct sender){ .stream = &j->lead.stream, .only = j->opt->send, .between = between, .moved = moved, .arg = &u };
	for (int i = 0; i < OPEN_MOST; i++)
		u.slots[i].fd = -1;
	u.trees = calloc(p->count + 1, sizeof *u.trees);        /* NOLINT(bugprone-sizeof-expression): an array of pointers */
	if (!u.trees)
		r = -ENOMEM;
	count_all(&u);
	if (r == 0)
		r = run(&u);
	if (r < 0)
		job_broken(j, r);
	clear(&u);
}
