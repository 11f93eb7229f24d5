/*
 * num.h - numbers from people: strictly base 10, whole string, inside a range. (popt takes "0100" as 64 and "" as 0.)
 * Returns 0, or -EINVAL (not a number) / -ERANGE; *out untouched on failure.
 */
#pragma once
#include <stdint.h>
int num_parse(const char *text, uint64_t least, uint64_t most, uint64_t *out);
/* "1.5 GiB", "312 KiB", "17 B" */
const char *num_size(uint64_t bytes, char buf[static 16]);
