/* links: zcpd */
/* grant.c - key x export x address: what may be seen, written and sent raw; what an inner export hides; the names above exports. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/tap.h"
#include "zcpd/grant.h"

#define COUNT(a) (sizeof (a) / sizeof *(a))

static char alice[] = "alice", bob[] = "bob", name_e[] = "e", other[] = "other", empty[] = "";
static char *reader_list[] = { alice, NULL }, *writer_list[] = { bob, NULL };

static struct names names_of(char **list)
{
	struct names n = { list, 0 };

	while (list && list[n.count])
		n.count++;
	return n;
}

static struct networks networks_of(const char *cidr)
{
	struct networks n = { .count = 0 };

	if (cidr && net_cidr_parse(cidr, &n.list[0]) == 0)
		n.count = 1;
	return n;
}

static struct net_addr address(const char *text)
{
	struct net_cidr c;
	struct net_addr a = { .port = 1 };

	if (net_cidr_parse(text, &c) == 0)
		memcpy(a.ip, c.ip, sizeof a.ip);
	return a;
}

/* --- who may read and write -------------------------------------------------------------------------------------- */

struct who { const char *name; bool write; char **exports; };
struct what { bool rw; char **allow, **allow_write; };
static char *only_e[] = { name_e, NULL }, *only_other[] = { other, NULL }, *both[] = { other, name_e, NULL };
static const struct who keys[] = {
	{ "alice", false, NULL }, { "alice", true, NULL }, { "alice", true, only_e }, { "alice", true, only_other }, { "alice", false, both },
	{ "bob", false, NULL },   { "bob", true, NULL },   { "bob", false, only_e },  { "bob", true, only_other },   { "eve", true, NULL },
	{ "eve", false, NULL },   { "Alice", true, NULL },
};
static const struct what exports_of[] = {
	{ false, NULL, NULL }, { true, NULL, NULL }, { false, reader_list, NULL }, { true, reader_list, NULL }, { true, NULL, writer_list },
	{ true, reader_list, writer_list },
};
/* per key one letter for each of the exports: . nothing, r, w (and r) */
static const char *const wanted[] = { "rrrrrr", "rwrwww", "rwrwww", "......", "rrrrrr",
                                      "rr..ww", "rw..ww", "rr..ww", "......", "rw..w.", "rr..r.", "rw..w." };
static const char *const wanted_root[] = { "rw" };

static char granted(const struct who *k, const struct what *x, bool config)
{
	struct settings_export from = { .name = config ? name_e : empty, .prefix = empty, .writable = x->rw,
	                                .allow = names_of(x->allow), .allow_given = x->allow != NULL, .allow_write = names_of(x->allow_write) };
	struct exports all = { .count = 1 }, out;
	struct authorized_key key = { .write = k->write, .exports = names_of(k->exports), .expires = AUTHORIZED_FOREVER };
	struct net_addr peer = address("192.0.2.1");
	struct networks none = { .count = 0 };
	struct granting g = { .config = config, .peer = &peer, .plain = &none };

	all.list[0] = (struct export){ .writable = x->rw, .from = &from, .dir = -1 };
	snprintf(key.name, sizeof key.name, "%s", k->name);
	size_t n = grant_exports(&all, &key, &g, &out);
	if (n != !out.list[0].denied || out.count != 1 || (out.list[0].denied && out.list[0].writable) || out.list[0].raw)
		return '!';
	return out.list[0].denied ? '.' : out.list[0].writable ? 'w' : 'r';
}

static void rights(void)
{
	for (size_t k = 0; k < COUNT(keys); k++)
		for (size_t x = 0; x < COUNT(exports_of); x++)
			ok(granted(&keys[k], &exports_of[x], true) == wanted[k][x], "key %zu (%s%s), export %zu: %c", k, keys[k].name,
			   keys[k].write ? " write" : "", x, wanted[k][x]);
	for (size_t k = 0; k < COUNT(keys); k++)
		for (size_t x = 0; x < 2; x++)
			ok(granted(&keys[k], &exports_of[x], false) == wanted_root[0][x], "--root: key %zu, export %zu: %c", k, x, wanted_root[0][x]);
}

/* --- raw --------------------------------------------------------------------------------------------------------- */

struct raw_row {
	const char *says, *peer, *daemon, *own;
	bool raw, one_machine, sealed, given, want;     /* given: the export has its own networks */
};
static const struct raw_row raws[] = {
	{ "nothing named", "10.1.1.1", NULL, NULL, true, false, false, false, false },
	{ "the daemon names it", "10.1.1.1", "10.0.0.0/8", NULL, true, false, false, false, true },
	{ "the stream is sealed", "10.1.1.1", "10.0.0.0/8", NULL, false, false, false, false, false },
	{ "the key's line says no", "10.1.1.1", "10.0.0.0/8", NULL, true, false, true, false, false },
	{ "another network", "11.1.1.1", "10.0.0.0/8", NULL, true, false, false, false, false },
	{ "the export's own instead", "11.1.1.1", "10.0.0.0/8", "11.0.0.0/8", true, false, false, true, true },
	{ "the export's own takes away", "10.1.1.1", "10.0.0.0/8", "11.0.0.0/8", true, false, false, true, false },
	{ "the export says none", "10.1.1.1", "10.0.0.0/8", NULL, true, false, false, true, false },
	{ "one machine", "127.0.0.1", NULL, NULL, true, true, false, false, true },
	{ "one machine, own networks", "127.0.0.1", NULL, "11.0.0.0/8", true, true, false, true, true },
	{ "one machine, none", "127.0.0.1", NULL, NULL, true, true, false, true, false },
	{ "one machine, plaintext=no", "127.0.0.1", "127.0.0.0/8", NULL, true, true, true, false, false },
	{ "IPv6", "fd00::1", "fd00::/8", NULL, true, false, false, false, true },
	{ "::/0 is not IPv4", "10.1.1.1", "::/0", NULL, true, false, false, false, false },
};

