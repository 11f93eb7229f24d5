/* links: zcp */
/* uploading.c - out of memory in the middle of an upload: each file goes back to the queue, or is a failure that is counted; none is lost, and none is waited for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/tap.h"
#include "zcp/upload/uploader.h"

enum { FULL_FROM = 1 << 30 };   /* rings of that many are ones for which more room cannot be had */

struct bed {
	struct options  opt;
	struct job      job;
	struct source   source;
	struct plan     plan;
	struct tree    *tree;
	struct upload   u;
	struct uploader x;
};

static volatile sig_atomic_t stop;
static void watch(unsigned number, int sock) { (void)number; (void)sock; }
static void halt(void) { }

/* A sanitizer takes a malloc() of far too much for a fault: here it is to fail. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* One file is unfinished: the one that a test has in hand. */
static void begin(struct bed *b)
{
	static char at[] = "there", here[] = "here";

	*b = (struct bed){ .opt = { .keep_meta = true } };
	job_init(&b->job, &b->opt, &stop, watch, halt);
	b->source = (struct source){ .path = here, .as = at };
	b->plan = (struct plan){ .v = &b->source, .count = 1 };
	b->u = (struct upload){ .job = &b->job, .plan = &b->plan, .trees = &b->tree };
	queue_init(&b->u.queue);
	pthread_mutex_init(&b->u.lock, NULL);
	b->u.queue.unfinished = 1;
	b->x = (struct uploader){ .u = &b->u, .w = &b->job.lead };
}

static void queue_is_full(struct bed *b)
{
	b->u.queue.count = b->u.queue.room = SIZE_MAX / sizeof(struct errand) / 4;
}

static void end(struct bed *b)
{
	if (b->u.queue.room > FULL_FROM)
		b->u.queue.count = b->u.queue.room = 0;
	queue_clear(&b->u.queue);
	pthread_mutex_destroy(&b->u.lock);
	job_clear(&b->job);
}

static struct due of_file(enum due_kind kind, uint8_t todo)
{
	return (struct due){ .kind = (uint8_t)kind, .errand = { .todo = todo, .rest = strdup("f"), .meta = { .type = 'f', .size = 5 } } };
}

static bool lost_nothing(const struct bed *b)
{
	return b->job.report.failed == 1 && b->u.queue.unfinished == 0 && status_job(&b->job.report) != ST_OK;
}

static bool went_back(const struct bed *b)
{
	return b->job.report.failed == 0 && b->u.queue.unfinished == 1 && b->u.queue.count == 1;
}

/* --checksum: the bytes differ, and there is no room on the queue to say that they are to be copied. */
static void differs(void)
{
	static const struct { uint8_t todo; bool answered; const char *what; } rows[] = {
		{ TODO_CHECK, true, "other bytes there" }, { TODO_CHECK, false, "they cannot be read there" }, { TODO_EXTRAS, false, "what else it has cannot be read there" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bed    b;
		struct record rec = { .type = rows[i].answered ? WIRE_DIGEST : WIRE_ERROR };
		begin(&b);
		rec.body.digest.meta.size = rec.body.digest.length = 5;
		rec.body.digest.digest[0] = rows[i].answered;
		struct due d = of_file(DUE_HASH, rows[i].todo);
		d.bytes = 5;
		ok(check_answer(&b.x, &d, &rec) == 0 && !d.errand.rest && went_back(&b), "%s: back to the queue", rows[i].what);
		end(&b);
		begin(&b);
		queue_is_full(&b);
		d = of_file(DUE_HASH, rows[i].todo);
		d.bytes = 5;
		ok(check_answer(&b.x, &d, &rec) == 0 && !d.errand.rest && lost_nothing(&b), "%s, and no memory: a failure, and nobody waits for it", rows[i].what);
		end(&b);
	}
}

/* What has been sent, and whose answer there is no room to wait for: the stream ends, and others may bring it. */
static void unawaited(void)
{
	static const enum due_kind kinds[] = { DUE_FILE, DUE_HASH, DUE_FILE_META };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct bed b;
		begin(&b);
		b.x.count = b.x.room = SIZE_MAX / sizeof(struct due) / 4;
		struct due d = of_file(kinds[i], TODO_COPY);
		ok(due_add(&b.x, &d) == -ENOMEM && went_back(&b), "kind %d: back to the queue", kinds[i]);
		end(&b);
		begin(&b);
		b.x.count = b.x.room = SIZE_MAX / sizeof(struct due) / 4;
		queue_is_full(&b);
		d = of_file(kinds[i], TODO_COPY);
		ok(due_add(&b.x, &d) == -ENOMEM && lost_nothing(&b), "kind %d, and no room there: a failure", kinds[i]);
		end(&b);
	}
	struct bed b;
	begin(&b);
	b.x.count = b.x.room = SIZE_MAX / sizeof(struct due) / 4;
	struct due d = { .kind = DUE_DIR, .path = strdup("there/d") };
	ok(due_add(&b.x, &d) == -ENOMEM && b.u.queue.unfinished == 1 && !b.u.queue.count, "a directory is on no queue");
	end(&b);
}

/* SETMETA on a stream that is dead: the file is still its caller's, who gives it to another. */
static void broken(void)
{
	struct bed b;

	begin(&b);
	struct stream *s = &b.job.lead.stream;
	s->tx.suite = suite_by_name("chacha20poly1305");
	s->broken = -ECONNRESET;
	s->out_to = STREAM_OUT_BYTES;           /* so that something would have to leave */
	char          rest[] = "f";
	struct errand e = { .todo = TODO_META, .rest = rest, .meta = { .type = 'f' } };
	ok(send_meta(&b.x, &e, -1, "there/f") < 0 && e.rest == rest && b.u.queue.unfinished == 1, "a stream that is dead takes no file with it");
	end(&b);
}

int main(void)
{
	differs();
	unawaited();
	broken();
	return done();
}
