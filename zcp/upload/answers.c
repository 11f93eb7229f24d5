/* answers.c - the host's answers to one stream of an upload: in the order of requests, those of open files whenever they are due */
#include "zcp/upload/uploader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "zcp/events/event.h"
#include "zcp/joblog.h"

/* path begins with what the source is called there. */
static struct failing failing_there(const struct upload *u, uint32_t source, const char *path)
{
	const struct source *s = &u->plan->v[source];
	const char          *rest = path + strlen(s->as);

	rest += *rest == '/';
	return (struct failing){ .host = u->job->where_host, .path = path, .source = s->path, .rest = rest };
}

void upload_fail(struct upload *u, uint32_t source, const char *path, struct fail f)
{
	struct failing x = failing_there(u, source, path);

	if (!f.status)
		f.status = ST_FILE_IO;
	x.why = f;
	report_fail(&u->job->report, &x);
	progress_file(&u->job->progress, 0);
}

void upload_fail_gone(struct upload *u, const char *path, struct fail f)
{
	report_fail(&u->job->report, &(struct failing){ .host = u->job->where_host, .path = path, .why = f });
	progress_file(&u->job->progress, 0);
}

void upload_over(struct upload *u, struct errand *e)
{
	errand_clear(e);
	*e = (struct errand){ 0 };
	queue_done(&u->queue, 1);
}

static bool of_source(struct fail f)
{
	return f.why == WHY_GREW || f.why == WHY_SHRANK || f.why == WHY_VANISHED;
}

void errand_failed(struct upload *u, struct errand *e, struct fail f)
{
	char path[WIRE_PATH_MAX + 1];

	first_failed(e->first, f.status);
	if (upload_dir_failed(u, e->source, e->dir)) {
		report_count(&u->job->report, f);
		progress_file(&u->job->progress, 0);
	} else if (errand_path(u, e, path) < 0) {
		source_fail(u, e->source, e->rest, fail_why(ST_FILE_IO, WHY_TOO_LONG));
	} else if (of_source(f)) {
		source_fail(u, e->source, e->rest, f);
	} else {
		upload_fail(u, e->source, path, f);
	}
	upload_over(u, e);
}

void errand_unread(struct upload *u, struct errand *e, struct fail f)
{
	first_failed(e->first, f.status);
	source_fail(u, e->source, e->rest, f);
	upload_over(u, e);
}

void upload_back(struct upload *u, struct errand *e)
{
	if (queue_again(&u->queue, e) == 0)
		*e = (struct errand){ 0 };
	else if (e->large)
		piece_over(u, e->large, 0, fail_errno(ENOMEM));
	else
		errand_failed(u, e, fail_errno(ENOMEM));
}

static void note(struct upload *u, const struct errand *e)
{
	char               name[WIRE_PATH_MAX + 16];
	struct joblog_file f = { .path = name, .size = e->meta.size, .mtime = e->meta.mtime, .mtime_ns = e->meta.mtime_ns };

	snprintf(name, sizeof name, "%u/%s", e->source, e->rest);
	joblog_add(u->job->log, &f);
}

/* What the host says that it could not set, of what was asked for. */
unsigned upload_missed(const struct upload *u, uint8_t ok_flags)
{
	unsigned kinds = (ok_flags & OK_NO_XATTRS ? EXTRAS_XATTRS : 0) | (ok_flags & OK_NO_ACLS ? EXTRAS_ACLS : 0);

	return kinds & u->job->extras;
}

void upload_without(struct upload *u, uint32_t source, const char *path, unsigned missed)
{
	struct failing x = failing_there(u, source, path);

	job_fail_missed(u->job, &x, missed);
}

void upload_done(struct upload *u, const struct errand *e, uint64_t bytes, uint8_t flags, uint8_t ok_flags)
{
	char     path[WIRE_PATH_MAX + 1];
	unsigned without = upload_missed(u, ok_flags);

	if (flags & SENT_GREW)
		first_failed(e->first, ST_CHANGED);
	else
		first_ended(e->first, FATE_COPIED);
	report_copied(&u->job->report, bytes);
	if (u->job->log && !(flags & SENT_GREW) && !without)
		note(u, e);
	if (!event_heard(u->job) && !(flags & SENT_GREW) && !without) {
		progress_file(&u->job->progress, 0);
		return;
	}
	errand_path(u, e, path);        /* it fitted when it was sent */
	event_tell(u->job, &(struct event){ .what = EVENT_COPY, .type = 'f', .path = path, .size = bytes });
	upload_without(u, e->source, path, without);
	if (flags & SENT_GREW)
		source_fail(u, e->source, e->rest, fail_why(ST_CHANGED, WHY_GREW));
	else
		progress_file(&u->job->progress, 0);
}

