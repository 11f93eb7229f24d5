/*
 * utf8.h - what is UTF-8, and which of its characters a terminal must not be given: for the printers of bytes that came from somewhere else (vis.h, json.h).
 *
 * Source   Unicode 15, table 3-7 (well-formed byte sequences): no overlong forms, no surrogates, nothing above U+10FFFF.
 * Proof    tests/unit/vis.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One well-formed character of at most n (> 0) bytes at p: its length, 0 if it is none (*out untouched). */
size_t utf8_next(const unsigned char *p, size_t n, uint32_t *out);
bool   utf8_all(const char *text);
/* Characters that move the cursor, turn the writing direction, break lines or cannot be seen. */
bool   utf8_unseen(uint32_t c);
