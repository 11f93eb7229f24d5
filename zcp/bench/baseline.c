/* baseline.c - see baseline.h */
#include "zcp/bench/baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/seal.h"
#include "common/send.h"
#include "zcp/bench/child.h"
#include "zcp/local/copy.h"

enum { MEMORY = 64 << 20, RECORD = 256 << 10 };

static void begin(struct measured *m)
{
	m->costs.here[0] = usage_now();
	m->costs.began_ns = clock_ns();
}

static void end(struct measured *m, uint64_t bytes)
{
	m->costs.ended_ns = clock_ns();
	m->costs.here[1] = usage_now();
	m->bytes = bytes;
}

/* Memory that is there: its first touch is not what is measured. */
static uint8_t *touched(size_t n, int with)
{
	void *p;

	return posix_memalign(&p, 4096, n) == 0 ? memset(p, with, n) : NULL;
}

static int run_memcpy(const struct baseline *b, const struct workdir *p, uint64_t size, struct measured *m)
{
	CLEAN_PTR uint8_t *from = touched(MEMORY, 1), *to = touched(MEMORY, 2);

	(void)b;
	(void)p;
	if (!from || !to)
		return -ENOMEM;
	begin(m);
	for (uint64_t at = 0; at < size; at += MEMORY) {
		memcpy(to, from, size - at < MEMORY ? (size_t)(size - at) : MEMORY);
		__asm__ volatile("" : : "r"(to) : "memory");            /* it is wanted, whoever optimises */
	}
	end(m, size);
	return 0;
}

/* --- ciphers ------------------------------------------------------------------------------------------------------------- */

static int new_seal(struct seal *s, const struct suite *suite)
{
	uint8_t       k[32] = { 1 };
	const uint8_t h[64] = { 2 };

	return seal_init(s, suite, k, h);
}

static int seal_one(struct seal *s, uint8_t *out, const uint8_t *in, size_t n)
{
	static const uint8_t word[4] = { 0 };

	return seal_record(s, out, in, n, word);
}

static int tag_one(struct seal *s, uint8_t *out, const uint8_t *in, size_t n)
{
	return seal_raw_tag(s, out, in, n);
}

static int over(int (*one)(struct seal *, uint8_t *, const uint8_t *, size_t), const struct suite *suite, uint64_t size, struct measured *m)
{
	CLEAN_PTR uint8_t *in = touched(RECORD, 1), *out = touched(RECORD + SUITE_TAG_MAX, 2);
	struct seal        s = { 0 };
	int                r = in && out ? new_seal(&s, suite) : -ENOMEM;

	if (r < 0)
		return r;
	begin(m);
	for (uint64_t at = 0; r == 0 && at < size; at += RECORD)
		r = one(&s, out, in, size - at < RECORD ? (size_t)(size - at) : RECORD);
	end(m, size);
	seal_clear(&s);
	return r;
}

static int run_seal(const struct baseline *b, const struct workdir *p, uint64_t size, struct measured *m)
{
	(void)p;
	return over(seal_one, b->suite, size, m);
}

static int run_tag(const struct baseline *b, const struct workdir *p, uint64_t size, struct measured *m)
{
	(void)p;
	return over(tag_one, b->suite, size, m);
}

/* --- cp ------------------------------------------------------------------------------------------------------------------ */

static int run_cp(const struct baseline *b, const struct workdir *p, uint64_t size, struct measured *m)
{
	int status = 0;

	(void)b;
	m->costs.began_ns = clock_ns();
	pid_t pid = child_fork();
	if (pid == 0) {
		execlp("cp", "cp", "--", p->file, p->copy, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	m->costs.ended_ns = clock_ns();
	m->costs.here[1] = usage_children();
	m->bytes = size;
	unlink(p->copy);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		snprintf(m->why, sizeof m->why, WIFEXITED(status) && WEXITSTATUS(status) == 127 ? "there is no cp(1) in PATH" : "cp(1) failed");
	return m->why[0] ? -ECANCELED : 0;
}

/* --- from file to file --------------------------------------------------------------------------------------------------- */

static int copy_by(const struct copier *how, int from, int to, struct measured *m)
{
	struct copying c = { .from = from, .to = to };

	if (fstat(from, &c.st) < 0)
		return -errno;
	begin(m);
	int r = local_copy(&c, how);
	count_through(c.through);
	if (r == 0)
		end(m, c.off);
	copying_clear(&c);
	return r == 0 && c.flags & SENT_SHRANK ? -EIO : r;
}

static int run_local(const struct baseline *b, const struct workdir *p, uint64_t size, struct measured *m)
{
	CLEAN_FD int from = open(p->file, O_RDONLY | O_CLOEXEC), to = open(p->copy, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int          r = from < 0 || to < 0 ? -errno : copy_by(b->how, from, to, m);

	(void)size;
	unlink(p->copy);
	if (r == -EOPNOTSUPP)
		snprintf(m->why, sizeof m->why, "not by %s", p->fs);
	return r;
}

/* --- the table ----------------------------------------------------------------------------------------------------------- */

static void add(struct baseline list[static BASELINES_MAX], size_t *n, struct baseline b)
{
	if (*n < BASELINES_MAX)
		list[(*n)++] = b;
}

size_t baselines(struct baseline list[static BASELINES_MAX], bool files)
{
	unsigned macs = 0;
	size_t   n = 0;

	add(list, &n, (struct baseline){ .name = "memcpy", .group = BENCH_BASELINE, .run = run_memcpy });
	if (files)
		add(list, &n, (struct baseline){ .name = "cp(1)", .group = BENCH_BASELINE, .file = true, .foreign = true, .run = run_cp });
	for (size_t i = 0; suites[i]; i++)
		if (suite_usable(suites[i]))
			add(list, &n, (struct baseline){ .name = "cipher", .group = BENCH_BASELINE, .suite = suites[i], .run = run_seal });
	for (size_t i = 0; suites[i]; i++) {
		if (!suite_usable(suites[i]) || macs & 1u << suites[i]->mac)
			continue;
		macs |= 1u << suites[i]->mac;
		add(list, &n, (struct baseline){ .name = "MAC", .group = BENCH_BASELINE, .suite = suites[i], .run = run_tag });
	}
	for (size_t i = 0; files && copiers[i]; i++)
		add(list, &n, (struct baseline){ .name = copiers[i]->name, .group = BENCH_LOCAL, .file = true, .how = copiers[i], .run = run_local });
	return n;
}

struct work { const struct baseline *b; const struct workdir *p; uint64_t size; };

static void work(void *arg, struct measured *m)
{
	const struct work *w = arg;
	char               words[160];

	/* no job that asks for the signal: it ends at once */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	int r = w->b->run(w->b, w->p, w->size, m);

	m->status = r == 0 ? ST_OK : r == -EOPNOTSUPP || r == -ECANCELED ? ST_CANNOT : r == -ENOSPC || r == -EDQUOT ? ST_NO_SPACE : ST_FILE_IO;
	if (r < 0 && !m->why[0])
		snprintf(m->why, sizeof m->why, "%s", fail_words(fail_errno(-r), words, sizeof words));
}

int baseline_run(const struct baseline *b, const struct workdir *p, uint64_t size, int core, struct measured *m, const volatile sig_atomic_t *stop)
{
	struct work w = { b, p, size };

	return child_run(core, true, work, &w, m, stop);
}
