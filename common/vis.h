/*
 * vis.h - the one printer for bytes that came from somewhere else.
 *
 * vis() writes printable ASCII and well-formed UTF-8 without C0, DEL, C1 or bidirectional controls as they are, all else as
 * \xNN, and \ as \\. The result is always terminated; it is cut with "..." when buf is too short.
 * Proof    tests/unit/vis.c: every byte, every control, cut at every length; output is valid UTF-8.
 */
#pragma once
#include <stddef.h>

const char *vis(char *buf, size_t len, const void *bytes, size_t n);
const char *vis_str(char *buf, size_t len, const char *s);
size_t vis_columns(const char *visible);        /* terminal columns of a vis() result, by wcwidth */
