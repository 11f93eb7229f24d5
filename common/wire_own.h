/*
 * wire_own.h - between wire.c, wire_ranges.c, wire_looks.c and wire_used.c: encoders and decoders for wire.c's table.
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
/* wire_looks.c */
void put_looks(struct writer *w, const union wire_body *b);
void get_looks(struct reader *r, union wire_body *b);
void put_looked(struct writer *w, const union wire_body *b);
void get_looked(struct reader *r, union wire_body *b);
void put_hash(struct writer *w, const union wire_body *b);
void get_hash(struct reader *r, union wire_body *b);
void put_digest(struct writer *w, const union wire_body *b);
void get_digest(struct reader *r, union wire_body *b);
void put_remove(struct writer *w, const union wire_body *b);
void get_remove(struct reader *r, union wire_body *b);
void put_link(struct writer *w, const union wire_body *b);
void get_link(struct reader *r, union wire_body *b);
/* wire_used.c */
void put_used(struct writer *w, const union wire_body *b);
void get_used(struct reader *r, union wire_body *b);
void put_hole(struct writer *w, const union wire_body *b);
void get_hole(struct reader *r, union wire_body *b);
