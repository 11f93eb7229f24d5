/* summary.c - the last object of a job (tell.h), and the one that a signal's handler writes */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "common/suite.h"
#include "zcp/events/event.h"
#include "zcp/limited.h"

static void counts(const struct job *j, struct json *o)
{
	const struct report *r = &j->report;

	json_number(o, "files", r->files);
	json_number(o, "directories", r->dirs);
	json_number(o, "links", r->links);
	json_number(o, "bytes", r->bytes);
	json_number(o, "moved", j->progress.moved);
	json_number(o, "same", r->same);
	json_number(o, "left", r->left);
	json_number(o, "meta", r->changed_meta);
	json_number(o, "removed", r->removed);
	json_number(o, "listed", r->listed);
	json_number(o, "failed", r->failed);
	json_number(o, "changed", r->changed);
	json_number(o, "skipped", r->skipped);
}

static void speed(const struct job *j, struct json *o)
{
	uint64_t ms = progress_clock_ms() - j->progress.start_ms, moved = j->progress.moved;

	json_seconds(o, "elapsed_seconds", ms);
	json_number(o, "bytes_per_second", ms ? (uint64_t)((double)moved * 1000 / (double)ms) : moved);
	json_number(o, "streams", j->streams ? j->streams : j->how.known);
	json_number(o, "attempts", j->tries);
}

static void moved_by(const struct job *j, struct json *o, const char *name, unsigned set)
{
	json_array(o, name);
	for (unsigned id = 1; id < 8 * sizeof set; id++) {
		const char *engine = set & 1u << id ? job_engine_name(j, id) : NULL;
		if (engine)
			json_string(o, NULL, engine);
	}
	json_array_end(o);
}

/* How contents went; where none did, how they would have. */
static void how(const struct job *j, struct json *o)
{
	const struct job_how *h = &j->how;
	bool some = j->lead.carried & 1u << CARRY_SEALED || j->lead.inlined, raw = j->lead.carried & 1u << CARRY_RAW || (!some && h->carry == CARRY_RAW && !j->poured);

	if (h->known) {
		json_string(o, "carry", !raw ? "encrypted" : some ? "mixed" : "plaintext");
		json_string(o, "integrity", !raw ? "aead" : h->integrity == INTEGRITY_NONE ? "none" : "mac");
		json_string(o, "cipher", h->suite ? h->suite->name : "");
	} else {
		json_null(o, "carry");
		json_null(o, "integrity");
		json_null(o, "cipher");
	}
	moved_by(j, o, "senders", j->lead.senders);
	moved_by(j, o, "receivers", j->lead.receivers);
	json_bool(o, "verified", h->known && (!raw || h->integrity != INTEGRITY_NONE));
}

static void limits(const struct job *j, struct json *o)
{
	struct limited l = limited_by(&j->lead.spent, j->upload, progress_clock_ms() - j->progress.start_ms);

	if (limit_keys[l.by])
		json_string(o, "limited_by", limit_keys[l.by]);
	else
		json_null(o, "limited_by");
	json_object(o, "limits");
	for (enum limit i = LIMIT_SENDER_DISK; i < LIMITS; i++) {
		if (l.known[i])
			json_number(o, limit_keys[i], l.share[i]);
		else
			json_null(o, limit_keys[i]);
	}
	json_object_end(o);
}

void tell_object_summary(const struct job *j, struct json *o, enum status st)
{
	json_string(o, "type", "summary");
	json_number(o, "status", st);
	json_string(o, "status_name", status_name(st));
	counts(j, o);
	speed(j, o);
	how(j, o);
	limits(j, o);
}

/* --- from a signal's handler ------------------------------------------------------------------------------------------ */

/* One object as a line, behind *text. */
static void add_line(char **text, struct json *o)
{
	char *more = NULL;

	json_object_end(o);
	if (*text && (o->bad || asprintf(&more, "%s%s\n", *text, o->p) < 0))
		more = NULL;
	free(*text);
	*text = more;
	json_again(o);
	json_object(o, NULL);
}

static char *farewell(const struct job *j)
{
	char       *text = strdup("");
	struct json o;

	json_grow(&o);
	json_object(&o, NULL);
	if (!j->told.started) {
		tell_object_start(j, &o);
		add_line(&text, &o);
	}
	tell_object_error(&o, ST_INTERRUPTED, "interrupted");
	add_line(&text, &o);
	tell_object_summary(j, &o, ST_INTERRUPTED);
	add_line(&text, &o);
	json_clear(&o);
	return text;
}

void tell_prepare(struct job *j)
{
	static const char word[] = "\"elapsed_seconds\":";
	struct told      *t = &j->told;
	int               next = t->which == 1;
	struct farewell  *f = &t->ready[next];

	if (!j->opt->json)
		return;
	free(f->text);
	f->text = farewell(j);
	/* the last one: names of sources stand before it */
	for (char *p = f->text; p && (p = strstr(p, word)); )
		f->at = (size_t)((p += sizeof word - 1) - f->text);
	f->behind = f->text ? f->at + strspn(f->text + f->at, "0123456789.") : 0;
	f->len = f->text ? strlen(f->text) : 0;
	t->which = f->text ? 1 + next : 0;
}

/* snprintf() is not for handlers. */
static size_t seconds(uint64_t ms, char out[static 24])
{
	size_t n = 24;

	for (unsigned digits = 0; digits < 4 || ms; digits++) {
		if (digits == 3)
			out[--n] = '.';
		out[--n] = (char)('0' + ms % 10);
		ms /= 10;
	}
	memmove(out, out + n, 24 - n);
	return 24 - n;
}

bool tell_farewell(const struct job *j)
{
	const struct told *t = &j->told;
	char               took[24];

	if (t->out.busy || t->over)
		return false;
	struct pollfd      p = { .fd = t->out.opened ? t->out.fd : STDOUT_FILENO, .events = POLLOUT };
	if (!t->which || t->out.broken || poll(&p, 1, 0) != 1)
		return true;
	const struct farewell *f = &t->ready[t->which - 1];
	size_t                 n = seconds(progress_clock_ms() - j->progress.start_ms, took);
	struct iovec           v[] = { { f->text, f->at }, { took, n }, { f->text + f->behind, f->len - f->behind } };
	ssize_t                done = writev(p.fd, v, 3);
	(void)done;                     /* nobody to tell */
	return true;
}
