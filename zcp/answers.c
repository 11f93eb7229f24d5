/* answers.c - the host's answers to an upload: in the order of requests, those of open files whenever they are due */
#include "zcp/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"

void upload_fail(struct upload *u, const char *path, struct fail f)
{
	if (!f.status)
		f.status = ST_FILE_IO;
	report_fail(&u->job->report, u->job->where_host, path, f);
	progress_file(&u->job->progress, 0);
}

void upload_done(struct upload *u, const char *path, uint64_t bytes, uint8_t flags)
{
	char seen[2048];

	report_copied(&u->job->report, bytes);
	if (u->job->opt->verbose)
		log_info("%s", vis_str(seen, sizeof seen, path));
	if (flags & SENT_GREW)
		upload_fail(u, path, fail_why(ST_CHANGED, WHY_GREW));
	else
		progress_file(&u->job->progress, 0);
}

bool upload_dir_failed(struct upload *u, uint32_t source, uint32_t dir)
{
	struct tree_dir *d = dir ? tree_dir(u->trees[source], dir) : NULL;

	return d && (d->flags & TREE_FAILED);
}

int due_add(struct upload *u, const struct due *d)
{
	if (u->count == u->room) {
		size_t      room = u->room ? u->room * 2 : 256;
		struct due *v = malloc(room * sizeof *v);
		if (!v) {
			free(d->path);
			return -ENOMEM;
		}
		for (size_t i = 0; i < u->count; i++)
			v[i] = u->dues[(u->first + i) % u->room];
		free(u->dues);
		u->dues = v;
		u->first = 0;
		u->room = room;
	}
	u->dues[(u->first + u->count++) % u->room] = *d;
	u->cost += d->cost;
	return 0;
}

/* --- in their turn -------------------------------------------------------------------------------------------------- */

/* What failed below a directory that could not be made is that directory's failure, said once. */
static void due_failed(struct upload *u, const struct due *d, struct fail f)
{
	if (d->kind == DUE_DIR)
		tree_dir(u->trees[d->source], d->own)->flags |= TREE_FAILED;
	if (upload_dir_failed(u, d->source, d->dir)) {
		report_count(&u->job->report, f);
		progress_file(&u->job->progress, 0);
		return;
	}
	upload_fail(u, d->path, f);
}

/* A directory whose owner may not write into it was looked at before and after it was made: the mode it is to have. */
static void looked(struct upload *u, const struct due *d, const struct wire_attr *a)
{
	struct tree_dir *dir = tree_dir(u->trees[d->source], d->own);

	if (d->kind == DUE_LOOK_BEFORE && a) {
		dir->flags |= TREE_EXISTED;
	} else if (d->kind == DUE_LOOK_AFTER && a && !(dir->flags & (TREE_EXISTED | TREE_FAILED))) {
		dir->flags |= TREE_MODE_DUE;
		dir->mode &= a->meta.mode;      /* as the host's umask would have made it */
	}
}

static int take_due(struct upload *u, const struct record *rec, uint32_t id)
{
	if (!u->count || u->dues[u->first].id != id)
		return -EPROTO;
	struct due d = u->dues[u->first];
	bool       look = d.kind == DUE_LOOK_BEFORE || d.kind == DUE_LOOK_AFTER;

	u->first = (u->first + 1) % u->room;
	u->count--;
	u->cost -= d.cost;
	int r = 0;
	if (look && (rec->type == WIRE_ATTR || rec->type == WIRE_ERROR))
		looked(u, &d, rec->type == WIRE_ATTR ? &rec->body.attr : NULL);
	else if (!look && rec->type == WIRE_ERROR)
		due_failed(u, &d, rec->body.error.fail);
	else if (look || rec->type != WIRE_OK)
		r = -EPROTO;
	else if (d.kind == DUE_FILE)
		upload_done(u, d.path, d.bytes, d.flags);
	else
		*(d.kind == DUE_LINK ? &u->job->report.links : &u->job->report.dirs) += d.kind != DUE_META;
	if (d.kind == DUE_FILE && rec->type == WIRE_OK)
		u->job->lead.inlined++;
	free(d.path);
	return r;
}