static bool dir_failed(const struct upload *u, uint32_t source, uint32_t dir)   /* has the lock */
{
	struct tree_dir *d = dir ? tree_dir(u->trees[source], dir) : NULL;

	return d && (d->flags & (TREE_FAILED | TREE_LEFT_OUT));
}

bool upload_dir_failed(struct upload *u, uint32_t source, uint32_t dir)
{
	pthread_mutex_lock(&u->lock);
	bool failed = dir_failed(u, source, dir);
	pthread_mutex_unlock(&u->lock);
	return failed;
}

bool due_has_file(const struct due *d)
{
	return d->kind == DUE_FILE || d->kind == DUE_HASH || d->kind == DUE_FILE_META;
}

/* The stream ends with it: what was not answered may be another's. */
static int due_lost(struct upload *u, const struct due *d)
{
	struct errand e = d->errand;

	free(d->path);
	if (due_has_file(d))
		upload_back(u, &e);
	return -ENOMEM;
}

int due_add(struct uploader *x, const struct due *d)
{
	if (x->count == x->room) {
		size_t      room = x->room ? x->room * 2 : 256;
		struct due *v = malloc(room * sizeof *v);
		if (!v)
			return due_lost(x->u, d);
		for (size_t i = 0; i < x->count; i++)
			v[i] = x->dues[(x->first + i) % x->room];
		free(x->dues);
		x->dues = v;
		x->first = 0;
		x->room = room;
	}
	x->dues[(x->first + x->count++) % x->room] = *d;
	x->cost += d->cost;
	return 0;
}

/* --- in their turn -------------------------------------------------------------------------------------------------- */

/* What failed below a directory that could not be made is that directory's failure, said once. */
static void due_failed(struct upload *u, struct due *d, struct fail f)
{
	if (d->kind == DUE_FILE || d->kind == DUE_FILE_META) {
		errand_failed(u, &d->errand, f);
		return;
	}
	pthread_mutex_lock(&u->lock);
	if (d->kind == DUE_DIR)
		tree_dir(u->trees[d->errand.source], d->own)->flags |= TREE_FAILED;
	bool counted = dir_failed(u, d->errand.source, d->errand.dir);
	pthread_mutex_unlock(&u->lock);
	if (!counted && d->kind == DUE_REMOVE) {
		upload_fail_gone(u, d->path, f);
		return;
	}
	if (!counted) {
		upload_fail(u, d->errand.source, d->path, f);
		return;
	}
	report_count(&u->job->report, f);
	progress_file(&u->job->progress, 0);
}

/* A directory whose owner may not write into it was looked at after it was made: the mode it is to have. */
static void looked(struct upload *u, const struct due *d, const struct wire_attr *a)
{
	pthread_mutex_lock(&u->lock);
	struct tree_dir *dir = tree_dir(u->trees[d->errand.source], d->own);
	if (a && !(dir->flags & (TREE_EXISTED | TREE_FAILED))) {
		dir->flags |= TREE_MODE_DUE;
		dir->mode &= a->meta.mode;      /* as the host's umask would have made it */
	}
	pthread_mutex_unlock(&u->lock);
}

static void link_ok(struct upload *u, const struct due *d, uint8_t flags)
{
	uint32_t     source = d->errand.source;
	bool         hard = d->kind == DUE_HARD_LINK;
	const char  *target = d->own ? tree_link(u->trees[source], d->own - 1).target : u->plan->v[source].link;
	struct event e = { .what = hard ? EVENT_HARDLINK : EVENT_SYMLINK, .type = hard ? 'f' : 'l', .path = d->path, .target = target };

	if (flags & OK_EXISTED)                 /* that file's name already */
		return;
	u->job->report.links++;
	event_tell(u->job, &e);
}

