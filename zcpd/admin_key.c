/* admin_key.c - --add-key: one line more in authorized_keys. See admin.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include "common/cleanup.h"
#include "common/err.h"
#include "common/io.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/admin.h"
#include "zcpd/admin_edit.h"
#include "zcpd/admin_reload.h"
#include "zcpd/admin_try.h"
#include "zcpd/admin_unit.h"
#include "zcpd/authorized_options.h"
#include "zcpd/place.h"

enum { SUBJECT_MAX = 64 * 1024 };

static int say(const char *where, const char *what)
{
	char shown[512];

	log_error("%s: %s; nothing was changed", vis_str(shown, sizeof shown, where), what);
	return -EINVAL;
}

/* A line that is no file's name: begun like one, a key alone, or several words that name no file. The parser says what is wrong with it. */
static bool is_line(const char *subject)
{
	uint8_t pk[KEY_BYTES];

	if (strncmp(subject, "zcp-x25519", 10) == 0)
		return true;
	return access(subject, F_OK) < 0 && (keys_parse(subject, pk) == 0 || strpbrk(subject, " \t\n"));
}

/* All of a descriptor. Bytes, or -errno */
static ssize_t read_all(int fd, char text[static SUBJECT_MAX])
{
	ssize_t got = 0;

	while (got < SUBJECT_MAX) {
		ssize_t n = read(fd, text + got, (size_t)(SUBJECT_MAX - got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : got;
		got += n;
	}
	return got;
}

/* The words of the argument: a line, "-", or a file. The caller's to free; NULL was said. */
static char *read_subject(const char *subject)
{
	char  words[128];
	bool  input = strcmp(subject, "-") == 0;

	if (is_line(subject))
		return strdup(subject);
	char        *text = malloc(SUBJECT_MAX + 1);
	CLEAN_FD int fd = input ? dup(STDIN_FILENO) : open(subject, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	ssize_t      n = fd < 0 ? -errno : text ? read_all(fd, text) : -ENOMEM;
	if (n >= 0 && n < SUBJECT_MAX && memchr(text, '\0', (size_t)n) == NULL) {
		text[n] = '\0';
		return text;
	}
	if (n == -ENOENT)
		say(subject, "no such file or directory, and no key either: zcp --public-key prints a line, zcp-x25519 KEY NAME, to be given in quotes");
	else
		say(input ? "--add-key: standard input" : subject, n < 0 ? fail_words(fail_errno((int)n), words, sizeof words)
	                                                         : "no public key: it is one line, as zcp --public-key prints it");
	free(text);
	return NULL;
}

/* The one line of text that is not empty and no comment, without its end. 0 or -EINVAL said */
static int one_line(char *text, char **line)
{
	*line = NULL;
	for (char *next, *p = text; p && *p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		p += strspn(p, " \t");
		if (!*p || *p == '#')
			continue;
		if (*line)
			return say("--add-key", "more than one line: add one key at a time");
		*line = p;
	}
	return *line ? 0 : say("--add-key", "no line with a key in it");
}

/* TYPE KEY NAME OPTION... anew: with the name and the `write` that the command line gives. */
static char *compose(char *line, const char *name, bool writable)
{
	char *type = authorized_word(&line), *key = authorized_word(&line), *own = authorized_word(&line), *out = NULL;
	char  print[KEY_FINGERPRINT];
	uint8_t pk[KEY_BYTES];
	bool  has = false;

	if (!key || keys_parse(key, pk) < 0)            /* the parser will say so */
		return asprintf(&out, "%s%s%s\n", type ? type : "", key ? " " : "", key ? key : "") < 0 ? NULL : out;
	keys_fingerprint(pk, print);
	name = name ? name : own ? own : writable ? print : "";
	int r = asprintf(&out, "%s %s%s%s", type, key, *name ? " " : "", name);
	for (char *option; r >= 0 && (option = authorized_word(&line)) != NULL;) {
		CLEAN_PTR char *before = out;
		has |= strcmp(option, "write") == 0;
		out = NULL;
		r = asprintf(&out, "%s %s", before, option);
	}
	CLEAN_PTR char *before = out;
	out = NULL;
	return r >= 0 && asprintf(&out, "%s%s\n", before, writable && !has ? " write" : "") >= 0 ? out : NULL;
}

/* --- against what is there --------------------------------------------------------------------------------------- */

static bool same_names(const struct names *a, const struct names *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->list[i], b->list[i]) != 0)
			return false;
	return true;
}

static bool same_key(const struct authorized_key *a, const struct authorized_key *b)
{
	if (strcmp(a->name, b->name) != 0 || a->write != b->write || a->sealed != b->sealed || a->expires != b->expires
	    || a->from_count != b->from_count || !same_names(&a->exports, &b->exports))
		return false;
	for (size_t i = 0; i < a->from_count; i++)
		if (memcmp(a->from[i].ip, b->from[i].ip, sizeof a->from[i].ip) != 0 || a->from[i].bits != b->from[i].bits)
			return false;
	return true;
}

/* 1: there already, word for word. 0: neither the key nor its name. -EINVAL said */
static int compare(const struct authorized_list *there, const struct authorized_key *key, const char *file)
{
	char shown[2 * AUTHORIZED_NAME_MAX], path[512], what[1200];

	vis_str(path, sizeof path, file);
	for (size_t i = 0; i < there->count; i++) {
		const struct authorized_key *k = &there->keys[i];
		vis_str(shown, sizeof shown, k->name);
		if (memcmp(k->pk, key->pk, KEY_BYTES) == 0 && same_key(k, key)) {
			printf("%s is there already: line %u of \"%s\"\n", shown, k->line, path);
			return 1;
		}
		if (memcmp(k->pk, key->pk, KEY_BYTES) == 0)
			snprintf(what, sizeof what, "this key is there already, as %s with other words on its line %u: change them there", shown, k->line);
		else if (strcmp(k->name, key->name) == 0)
			snprintf(what, sizeof what, "line %u has the name %s already, for another key: give this one another with --name NAME", k->line, shown);
		else
			continue;
		log_error("\"%s\": %s; nothing was changed", path, what);
		return -EINVAL;
	}
	return 0;
}

static void warn_exports(const struct settings *s, const struct authorized_key *key)
{
	char shown[512];

	for (size_t i = 0; i < key->exports.count && s->config; i++) {
		bool known = false;
		for (size_t j = 0; j < s->export_count; j++)
			known |= strcmp(s->exports[j].name, key->exports.list[i]) == 0;
		if (!known)
			log_warn("export=%s: there is no such export in the configuration yet", vis_str(shown, sizeof shown, key->exports.list[i]));
	}
}

/* --- the file ---------------------------------------------------------------------------------------------------- */

static char *keys_file(const struct settings *s)
{
	if (s->authorized_keys && strcmp(s->authorized_keys, "any") == 0) {
		say("--add-key", "authorized-keys is any: every client is let in already");
		return NULL;
	}
	CLEAN_PTR char *state = s->authorized_keys ? NULL : place_state(s->state);
	return s->authorized_keys ? strdup(s->authorized_keys) : place_in(state, "authorized_keys");
}

static int say_bad(const char *file, const struct authorized_bad *bad)
{
	char shown[512], says[AUTHORIZED_SAYS];

	log_error("\"%s\" line %u: %s; nothing was changed", vis_str(shown, sizeof shown, file), bad->line, authorized_says(bad, says));
	return -EINVAL;
}

/* 1: it stands there now. 0: it did already. -EINVAL said */
static int put(struct edit *e, const char *line, const struct authorized_key *key, const struct service_user *u)
{
	struct authorized_list list = { 0 };
	struct authorized_bad  bad = { 0 };
	struct edit_new fresh = { (uid_t)-1, (gid_t)-1, 0644 };
	CLEAN_PTR char *text = edit_append(e, line);
	int             r = text ? authorized_parse(e->text, e->len, &list, &bad) : -ENOMEM;

	if (r < 0)
		return bad.what ? say_bad(e->path, &bad) : say(e->path, "out of memory");
	r = compare(&list, key, e->path);
	authorized_list_clear(&list);
	if (r != 0)
		return r < 0 ? r : 0;
	r = authorized_parse(text, strlen(text), &list, &bad);
	authorized_list_clear(&list);
	if (r < 0)
		return bad.what ? say_bad(e->path, &bad) : say(e->path, "out of memory");
	if (geteuid() == 0 && u->uid != 0)
		fresh = (struct edit_new){ 0, u->gid, 0640 };
	return edit_commit(e, text, &fresh) < 0 ? -EINVAL : 1;
}

/* The new line alone, by the daemon's own parser. */
static int check_line(const char *line, struct authorized_list *list)
{
	struct authorized_bad bad = { 0 };
	int                   r = authorized_parse(line, strlen(line), list, &bad);
	char                  says[AUTHORIZED_SAYS];

	if (r == 0 && list->count == 1)
		return 0;
	if (r == 0 || !bad.what)
		return say("--add-key", r == 0 ? "no line with a key in it" : "out of memory");
	say("--add-key", authorized_says(&bad, says));
	log_error("what is wanted is the line that the client's zcp --public-key prints: zcp-x25519 KEY NAME [OPTION...]");
	return -EINVAL;
}

static int add_to(const char *file, const struct settings *s, const char *line, const struct authorized_key *key)
{
	struct unit         unit;
	struct service_user user;
	struct edit         e;
	char                shown[512], name[2 * AUTHORIZED_NAME_MAX], print[KEY_FINGERPRINT];

	unit_find(unit_dirs, &unit);
	if (try_owner(s->user, unit.user, &user) < 0)
		return -EINVAL;
	int r = edit_open(&e, file, user.uid);
	if (r == 0)
		r = put(&e, line, key, &user);
	edit_clear(&e);
	if (r <= 0)
		return r;
	keys_fingerprint(key->pk, print);
	printf("%s (%s) is let in: \"%s\"\n", vis_str(name, sizeof name, key->name), print, vis_str(shown, sizeof shown, file));
	warn_exports(s, key);
	return 1;
}

static int add(const struct settings *s, const char *line, const struct authorized_key *key)
{
	char *file = keys_file(s);
	int   r = file ? add_to(file, s, line, key) : -EINVAL;

	free(file);
	return r;
}

static int add_line(const struct settings *s, const char *made)
{
	struct authorized_list list = { 0 };
	int                    r = made ? check_line(made, &list) : -ENOMEM;

	if (r == 0)
		r = add(s, made, &list.keys[0]);
	authorized_list_clear(&list);
	return r;
}

int admin_add_key(const struct options *o, const struct settings *s)
{
	char *text = read_subject(o->subject), *made = NULL, *line;
	int   r = text ? one_line(text, &line) : -EINVAL;

	if (r == 0 && o->name && strpbrk(o->name, " \t\n"))        /* what follows the blank would be an option */
		r = say("--name", "a key's NAME is one word");
	if (r == 0) {
		made = compose(line, o->name, o->writable);
		r = add_line(s, made);
	}
	free(made);
	free(text);
	if (r > 0)
		admin_reload(s);
	return r < 0 || fflush(stdout) != 0 ? ST_USAGE : ST_OK;
}
