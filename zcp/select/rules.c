/* rules.c - see rules.h */
#include "zcp/select/rules_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"

/* "--exclude=*.o", or "rules, line 3: *.o" */
static const char *name_rule(char *buf, size_t len, const struct place *at, const char *text)
{
	char pattern[200], file[200];

	vis_str(pattern, sizeof pattern, text);
	if (at->file)
		snprintf(buf, len, "%s, line %u: %s", vis_str(file, sizeof file, at->file), at->line, pattern);
	else
		snprintf(buf, len, "--%s=%s", at->exclude ? "exclude" : "include", pattern);
	return buf;
}

enum status rules_refuse(const struct place *at, const char *text, const char *why)
{
	char seen[RULE_SEEN];

	log_error("%s: %s", name_rule(seen, sizeof seen, at, text), why);
	return ST_USAGE;
}

static void forget(struct rules *r)
{
	while (r->count > 0)
		pattern_free(r->v[--r->count].pattern);
}

static enum status append(struct rules *r, const struct place *at, bool exclude, const char *text)
{
	const char *why;

	if (r->count == RULES_MAX)
		return rules_refuse(at, text, "that is more than 1,000,000 patterns: fewer with wildcards may say the same");
	if (r->count == r->room) {
		size_t       room = r->room ? r->room * 2 : 16;
		struct rule *v = realloc(r->v, room * sizeof *v);
		if (!v)
			return ST_FILE_IO;
		r->v = v;
		r->room = room;
	}
	struct pattern *p = pattern_new(text, &why);
	if (!p)
		return why ? rules_refuse(at, text, why) : ST_FILE_IO;
	r->v[r->count++] = (struct rule){ .pattern = p, .file = at->file, .line = at->line, .exclude = exclude };
	return ST_OK;
}

enum status rules_take(struct rules *r, const struct place *at, const char *text)
{
	bool prefix = (text[0] == '-' || text[0] == '+') && text[1] == ' ';

	if (strcmp(text, "!") == 0) {
		forget(r);
		return ST_OK;
	}
	if (prefix && !text[2])
		return rules_refuse(at, text, "there is no pattern behind the prefix");
	return append(r, at, prefix ? text[0] == '-' : at->exclude, prefix ? text + 2 : text);
}

enum status rules_add(struct rules *r, bool exclude, const char *text)
{
	return rules_take(r, &(struct place){ .exclude = exclude }, text);
}

bool rules_exclude(const struct rules *r, const char *path, bool dir)
{
	for (size_t i = 0; i < r->count; i++) {
		struct rule *rule = &r->v[i];
		if (!pattern_matches(rule->pattern, path, dir))
			continue;
		if (!atomic_load_explicit(&rule->decided, memory_order_relaxed))        /* mostly it is: then the line stays shared */
			atomic_store_explicit(&rule->decided, true, memory_order_relaxed);
		return rule->exclude;
	}
	return false;
}

void rules_say_unused(const struct rules *r)
{
	size_t unused = 0;
	char   seen[RULE_SEEN];

	for (size_t i = 0; i < r->count; i++) {
		const struct rule *rule = &r->v[i];
		if (atomic_load_explicit(&rule->decided, memory_order_relaxed) || ++unused > RULES_SAID)
			continue;
		const struct place at = { rule->file, rule->line, rule->exclude };
		log_info("%s: it matched nothing, or nothing that the rules before it had left", name_rule(seen, sizeof seen, &at, pattern_text(rule->pattern)));
	}
	if (unused > RULES_SAID)
		log_info("%zu more patterns matched nothing", unused - RULES_SAID);
}

void rules_clear(struct rules *r)
{
	forget(r);
	free(r->v);
	for (size_t i = 0; i < r->file_count; i++)
		free(r->files[i]);
	free(r->files);
	*r = (struct rules){ 0 };
}
