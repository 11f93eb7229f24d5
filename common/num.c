/* num.c - see num.h */
#include "common/num.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

int num_parse(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	uint64_t v = 0;
	bool too_big = false;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;         /* also behind digits that are too many already */
		unsigned d = (unsigned)(*text - '0');
		if (v > (UINT64_MAX - d) / 10)
			too_big = true;
		v = v * 10 + d;
	}
	if (too_big || v < least || v > most)
		return -ERANGE;
	*out = v;
	return 0;
}

const char *num_size(uint64_t bytes, char buf[static 16])
{
	static const char units[] = "KMGTPE";
	unsigned u = 0, shift = 10;

	if (bytes < 1024) {
		snprintf(buf, 16, "%u B", (unsigned)bytes);
		return buf;
	}
	while (u < 5 && bytes >> shift >= 1024) {
		u++;
		shift += 10;
	}
	uint64_t one = UINT64_C(1) << shift, rest = bytes & (one - 1);
	uint64_t tenths = (bytes >> shift) * 10 + ((rest * 10 + one / 2) >> shift);     /* 10 EiB + 0.5 fit 64 bits */
	uint64_t whole = (bytes >> shift) + ((bytes >> (shift - 1)) & 1);
	if (whole == 1024 && u < 5) {           /* 1023.7 KiB is 1.0 MiB */
		u++;
		tenths = 10;
	}
	if (tenths < 100)
		snprintf(buf, 16, "%u.%u %ciB", (unsigned)tenths / 10, (unsigned)tenths % 10, units[u]);
	else
		snprintf(buf, 16, "%u %ciB", (unsigned)whole, units[u]);
	return buf;
}
