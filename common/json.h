/*
 * json.h - JSON text, written piece by piece: objects, arrays, strings, numbers. Nothing here reads any.
 *
 * Why own  neither json-c nor jansson: who writes lines needs one function that escapes, and no parser and no tree of values.
 * Text     valid JSON, ASCII but for the characters of strings. Bytes of a string that are UTF-8 stand as they are, but for `"`, `\`, and all that a terminal must not be given
 *          (utf8_unseen(): controls, C1, U+2028, the bidirectional ones), which are escaped: what is read is the same. A byte that is no UTF-8 becomes U+FFFD.
 * Names    of files are any bytes: json_name() puts a member NAME_base64 (RFC 4648, padded) beside NAME where the bytes are not UTF-8, and only there: then it alone is the exact name.
 * Numbers  are integers up to 2^64 - 1: who reads them into a double loses the last digits from 2^53 on.
 * Members  have a name, elements of arrays and the outermost value have NULL. Names are the caller's literals and are not escaped. What is opened, the caller closes.
 * Space    `space` stands behind each comma and colon and inside of braces: "" (as json_init() has it) or " ". `once` stands there instead, before the next thing alone: a line break.
 * Memory   the caller's, of fixed size (json_init()), or its own, which grows (json_grow(); json_clear() frees it). Always terminated.
 * Errors   `bad` sticks: it did not fit, or there was no memory. Then nothing is added any more; test it once, at the end.
 * Source   RFC 8259. Proof tests/unit/json.c (every byte, every kind of broken UTF-8, every length of buffer), tests/unit/status.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char       *p;                  /* terminated */
	size_t      len, room;
	unsigned    depth;
	bool        grows, bad, some;   /* some: something stands before it in this object or array */
	const char *space, *once;
};

void json_init(struct json *, char *buf, size_t room);          /* room > 0 */
void json_grow(struct json *);
void json_again(struct json *);         /* empty, and good again; its memory stays */
void json_clear(struct json *);

void json_object(struct json *, const char *name);
void json_object_end(struct json *);
void json_array(struct json *, const char *name);
void json_array_end(struct json *);
void json_string(struct json *, const char *name, const char *text);
void json_name(struct json *, const char *name, const char *bytes);
void json_base64(struct json *, const char *name, const char *bytes);
void json_number(struct json *, const char *name, uint64_t);
void json_seconds(struct json *, const char *name, uint64_t ms);        /* 1.234 */
void json_real(struct json *, const char *name, double);        /* nine digits; what is no number is null */
void json_bool(struct json *, const char *name, bool);
void json_null(struct json *, const char *name);
