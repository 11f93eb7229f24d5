/* links: zcp */
/* granted.c - which export a path lies in, for the client: as the daemon decides. */
#include <string.h>
#include "tests/unit/tap.h"
#include "zcp/host/granted.h"

static void rules(void)
{
	static const struct { const char *path; bool raw; } cases[] = {
		{ "", true }, { "x", true }, { "data", false }, { "data/x", false }, { "database", true }, { "database/data", true },
		{ "data/raw", true }, { "data/raw/x", true }, { "data/rawest", false }, { "dat", true },
	};
	struct granted g = { .count = 0 };

	ok(!granted_raw(&g, "x"), "no exports: never raw");
	granted_add(&g, wire_cstr("data"), EXPORT_WRITE);
	granted_add(&g, wire_cstr("data/raw"), EXPORT_WRITE | EXPORT_RAW);
	ok(!granted_raw(&g, "x"), "in none: never raw");
	granted_add(&g, (struct wire_str){ NULL, 0 }, EXPORT_RAW);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(granted_raw(&g, cases[i].path) == cases[i].raw, "\"%s\" is %sraw", cases[i].path, cases[i].raw ? "" : "not ");
}

static void bounds(void)
{
	static char    name[WIRE_NAME_MAX + 2];
	struct granted g = { .count = 0 };

	memset(name, 'a', sizeof name - 1);
	granted_add(&g, wire_cstr(name), EXPORT_RAW);
	ok(g.count == 0 && !granted_raw(&g, name), "a prefix longer than a name is left out");
	name[WIRE_NAME_MAX] = '\0';
	granted_add(&g, wire_cstr(name), EXPORT_RAW);
	ok(granted_raw(&g, name), "the longest prefix there is");
	for (int i = 0; i < 2 * WIRE_EXPORTS_MAX; i++)
		granted_add(&g, wire_cstr("b"), EXPORT_RAW);
	ok(g.count == WIRE_EXPORTS_MAX, "no more than there may be");
}

int main(void)
{
	rules();
	bounds();
	return done();
}
