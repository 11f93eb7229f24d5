/* links: zcp */
#include <string.h>
#include <unistd.h>
#include "common/log.h"
#include "tests/unit/tap.h"
#include "zcp/report.h"

static struct fail of(enum status st)
{
	return fail_why(st, WHY_NONE);
}

/* Each pair in order: with both, the first wins. */
static void ends(void)
{
	static const enum status order[] = { ST_USAGE, ST_INTERRUPTED, ST_HOST_CHANGED, ST_HOST_UNKNOWN, ST_REFUSED, ST_BUSY, ST_CONNECT_TIMEOUT,
		ST_STALLED, ST_CONNECTION, ST_PROTOCOL, ST_INTEGRITY };
	enum { N = sizeof order / sizeof *order };

	for (unsigned i = 0; i < N; i++) {
		struct report r = { 0 };
		report_end(&r, order[i]);
		ok(status_job(&r) == order[i], "%d ends a job", order[i]);
		report_count(&r, of(ST_CHANGED));
		report_count(&r, of(ST_NO_SPACE));
		r.one_file = true;
		ok(status_job(&r) == order[i], "%d wins over failures of files", order[i]);
		for (unsigned k = i + 1; k < N; k++) {
			report_end(&r, order[k]);
			ok(status_job(&r) == order[i], "%d wins over %d", order[i], order[k]);
		}
	}
}

static void plans(void)
{
	static const enum status found[] = { ST_CANNOT, ST_MISSING, ST_IN_THE_WAY };

	for (unsigned i = 0; i < 3; i++) {
		struct report r = { 0 };
		report_end(&r, found[i]);
		ok(status_job(&r) == found[i], "%d, found before the first byte, ends a job", found[i]);
		report_end(&r, ST_INTERRUPTED);
		ok(status_job(&r) == ST_INTERRUPTED, "but less than a signal");
	}
}

static void files(void)
{
	struct report none = { 0 }, one = { .one_file = true }, changed = { 0 }, mixed = { 0 }, space = { 0 }, some = { 0 };

	ok(status_job(&none) == ST_OK, "nothing failed: 0");
	none.files = 5;
	ok(status_job(&none) == ST_OK, "all copied: 0");
	report_count(&one, of(ST_IN_THE_WAY));
	ok(status_job(&one) == ST_IN_THE_WAY, "one file was asked for: its own status");
	report_count(&changed, of(ST_CHANGED));
	report_count(&changed, of(ST_CHANGED));
	ok(status_job(&changed) == ST_CHANGED, "all failures 24: 24");
	report_count(&mixed, of(ST_CHANGED));
	report_count(&mixed, of(ST_MISSING));
	ok(status_job(&mixed) == ST_PARTIAL, "24 and another: 23");
	report_count(&space, of(ST_CHANGED));
	report_count(&space, of(ST_NO_SPACE));
	report_count(&space, of(ST_MISSING));
	ok(status_job(&space) == ST_NO_SPACE, "one for space among them: 44");
	report_count(&some, of(ST_MISSING));
	ok(status_job(&some) == ST_PARTIAL, "one of several missing: 23");
	struct report busy = { 0 };
	report_count(&busy, of(ST_MISSING));
	report_count(&busy, of(ST_BUSY));
	ok(status_job(&busy) == ST_BUSY, "one that another run is filling: 46, which is worth another try");
	report_end(&busy, ST_REFUSED);
	ok(status_job(&busy) == ST_REFUSED, "but what ends the job before it counts");
	report_again(&busy);
	ok(status_job(&busy) == ST_OK, "and it does not count any more in the next attempt");
	/* what a peer says about a file never ends the job with a status that is not a file's */
	report_count(&some, of(ST_USAGE));
	ok(status_job(&some) == ST_PARTIAL, "a file's failure is never the job's end");
	struct report zero = { .one_file = true };
	report_count(&zero, (struct fail){ 0 });
	ok(status_job(&zero) == ST_FILE_IO, "a failure without a status is one all the same");
}

static void attempts(void)
{
	struct report r = { 0 };

	report_count(&r, of(ST_MISSING));
	report_lasts(&r);
	report_count(&r, of(ST_CHANGED));
	report_count(&r, of(ST_BUSY));
	report_end(&r, ST_CONNECTION);
	ok(status_job(&r) == ST_BUSY && r.failed == 3, "an attempt that failed");
	report_again(&r);
	ok(status_job(&r) == ST_PARTIAL && r.failed == 1, "a further one that is well: what was not looked at again is still missing");
	r = (struct report){ .one_file = true };
	report_count(&r, of(ST_MISSING));
	report_lasts(&r);
	report_again(&r);
	ok(status_job(&r) == ST_MISSING, "one file, too");
	r = (struct report){ 0 };
	report_count(&r, of(ST_CHANGED));
	report_again(&r);
	ok(status_job(&r) == ST_OK && !r.failed, "what is looked at again counts anew");
}

static void full(void)
{
	static char   text[9000];
	struct report r = { 0 };
	int           pair[2], was = dup(STDERR_FILENO);

	if (was < 0 || pipe(pair) < 0)
		return;
	dup2(pair[1], STDERR_FILENO);
	for (unsigned i = 0; i < 100; i++) {
		report_fail(&r, &(struct failing){ .path = i < 50 ? "before" : "after", .why = of(ST_NO_SPACE) });
		if (i == 49)
			report_copied(&r, 1);
	}
	report_say_rest(&r);
	report_say_rest(&r);
	dup2(was, STDERR_FILENO);
	close(pair[1]);
	unsigned lines = 0, before = 0, after = 0;
	ok(read(pair[0], text, sizeof text - 1) > 0, "a full disk is said");
	for (char *p = text, *end; (end = strchr(p, '\n')); p = end + 1) {
		*end = '\0';
		lines++;
		before += strstr(p, "before: no space") != NULL;
		after += strstr(p, "after: no space") != NULL;
		if (lines == 2 * REPORT_FULL + 1)
			ok(strstr(p, "68 more files: no space left") != NULL, "a full disk: the others are counted: %s", p);
	}
	ok(lines == 2 * REPORT_FULL + 1 && before == REPORT_FULL && after == REPORT_FULL, "the first ones in a row are named: %u, %u of %u lines", before, after, lines);
	ok(r.failed == 100 && r.no_space == 100 && status_job(&r) == ST_NO_SPACE, "and all of them count");
	close(pair[0]);
	close(was);
}

/* What an attempt copied, the next one finds there. */
static void same(void)
{
	struct report r = { 0 };

	report_same(&r, 10);
	report_copied(&r, 10);
	report_copied(&r, 10);
	ok(r.same == 1 && r.files == 2, "one was there, two were copied");
	report_again(&r);
	ok(r.same == 0 && r.files == 2, "another attempt looks again");
	for (int i = 0; i < 3; i++)
		report_same(&r, 10);
	ok(r.same == 1 && r.files == 2, "and finds three: still one that was there before");
	report_copied(&r, 10);
	report_again(&r);
	for (int i = 0; i < 4; i++)
		report_same(&r, 10);
	ok(r.same == 1 && r.files == 3, "and so the third");
}

int main(void)
{
	log_setup("report", LOG_LEVEL_ERROR, 0);
	full();
	ends();
	plans();
	files();
	attempts();
	same();
	return done();
}
