/* guard.c - a file shortened under its mapping ends the read, not the process; any other SIGBUS ends the process. */
#include "common/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

enum { PAGES = 4, PAGE = 4096, SIZE = PAGES * PAGE };

struct job { const volatile uint8_t *from; size_t len; unsigned sum; int fd; const uint8_t *inner; };

/* guard_run() and threads take void *; nothing is written through it */
static void *loose(const volatile void *p)
{
	void *q;

	memcpy(&q, &p, sizeof q);
	return q;
}

static int sum(void *arg)
{
	struct job *j = arg;

	for (size_t i = 0; i < j->len; i++)
		j->sum += j->from[i];
	return 7;
}

static int shorten_and_sum(void *arg)
{
	struct job *j = arg;

	j->sum = j->from[SIZE - 1];             /* it was there */
	if (ftruncate(j->fd, PAGE) < 0)
		return 1;
	return sum(arg);
}

static int nested(void *arg)
{
	struct job *j = arg, other = { .from = j->inner, .len = SIZE };

	return guard_run(j->inner, SIZE, sum, &other) == -EFAULT ? sum(j) : 1;
}

/* j->inner is whole, and in the inner window's f the outer one's file has lost its end */
static int nested_outer(void *arg)
{
	struct job *j = arg;

	return guard_run(j->inner, SIZE, sum, j) == -EFAULT ? 1 : 2;
}

static int file_of(int dir, const char *name, size_t size)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || pwrite(fd, "\1", 1, 0) != 1)
		exit(2);
	return fd;
}

static const uint8_t *map(int fd)
{
	void *p = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		exit(2);
	return p;
}

static void inside(int dir)
{
	int fd = file_of(dir, "a", SIZE);
	const uint8_t *p = map(fd);
	struct job j = { .from = p, .len = SIZE, .fd = fd };

	ok(guard_run(p, SIZE, sum, &j) == 7 && j.sum == 1, "nothing happens: what f returns");
	j.sum = 0;
	ok(guard_run(p, SIZE, shorten_and_sum, &j) == -EFAULT, "shortened under it: -EFAULT");
	j.sum = 0;
	ok(guard_run(p, SIZE, sum, &j) == -EFAULT, "and again");
	j.len = PAGE;
	j.sum = 0;
	ok(guard_run(p, SIZE, sum, &j) == 7 && j.sum == 1, "what is left can be read");
	if (ftruncate(fd, 10) < 0)
		exit(2);
	j.sum = 0;
	ok(guard_run(p, SIZE, sum, &j) == 7 && j.sum == 1, "the rest of a last page reads zeros, silently");

	int fd2 = file_of(dir, "b", SIZE);
	const uint8_t *p2 = map(fd2);
	struct job k = { .from = p2, .len = SIZE, .inner = p };
	ok(guard_run(p2, SIZE, nested, &k) == 7 && k.sum == 1, "a window inside a window");
	struct job l = { .from = p, .len = SIZE, .inner = p2 };
	ok(guard_run(p, SIZE, nested_outer, &l) == -EFAULT, "the outer one's file, inside the inner one's f: the outer one ends");
	unsigned bad = 0;
	j.len = SIZE;
	for (int i = 0; i < 1000; i++)
		bad += guard_run(p, SIZE, sum, &j) != -EFAULT;
	ok(bad == 0, "a thousand times, without a leak of frames");
	sigset_t s;
	sigprocmask(SIG_SETMASK, NULL, &s);
	ok(!sigismember(&s, SIGBUS), "SIGBUS is not left blocked");
	close(fd);
	close(fd2);
}

static void *in_thread(void *arg)
{
	static const int hit = -EFAULT;
	struct job *j = arg;

	return guard_run(loose(j->from), SIZE, sum, j) == hit ? arg : NULL;
}

static void threads(int dir)
{
	int fd[2] = { file_of(dir, "t0", PAGE), file_of(dir, "t1", PAGE) };
	struct job j[2];
	pthread_t t[2];
	void *r[2] = { NULL, NULL };

	for (int i = 0; i < 2; i++) {
		j[i] = (struct job){ .from = map(fd[i]), .len = SIZE };
		if (pthread_create(&t[i], NULL, in_thread, &j[i]) != 0)
			exit(2);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &r[i]);
	ok(r[0] && r[1], "each thread has its own window");
}

static int touch_other(void *arg)
{
	return *(const volatile uint8_t *)arg;
}

static int send_to_self(void *arg)
{
	(void)arg;
	kill(getpid(), SIGBUS);
	return 1;
}

static void dies(const char *words, const uint8_t *window, int (*f)(void *), const uint8_t *arg)
{
	pid_t pid = fork();
	int st = 0;

	if (pid == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		if (window)
			guard_run(window, SIZE, f, loose(arg));
		else
			f(loose(arg));
		_exit(0);
	}
	waitpid(pid, &st, 0);
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGBUS, "%s: the default action", words);
}

static void outside(int dir)
{
	const uint8_t *good = map(file_of(dir, "good", SIZE)), *gone = map(file_of(dir, "gone", 1)) + PAGE;

	dies("a SIGBUS beside the window", good, touch_other, gone);
	dies("a SIGBUS when no window is armed", NULL, touch_other, gone);
	dies("a SIGBUS that somebody sent", good, send_to_self, NULL);
}

int main(void)
{
	int dir = scratch(NULL);

	inside(dir);
	threads(dir);
	outside(dir);
	return done();
}
