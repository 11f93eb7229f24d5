/* links: zcp */
/* joblog.c - a job's log: which job it is of, what counts, and several at it. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "tests/unit/jobs.h"

static void one_run(void)
{
	static char        raw[WIRE_PATH_MAX + 1];
	struct joblog     *l = open_two();
	struct joblog_file f = file("a/b"), g = f, odd = file(raw), empty = file("");
	struct stat        st;

	for (size_t i = 0; i < WIRE_PATH_MAX; i++)
		raw[i] = (char)(i % 255 + 1);
	ok(l && !joblog_resumes(l) && joblog_dir(l) >= 0, "a new job has nothing to go on with");
	ok(fstatat(jobs, the_log(), &st, 0) == 0 && (st.st_mode & 07777) == 0600, "its file is its owner's alone");
	joblog_add(l, &f);
	joblog_add(l, &odd);
	joblog_add(l, &empty);
	ok(!joblog_has(l, &f) && joblog_reload(l) == 0 && joblog_has(l, &f), "what was added counts after a reload");
	ok(joblog_has(l, &odd) && joblog_has(l, &empty), "a path of 4,095 bytes, all but NUL; an empty one");
	g.size++;
	ok(!joblog_has(l, &g), "not with another size");
	g = f;
	g.mtime++;
	ok(!joblog_has(l, &g), "not with another time");
	g = f;
	g.mtime_ns++;
	ok(!joblog_has(l, &g), "nor with other nanoseconds");
	g = file("a/c");
	ok(!joblog_has(l, &g), "nor another name");
	joblog_end(l, true);
	l = open_two();
	ok(joblog_resumes(l) && joblog_has(l, &f) && joblog_has(l, &odd) && strstr(said(), "earlier run"), "kept: the next run goes on");
	joblog_end(l, false);
	ok(!*the_log(), "at the end it is removed");
	l = open_two();
	ok(!joblog_resumes(l), "and the next begins anew");
	joblog_end(l, true);
	ok(!*the_log(), "one without entries is not kept");
	l = open_two();
	ok(!joblog_dst_was_missing(l) && (joblog_dst_missing(l), !joblog_dst_was_missing(l)) && joblog_reload(l) == 0 && joblog_dst_was_missing(l),
	   "a destination that was not there: known after a reload");
	joblog_dst_missing(l);
	joblog_end(l, true);
	l = open_two();
	ok(joblog_dst_was_missing(l), "and to the next run");
	joblog_end(l, false);
	joblog_dst_missing(NULL);
	ok(!joblog_dst_was_missing(NULL), "no log: it was not");
	joblog_add(NULL, &f);
	joblog_end(NULL, true);
	ok(!joblog_has(NULL, &f) && !joblog_resumes(NULL) && joblog_dir(NULL) == -1 && joblog_reload(NULL) == 0, "no log: nothing");
}

/* Which jobs have one, and which are the same. */
static void which_job(void)
{
	char **one = words("f", "host:f", NULL), **glob = words("host:*.c", "dst", NULL), **abs = words("/a", "/b", "host:dst"), other[] = "hos";
	struct options base = { .args = two, .count = 3 }, o = base;
	struct joblog *l = open_with(&(struct options){ .args = one, .count = 2 });
	struct job     down = { .opt = &(struct options){ .args = glob, .count = 2 }, .host = other, .port = 1 }, *j;
	char           here[4096];

	ok(!l, "one file: none");
	l = open_with(&(struct options){ .args = one, .count = 2, .recurse = true });
	ok(l != NULL, "a tree has one");
	joblog_end(l, false);
	ok(joblog_open(&l, &down) == 0 && l, "a pattern has one");
	joblog_end(l, false);

	kept(1);
#define OTHER(change, what) do { \
		o = base; j = job(&o); said(); change; \
		ok(joblog_open(&l, j) == 0 && l && !joblog_resumes(l), "%s: another job", what); \
		joblog_end(l, false); \
	} while (0)
	OTHER(j->port = 1, "another port");
	OTHER(j->host = other, "another host");
	OTHER(j->upload = false, "the other direction");
	OTHER(o.recurse = true, "-r");
	OTHER(o.keep_meta = true, "-p");
	OTHER(o.keep_links = true, "links kept");
	OTHER(o.args = words("a", "bh", "ost:dst"), "words divided elsewhere");
	OTHER(o.args = words("b", "a", "host:dst"), "another order");
	OTHER(o.args = words("a", "b/.", "host:dst"), "what is in a directory");
