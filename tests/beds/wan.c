/*
 * wan.c - a long way between two network namespaces: every packet between them passes here, late, in order, or never.
 *
 * Use      wan [--delay MS] [--loss PERCENT] [--rate MBIT] [--queue PACKETS] [--seed N] COMMAND [ARG...], as root, in a network namespace of its own (tests/beds/wan makes it).
 *          An interface `wan` is made there (side b), and one in a new namespace (side a), where this process stays; COMMAND runs in side b, with addresses and all else to give.
 * Way      one thread per direction: read from one tun, loss (seeded), line (rate: a clock that is ahead by what waits; more than `queue` waiting: dropped at the tail), delay,
 *          written to the other tun. Delay is one way: the round trip is twice that.
 * Ends     with COMMAND's status. As process 1 of its pid namespace it reaps what COMMAND leaves, and what still runs at its end ends with it.
 * Says     WAN_STATS=FILE: one line per direction: packets, lost, dropped at the queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <math.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RING = 64 << 20, PACKET_MAX = 65536, BURST = 64, FAILED = 125 };
static const int64_t ns_per_s = 1000000000;

struct packet {                 /* in the ring; its bytes follow, and the next one starts at a multiple of 16 */
	int64_t  leaves, due;   /* ns: the line is done with it; it arrives */
	uint32_t len, skip;     /* skip: nothing more fits before the ring's end */
	uint64_t unused;
};

struct way {
	pthread_t thread;
	uint8_t  *ring;
	uint64_t  head, line, tail;     /* oldest packet; oldest the line still has; first free byte: all counted from the start, modulo RING */
	int64_t   line_free;            /* ns: when the line has nothing more to send */
	uint64_t  waiting;              /* packets the line has */
	uint64_t  random;
	int64_t   delay_ns;
	double    loss, ns_per_byte;    /* loss: 0..1; ns_per_byte 0: no line */
	uint64_t  queue;                /* 0: no bound */
	atomic_ullong packets, lost, dropped;
	int       from, to;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * ns_per_s + t.tv_nsec;
}

static double next_random(struct way *w)        /* splitmix64; 0 <= x < 1 */
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static struct packet *at(const struct way *w, uint64_t where) { return (struct packet *)(void *)(w->ring + where % RING); }
static uint64_t size_of(uint32_t len) { return sizeof(struct packet) + (((uint64_t)len + 15) & ~15ULL); }

/* The packet at *where; what only fills the ring's end is passed over. */
static struct packet *look(const struct way *w, uint64_t *where)
{
	if (*where != w->tail && at(w, *where)->skip)
		*where += RING - *where % RING;
	return *where == w->tail ? NULL : at(w, *where);
}

/* Where the next packet can be read to, with room for the largest; NULL: the ring is full, and the tun's own queue fills. */
static struct packet *room(struct way *w)
{
	const uint64_t most = sizeof(struct packet) + PACKET_MAX;

	if (w->tail - w->head + 2 * most > RING)
		return NULL;
	if (RING - w->tail % RING < most) {
		at(w, w->tail)->skip = 1;
		w->tail += RING - w->tail % RING;
	}
	return at(w, w->tail);
}

static void take(struct way *w, struct packet *p, uint32_t len, int64_t now)
{
	struct packet *q;

	w->packets++;
	if (w->loss > 0 && next_random(w) < w->loss) {
		w->lost++;
		return;
	}
	for (; (q = look(w, &w->line)) && q->leaves <= now; w->line += size_of(q->len))
		w->waiting--;
	if (w->queue && w->waiting >= w->queue) {
		w->dropped++;
		return;
	}
	w->line_free = (w->line_free > now ? w->line_free : now) + (int64_t)(len * w->ns_per_byte);
	*p = (struct packet){ .leaves = w->line_free, .due = w->line_free + w->delay_ns, .len = len };
	w->tail += size_of(len);
	w->waiting++;
}

static bool give_due(struct way *w)
{
	bool moved = false;

	for (struct packet *p; (p = look(w, &w->head)) && p->due <= now_ns(); moved = true) {
		/* a side whose interface is down loses it, as a real one would */
		if (write(w->to, p + 1, p->len) < 0 && errno == EINTR)
			continue;
		if (w->line <= w->head) {
			w->line = w->head + size_of(p->len);
			w->waiting--;
		}
		w->head += size_of(p->len);
	}
	return moved;
}

static bool take_some(struct way *w)
{
	bool moved = false;

	for (int i = 0; i < BURST; i++) {
		struct packet *p = room(w);
		ssize_t n = p ? read(w->from, p + 1, PACKET_MAX) : -1;

		if (n <= 0)
			break;
		take(w, p, (uint32_t)n, now_ns());
		moved = true;
	}
	return moved;
}

