/* together.c - see together.h */
#include "zcp/cli/together.h"

#include <string.h>
#include "common/log.h"

enum status options_choice_agrees(const struct options *o)
{
	const char *say = NULL;

	if (o->remove && !o->recurse)
		say = "--delete: only with -r or -a: it is about what is in directories";
	else if (o->remove && o->files_from)
		say = "--delete and --files-from contradict each other: a list does not say what else there is";
	else if (o->files_from && !o->list && o->count > 2)
		say = "--files-from: the names are below one source: zcp --files-from=FILE SRC DST";
	else if (o->list && (o->files_from || o->remove || o->dry_run || o->stats))
		say = "--list copies and removes nothing: leave --files-from, --delete, -n and --stats away";
	else if (o->files_from && strcmp(o->files_from, "-") == 0 && o->rules.stdin_read)
		say = "--files-from=-: standard input has been read for patterns already";
	else if (o->zero && !o->files_from && !o->pattern_list)
		say = "-0: only with a list: --files-from, --include-from, --exclude-from";
	else if (o->checksum && o->size_only)
		say = "--checksum and --size-only contradict each other: give one of them";
	else if (o->min_size > o->max_size)
		say = "--min-size is above --max-size: no file would be copied";
	if (say)
		log_error("%s", say);
	return say ? ST_USAGE : ST_OK;
}

enum status options_bench_agrees(const struct options *o)
{
	if (!o->bench && (o->cold || o->size_given || o->rounds_given || o->plot)) {
		log_error("--%s: only with --bench", o->cold ? "cold" : o->size_given ? "size" : o->rounds_given ? "rounds" : "plot");
		return ST_USAGE;
	}
	if (o->bench && o->unfit[0]) {
		log_error("--bench measures every engine, and copies nothing of yours: leave --%s away", o->unfit);
		return ST_USAGE;
	}
	if (o->bench && o->count > 1) {
		log_error("--bench: one directory to work in, or one host:path to fetch from");
		return ST_USAGE;
	}
	return ST_OK;
}