static void raw(void)
{
	for (size_t i = 0; i < COUNT(raws); i++) {
		const struct raw_row *r = &raws[i];
		struct settings_export from = { .name = name_e, .plain = networks_of(r->own), .plain_given = r->given };
		struct exports all = { .count = 1 }, out;
		struct authorized_key key = { .name = "alice", .sealed = r->sealed };
		struct net_addr peer = address(r->peer);
		struct networks daemon = networks_of(r->daemon);
		struct granting g = { .config = true, .raw = r->raw, .one_machine = r->one_machine, .peer = &peer, .plain = &daemon };

		all.list[0] = (struct export){ .from = &from, .dir = -1 };
		grant_exports(&all, &key, &g, &out);
		ok(out.list[0].raw == r->want, "raw, %s: %s", r->says, r->want ? "yes" : "no");
		bool offer = !r->sealed && r->raw && !r->one_machine;   /* what is granted by network must have been offered */
		ok(!offer || grant_may_offer_raw(&all, &daemon, &peer) == r->want, "... and offered");
	}
}

/* --- nested ------------------------------------------------------------------------------------------------------ */

static struct settings_export nested[4];
static const char *const prefixes[] = { "a", "a/in", "a/in/deep", "x/y/z" };

static void set(struct exports *e, const char *denied)
{
	e->count = COUNT(prefixes);
	for (size_t i = 0; i < e->count; i++) {
		e->list[i] = (struct export){ .from = &nested[i], .dir = -1, .denied = denied[i] == 'd' };
		snprintf(e->list[i].prefix, sizeof e->list[i].prefix, "%s", prefixes[i]);
	}
}

static const char *of(const struct exports *e, const char *path)
{
	const char *rest;
	const struct export *x = export_find(e, path, &rest);

	return x ? x->prefix : "none";
}

static bool names_are(const struct exports *e, const char *path, const char *want)
{
	struct wire_str names[WIRE_EXPORTS_MAX];
	size_t          n = export_names(e, path, names);
	char            got[300] = "";

	for (size_t i = 0; i < n; i++) {
		strncat(got, (const char *)names[i].p, names[i].len);
		strncat(got, " ", 2);
	}
	return strcmp(got, want) == 0;
}

static void hides(void)
{
	struct exports e;

	set(&e, "....");
	ok(!strcmp(of(&e, "a/f"), "a") && !strcmp(of(&e, "a/in/f"), "a/in") && !strcmp(of(&e, "a/in/deep"), "a/in/deep"), "the longest prefix");
	ok(names_are(&e, "", "a x ") && names_are(&e, "a", "in ") && names_are(&e, "x", "y ") && names_are(&e, "x/y", "z "), "the names above");
	ok(names_are(&e, "x/y/z", "") && names_are(&e, "x/yy", "") && names_are(&e, "b", ""), "none in, beside or elsewhere");
	set(&e, ".d..");
	ok(!strcmp(of(&e, "a/f"), "a") && !strcmp(of(&e, "a/in/f"), "none") && !strcmp(of(&e, "a/in"), "none"), "a denied inner one hides, the outer does not show it");
	ok(!strcmp(of(&e, "a/in/deep/f"), "a/in/deep") && !strcmp(of(&e, "a/inner"), "a"), "one below it is another; a longer name is not it");
	ok(names_are(&e, "a", "in ") && names_are(&e, "a/in", "deep "), "the way to one that is granted");
	set(&e, "dddd");
	ok(!strcmp(of(&e, "a/in"), "none") && names_are(&e, "", ""), "all denied: nothing, not a name");
}

/* --- what a link in the outer one leads to ----------------------------------------------------------------------- */

static int at(int dir, const char *path)
{
	return openat(dir, path, O_PATH | O_CLOEXEC);
}

static bool strays(const struct exports *e, const char *path)
{
	int  fd = at(e->list[0].dir, path);
	bool r = export_strayed(e, &e->list[0], fd);

	close(fd);
	return r;
}

static void links(void)
{
	struct exports   e;
	struct export_id ids[WIRE_EXPORTS_MAX];
	struct stat      st;
	char             dir[] = "/tmp/grant-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0 || mkdir("in", 0700) < 0 || mkdir("in/d", 0700) < 0 || mkdir("other", 0700) < 0
	    || symlink("../in/d", "other/to-d") < 0 || mkdir("inner", 0700) < 0) {
		ok(false, "a directory");
		return;
	}
	set(&e, ".d..");
	e.list[0].dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ok(strays(&e, "in") && strays(&e, "in/d") && strays(&e, "other/to-d/."), "what lies beneath the inner one, straight and through a link");
	ok(!strays(&e, "other") && !strays(&e, "inner") && !strays(&e, "."), "nothing else");
	ok(export_strayed(&e, &e.list[0], -1), "what cannot be looked at");
	ok(export_covered(&e, &e.list[0], ids) == 1 && stat("in", &st) == 0 && ids[0].ino == st.st_ino, "left out of the outer one's listing");
	e.count = 1;
	ok(!strays(&e, "in/d"), "without an inner export nothing is hidden");
	close(e.list[0].dir);
	unlink("other/to-d");
	static const char *const made[] = { "in/d", "in", "other", "inner" };
	for (size_t i = 0; i < COUNT(made); i++)
		rmdir(made[i]);
	rmdir(dir);
}

int main(void)
{
	rights();
	raw();
	hides();
	links();
	return done();
}