static void *carry(void *arg)
{
	struct way *w = arg;

	prctl(PR_SET_TIMERSLACK, 1000UL);       /* ns; the default adds 50 us to each wait */
	for (;;) {
		bool moved = give_due(w);

		if (take_some(w) || moved)
			continue;
		struct packet *p = look(w, &w->head);
		int64_t left = p ? p->due - now_ns() : 0;
		struct timespec t = { .tv_sec = left > 0 ? left / ns_per_s : 0, .tv_nsec = left > 0 ? left % ns_per_s : 0 };
		struct pollfd in = { .fd = w->from, .events = POLLIN };

		/* a full ring waits for time only; an interface that is down says POLLERR, and would spin */
		if (!room(w))
			in.fd = -1;
		if (ppoll(&in, 1, p ? &t : NULL, NULL) > 0 && !(in.revents & POLLIN)) {
			t = (struct timespec){ .tv_nsec = 1000000 };
			nanosleep(&t, NULL);
		}
	}
	return NULL;
}

static void fail(const char *what)
{
	fprintf(stderr, "wan: %s: %s\n", what, strerror(errno));
	exit(FAILED);
}

static int make_tun(void)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		fail("/dev/net/tun");
	memcpy(r.ifr_name, "wan", sizeof "wan");
	if (ioctl(fd, TUNSETIFF, &r) < 0)
		fail("making the interface");
	return fd;
}

static double number(const char *name, const char *text, double least, double most)
{
	char *end = NULL;
	double v = text ? strtod(text, &end) : NAN;

	if (!text || end == text || *end || !(v >= least && v <= most)) {
		fprintf(stderr, "wan: %s: a number from %.0f to %.0f\n", name, least, most);
		exit(FAILED);
	}
	return v;
}

/* Fills in one way and returns where COMMAND starts. */
static char **parse(struct way *w, char **argv)
{
	for (argv++; *argv && !strncmp(*argv, "--", 2); argv += 2) {
		if (!strcmp(argv[0], "--delay"))
			w->delay_ns = (int64_t)(number(argv[0], argv[1], 0, 60000) * 1e6);
		else if (!strcmp(argv[0], "--loss"))
			w->loss = number(argv[0], argv[1], 0, 100) / 100;
		else if (!strcmp(argv[0], "--rate"))
			w->ns_per_byte = number(argv[0], argv[1], 0, 1e6) > 0 ? 8000 / number(argv[0], argv[1], 0, 1e6) : 0;
		else if (!strcmp(argv[0], "--queue"))
			w->queue = (uint64_t)number(argv[0], argv[1], 0, 1e6);
		else if (!strcmp(argv[0], "--seed"))
			w->random = (uint64_t)number(argv[0], argv[1], 0, 0x1p53);
		else
			break;
	}
	if (!*argv || !strncmp(*argv, "--", 2)) {
		fprintf(stderr, "usage: wan [--delay MS] [--loss PERCENT] [--rate MBIT] [--queue PACKETS] [--seed N] COMMAND [ARG...]\n");
		exit(FAILED);
	}
	return argv;
}

static void begin(struct way *w, int from, int to, uint64_t seed)
{
	w->from = from;
	w->to = to;
	w->random = seed;
	w->ring = mmap(NULL, RING, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->ring == MAP_FAILED)
		fail("memory");
	errno = pthread_create(&w->thread, NULL, carry, w);
	if (errno)
		fail("a thread");
}

static void say_stats(struct way way[static 2])
{
	const char *name = getenv("WAN_STATS");
	FILE *f = name ? fopen(name, "we") : NULL;

	if (!f)
		return;
	for (int i = 0; i < 2; i++)
		fprintf(f, "%s: %llu packets, %llu lost, %llu dropped at the queue\n", i ? "b to a" : "a to b", way[i].packets, way[i].lost, way[i].dropped);
	fclose(f);
}

/* Until COMMAND ends, or somebody wants an end. Returns the status to end with. */
static int wait_for(pid_t child, const sigset_t *signals)
{
	int got, status;

	while ((got = sigwaitinfo(signals, NULL)) == SIGCHLD || got < 0)
		for (pid_t p; (p = waitpid(-1, &status, WNOHANG)) > 0;)
			if (p == child)
				return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 128 + got;
}

int main(int argc, char **argv)
{
	struct way way[2] = { 0 };
	char **command = parse(&way[0], argv);
	sigset_t signals, before;
	pid_t child;
	int a, b, status;

	(void)argc;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	b = make_tun();
	child = fork();                 /* in side b; waits until there is a side a to enter */
	if (child < 0)
		fail("a process");
	if (!child) {
		kill(getpid(), SIGSTOP);
		sigprocmask(SIG_SETMASK, &before, NULL);
		execvp(command[0], command);
		fail(command[0]);
	}
	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		fail("the command");
	if (unshare(CLONE_NEWNET) < 0)
		fail("a network namespace");
	a = make_tun();
	way[1].delay_ns = way[0].delay_ns;
	way[1].loss = way[0].loss;
	way[1].ns_per_byte = way[0].ns_per_byte;
	way[1].queue = way[0].queue;
	uint64_t seed = way[0].random;
	begin(&way[0], a, b, seed * 2 + 1);
	begin(&way[1], b, a, seed * 2 + 2);
	kill(child, SIGCONT);
	status = wait_for(child, &signals);
	say_stats(way);
	return status;
}
