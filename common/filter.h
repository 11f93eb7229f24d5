/*
 * filter.h - a list of system calls as a seccomp program. The lists stay with those who know what they need: zcpd/sandbox.c, zcp/confine.c.
 *
 * Lists    allowed; narrow: only when every given argument, masked, has that value (several rows of one call are alternatives); narrower: three arguments; failing: answered
 *          with an errno; every other call has the action `otherwise`, and one of another architecture ends the process.
 *          Names an architecture or an old libseccomp lacks are left out. The tables end with a row whose name is NULL.
 * Order    filter_make() takes memory, filter_enter() takes none. no_new_privs has to be set.
 * Missing  filter_supported(): 0, or -errno: this kernel, or a filter around this process, has no seccomp. Sanitizer builds make calls of
 *          their own: FILTER_SANITIZED, and nobody filters there.
 * Source   seccomp(2), seccomp_rule_add(3), seccomp_export_bpf(3). Proof tests/unit/sandbox.c, tests/sandbox.bats, tests/vm.bats.
 */
#pragma once
#include <linux/filter.h>
#include <stdint.h>

#if defined __SANITIZE_ADDRESS__
#define FILTER_SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define FILTER_SANITIZED 1
#endif
#endif
#ifndef FILTER_SANITIZED
#define FILTER_SANITIZED 0
#endif

enum { FILTER_LISTS = 5, FILTER_KILL = 0 };

struct filter_is     { unsigned arg; uint64_t mask, value; };                   /* mask 0: not asked */
struct filter_narrow { const char *name; struct filter_is is, and_is; };
struct filter_narrower { const char *name; struct filter_is is[3]; };         /* all three are asked */
struct filter_fail   { const char *name; int err; };
struct filter_lists {
	const char *const          *allowed[FILTER_LISTS];      /* each ends with NULL; unused ones are NULL */
	const struct filter_narrow *narrow[FILTER_LISTS];
	const struct filter_narrower *narrower;
	const struct filter_fail   *failing;
	int                         otherwise;                  /* FILTER_KILL: SIGSYS ends the process; else an errno */
};
struct filter { struct sock_filter *code; unsigned short len; };        /* code NULL: none */

int  filter_supported(void);
int  filter_make(const struct filter_lists *, struct filter *);         /* 0 or -errno */
int  filter_enter(const struct filter *);                               /* 0 or -errno; none: 0 */
void filter_clear(struct filter *);
