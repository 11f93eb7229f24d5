/* tell.c - see tell.h; the last object is summary.c's */
#include "zcp/events/tell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "common/utf8.h"
#include "zcp/attempt.h"
#include "zcp/events/event.h"

/* Nobody reads what this job tells: it ends as one that is interrupted does, with another status. */
static void unread(void *arg, int error)
{
	struct job *j = arg;
	char        words[200];

	report_end(&j->report, job_stopped_by(j));      /* first: who finds the job stopped looks what ended it */
	j->halted = true;
	if (error == EPIPE || error == ETIMEDOUT)
		log_error("nobody reads standard output any more (--json)");
	else
		log_error("standard output cannot be written (--json): %s", fail_words((struct fail){ ST_FILE_IO, WHY_ERRNO, (uint16_t)error }, words, sizeof words));
	if (!j->told.over)
		j->halt();
}

void tell_init(struct job *j)
{
	output_init(&j->told.out, j->stop, unread, j);
}

void tell_clear(struct job *j)
{
	struct told *t = &j->told;

	t->which = 0;
	while (t->held_count)
		free(t->held[--t->held_count].words);
	free(t->ready[0].text);
	free(t->ready[1].text);
	t->ready[0].text = t->ready[1].text = NULL;
	output_clear(&t->out);
}

/* --- start ----------------------------------------------------------------------------------------------------------- */

static void string_or_null(struct json *o, const char *name, const char *text)
{
	if (text)
		json_string(o, name, text);
	else
		json_null(o, name);
}

static void sources(struct json *o, char *const *names, int n)
{
	bool text = true;

	json_array(o, "sources");
	for (int i = 0; i < n; i++) {
		json_string(o, NULL, names[i]);
		text &= utf8_all(names[i]);
	}
	json_array_end(o);
	if (text)
		return;
	json_array(o, "sources_base64");
	for (int i = 0; i < n; i++)
		if (utf8_all(names[i]))
			json_null(o, NULL);
		else
			json_base64(o, NULL, names[i]);
	json_array_end(o);
}

void tell_object_start(const struct job *j, struct json *o)
{
	const struct options *opt = j->opt;
	int                   n = opt->args ? opt->count : 0, to = !opt->list && !opt->bench;       /* to: the last one is DST */

	json_string(o, "type", "start");
	json_number(o, "schema", TELL_SCHEMA);
	json_string(o, "version", ZCP_VERSION);
	string_or_null(o, "direction", j->local ? "local" : !j->host ? NULL : opt->list ? "list" : j->upload ? "upload" : "download");
	string_or_null(o, "host", j->host);
	if (j->host)
		json_number(o, "port", j->port);
	else
		json_null(o, "port");
	sources(o, opt->args, n > to ? n - to : 0);
	if (to && n > 1)
		json_name(o, "destination", opt->args[n - 1]);
	else
		json_null(o, "destination");
	json_bool(o, "dry_run", opt->dry_run);
}

static bool lock(struct job *j)
{
	return j->opt->json && !j->told.over && output_lock(&j->told.out);
}

static void start(struct job *j)        /* once. The lock is held */
{
	struct told *t = &j->told;

	if (t->started)
		return;
	t->started = true;
	tell_object_start(j, output_line(&t->out));
	output_write(&t->out);
	tell_prepare(j);                /* before the lock is given back: a signal's handler must not say it twice */
}

static bool begin(struct job *j)
{
	if (!lock(j))
		return false;
	start(j);
	return true;
}

static void done(struct job *j)
{
	output_unlock(&j->told.out);
}

struct json *tell_objects(struct job *j)
{
	return begin(j) ? output_line(&j->told.out) : NULL;
}

struct json *tell_objects_next(struct job *j)
{
	output_write(&j->told.out);
	return output_line(&j->told.out);
}

void tell_objects_done(struct job *j)
{
	output_write(&j->told.out);
	done(j);
}

/* --- what happens ---------------------------------------------------------------------------------------------------- */

static const char *kind_of(uint8_t type)
{
	return type == 'f' ? "file" : type == 'd' ? "directory" : type == 'l' ? "symlink" : "other";
}

void tell_file(struct job *j, const struct event *e)
{
	static const char *const actions[] = {
		[EVENT_COPY] = "copy", [EVENT_MKDIR] = "mkdir", [EVENT_SYMLINK] = "symlink", [EVENT_HARDLINK] = "hardlink", [EVENT_REMOVE] = "remove",
		[EVENT_META] = "meta", [EVENT_SAME] = "same",
	};

	if ((e->what == EVENT_SAME && !j->opt->verbose) || !begin(j))
		return;
	struct json *o = output_line(&j->told.out);
	json_string(o, "type", "file");
	json_string(o, "action", actions[e->what]);
	json_string(o, "kind", kind_of(e->type));
	json_name(o, "path", e->path);
	if (e->what == EVENT_COPY)
		json_number(o, "size", e->size);
	if (e->target)
		json_name(o, "target", e->target);
	output_write(&j->told.out);
	done(j);
}

static void who(struct json *o, const struct owner *owner)
{
	if (owner) {
		json_number(o, "uid", owner->uid);
		json_number(o, "gid", owner->gid);
	} else {
		json_null(o, "uid");
		json_null(o, "gid");
	}
	string_or_null(o, "user", owner && *owner->user ? owner->user : NULL);
	string_or_null(o, "group", owner && *owner->group ? owner->group : NULL);
}

/* RFC 3339, UTC, all nine digits. */
static void when(struct json *o, const struct meta *m)
{
	char      text[64] = "", all[80];
	struct tm tm;
	time_t    t = (time_t)m->mtime;

	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm)) {
		json_null(o, "mtime");          /* a year that no calendar has */
		return;
	}
	snprintf(all, sizeof all, "%s.%09uZ", text, (unsigned)m->mtime_ns);
	json_string(o, "mtime", all);
}

