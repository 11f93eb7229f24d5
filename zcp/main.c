/* main.c - zcp: options, one run, the exit status. The only place where the client ends, and its signals. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/log.h"
#include "common/standard.h"
#include "common/umask.h"
#include "zcp/bench/bench.h"
#include "zcp/run.h"

static volatile sig_atomic_t stop, socks[STREAMS_MAX];     /* descriptor + 1; 0: none */
static volatile sig_atomic_t begun;     /* a stream has been up, or files are being made: what was copied is tidied up */
static struct progress *drawn;
static struct job *told;                /* who hears errors and warnings, too: --json */

/* Nothing may block any more. Was there any? */
static bool shut_down(void)
{
	bool any = false;

	for (int i = 0; i < STREAMS_MAX; i++)
		if (socks[i]) {
			any = true;
			shutdown((int)socks[i] - 1, SHUT_RDWR);
		}
	return any;
}

static void halt(void)
{
	shut_down();
}

/* timeout(1) sends a signal to the process and to its group, a shell's hangup may come by two ways: so soon it is the same wish. */
enum { SAME_WISH_NS = 1000000000 };

/* The first signal asks to end. Another one, later, has its default action. */
static void on_signal(int sig)
{
	static const char       line[] = "zcp: interrupted\n";
	static _Atomic uint64_t asked_ns;
	uint64_t now = clock_ns(), first = 0;
	int      saved = errno;

	bool again = !atomic_compare_exchange_strong(&asked_ns, &first, now);
	if (again && now - first < SAME_WISH_NS)
		return;
	if (again) {
		signal(sig, SIG_DFL);
		if (raise(sig) != 0)            /* a confined process sends no signal */
			_exit(ST_INTERRUPTED);
		return;
	}
	stop = sig;
	if (!shut_down() && !begun && (!told || tell_farewell(told))) {
		ssize_t n = write(STDERR_FILENO, line, sizeof line - 1);
		(void)n;                /* nobody to tell */
		_exit(ST_INTERRUPTED);
	}
	errno = saved;
}

static void watch(unsigned worker, int fd)
{
	if (worker >= STREAMS_MAX)
		return;
	socks[worker] = fd < 0 ? 0 : fd + 1;
	begun |= fd != -1;
}

static void clear_line(void)
{
	if (drawn)
		progress_clear(drawn);
}

static void hear(enum log_level level, const char *words)
{
	if (told)
		tell_line(told, level, words);
}

static void set_signals(void)
{
	struct sigaction end = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };
	struct sigaction now;

	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);              /* ulimit -f: EFBIG, one file's failure */
	sigaction(SIGTERM, &end, NULL);
	/* nohup and a shell's background jobs ignore them: so does zcp */
	if (sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		sigaction(SIGINT, &end, NULL);
	if (sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &end, NULL);
}

static int print_version(void)
{
#ifdef ZCP_SODIUM_STATIC
	const char *how = " (linked statically)";
#else
	const char *how = "";
#endif
	printf("zcp %s\nlibsodium %s%s\nciphers:", ZCP_VERSION, sodium_version_string(), how);
	for (size_t i = 0; suites[i]; i++)
		if (suite_usable(suites[i]))
			printf(" %s", suites[i]->name);
#ifdef ZCP_UNSAFE
	printf("\nUNSAFE: a build for tests only");
#endif
	return printf("\n") < 0 || fflush(stdout) != 0 ? ST_FILE_IO : ST_OK;
}

static enum status print_help(void)
{
	options_help(stdout);
	return fflush(stdout) != 0 || ferror(stdout) ? ST_FILE_IO : ST_OK;
}

static enum status run(struct job *j)
{
	const struct options *o = j->opt;
	enum status           st;

	log_setup("zcp", o->quiet ? LOG_LEVEL_ERROR : o->verbose > 1 ? LOG_LEVEL_DEBUG : o->verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, 0);
	drawn = &j->progress;
	log_hook(clear_line);
	tell_prepare(j);
	set_signals();
	own_umask();                            /* before there are threads */
	begun = o->bench;                       /* it tidies up, whenever the signal comes */
	if (o->bench)
		st = bench_run(j);
	else if (o->forget_host)
		st = run_forget_host(j);
	else
		st = o->public_key ? run_public_key(j) : o->list ? run_list(j) : run_copy(j);
	drawn = NULL;
	return st;
}

/* The job's last word, where programs read. It may be what fails. */
static enum status sum_up(struct job *j, enum status st)
{
	if (!j->opt->json)
		return st;
	if (st != ST_OK)
		report_end(&j->report, st);     /* counted, unless it was found on the command line */
	tell_summary(j);
	return status_job(&j->report);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct job     job;
	enum status    st;

	log_setup("zcp", LOG_LEVEL_WARN, 0);
	/* names are shown, cut and matched as UTF-8, wherever zcp runs */
	setlocale(LC_CTYPE, "C.UTF-8");
	if (standard_fill() < 0) {
		log_error("standard input, output or error is closed, and there is neither /dev/full nor /dev/null to stand in its place");
		return ST_CANNOT;
	}
	if (sodium_init() < 0) {
		log_error("libsodium cannot be used on this machine");
		return ST_CANNOT;
	}
	job_init(&job, &o, &stop, watch, halt);
	told = &job;
	log_tee(hear);
	st = options_parse(&o, argc, argv);
	if (st == ST_OK && o.help)
		st = print_help();
	else if (st == ST_OK && o.version)
		st = (enum status)print_version();
	else if (st == ST_OK)
		st = run(&job);
	st = sum_up(&job, st);
	if (job.left_alone)
		exit((int)st);                  /* a thread that connects still looks at the job */
	told = NULL;
	job_clear(&job);
	options_clear(&o);
	exit((int)st);
}
