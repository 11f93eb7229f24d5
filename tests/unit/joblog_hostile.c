/* links: zcp */
/* joblog_hostile.c - a job's log that is damaged, another's, old, or cannot be. */
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include "common/resume.h"
#include "tests/unit/jobs.h"

enum { NOBODY = 65534 };

static off_t size_of(const char *name)
{
	struct stat st;

	return fstatat(jobs, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : -1;
}

static void flip(const char *name, off_t at, uint8_t bit)
{
	int     fd = openat(jobs, name, O_RDWR | O_CLOEXEC);
	uint8_t b = 0;

	ok(pread(fd, &b, 1, at) == 1 && (b ^= bit, pwrite(fd, &b, 1, at)) == 1, "a bit of byte %lld is flipped", (long long)at);
	close(fd);
}

/* Opened again: so many of [0, of) count, those words are said; and it is removed. */
static void counts(unsigned want, unsigned of, const char *words, const char *what)
{
	struct joblog *l = open_two();
	const char    *text = said();
	unsigned       n = has(l, 0, of);

	ok(l && n == want && joblog_resumes(l) == (want > 0), "%s: %u of %u count", what, n, of);
	ok(words ? strstr(text, words) != NULL : !strstr(text, "believed") && !strstr(text, "damaged"), "  said: %s", *text ? text : "nothing");
	add(l, of, of + 10);
	joblog_end(l, true);
	l = open_two();
	ok(has(l, 0, of + 10) == want + 10, "  and what is added then stands behind it");
	joblog_end(l, false);
	ok(!*the_log(), "  and it is removed at the end");
}

static void damage(void)
{
	const char *name = kept(1000);
	off_t       size = size_of(name), at;
	int         fd;

	counts(1000, 1000, NULL, "whole");

	name = kept(1000);
	at = size / 2;
	flip(name, at, 0x10);
	struct joblog *l = open_two();
	unsigned       n = has(l, 0, 1000);
	ok(n > 400 && n < 600 && has(l, 0, n) == n && strstr(said(), "damaged"), "half-way: the %u before it count, those behind it do not", n);
	ok(size_of(name) <= at, "and the file is cut there");
	add(l, 2000, 2500);
	joblog_end(l, true);
	l = open_two();
	ok(has(l, 0, 3000) == n + 500 && has(l, 2000, 2500) == 500, "what came then counts the next time");
	joblog_end(l, false);

	name = kept(1000);
	fd = openat(jobs, name, O_RDWR | O_CLOEXEC);
	ok(ftruncate(fd, size_of(name) - 1) == 0, "the last byte is missing");
	counts(999, 1000, "last piece", "cut");
	close(fd);

	name = kept(1000);
	fd = openat(jobs, name, O_RDWR | O_CLOEXEC);
	ok(ftruncate(fd, size_of(name) + 5000) == 0, "zeros behind it, as after a power cut");
	counts(1000, 1000, "damaged", "zeros");
	close(fd);

	/* an entry that is right, in another place: the last two change places */
	name = kept(12);
	fd = openat(jobs, name, O_RDWR | O_CLOEXEC);
	uint8_t both[2][64];
	size_t  each = JOBLOG_ENTRY_HEAD + strlen("tree/dir/file-10") + JOBLOG_ENTRY_SUM;
	at = size_of(name) - 2 * (off_t)each;
	ok(pread(fd, both[1], each, at) == (ssize_t)each && pread(fd, both[0], each, at + (off_t)each) == (ssize_t)each &&
	   pwrite(fd, both[0], each, at) == (ssize_t)each && pwrite(fd, both[1], each, at + (off_t)each) == (ssize_t)each, "two entries change places");
	counts(10, 12, "damaged", "moved");
	close(fd);

	for (off_t i = 0; i < JOBLOG_HEADER; i += 7) {
		name = kept(20);
		flip(name, i, 1);
		counts(0, 20, "not believed", "in the header");
	}
	name = kept(20);
	flip(name, 8, 2);
	counts(0, 20, "another version", "of the future");
	name = kept(20);
	fd = openat(jobs, name, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ok(write(fd, "zcp job\n", 8) == 8, "a short header");
	counts(0, 20, "not believed", "short");
	close(fd);
}

static void strangers(void)
{
	char path[5000], from[5000];
	const char *name = kept(20);

	ok(fchmodat(jobs, name, 0666, 0) == 0, "others may write it");
	counts(0, 20, "others may write it", "0666");
	name = kept(20);
	ok(fchmodat(jobs, name, 0644, 0) == 0, "others may read it");
	counts(20, 20, NULL, "0644");
	name = kept(20);
	ok(linkat(jobs, name, jobs, "second", 0) == 0, "it has a second name");
	counts(0, 20, "not believed", "two names");
	unlinkat(jobs, "second", 0);

	/* the log of one job under the name of another */
	struct joblog *l = open_with(&(struct options){ .args = two, .count = 3, .recurse = true });
	snprintf(from, sizeof from, "%s", the_log());
	add(l, 0, 20);
	joblog_end(l, true);
	l = open_two();
	add(l, 0, 1);
	ok(unlinkat(jobs, from, 0) == 0, "the log of one job is put away");
	snprintf(path, sizeof path, "%s", the_log());
	joblog_end(l, false);
	l = open_with(&(struct options){ .args = two, .count = 3, .recurse = true });
	add(l, 0, 20);
	joblog_end(l, true);
	ok(renameat(jobs, from, jobs, path) == 0, "another job's log has its name");
	counts(0, 20, "another job", "another's");

	snprintf(path, sizeof path, "%s", kept(20));
	ok(renameat(jobs, path, jobs, "away") == 0 && symlinkat("away", jobs, path) == 0, "a symbolic link");
	off_t size = size_of("away");
	l = open_two();
	ok(l && !joblog_resumes(l) && joblog_dir(l) == -1 && strstr(said(), "not yours alone"), "is left alone, and the run has a log without a name");
	add(l, 0, 500);
	ok(joblog_reload(l) == 0 && has(l, 0, 500) == 500, "which serves within the run");
	joblog_end(l, true);
	ok(size_of("away") == size, "what it led to is untouched");
	unlinkat(jobs, path, 0);
	ok(mkfifoat(jobs, path, 0600) == 0, "a FIFO");
	l = open_two();
	ok(l && joblog_dir(l) == -1 && strstr(said(), "not yours alone"), "hangs nothing, and is left alone");
	joblog_end(l, false);
	unlinkat(jobs, path, 0);
	ok(mkdirat(jobs, path, 0700) == 0, "a directory");
	l = open_two();
	ok(l && joblog_dir(l) == -1 && strstr(said(), "not yours alone"), "is left alone");
	joblog_end(l, false);
	unlinkat(jobs, path, AT_REMOVEDIR);
	if (geteuid() == 0) {
		ok(renameat(jobs, "away", jobs, path) == 0 && fchownat(jobs, path, NOBODY, NOBODY, 0) == 0, "somebody else's");
		l = open_two();
		ok(l && !joblog_resumes(l) && joblog_dir(l) == -1 && strstr(said(), "not yours alone") && size_of(path) == size, "is left alone");
		joblog_end(l, false);
		unlinkat(jobs, path, 0);
	} else {
		skip(2, "somebody else's log needs root");
		unlinkat(jobs, "away", 0);
	}
	ok(fchmod(jobs, 0777) == 0, "a directory that others may write to");
	l = open_two();
	ok(l && joblog_dir(l) == -1 && strstr(said(), "not yours alone"), "has no log");
	joblog_end(l, false);
	fchmod(jobs, 0700);
}

static int status_of(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void no_place(void)
{
	char sub[4200];

	setenv("XDG_STATE_HOME", "/dev/null", 1);
	struct joblog *l = open_two();
	ok(l && joblog_dir(l) == -1 && strstr(said(), "no log of the job is kept in /dev/null/zcp/jobs"), "a state directory that cannot be");
	add(l, 0, 10);
	ok(joblog_reload(l) == 0 && has(l, 0, 10) == 10, "the run has one all the same");
	joblog_end(l, true);

	snprintf(sub, sizeof sub, "%s/readonly", scratch_path());
	if (mkdir(sub, 0755) < 0 || chmod(scratch_path(), 0711) < 0)
		return;
	if (geteuid() == 0 && chown(sub, NOBODY, NOBODY) < 0)
		return;
	setenv("XDG_STATE_HOME", sub, 1);
	pid_t pid = fork();
	if (pid == 0) {         /* as an ordinary user */
		if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
			_exit(1);
		joblog_end(open_two(), false);
		snprintf(sub + strlen(sub), 40, "/zcp/jobs");
		if (chmod(sub, 0500) < 0)
			_exit(2);
		l = open_two();
		_exit(l && joblog_dir(l) == -1 && strstr(said(), "ermission denied") ? 0 : 3);
	}
	ok(status_of(pid) == 0, "a state directory that is read-only");
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	pid = geteuid() == 0 ? fork() : -1;
	if (pid == 0) {
		if (setresuid(54321, 54321, 54321) < 0)
			_exit(1);
		l = open_two();
		_exit(l && joblog_dir(l) == -1 && strstr(said(), "no home directory") ? 0 : 3);
	}
	if (pid > 0)
		ok(status_of(pid) == 0, "no home at all");
	else
		skip(1, "every ordinary user has a home in the password file");
	setenv("XDG_STATE_HOME", scratch_path(), 1);
}

static void age(const char *name, time_t seconds)
{
	struct timespec t[2] = { { .tv_sec = time(NULL) - seconds }, { .tv_sec = time(NULL) - seconds } };

	utimensat(jobs, name, t, AT_SYMLINK_NOFOLLOW);
}

static bool there(const char *name) { return faccessat(jobs, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0; }

static void old_ones(void)
{
	static const char *const names[] = {
		"00000000000000000000000000000001", "00000000000000000000000000000002", "00000000000000000000000000000003", "00000000000000000000000000000004",
		"0000000000000000000000000000000", "0000000000000000000000000000000G", "notes",
	};
	char own[40];

	snprintf(own, sizeof own, "%s", kept(20));
	age(own, SWEEP_AGE_S + 100);
	counts(0, 20, "too old", "a week old");

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		put_file(jobs, names[i], "x", 0600);
		age(names[i], SWEEP_AGE_S + 100);
	}
	age(names[1], SWEEP_AGE_S - 100);
	age(names[2], -100000);
	int held = openat(jobs, names[3], O_RDONLY | O_CLOEXEC);
	flock(held, LOCK_EX);
	joblog_end(open_two(), false);
	ok(!there(names[0]), "old logs are removed in passing");
	ok(there(names[1]) && there(names[2]) && there(names[3]), "not younger ones, nor those of the future, nor one in use");
	ok(there(names[4]) && there(names[5]) && there(names[6]), "nor anything that has another name");
	close(held);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlinkat(jobs, names[i], 0);
}

int main(void)
{
	if (!jobs_begin())
		return 1;
	damage();
	strangers();
	old_ones();
	no_place();
	return done();
}
