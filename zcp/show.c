/* show.c - see show.h */
#include "zcp/show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/select/chosen.h"

struct row { struct meta meta; struct owner owner; bool owned; char *name, *link; };

struct showing {
	struct job          *job;
	const struct source *source;
	bool                 several;
	struct row          *rows; size_t count, room;
	uint32_t             parent;    /* whose entries they are */
	struct remote_tree   list;
	bool                 failed;    /* standard output */
};

static void mode_words(const struct meta *m, char out[static 11])
{
	static const char bits[] = "rwxrwxrwx";

	out[0] = m->type == 'f' ? '-' : m->type == 'o' ? '?' : (char)m->type;
	for (unsigned i = 0; i < 9; i++)
		out[1 + i] = m->mode & (0400u >> i) ? bits[i] : '-';
	if (m->mode & 04000)
		out[3] = m->mode & 0100 ? 's' : 'S';
	if (m->mode & 02000)
		out[6] = m->mode & 0010 ? 's' : 'S';
	if (m->mode & 01000)
		out[9] = m->mode & 0001 ? 't' : 'T';
	out[10] = '\0';
}

static void owner_words(const struct row *r, char user[static 40], char group[static 40])
{
	char name[34];

	if (!r->owned) {
		memcpy(user, "-", 2);
		memcpy(group, "-", 2);
		return;
	}
	*r->owner.user ? snprintf(user, 40, "%s", vis_str(name, sizeof name, r->owner.user)) : snprintf(user, 40, "%u", r->owner.uid);
	*r->owner.group ? snprintf(group, 40, "%s", vis_str(name, sizeof name, r->owner.group)) : snprintf(group, 40, "%u", r->owner.gid);
}

