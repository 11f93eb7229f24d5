/* hex.h - the vectors of unit drivers: bytes from hex text, and a comparison with it. */
#pragma once
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes in out, which has room for max of them. */
static inline size_t unhex(uint8_t *out, size_t max, const char *text)
{
	size_t n = 0;

	return sodium_hex2bin(out, max, text, strlen(text), " ", &n, NULL) ? 0 : n;
}

__attribute__((unused))
static inline bool is_hex(const uint8_t *p, size_t len, const char *text)
{
	uint8_t want[2048];

	return unhex(want, sizeof want, text) == len && !memcmp(p, want, len);
}
