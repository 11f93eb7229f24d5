/* failed_to.c - links: zcp - names of what failed: what stands in the file, each once, and nothing of it by half */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "zcp/events/failed_to.h"

static char file[4200];

static bool stands(const char *want, size_t len)
{
	char    got[2000];
	int     fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof got);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)len && memcmp(got, want, len) == 0;
}
#define STANDS(text) stands((text), sizeof(text) - 1)

static void names(void)
{
	struct failed_to f;

	failed_to_init(&f);
	ok(!failed_to_wanted(&f) && failed_to_add(&f, "a", "b") == 0 && failed_to_again(&f) == 0 && failed_to_end(&f) == 0, "none are wanted");
	ok(failed_to_open(&f, file) == 0 && failed_to_wanted(&f) && STANDS(""), "an empty file");
	ok(failed_to_add(&f, "dir", "a/b\n\xff") == 0 && STANDS("dir/a/b\n\xff\0"), "a source and what is below it, byte by byte, at once");
	failed_to_add(&f, "dir", "");
	failed_to_add(&f, "/", "x");
	failed_to_add(&f, "", "y");
	failed_to_add(&f, "", "");
	failed_to_add(&f, NULL, "nowhere");
	ok(STANDS("dir/a/b\n\xff\0dir\0/x\0y\0.\0"), "a source itself, one that is a root");
	failed_to_add(&f, "dir/a", "b\n\xff");
	failed_to_add(&f, "dir", "");
	ok(STANDS("dir/a/b\n\xff\0dir\0/x\0y\0.\0"), "each name once, however it was come by");
	ok(failed_to_end(&f) == 0 && !failed_to_wanted(&f), "closed");
	ok(failed_to_open(&f, file) == 0 && STANDS(""), "emptied");
	f.below = true;
	failed_to_add(&f, "dir", "a/b");
	failed_to_add(&f, "dir", "");
	ok(failed_to_end(&f) == 0 && STANDS("a/b\0.\0"), "the one source is a directory: what is below it");
	ok(failed_to_open(&f, "/nowhere/at/all") == -ENOENT && !failed_to_wanted(&f), "a file that cannot be");
}

static void attempts(void)
{
	struct failed_to f;

	failed_to_init(&f);
	failed_to_open(&f, file);
	failed_to_add(&f, "lasts", "");
	failed_to_lasts(&f);
	failed_to_add(&f, "once", "");
	failed_to_add(&f, "twice", "");
	ok(failed_to_again(&f) == 0 && STANDS("lasts\0"), "a further attempt begins anew, but for what lasts");
	failed_to_add(&f, "twice", "");
	failed_to_add(&f, "lasts", "");
	failed_to_add(&f, "new", "");
	ok(STANDS("lasts\0twice\0new\0"), "and what fails again is there again, once");
	ok(failed_to_again(&f) == 0 && failed_to_end(&f) == 0 && STANDS("lasts\0"), "one that is well leaves nothing else");
}

/* A limit on the size of files is a disk that is full. */
static void full(void)
{
	struct rlimit    was, small = { 20, RLIM_INFINITY };
	struct failed_to f;

	signal(SIGXFSZ, SIG_IGN);
	failed_to_init(&f);
	failed_to_open(&f, file);
	getrlimit(RLIMIT_FSIZE, &was);
	small.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	int first = failed_to_add(&f, "0123456789", ""), second = failed_to_add(&f, "this-does-not-fit", ""), third = failed_to_add(&f, "x", "");
	setrlimit(RLIMIT_FSIZE, &was);
	ok(first == 0 && second == -EFBIG && third == 0, "a full disk is said once (%d, %d, %d)", first, second, third);
	ok(STANDS("0123456789\0"), "half a name does not stay");
	ok(failed_to_again(&f) == 0 && failed_to_end(&f) == 0 && STANDS("0123456789\0"), "nor is anything else written");
}

/* What is no regular file has all of them at the end. */
static void others(void)
{
	struct failed_to f;
	char             got[100];
	int              pair[2], out = dup(STDOUT_FILENO);

	failed_to_init(&f);
	if (pipe(pair) < 0)
		return;
	fflush(stdout);
	dup2(pair[1], STDOUT_FILENO);
	int opened = failed_to_open(&f, "-");
	dup2(out, STDOUT_FILENO);
	failed_to_add(&f, "lasts", "");
	failed_to_lasts(&f);
	failed_to_add(&f, "once", "");
	failed_to_again(&f);
	failed_to_add(&f, "new", "");
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	ok(opened == 0 && read(pair[0], got, sizeof got) < 0 && errno == EAGAIN, "standard output: nothing before the end");
	ok(failed_to_end(&f) == 0 && read(pair[0], got, sizeof got) == 10 && memcmp(got, "lasts\0new", 10) == 0, "and then all");
	close(pair[0]);
	close(pair[1]);
	close(out);
	ok(failed_to_open(&f, "/dev/full") == 0 && failed_to_add(&f, "x", "") == 0 && failed_to_end(&f) == -ENOSPC, "a device that is full, at the end");
	ok(failed_to_open(&f, "/dev/full") == 0 && failed_to_end(&f) == 0, "nothing to be written");
}

enum { THREADS = 4, EACH = 20000 };
static struct failed_to shared;

static void *fails(void *arg)
{
	char name[32];

	for (unsigned i = 0; i < EACH; i++) {
		snprintf(name, sizeof name, "%u", i % 2 ? i : i + *(unsigned *)arg * EACH);
		failed_to_add(&shared, "s", name);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t   t[THREADS];
	unsigned    numbers[THREADS];
	struct stat st;

	failed_to_init(&shared);
	failed_to_open(&shared, file);
	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = i;
		pthread_create(&t[i], NULL, fails, &numbers[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	size_t count = shared.count;
	ok(count == EACH / 2 + (size_t)THREADS * EACH / 2, "several threads, many names, those of all of them once (%zu)", count);
	off_t end = shared.end;
	failed_to_end(&shared);
	ok(stat(file, &st) == 0 && st.st_size == end, "and all of them stand there");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	close(scratch("/tmp"));
	snprintf(file, sizeof file, "%s/names", scratch_path());
	names();
	attempts();
	full();
	others();
	threads();
	scratch_remove();
	return done();
}