static void print(struct showing *s, const struct row *r)
{
	struct entry e = { &r->meta, r->owned ? &r->owner : NULL, r->name, r->link };
	char      mode[11], when[32] = "?", name[4 * WIRE_PATH_MAX + 8], link[4 * WIRE_LINK_MAX + 8], user[40], group[40];
	time_t    t = (time_t)r->meta.mtime;
	struct tm tm;

	s->job->report.listed++;        /* what has been said is not said again by another attempt */
	if (s->job->opt->json) {
		tell_entry(s->job, &e);
		return;
	}
	mode_words(&r->meta, mode);
	owner_words(r, user, group);
	if (localtime_r(&t, &tm))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	vis_str(name, sizeof name, r->name);
	int n = printf("%s %-8s %-8s %14llu %s %s%s%s%s\n", mode, user, group, (unsigned long long)r->meta.size, when, name, r->meta.type == 'd' ? "/" : "",
	               r->link ? " -> " : "", r->link ? vis_str(link, sizeof link, r->link) : "");
	s->failed |= n < 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static void flush_rows(struct showing *s)
{
	if (s->count)
		qsort(s->rows, s->count, sizeof *s->rows, by_name);
	for (size_t i = 0; i < s->count; i++) {
		print(s, &s->rows[i]);
		free(s->rows[i].name);
		free(s->rows[i].link);
	}
	s->count = 0;
	s->failed |= !s->job->opt->json && fflush(stdout) != 0;
}

static struct owner owner_of(struct wire_str ext, bool *owned)
{
	struct owner    o = { 0 };
	struct wire_str value;
	uint8_t         tag;

	*owned = false;
	while (wire_extra_next(&ext, &tag, &value) > 0)
		if (tag == EXTRA_OWNER)
			*owned = wire_owner_get(value, &o) == 0;
	return o;
}

static int add(struct showing *s, const char *name, const struct meta *m, struct wire_str link, struct wire_str ext)
{
	if (s->count == SHOW_SORTED)
		flush_rows(s);
	if (s->count == s->room) {
		size_t      room = s->room ? s->room * 2 : 64;
		struct row *v = realloc(s->rows, room * sizeof *v);
		if (!v)
			return -ENOMEM;
		s->rows = v;
		s->room = room;
	}
	struct row *r = &s->rows[s->count];
	*r = (struct row){ .meta = *m, .name = strdup(name), .link = m->type == 'l' ? strndup(link.len ? (const char *)link.p : "", link.len) : NULL };
	r->owner = owner_of(ext, &r->owned);
	s->count++;
	return r->name && (r->link || m->type != 'l') ? 0 : -ENOMEM;
}

/* As it is shown: with the argument where there are several, and to programs. */
static bool shown_name(const struct showing *s, const char *rest, char out[static WIRE_PATH_MAX + 1])
{
	const char *before = s->several || s->job->opt->json ? s->source->path : "";
	int         n = snprintf(out, WIRE_PATH_MAX + 1, "%s%s%s", before, *before && *rest ? "/" : "", rest);

	return n >= 0 && n <= WIRE_PATH_MAX;
}

static void fail(struct showing *s, const char *path, struct fail f)
{
	report_fail(&s->job->report, &(struct failing){ .host = s->job->where_host, .path = path, .why = f });
}

static int entry(struct remote_tree *t, const struct wire_entry *e, uint32_t id, uint32_t parent, const char *name)
{
	struct showing  *s = t->arg;
	char             rest[WIRE_PATH_MAX + 1], shown[WIRE_PATH_MAX + 1];
	struct tree_dir *up = tree_dir(&t->tree, parent);
	bool             fits = up && tree_path(&t->tree, "", parent, name, rest) == 0;

	if (!up && e->what == ENTRY_OK)
		return 0;                       /* the directory itself */
	if (up && (up->flags & TREE_LEFT_OUT)) {
		if (id)
			tree_dir(&t->tree, id)->flags |= TREE_LEFT_OUT;
		return 0;
	}
	if (e->what != ENTRY_OK) {
		fail(s, fits && shown_name(s, rest, shown) ? shown : s->source->path, e->fail);
		return 0;
	}
	if (!fits || !chosen(s->job, s->source, rest, &e->meta)) {
		if (id)
			tree_dir(&t->tree, id)->flags |= TREE_LEFT_OUT;
		return 0;
	}
	if (parent != s->parent)
		flush_rows(s);
	s->parent = parent;
	int r = shown_name(s, rest, shown) ? add(s, shown, &e->meta, e->link, e->ext) : 0;
	return r < 0 ? r : s->failed ? -ECANCELED : 0;
}

static int show_dir(struct showing *s)
{
	struct fail f;

	s->list = (struct remote_tree){ .flags = (s->job->opt->recurse ? LOOK_RECURSE : 0) | (s->job->opt->one_fs ? LOOK_ONE_FS : 0), .each = entry, .arg = s };
	s->parent = 0;
	remote_tree_init(&s->list);
	int r = remote_list(s->job, s->source->path, &s->list, &f);
	flush_rows(s);
	remote_tree_clear(&s->list);
	if (r == 0 && f.status && f.why != WHY_GIVEN_UP)
		fail(s, s->source->path, f);
	return r;
}

static int show_source(struct showing *s)
{
	const struct source *p = s->source;

	if (p->meta.type == 'd')
		return show_dir(s);
	if (!chosen(s->job, p, "", &p->meta))
		return 0;
	int r = add(s, p->path, &p->meta, wire_cstr(p->link ? p->link : ""), ext_kept(&p->ext));
	flush_rows(s);
	return r;
}

enum status show_run(struct job *j, const struct target *t, int n)
{
	struct plan    p;
	struct showing s = { .job = j };
	enum status    st = plan_find(j, t, n, &p);
	int            r = 0;

	s.several = p.count > 1;
	for (size_t i = 0; st == ST_OK && r == 0 && i < p.count && !s.failed && !job_stopped(j); i++) {
		s.source = &p.v[i];
		r = show_source(&s);
	}
	if (r == -ENOMEM)
		job_broken(j, r);
	if (s.failed) {
		log_error("cannot write to standard output: nobody reads it any more, or it is full");
		report_end(&j->report, ST_FILE_IO);
	}
	j->report.one_file = n == 1 && p.count <= 1 && (!p.count || p.v[0].meta.type != 'd');
	free(s.rows);
	plan_clear(&p);
	return status_job(&j->report);
}
