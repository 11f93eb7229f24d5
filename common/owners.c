/* owners.c - see owners.h */
#include "common/owners.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int owner_names_add(struct owner_names *n, uint32_t id, const char *name)
{
	size_t             len = strlen(name), room = n->room ? 2 * n->room : 64;
	struct owner_name *more;

	/* -1 is nobody's number, but chown's "leave it" */
	if (len == 0 || len >= sizeof n->by_id->name || id == UINT32_MAX || n->count >= OWNERS_MOST)
		return 0;
	if (n->count == n->room) {
		more = realloc(n->by_id, room * sizeof *more);
		if (!more)
			return -ENOMEM;
		n->by_id = more;
		n->room = room;
	}
	n->by_id[n->count] = (struct owner_name){ .id = id, .order = (uint32_t)n->count };
	memcpy(n->by_id[n->count++].name, name, len + 1);
	return 0;
}

static int in_order(const struct owner_name *a, const struct owner_name *b)
{
	return a->order < b->order ? -1 : a->order > b->order;
}

static int by_id(const void *x, const void *y)
{
	const struct owner_name *a = x, *b = y;

	return a->id != b->id ? a->id < b->id ? -1 : 1 : in_order(a, b);
}

static int by_name(const void *x, const void *y, void *all)
{
	const struct owner_name *v = all, *a = &v[*(const uint32_t *)x], *b = &v[*(const uint32_t *)y];
	int                      r = strcmp(a->name, b->name);

	return r ? r : in_order(a, b);
}

int owner_names_sort(struct owner_names *n)
{
	if (!n->count)
		return 0;
	uint32_t *places = realloc(n->by_name, n->count * sizeof *places);
	if (!places)
		return -ENOMEM;
	n->by_name = places;
	qsort(n->by_id, n->count, sizeof *n->by_id, by_id);
	for (size_t i = 0; i < n->count; i++)
		places[i] = (uint32_t)i;
	qsort_r(places, n->count, sizeof *places, by_name, n->by_id);
	return 0;
}

const char *owner_names_of(const struct owner_names *n, uint32_t id)
{
	size_t low = 0, high = n->count;

	while (low < high) {                            /* the first one of this number */
		size_t mid = low + (high - low) / 2;
		if (n->by_id[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n->count && n->by_id[low].id == id ? n->by_id[low].name : "";
}

bool owner_names_find(const struct owner_names *n, const char *name, uint32_t *id)
{
	size_t low = 0, high = n->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(n->by_id[n->by_name[mid]].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == n->count || strcmp(n->by_id[n->by_name[low]].name, name) != 0)
		return false;
	*id = n->by_id[n->by_name[low]].id;
	return true;
}

static void names_clear(struct owner_names *n)
{
	free(n->by_id);
	free(n->by_name);
	*n = (struct owner_names){ .count = 0 };
}

void owners_clear(struct owners *o)
{
	names_clear(&o->users);
	names_clear(&o->groups);
}

int owners_load(struct owners *o)
{
	struct owners        fresh = { .users.count = 0 };
	const struct passwd *pw;
	const struct group  *gr;
	int                  r = 0;

	setpwent();
	while (r == 0 && fresh.users.count < OWNERS_MOST && (pw = getpwent()))  /* NOLINT(concurrency-mt-unsafe): one thread */
		r = owner_names_add(&fresh.users, pw->pw_uid, pw->pw_name);
	endpwent();
	setgrent();
	while (r == 0 && fresh.groups.count < OWNERS_MOST && (gr = getgrent())) /* NOLINT(concurrency-mt-unsafe): one thread */
		r = owner_names_add(&fresh.groups, gr->gr_gid, gr->gr_name);
	endgrent();
	if (r == 0)
		r = owner_names_sort(&fresh.users);
	if (r == 0)
		r = owner_names_sort(&fresh.groups);
	if (r == 0) {
		owners_clear(o);
		*o = fresh;
	} else {
		owners_clear(&fresh);
	}
	return r;
}

struct owner owners_describe(const struct owners *o, uint32_t uid, uint32_t gid)
{
	struct owner w = { .uid = uid, .gid = gid };

	snprintf(w.user, sizeof w.user, "%s", owner_names_of(&o->users, uid));
	snprintf(w.group, sizeof w.group, "%s", owner_names_of(&o->groups, gid));
	return w;
}

void owners_resolve(const struct owners *o, const struct owner *w, uint32_t *uid, uint32_t *gid)
{
	if (!o || !*w->user || !owner_names_find(&o->users, w->user, uid))
		*uid = w->uid;
	if (!o || !*w->group || !owner_names_find(&o->groups, w->group, gid))
		*gid = w->gid;
}