void tell_entry(struct job *j, const struct entry *e)
{
	char mode[8];

	if (!begin(j))
		return;
	struct json *o = output_line(&j->told.out);
	snprintf(mode, sizeof mode, "%04o", (unsigned)e->meta->mode & 07777);
	json_string(o, "type", "entry");
	json_string(o, "kind", kind_of(e->meta->type));
	json_name(o, "path", e->path);
	json_number(o, "size", e->meta->size);
	json_string(o, "mode", mode);
	when(o, e->meta);
	who(o, e->owner);
	if (e->link)
		json_name(o, "target", e->link);
	output_write(&j->told.out);
	done(j);
}

void tell_progress(void *arg, const struct progress_view *v)
{
	struct job *j = arg;

	if (!begin(j))
		return;
	struct json *o = output_line(&j->told.out);
	json_string(o, "type", "progress");
	json_number(o, "files", v->files);
	json_number(o, "files_total", v->files_all ? v->files_all : v->bytes_all > 0);  /* one file is not counted */
	json_number(o, "bytes", v->bytes);
	json_number(o, "bytes_total", v->bytes_all);
	json_bool(o, "totals_final", v->whole);
	json_number(o, "bytes_per_second", v->rate);
	if (v->left_ms == PROGRESS_UNKNOWN)
		json_null(o, "eta_seconds");
	else
		json_number(o, "eta_seconds", (v->left_ms + 999) / 1000);
	output_write(&j->told.out);
	done(j);
}

/* --- what goes wrong ------------------------------------------------------------------------------------------------- */

struct trouble {
	enum log_level level;
	const char    *host, *path;     /* NULL: of the job */
	int            status;          /* < 0: none, it is no failure */
	const char    *words;
	bool           retried;
};

static void object(struct json *o, const struct trouble *t)
{
	json_string(o, "type", "error");
	json_string(o, "level", t->level == LOG_LEVEL_WARN ? "warning" : "error");
	if (t->path) {
		json_string(o, "host", t->host);
		json_name(o, "path", t->path);
	}
	if (t->status >= 0) {
		json_number(o, "status", (uint64_t)t->status);
		json_string(o, "name", status_name((enum status)t->status));
	} else {
		json_null(o, "status");
		json_null(o, "name");
	}
	json_string(o, "message", t->words);
	json_bool(o, "retried", t->retried);
}

void tell_object_error(struct json *o, enum status st, const char *words)
{
	object(o, &(struct trouble){ LOG_LEVEL_ERROR, NULL, NULL, (int)st, words, false });
}

static void say(struct job *j, const struct trouble *t)         /* the lock is held */
{
	object(output_line(&j->told.out), t);
	output_write(&j->told.out);
}

static void tell_trouble(struct job *j, const struct trouble *t)
{
	if (!log_shows(t->level) || !begin(j))
		return;
	say(j, t);
	done(j);
}

void tell_failure(struct job *j, enum log_level level, const struct failing *x, const char *words, bool retried)
{
	int status = level == LOG_LEVEL_WARN && !retried ? -1 : x->why.status ? x->why.status : ST_FILE_IO;

	tell_trouble(j, &(struct trouble){ level, x->host ? j->host : "local", *x->path || x->host ? x->path : ".", status, words, retried });
}

void tell_end(struct job *j, enum log_level level, enum status st, const char *words, bool retried)
{
	tell_trouble(j, &(struct trouble){ level, NULL, NULL, (int)st, words, retried });
}

/* st: of those that are errors. The lock is held. */
static void say_held(struct job *j, enum status st)
{
	struct told *t = &j->told;

	start(j);
	for (unsigned i = 0; i < t->held_count; i++) {
		bool error = t->held[i].level == LOG_LEVEL_ERROR;
		say(j, &(struct trouble){ t->held[i].level, NULL, NULL, error ? (int)st : -1, t->held[i].words, error && attempt_follows(j, st) });
		free(t->held[i].words);
	}
	t->held_count = 0;
}

static void hold(struct job *j, enum log_level level, const char *words)        /* the lock is held */
{
	struct told *t = &j->told;
	char        *copy = strdup(words);

	if (!copy || t->held_count == TELL_HELD)
		say_held(j, status_job(&j->report));
	if (copy) {
		t->held[t->held_count].level = level;
		t->held[t->held_count++].words = copy;
	} else {
		say(j, &(struct trouble){ level, NULL, NULL, -1, words, false });
	}
}

void tell_line(struct job *j, enum log_level level, const char *words)
{
	if (!lock(j))
		return;
	if (level == LOG_LEVEL_ERROR || !j->told.started)
		hold(j, level, words);
	else
		say(j, &(struct trouble){ level, NULL, NULL, -1, words, false });
	done(j);
}

void tell_start(struct job *j)
{
	if (!begin(j))
		return;
	say_held(j, ST_OK);             /* warnings: an error would have ended it */
	done(j);
}

void tell_ended(struct job *j, enum status st)
{
	if (!begin(j))
		return;
	say_held(j, st);
	done(j);
}

void tell_watch(struct job *j)
{
	if (j->opt->json)
		output_watch(&j->told.out);
}

/* --- the end --------------------------------------------------------------------------------------------------------- */

void tell_summary(struct job *j)
{
	struct told *t = &j->told;

	output_unwatch(&t->out);
	if (!begin(j))
		return;
	say_held(j, status_job(&j->report));
	tell_object_summary(j, output_line(&t->out), status_job(&j->report));
	output_write(&t->out);
	t->which = 0;
	t->over = true;
	done(j);
}
