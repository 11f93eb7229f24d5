/* owners.c - names and numbers: both ways, twice given, out of bounds; and this machine's own. */
#include "common/owners.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap.h"

static struct owners made(void)
{
	struct owners o = { .users.count = 0 };

	owner_names_add(&o.users, 1000, "anna");
	owner_names_add(&o.users, 0, "root");
	owner_names_add(&o.users, 0, "toor");
	owner_names_add(&o.users, 7, "anna");
	owner_names_add(&o.users, 4294967294u, "last");
	owner_names_add(&o.groups, 50, "staff");
	owner_names_sort(&o.users);
	owner_names_sort(&o.groups);
	return o;
}

static void both_ways(void)
{
	struct owners o = made();
	uint32_t      id = 99;

	ok(strcmp(owner_names_of(&o.users, 0), "root") == 0, "of two names of a number the first counts");
	ok(owner_names_find(&o.users, "anna", &id) && id == 1000, "of two numbers of a name the first counts");
	ok(owner_names_find(&o.users, "toor", &id) && id == 0, "a second name is found, too");
	ok(strcmp(owner_names_of(&o.users, 7), "anna") == 0 && strcmp(owner_names_of(&o.users, 4294967294u), "last") == 0, "the others by number");
	ok(!*owner_names_of(&o.users, 1) && !*owner_names_of(&o.users, UINT32_MAX), "an unknown number has no name");
	id = 99;
	ok(!owner_names_find(&o.users, "ann", &id) && !owner_names_find(&o.users, "", &id) && !owner_names_find(&o.users, "zoe", &id) && id == 99,
	   "an unknown name has no number");
	owners_clear(&o);
	ok(!*owner_names_of(&o.users, 0) && !owner_names_find(&o.users, "root", &id), "nothing is known of nothing");
}

static void owners_of_files(void)
{
	struct owners o = made();
	struct owner  w = owners_describe(&o, 1000, 50), other = { .uid = 5, .gid = 6, .user = "nobody-here", .group = "staff" };
	uint32_t      uid, gid;

	ok(w.uid == 1000 && w.gid == 50 && strcmp(w.user, "anna") == 0 && strcmp(w.group, "staff") == 0, "an owner with names");
	w = owners_describe(&o, 1, 2);
	ok(w.uid == 1 && w.gid == 2 && !*w.user && !*w.group, "an owner without");
	owners_resolve(&o, &other, &uid, &gid);
	ok(uid == 5 && gid == 50, "a name that is known here counts, else the number");
	owners_resolve(NULL, &other, &uid, &gid);
	ok(uid == 5 && gid == 6, "numbers alone");
	owners_clear(&o);
}

static void bounds(void)
{
	struct owner_names n = { .count = 0 };
	char               name[64];
	int                r = 0;

	owner_names_add(&n, 1, "");
	owner_names_add(&n, 2, "123456789012345678901234567890123");
	owner_names_add(&n, UINT32_MAX, "all");
	ok(n.count == 0, "no name, one of 33 bytes, and the number -1 are left out");
	owner_names_add(&n, 3, "12345678901234567890123456789012");
	ok(n.count == 1, "one of 32 bytes is not");
	for (uint32_t i = 0; r == 0 && i < OWNERS_MOST + 10; i++) {
		snprintf(name, sizeof name, "u%u", i * 7919 % 100003);
		r = owner_names_add(&n, i, name);
	}
	ok(r == 0 && n.count == OWNERS_MOST && owner_names_sort(&n) == 0, "no more than OWNERS_MOST");
	uint32_t id = 0;
	ok(owner_names_find(&n, "u7919", &id) && id == 1, "all of them are found");
	free(n.by_id);
	free(n.by_name);
}

static void of_this_machine(void)
{
	struct owners        o = { .users.count = 0 };
	const struct passwd *pw = getpwuid(0);
	uint32_t             id = 99;

	ok(owners_load(&o) == 0 && o.users.count && o.groups.count, "users and groups of this machine");
	ok(pw && strcmp(owner_names_of(&o.users, 0), pw->pw_name) == 0 && owner_names_find(&o.users, pw->pw_name, &id) && id == 0, "root is one of them");
	size_t before = o.users.count;
	ok(owners_load(&o) == 0 && o.users.count == before, "loaded again, they are as many");
	owners_clear(&o);
}

int main(void)
{
	both_ways();
	owners_of_files();
	bounds();
	of_this_machine();
	return done();
}