static void dir_ok(struct upload *u, const struct due *d, uint8_t flags)
{
	bool existed = flags & OK_EXISTED;

	if (existed) {
		pthread_mutex_lock(&u->lock);
		tree_dir(u->trees[d->errand.source], d->own)->flags |= TREE_EXISTED;
		pthread_mutex_unlock(&u->lock);
		return;
	}
	u->job->report.dirs++;
	event_tell(u->job, &(struct event){ .what = EVENT_MKDIR, .type = 'd', .path = d->path });
}

/* Links, directories and what is removed are the lead's: nobody else counts them. */
static void due_ok(struct uploader *x, struct due *d, uint8_t flags)
{
	struct upload *u = x->u;

	switch ((enum due_kind)d->kind) {
	case DUE_LINK: case DUE_HARD_LINK:
		link_ok(u, d, flags);
		break;
	case DUE_DIR:
		dir_ok(u, d, flags);
		break;
	case DUE_META:
		upload_without(u, d->errand.source, d->path, upload_missed(u, flags));
		break;
	case DUE_REMOVE:
		upload_removed(u, d->path, d->flags);
		break;
	case DUE_FILE_META:
		upload_meta(u, &d->errand, flags);
		upload_over(u, &d->errand);
		break;
	default:
		upload_done(u, &d->errand, d->bytes, d->flags, flags);
		x->w->inlined++;
		upload_over(u, &d->errand);
		break;
	}
}

/* LOOKS fails as a whole for one reason alone: the key was taken away. */
static int take_looked(struct uploader *x, const struct record *rec)
{
	if (rec->type == WIRE_ERROR && rec->body.error.fail.status == ST_REFUSED)
		return job_refused(x->u->job, rec->body.error.fail);
	return rec->type == WIRE_LOOKED ? looking_take(x, &rec->body.looked) : -EPROTO;
}

static int take_due(struct uploader *x, const struct record *rec, uint32_t id)
{
	if (!x->count || x->dues[x->first].id != id)
		return -EPROTO;
	struct due *d = &x->dues[x->first];
	bool        look = d->kind == DUE_LOOK;
	int         r = 0;

	if (d->kind == DUE_LOOKS)
		r = take_looked(x, rec);
	else if (d->kind == DUE_HASH)
		r = check_answer(x, d, rec);
	else if (look ? rec->type != WIRE_ATTR && rec->type != WIRE_ERROR : rec->type != WIRE_OK && rec->type != WIRE_ERROR)
		return -EPROTO;
	else if (look)
		looked(x->u, d, rec->type == WIRE_ATTR ? &rec->body.attr : NULL);
	else if (rec->type == WIRE_ERROR)
		due_failed(x->u, d, rec->body.error.fail);
	else
		due_ok(x, d, rec->body.ok.flags);
	if (r < 0)
		return r;
	if (d->kind == DUE_DIR)
		queue_answered(&x->u->queue, id);
	free(d->path);
	x->cost -= d->cost;
	x->first = (x->first + 1) % x->room;
	x->count--;
	return 0;
}

/* --- of open files -------------------------------------------------------------------------------------------------- */

static struct slot *slot_of(struct uploader *x, uint32_t id)
{
	for (int i = 0; i < OPEN_MOST; i++)
		if (x->slots[i].state != SLOT_FREE && x->slots[i].id == id)
			return &x->slots[i];
	return NULL;
}

static void slot_done(struct uploader *x, struct slot *s, uint8_t ok_flags)
{
	struct large *l = s->errand.large;

	if (l) {
		if (s->flags & SENT_GREW)
			upload_grew(x->u, l);
		piece_over(x->u, l, s->counted, (struct fail){ 0 });
	} else {
		s->errand.meta = meta_from_stat(&s->st);
		upload_done(x->u, &s->errand, s->size, s->flags, ok_flags);
		upload_over(x->u, &s->errand);
	}
	slot_free(x, s);
}

static int slot_ok(struct uploader *x, struct slot *s, const struct wire_ok *m)
{
	if (s->state == SLOT_ASKED) {
		s->state = SLOT_READY;
		return 0;
	}
	if (s->state != SLOT_SENT || (s->flags & (SENT_SHRANK | SENT_FAILED | SENT_GIVEN_UP)))
		return -EPROTO;         /* published before, or without, all of its bytes */
	worker_moved_by(x->w, 0, m->engine);
	slot_done(x, s, m->flags);
	return 0;
}

