/* pieces.c - the ranges of a large file, in many hands: see held.h */
#include "zcp/upload/uploader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "common/cleanup.h"

static void large_free(struct large *l)
{
	errand_clear(&l->file);
	close_fd(&l->fd);
	free(l->path);
	ext_drop(&l->ext);
	free(l);
}

void upload_unref(struct upload *u, struct large *l)
{
	pthread_mutex_lock(&u->lock);
	bool last = --l->refs == 0;
	if (last && l->prev)
		l->prev->next = l->next;
	else if (last)
		u->larges = l->next;
	if (last && l->next)
		l->next->prev = l->prev;
	pthread_mutex_unlock(&u->lock);
	if (last)
		large_free(l);
}

void larges_clear(struct upload *u)
{
	while (u->larges) {
		struct large *l = u->larges;
		u->larges = l->next;
		large_free(l);
	}
}

/* The whole file, for somebody else: what is missing, the host will say. */
static void give_back(struct upload *u, struct large *l)
{
	struct errand e = l->file;

	progress_back(&u->job->progress, l->counted);
	l->file = (struct errand){ 0 };
	if (++e.lost > LOST_MOST)
		errand_failed(u, &e, (struct fail){ ST_CONNECTION, WHY_ERRNO, ECONNRESET });
	else
		upload_back(u, &e);
}

/* Exactly one of the two that meet here finds it so: the last piece that comes back, or the holder that goes. */
void upload_orphan(struct upload *u, struct large *l)
{
	pthread_mutex_lock(&u->lock);
	l->orphan = true;
	l->over = true;
	bool last = l->out == 0;
	pthread_mutex_unlock(&u->lock);
	if (last)
		give_back(u, l);
}

/* What ended it first is what it has failed for: others may then have been given up. Has the lock. */
static void fail_once(struct large *l, struct fail f)
{
	if (!f.status || l->over)
		return;
	l->fail = f;
	l->over = true;
}

void piece_over(struct upload *u, struct large *l, uint64_t counted, struct fail f)
{
	pthread_mutex_lock(&u->lock);
	fail_once(l, f);
	l->counted += counted;
	l->out--;
	bool last = l->out == 0, orphan = l->orphan;
	pthread_mutex_unlock(&u->lock);
	if (last && orphan)
		give_back(u, l);
	else if (last)
		queue_wake(&u->queue);
	queue_done(&u->queue, 1);
	upload_unref(u, l);
}

/* It was never on the queue. */
void piece_unsplit(struct upload *u, struct large *l)
{
	pthread_mutex_lock(&u->lock);
	fail_once(l, fail_errno(ENOMEM));
	l->out--;
	l->refs--;                      /* not the last one: its holder is here */
	pthread_mutex_unlock(&u->lock);
}

void piece_lost(struct upload *u, struct errand *e, uint64_t counted)
{
	struct large *l = e->large;
	struct fail   f = { ST_CONNECTION, WHY_ERRNO, ECONNRESET };

	progress_back(&u->job->progress, counted);
	if (!l->over && ++e->lost <= LOST_MOST && queue_again(&u->queue, e) == 0) {
		*e = (struct errand){ 0 };
		return;
	}
	*e = (struct errand){ 0 };
	if (l->over)
		f.status = ST_OK;
	piece_over(u, l, 0, f);
}

void upload_changed(struct upload *u, struct large *l)
{
	pthread_mutex_lock(&u->lock);
	l->changed |= !l->over;
	l->over = true;
	pthread_mutex_unlock(&u->lock);
}

void upload_grew(struct upload *u, struct large *l)
{
	pthread_mutex_lock(&u->lock);
	l->grew = true;
	pthread_mutex_unlock(&u->lock);
}

/* A description of its own, so that each reads ahead in its own range; where the name leads elsewhere by now, the one that was opened first. */
static int open_piece(struct upload *u, const struct large *l)
{
	struct stat st;
	struct fail f;
	CLEAN_FD int fd = source_open(u, &l->file, &st, &f);

	if (fd >= 0 && st.st_dev == l->st.st_dev && st.st_ino == l->st.st_ino)
		return keep_fd(&fd);
	int same = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
	return same < 0 ? -errno : same;
}

int piece_begin(struct uploader *x, struct errand *e)
{
	struct large *l = e->large;
	struct stat   now;
	struct fail   f = { 0 };
	int           fd = -1;

	if (!l->over)
		worker_sealed(x->w, l->path, &f);       /* may it be? */
	if (!l->over && !f.status) {
		fd = open_piece(x->u, l);
		f = fd < 0 ? fail_errno(fd) : (struct fail){ 0 };
	}
	if (fd >= 0 && fstat(fd, &now) == 0 && source_changed(&l->st, &now) == SENT_SHRANK) {
		upload_changed(x->u, l);
		close_fd(&fd);
	}
	if (fd >= 0)
		return send_range(x, e, fd, l);
	*e = (struct errand){ 0 };
	piece_over(x->u, l, 0, f);
	return 0;
}