#define SAME(a, b, c, what) do { \
		o = base; o.args = words(a, b, c); l = open_with(&o); \
		ok(l && joblog_resumes(l), "%s: the same job", what); \
		joblog_end(l, true); \
	} while (0)
	SAME("a/", "./b", "host:dst", "'/' behind, './' before");
	SAME(".//a", "./b//", "host:/dst/", "as often as one likes");
	SAME("a", "b", "zcp://host/dst", "a URL");
	SAME("a", "b", "me@HOST:./dst", "user@, and the host in another case");
	o = base;
	o.verbose = 2;
	o.streams = 4;
	o.bytes_per_s = 1 << 20;
	l = open_with(&o);
	ok(joblog_resumes(l), "how it is copied makes no other job");
	joblog_end(l, true);
	ok(getcwd(here, sizeof here) && chdir("/") == 0, "in another directory");
	OTHER((void)0, "the same words there");
	o.args = abs;
	l = open_with(&o);
	add(l, 0, 1);
	joblog_end(l, true);
	ok(chdir(here) == 0, "back again");
	o.args = abs;
	l = open_with(&o);
	ok(joblog_resumes(l), "absolute names are the same everywhere");
	joblog_end(l, false);
	joblog_end(open_two(), false);
}

static int status_of(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* A second run of the same job; and one that is killed. */
static void at_once(void)
{
	int  pair[2];
	char c;

	if (pipe(pair) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		struct joblog *l = open_two();
		add(l, 0, 5000);
		if (write(pair[1], "x", 1) == 1)
			pause();
		joblog_end(l, false);
		_exit(1);
	}
	ok(pid > 0 && read(pair[0], &c, 1) == 1, "another process has the job's log");
	struct joblog *l = open_two();
	ok(l && !joblog_resumes(l) && joblog_dir(l) == -1 && strstr(said(), "running already"), "this run goes without, and says so");
	add(l, 9000, 9100);
	joblog_end(l, true);
	kill(pid, SIGKILL);
	ok(WIFSIGNALED(status_of(pid)), "the other is killed");
	l = open_two();
	unsigned n = has(l, 0, 5000), piece = JOBLOG_PIECE / (JOBLOG_ENTRY_HEAD + JOBLOG_ENTRY_SUM + 14) + 1;
	ok(n >= 5000 - piece && has(l, 0, n) == n && has(l, 9000, 9100) == 0, "what it had written is there: %u of 5,000, its last piece is lost", n);
	joblog_end(l, false);
	close(pair[0]);
	close(pair[1]);
}

static void no_resume(void)
{
	struct options o = { .args = two, .count = 3, .no_resume = true };

	kept(100);
	struct joblog *l = open_with(&o);
	ok(l && !joblog_resumes(l) && has(l, 0, 100) == 0 && !*the_log(), "--no-resume: what an earlier run has left is gone");
	ok(joblog_dir(l) == -1 && !*said(), "and nothing is kept for the next");
	add(l, 0, 50);
	ok(joblog_reload(l) == 0 && has(l, 0, 100) == 50, "within the run it counts");
	joblog_end(l, true);
	ok(!*the_log(), "no file is left");
}

struct adder { struct joblog *log; unsigned from, to; };

static void *add_in_thread(void *arg)
{
	const struct adder *a = arg;

	add(a->log, a->from, a->to);
	return NULL;
}

static void threads(void)
{
	struct joblog *l = open_two();
	struct adder   a[4];
	pthread_t      who[4];

	for (unsigned i = 0; i < 4; i++) {
		a[i] = (struct adder){ l, i * 10000, (i + 1) * 10000 };
		pthread_create(&who[i], NULL, add_in_thread, &a[i]);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(who[i], NULL);
	ok(joblog_reload(l) == 0 && has(l, 0, 40000) == 40000, "four threads add at once: nothing is lost");
	add(l, 40000, 100000);
	joblog_end(l, true);
	l = open_two();
	ok(has(l, 0, 100000) == 100000 && has(l, 100000, 200000) == 0, "100,000 entries, and none that was not added");
	joblog_end(l, false);
}

static void full(void)
{
	struct rlimit  was, small;
	struct joblog *l = open_two();

	if (getrlimit(RLIMIT_FSIZE, &was) < 0)
		return;
	small = was;
	small.rlim_cur = 100000;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	add(l, 0, 5000);
	setrlimit(RLIMIT_FSIZE, &was);
	const char *text = said(), *first = strstr(text, "cannot be written");
	ok(first && !strstr(first + 1, "cannot be written"), "no room for it: said once: %s", text);
	add(l, 5000, 6000);
	joblog_end(l, true);
	l = open_two();
	unsigned n = has(l, 0, 6000);
	ok(n > 1000 && n < 5000 && has(l, 0, n) == n, "what was written counts: %u", n);
	joblog_end(l, false);
}

int main(void)
{
	if (!jobs_begin())
		return 1;
	one_run();
	which_job();
	at_once();
	no_resume();
	threads();
	full();
	return done();
}