static int slot_error(struct uploader *x, struct slot *s, struct fail f)
{
	struct large *l = s->errand.large;
	bool          shrank = s->state == SLOT_SENT && (s->flags & SENT_SHRANK);

	if (s->state == SLOT_SENDING) {
		s->answered = true;     /* send_contents() is told between two segments */
		s->fail = f;
		return 0;
	}
	if (shrank && l) {
		upload_changed(x->u, l); /* its holder knows what becomes of it */
		f = (struct fail){ 0 };
	} else if (shrank && s->errand.tries++ == 0) {
		s->state = SLOT_AGAIN;          /* not from here: another file may be on its way */
		return 0;
	} else if (shrank) {
		f = fail_why(ST_CHANGED, WHY_SHRANK);
	} else if (s->state == SLOT_SENT && (s->flags & SENT_FAILED) && s->fail.status) {
		f = s->fail;
	}
	slot_over(x, s, f);
	return 0;
}

static int slot_resend(struct slot *s, const struct wire_resend *m)
{
	if (s->state != SLOT_SENT || !m->length || m->length > WIRE_SEGMENT_MAX || m->offset < s->from || m->offset - s->from > s->size ||
	    m->length > s->size - (m->offset - s->from))
		return -EPROTO;
	if (s->resends++ > 2 * (s->size / SEAL_RAW_CHUNK + 1))
		return -EPROTO;         /* asks for ever */
	s->off = m->offset;
	s->len = m->length;
	s->state = SLOT_RESEND;
	return 0;
}

static struct fail failure(const struct record *rec)
{
	return rec->body.error.fail.status ? rec->body.error.fail : fail_why(ST_FILE_IO, WHY_ERRNO);
}

static int take_held(struct uploader *x, struct held *h, const struct record *rec)
{
	switch (rec->type) {
	case WIRE_ASIDE: return held_aside(x, h, &rec->body.aside);
	case WIRE_OK:    return held_ok(x, h, &rec->body.ok);
	case WIRE_ERROR: return held_error(x, h, failure(rec));
	default:         return -EPROTO;
	}
}

static int take_slot(struct uploader *x, struct slot *s, const struct record *rec)
{
	switch (rec->type) {
	case WIRE_OK:     return slot_ok(x, s, &rec->body.ok);
	case WIRE_ERROR:  return slot_error(x, s, failure(rec));
	case WIRE_RESEND: return slot_resend(s, &rec->body.resend);
	default:          return -EPROTO;
	}
}

static int take(struct uploader *x, const struct record *rec)
{
	struct slot *s;
	struct held *h;
	uint32_t     id;

	switch (rec->type) {
	case WIRE_OK:     id = rec->body.ok.id; break;
	case WIRE_ERROR:  id = rec->body.error.id; break;
	case WIRE_RESEND: id = rec->body.resend.id; break;
	case WIRE_ATTR:   id = rec->body.attr.id; break;
	case WIRE_ASIDE:  id = rec->body.aside.id; break;
	case WIRE_LOOKED: id = rec->body.looked.id; break;
	case WIRE_DIGEST: id = rec->body.digest.id; break;
	default:          return -EPROTO;
	}
	s = slot_of(x, id);
	h = s ? NULL : held_of(x, id);
	return s ? take_slot(x, s, rec) : h ? take_held(x, h, rec) : take_due(x, rec, id);
}

int answers_take(struct uploader *x)
{
	struct record rec;
	int           r;

	while ((r = stream_try(&x->w->stream, &rec)) > 0) {
		r = take(x, &rec);
		if (r < 0)
			break;
	}
	return r;
}

int answer_wait(struct uploader *x)
{
	struct record rec;
	int           r = stream_get(&x->w->stream, &rec);

	return r < 0 ? r : take(x, &rec);
}

/* Once the budget is spent, half of it is waited for: else every answer would be followed by one small write. */
int answers_room(struct uploader *x, uint32_t cost)
{
	int r = 0;

	if (x->cost + cost <= WIRE_REPLIES_MAX)
		return 0;
	while (r == 0 && x->cost && (x->cost > WIRE_REPLIES_MAX / 2 || x->cost + cost > WIRE_REPLIES_MAX))
		r = answer_wait(x);
	return r;
}
