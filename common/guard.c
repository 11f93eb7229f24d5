/* guard.c - see guard.h */
#include "common/guard.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct window {
	uintptr_t from, to;
	struct window *outer;
	sigjmp_buf back;
};

/* A signal handler is handed nothing, so the armed window has to be found by thread. */
static _Thread_local struct window *armed;
static atomic_bool installed;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	struct window *w = armed;
	uintptr_t at = (uintptr_t)info->si_addr;

	(void)context;
	while (w && (at < w->from || at >= w->to))
		w = w->outer;
	/* si_code > 0: the kernel's own; of a kill() there is no address */
	if (w && info->si_code > 0)
		siglongjmp(w->back, 1);
	signal(sig, SIG_DFL);
	raise(sig);                             /* a fault would come again by itself, a kill() would not */
}

static int install(void)
{
	/* SA_NODEFER: the mask stays as it is, so that siglongjmp has none to restore and sigsetjmp makes no system call */
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, &sa, NULL) < 0)
		return -errno;
	atomic_store(&installed, true);         /* twice by two threads does no harm */
	return 0;
}

int guard_run(const void *p, size_t len, int (*f)(void *), void *arg)
{
	struct window w = { .from = (uintptr_t)p, .to = (uintptr_t)p + len, .outer = armed };
	int r = atomic_load(&installed) ? 0 : install();

	if (r < 0)
		return r;
	if (sigsetjmp(w.back, 0) != 0) {
		armed = w.outer;
		return -EFAULT;
	}
	armed = &w;
	r = f(arg);
	armed = w.outer;
	return r;
}
