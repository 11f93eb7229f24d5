/*
 * tap.h - what a unit driver prints: "ok 1 - words", "not ok 2 - words (file:line)", and the plan at the end.
 *
 * ok(cond, fmt...) gives cond back; note(fmt...) explains; skip(n, fmt...) stands for n tests that cannot run here;
 * main ends with `return done();`: 1 on any failure.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct tap { unsigned count, failed; };

static inline struct tap *tap_state(void)
{
	static struct tap t;

	return &t;
}

__attribute__((format(printf, 4, 5)))
static inline bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	struct tap *t = tap_state();
	va_list ap;

	t->failed += !good;
	printf("%s %u - ", good ? "ok" : "not ok", ++t->count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (good)
		printf("\n");
	else
		printf(" (%s:%d)\n", file, line);
	fflush(stdout);                         /* a driver that dies shows how far it came */
	return good;
}

__attribute__((format(printf, 1, 2), unused))
static inline void note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

__attribute__((format(printf, 2, 3), unused))
static inline void skip(unsigned n, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	while (n--)
		printf("ok %u # skip %s\n", ++tap_state()->count, why);
}

static inline int done(void)
{
	struct tap *t = tap_state();

	printf("1..%u\n", t->count);
	return t->failed || !t->count;
}

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