/* --- of open files -------------------------------------------------------------------------------------------------- */

static struct slot *slot_of(struct upload *u, uint32_t id)
{
	for (int i = 0; i < OPEN_MOST; i++)
		if (u->slots[i].state != SLOT_FREE && u->slots[i].id == id)
			return &u->slots[i];
	return NULL;
}

static int slot_ok(struct upload *u, struct slot *s, const struct wire_ok *m)
{
	if (s->state == SLOT_ASKED) {
		s->state = SLOT_READY;
		return 0;
	}
	if (s->state != SLOT_SENT || (s->flags & (SENT_SHRANK | SENT_FAILED | SENT_GIVEN_UP)))
		return -EPROTO;         /* published before, or without, all of its bytes */
	worker_moved_by(&u->job->lead, 0, m->engine);
	upload_done(u, s->path, (uint64_t)s->st.st_size, s->flags);
	slot_free(u, s);
	return 0;
}

static int slot_error(struct upload *u, struct slot *s, struct fail f)
{
	if (s->state == SLOT_SENDING) {
		s->answered = true;     /* send_contents() is told between two segments */
		s->fail = f;
		return 0;
	}
	if (s->state == SLOT_SENT && (s->flags & SENT_SHRANK) && s->tries++ == 0) {
		s->state = SLOT_AGAIN;          /* not from here: another file may be on its way */
		return 0;
	}
	if (s->state == SLOT_SENT && (s->flags & SENT_SHRANK))
		f = fail_why(ST_CHANGED, WHY_SHRANK);
	else if (s->state == SLOT_SENT && (s->flags & SENT_FAILED) && s->fail.status)
		f = s->fail;
	upload_fail(u, s->path, f);
	slot_free(u, s);
	return 0;
}

static int slot_resend(struct slot *s, const struct wire_resend *m)
{
	uint64_t size = (uint64_t)s->st.st_size;

	if (s->state != SLOT_SENT || !m->length || m->offset > size || m->length > size - m->offset || m->length > WIRE_SEGMENT_MAX)
		return -EPROTO;
	if (s->resends++ > 2 * (size / SEAL_RAW_CHUNK + 1))
		return -EPROTO;         /* asks for ever */
	s->off = m->offset;
	s->len = m->length;
	s->state = SLOT_RESEND;
	return 0;
}

static int take(struct upload *u, const struct record *rec)
{
	struct slot *s;
	uint32_t     id;

	switch (rec->type) {
	case WIRE_OK:     id = rec->body.ok.id; break;
	case WIRE_ERROR:  id = rec->body.error.id; break;
	case WIRE_RESEND: id = rec->body.resend.id; break;
	case WIRE_ATTR:   id = rec->body.attr.id; break;
	default:          return -EPROTO;
	}
	s = slot_of(u, id);
	if (!s)
		return rec->type == WIRE_RESEND ? -EPROTO : take_due(u, rec, id);
	if (rec->type == WIRE_OK)
		return slot_ok(u, s, &rec->body.ok);
	if (rec->type == WIRE_ERROR)
		return slot_error(u, s, rec->body.error.fail.status ? rec->body.error.fail : fail_why(ST_FILE_IO, WHY_ERRNO));
	return rec->type == WIRE_RESEND ? slot_resend(s, &rec->body.resend) : -EPROTO;
}

int answers_take(struct upload *u)
{
	struct record rec;
	int           r;

	while ((r = stream_try(&u->job->lead.stream, &rec)) > 0) {
		r = take(u, &rec);
		if (r < 0)
			break;
	}
	return r;
}

int answer_wait(struct upload *u)
{
	struct record rec;
	int           r = stream_get(&u->job->lead.stream, &rec);

	return r < 0 ? r : take(u, &rec);
}

/* Once the budget is spent, half of it is waited for: else every answer would be followed by one small write. */
int answers_room(struct upload *u, uint32_t cost)
{
	int r = 0;

	if (u->cost + cost <= WIRE_REPLIES_MAX)
		return 0;
	while (r == 0 && u->cost && (u->cost > WIRE_REPLIES_MAX / 2 || u->cost + cost > WIRE_REPLIES_MAX))
		r = answer_wait(u);
	return r;
}
