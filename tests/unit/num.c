/* num.c - numbers from people, and sizes for them. */
#include "common/num.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/tap.h"

static void parse(void)
{
	static const struct { const char *text; uint64_t least, most; int r; uint64_t v; } rows[] = {
		{ "0", 0, 10, 0, 0 },
		{ "10", 0, 10, 0, 10 },
		{ "11", 0, 10, -ERANGE, 0 },
		{ "0", 1, 10, -ERANGE, 0 },
		{ "0100", 0, 1000, 0, 100 },                    /* popt: 64 */
		{ "", 0, 10, -EINVAL, 0 },                      /* popt: 0 */
		{ "0x10", 0, 100, -EINVAL, 0 },
		{ " 1", 0, 10, -EINVAL, 0 }, { "1 ", 0, 10, -EINVAL, 0 }, { "1\n", 0, 10, -EINVAL, 0 },
		{ "+1", 0, 10, -EINVAL, 0 }, { "-1", 0, 10, -EINVAL, 0 }, { "1.5", 0, 10, -EINVAL, 0 }, { "1k", 0, 10, -EINVAL, 0 },
		{ "1e3", 0, 10000, -EINVAL, 0 }, { "\xd9\xa1", 0, 10, -EINVAL, 0 },
		{ "65535", 1, 65535, 0, 65535 }, { "70000", 1, 65535, -ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999999999x", 0, UINT64_MAX, -EINVAL, 0 },
		{ "000000000000000000000000000000000001", 0, 1, 0, 1 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t v = 4711;
		int r = num_parse(rows[i].text, rows[i].least, rows[i].most, &v);

		ok(r == rows[i].r && v == (r ? 4711 : rows[i].v), "parse row %zu: %d", i, rows[i].r);
	}
}

static void sizes(void)
{
	static const struct { uint64_t n; const char *want; } rows[] = {
		{ 0, "0 B" }, { 17, "17 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" }, { 1536, "1.5 KiB" },
		{ 10188, "9.9 KiB" }, { 10189, "10 KiB" }, { 10240, "10 KiB" }, { 312 << 10, "312 KiB" },
		{ (1 << 20) - 1, "1.0 MiB" }, { (1 << 20) - 513, "1023 KiB" }, { 1 << 20, "1.0 MiB" },
		{ UINT64_C(3) << 29, "1.5 GiB" }, { UINT64_C(1) << 40, "1.0 TiB" }, { UINT64_C(1) << 50, "1.0 PiB" },
		{ UINT64_C(1) << 60, "1.0 EiB" }, { UINT64_MAX, "16 EiB" }, { UINT64_C(19) << 59, "9.5 EiB" },
	};
	char buf[16];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		num_size(rows[i].n, buf);
		ok(strcmp(buf, rows[i].want) == 0, "size %llu: %s (%s)", (unsigned long long)rows[i].n, rows[i].want, buf);
	}
}

int main(void)
{
	parse();
	sizes();
	return done();
}
