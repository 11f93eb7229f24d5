/*
 * wire_own.h - between wire.c and wire_ranges.c: encoders and decoders of OPEN_ASIDE, RANGE, COMMIT and ASIDE, for wire.c's table.
 *
 * Returns nothing: what is wrong sticks in the cursor (cursor.h).
 */
#pragma once
#include "common/cursor.h"

enum { WIRE_GAP_BYTES = 16 };

void put_open_aside(struct writer *w, const union wire_body *b);
void get_open_aside(struct reader *r, union wire_body *b);
void put_range(struct writer *w, const union wire_body *b);
void get_range(struct reader *r, union wire_body *b);
void put_commit(struct writer *w, const union wire_body *b);
void get_commit(struct reader *r, union wire_body *b);
void put_aside(struct writer *w, const union wire_body *b);
void get_aside(struct reader *r, union wire_body *b);
