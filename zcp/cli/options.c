/* options.c - see options.h */
#include "zcp/cli/options.h"

#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/vis.h"
#include "zcp/cli/foreign.h"
#include "zcp/cli/option_values.h"
#include "zcp/cli/together.h"

enum option {
	OPT_RECURSE = 1, OPT_PRESERVE, OPT_ARCHIVE, OPT_XATTRS, OPT_ACLS, OPT_NUMERIC_IDS, OPT_QUIET, OPT_VERBOSE, OPT_PORT, OPT_CONFIG, OPT_IDENTITY, OPT_IPV4, OPT_IPV6, OPT_BATCH,
	OPT_ACCEPT_NEW, OPT_HOST_KEY, OPT_FORGET_HOST, OPT_ENCRYPT, OPT_PLAINTEXT, OPT_INTEGRITY, OPT_CIPHER, OPT_ENGINE, OPT_CC,
	OPT_TIMEOUT, OPT_CONTIMEOUT, OPT_STREAMS, OPT_LIMIT, OPT_BWLIMIT, OPT_RESUME, OPT_NO_RESUME, OPT_RETRIES, OPT_PROGRESS, OPT_JSON, OPT_FAILED_TO, OPT_STATS, OPT_PUBLIC_KEY, OPT_VERSION, OPT_HELP,
	OPT_DRY_RUN, OPT_UPDATE, OPT_IGNORE_EXISTING, OPT_EXISTING, OPT_CHECKSUM, OPT_IGNORE_TIMES, OPT_SIZE_ONLY, OPT_ONE_FS, OPT_HARD_LINKS, OPT_DELETE, OPT_DELETE_EXCLUDED, OPT_ZERO,
	OPT_MIN_SIZE, OPT_MAX_SIZE, OPT_FILES_FROM, OPT_LIST,
	OPT_BENCH, OPT_SIZE, OPT_ROUNDS, OPT_COLD, OPT_PLOT,
	OPT_INCLUDE, OPT_EXCLUDE, OPT_INCLUDE_FROM, OPT_EXCLUDE_FROM,
	OPT_FOREIGN = 1000,
};

#define FLAG(name, letter, val, text)      { name, letter, POPT_ARG_NONE, NULL, val, text, NULL }
#define TAKES(name, letter, val, text, arg) { name, letter, POPT_ARG_STRING, NULL, val, text, arg }
static const struct poptOption own_options[] = {
	FLAG("recursive", 'r', OPT_RECURSE, "copy directories with what is in them"),
	FLAG("preserve", 'p', OPT_PRESERVE, "keep modes and times"),
	FLAG("archive", 'a', OPT_ARCHIVE, "-r -p, symbolic links stay links; as root, what comes keeps owner and group"),
	FLAG("xattrs", 'X', OPT_XATTRS, "keep extended attributes (user.*)"),
	FLAG("acls", 'A', OPT_ACLS, "keep access control lists, and modes"),
	FLAG("numeric-ids", 0, OPT_NUMERIC_IDS, "owners and groups by number, whatever their names"),
	FLAG("dry-run", 'n', OPT_DRY_RUN, "say what would be done, and do nothing"),
	FLAG("list", 0, OPT_LIST, "list what is there, and copy nothing"),
	TAKES("files-from", 0, OPT_FILES_FROM, "copy the names in FILE (-: standard input), below the one SRC", "FILE|-"),
	FLAG("from0", '0', OPT_ZERO, "names in lists end with a NUL, and patterns in files named after it"),
	FLAG("update", 'u', OPT_UPDATE, "leave what is newer at the destination, or the same"),
	FLAG("ignore-existing", 0, OPT_IGNORE_EXISTING, "leave what is there at the destination"),
	FLAG("existing", 0, OPT_EXISTING, "copy only what is there at the destination"),
	FLAG("checksum", 0, OPT_CHECKSUM, "compare contents, not times; copy what differs"),
	FLAG("ignore-times", 'I', OPT_IGNORE_TIMES, "copy also what looks the same"),
	FLAG("size-only", 0, OPT_SIZE_ONLY, "what has the same size is the same"),
	TAKES("max-size", 0, OPT_MAX_SIZE, "leave larger files out", "SIZE"),
	TAKES("min-size", 0, OPT_MIN_SIZE, "leave smaller files out", "SIZE"),
	FLAG("one-file-system", 'x', OPT_ONE_FS, "do not go where another file system is mounted"),
	FLAG("hard-links", 'H', OPT_HARD_LINKS, "files of several names stay one file"),
	FLAG("delete", 0, OPT_DELETE, "remove at the destination what is not in the source"),
	FLAG("delete-excluded", 0, OPT_DELETE_EXCLUDED, "the same, and what --exclude leaves out"),
	FLAG("quiet", 'q', OPT_QUIET, "no progress, no warnings: errors only"),
	FLAG("verbose", 'v', OPT_VERBOSE, "name files, engine, cipher and reason"),
	TAKES("include", 0, OPT_INCLUDE, "copy what PATTERN matches, though a later rule would leave it out", "PATTERN"),
	TAKES("exclude", 0, OPT_EXCLUDE, "leave out what PATTERN matches", "PATTERN"),
	TAKES("include-from", 0, OPT_INCLUDE_FROM, "the same as --include for each line of FILE (-: standard input)", "FILE"),
	TAKES("exclude-from", 0, OPT_EXCLUDE_FROM, "the same as --exclude for each line of FILE (-: standard input)", "FILE"),
	TAKES("port", 'P', OPT_PORT, "zcpd's port (7722)", "PORT"),
	TAKES("identity", 'i', OPT_IDENTITY, "the key to show (~/.config/zcp/identity)", "FILE"),
	TAKES("config", 'F', OPT_CONFIG, "settings of hosts (~/.config/zcp/config); none: no file", "FILE"),
	FLAG("ipv4", '4', OPT_IPV4, "IPv4 only"),
	FLAG("ipv6", '6', OPT_IPV6, "IPv6 only"),
	FLAG("batch", 'B', OPT_BATCH, "never ask"),
	FLAG("accept-new", 0, OPT_ACCEPT_NEW, "remember the key of a host not seen before without asking"),
	TAKES("host-key", 0, OPT_HOST_KEY, "this run: the host must show this key", "KEY|FINGERPRINT"),
	TAKES("forget-host", 0, OPT_FORGET_HOST, "forget a host's keys", "NAME[:PORT]"),
	FLAG("encrypt", 0, OPT_ENCRYPT, "encrypt file contents, always"),
	FLAG("plaintext", 0, OPT_PLAINTEXT, "do not encrypt file contents: zero-copy where zcpd allows it"),
	TAKES("integrity", 0, OPT_INTEGRITY, "check plaintext on its way (mac), or not (none; needs --plaintext)", "mac|none"),
	TAKES("cipher", 0, OPT_CIPHER, "ciphers to use, best first", "LIST"),
	TAKES("engine", 0, OPT_ENGINE, "how bytes are moved: sendfile, splice, mmap, readwrite, direct, auto, reflink, copy_file_range", "SEND[,RECV]"),
	TAKES("cc", 0, OPT_CC, "TCP congestion control", "NAME"),
	TAKES("timeout", 0, OPT_TIMEOUT, "give up when nothing moved for so long (60)", "SECONDS"),
	TAKES("contimeout", 0, OPT_CONTIMEOUT, "give up connecting after (10)", "SECONDS"),
	TAKES("streams", 'j', OPT_STREAMS, "copy over so many streams at once (chosen)", "N"),
	TAKES("limit", 'l', OPT_LIMIT, "at most so many Kbit/s in all, as scp counts", "KBIT"),
	TAKES("bwlimit", 0, OPT_BWLIMIT, "at most so many KiB/s (K, M, G), or as FILE says at the time", "RATE|@FILE"),
	FLAG("resume", 0, OPT_RESUME, "go on where an interrupted copy ended (the default)"),
	FLAG("partial", 0, OPT_RESUME, "the same as --resume"),
	FLAG("no-resume", 0, OPT_NO_RESUME, "begin anew, whatever an interrupted copy has left"),
	TAKES("retries", 0, OPT_RETRIES, "after a cut, a stall, or busy: so many more attempts (0)", "N"),
	FLAG("progress", 0, OPT_PROGRESS, "say how far it is, also where stderr is no terminal"),
	FLAG("json", 0, OPT_JSON, "tell programs what happens: lines of JSON on standard output"),
	TAKES("failed-to", 0, OPT_FAILED_TO, "write the names of what failed, each with a NUL", "FILE|-"),
	FLAG("stats", 0, OPT_STATS, "at the end: counts, bytes, time, and what limited it, on standard output"),
	FLAG("bench", 0, OPT_BENCH, "measure every engine: zcp --bench [DIR], or from a host: host:path"),
	TAKES("size", 0, OPT_SIZE, "--bench: of a file of so many bytes (1G)", "SIZE"),
	TAKES("rounds", 0, OPT_ROUNDS, "--bench: so often, after once that does not count (3)", "N"),
	FLAG("cold", 0, OPT_COLD, "--bench: with the file dropped from the page cache each time"),
	TAKES("plot", 0, OPT_PLOT, "--bench: draw the table as a picture (SVG)", "FILE"),
	FLAG("public-key", 0, OPT_PUBLIC_KEY, "print this client's key, for zcpd's authorized_keys"),
	FLAG("version", 0, OPT_VERSION, "print the version"),
	FLAG("help", 0, OPT_HELP, "print this"),
};
enum { OWN = sizeof own_options / sizeof *own_options };

/* Both tables as one, so that popt takes clusters of letters apart for either. */
static struct poptOption *whole_table(void)
{
	struct poptOption *t = calloc(OWN + foreign_count + 1, sizeof *t);

	if (!t)
		return NULL;
	memcpy(t, own_options, sizeof own_options);
	for (size_t i = 0; i < foreign_count; i++)
		t[OWN + i] = (struct poptOption){
			.longName = foreign_options[i].name, .shortName = foreign_options[i].letter,
			.argInfo = POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL | POPT_ARGFLAG_DOC_HIDDEN, .val = OPT_FOREIGN + (int)i,
		};
	return t;
}

static enum status take_wish(struct options *o, enum carry_wish wish)
{
	if (o->wish != WISH_AUTO && o->wish != wish) {
		log_error("--encrypt and --plaintext contradict each other: give one of them");
		return ST_USAGE;
	}
	o->wish = wish;
	return ST_OK;
}

static enum status take_family(struct options *o, int family)
{
	if (o->family != AF_UNSPEC && o->family != family) {
		log_error("-4 and -6 contradict each other: give one of them, or none for either");
		return ST_USAGE;
	}
	o->family = family;
	return ST_OK;
}

static enum status take_value(struct options *o, int val, char *text)
{
	uint64_t    n = 0;
	enum status st;

	switch (val) {
	case OPT_PORT:
		st = option_port(text, &n);
		o->port = (uint16_t)n;
		return st;
	case OPT_TIMEOUT:
		st = option_number("--timeout", text, 1, 86400, &n);
		o->stall_s = (unsigned)n;
		return st;
	case OPT_CONTIMEOUT:
		st = option_number("--contimeout", text, 1, 86400, &n);
		o->connect_s = (unsigned)n;
		return st;
	case OPT_STREAMS:
		st = option_number("-j/--streams", text, 0, STREAMS_MAX, &n);
		o->streams = (unsigned)n;
		return st;
	case OPT_RETRIES:
		st = option_number("--retries", text, 0, RETRIES_MAX, &n);
		o->retries = (unsigned)n;
		return st;
	case OPT_ROUNDS:
		st = option_number("--rounds", text, 1, 100, &n);
		o->rounds = (unsigned)n;
		o->rounds_given = true;
		return st;
	case OPT_SIZE:
		o->size_given = true;
		return option_bench_size(text, &o->bench_size);
	case OPT_MIN_SIZE:    return option_size("--min-size", text, &o->min_size);
	case OPT_MAX_SIZE:    return option_size("--max-size", text, &o->max_size);
	case OPT_FILES_FROM:  return option_name("--files-from", text, &o->files_from);
	case OPT_LIMIT:       return option_kbit(o, text);
	case OPT_BWLIMIT:     return option_bwlimit(o, text);
	case OPT_IDENTITY:    return option_name("-i/--identity", text, &o->identity);
	case OPT_CONFIG:      return option_name("-F/--config", text, &o->config);
	case OPT_FAILED_TO:   return option_name("--failed-to", text, &o->failed_to);
	case OPT_PLOT:        return option_name("--plot", text, &o->plot);
	case OPT_FORGET_HOST: return option_name("--forget-host", text, &o->forget_host);
	case OPT_HOST_KEY:    return option_pin(o, text);
	case OPT_CIPHER:      return option_ciphers(o, text);
	case OPT_ENGINE:      return option_engines(o, text);
	case OPT_CC:          return option_cc(o, text);
	case OPT_INTEGRITY:   return option_integrity(o, text);
	case OPT_INCLUDE:
	case OPT_EXCLUDE:     return rules_add(&o->rules, val == OPT_EXCLUDE, text);
	case OPT_INCLUDE_FROM:
	case OPT_EXCLUDE_FROM:
		o->pattern_list = true;
		return rules_read(&o->rules, val == OPT_EXCLUDE_FROM, text, o->zero);
	default:
		return ST_USAGE;
	}
}

/* Options that a copy on this machine has no use for. -B asks nothing there, either; --resume is the default, and there is nothing to be resumed. */
static const char *of_host(int val)
{
	static const short all[] = {
		OPT_PORT, OPT_CONFIG, OPT_IDENTITY, OPT_IPV4, OPT_IPV6, OPT_ACCEPT_NEW, OPT_HOST_KEY, OPT_ENCRYPT, OPT_PLAINTEXT, OPT_INTEGRITY, OPT_CIPHER, OPT_CC, OPT_TIMEOUT,
		OPT_CONTIMEOUT, OPT_STREAMS, OPT_RESUME, OPT_NO_RESUME, OPT_RETRIES,
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		for (size_t k = 0; all[i] == val && k < OWN; k++)
			if (own_options[k].val == val)
				return own_options[k].longName;
	return NULL;
}

static enum status take_flag(struct options *o, int val)
{
	switch (val) {
	case OPT_RECURSE:    o->recurse = o->recurse_typed = true; break;
	case OPT_PRESERVE:   o->keep_meta = true; break;
	case OPT_ARCHIVE:    o->archive = o->recurse = o->keep_meta = o->keep_links = o->keep_owners = true; break;
	case OPT_XATTRS:     o->xattrs = true; break;
	case OPT_ACLS:       o->acls = true; break;
	case OPT_NUMERIC_IDS: o->numeric_ids = true; break;
	case OPT_DRY_RUN:    o->dry_run = true; break;
	case OPT_LIST:       o->list = true; break;
	case OPT_ZERO:       o->zero = true; break;
	case OPT_UPDATE:     o->update = true; break;
	case OPT_IGNORE_EXISTING: o->ignore_existing = true; break;
	case OPT_EXISTING:   o->existing = true; break;
	case OPT_CHECKSUM:   o->checksum = true; break;
	case OPT_IGNORE_TIMES: o->ignore_times = true; break;
	case OPT_SIZE_ONLY:  o->size_only = true; break;
	case OPT_ONE_FS:     o->one_fs = true; break;
	case OPT_HARD_LINKS: o->hard_links = true; break;
	case OPT_DELETE:     o->remove = true; break;
	case OPT_DELETE_EXCLUDED: o->remove = o->remove_excluded = true; break;
	case OPT_QUIET:      o->quiet = true; break;
	case OPT_VERBOSE:    o->verbose++; break;
	case OPT_IPV4:       return take_family(o, AF_INET);
	case OPT_IPV6:       return take_family(o, AF_INET6);
	case OPT_BATCH:      o->batch = true; break;
	case OPT_ACCEPT_NEW: o->accept_new = true; break;
	case OPT_ENCRYPT:    return take_wish(o, WISH_SEALED);
	case OPT_PLAINTEXT:  return take_wish(o, WISH_PLAIN);
	case OPT_RESUME:     o->no_resume = false; break;
	case OPT_NO_RESUME:  o->no_resume = true; break;
	case OPT_PROGRESS:   o->progress = true; break;
	case OPT_JSON:       o->json = true; break;
	case OPT_STATS:      o->stats = true; break;
	case OPT_BENCH:      o->bench = true; break;
	case OPT_COLD:       o->cold = true; break;
	case OPT_PUBLIC_KEY: o->public_key = true; break;
	case OPT_VERSION:    o->version = true; break;
	case OPT_HELP:       o->help = true; break;
	default:             return ST_USAGE;
	}
	return ST_OK;
}

static enum status say_foreign(const struct foreign *f, bool as_word)
{
	if (as_word)
		log_error("--%s: %s", f->name, f->say);
	else
		log_error("-%c: %s", f->letter, f->say);
	return f->status;
}

/* popt does not tell whether -n or --dry-run was typed; the word before the cursor's argument does. */
static bool typed_as_word(int argc, char **argv, const struct foreign *f)
{
	size_t n = f->name ? strlen(f->name) : 0;

	if (!f->letter || !f->name)
		return !f->letter;
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, f->name, n) == 0 && (!argv[i][2 + n] || argv[i][2 + n] == '='))
			return true;
	return false;
}

/* How a host is reached, what may be asked of it, and what is said: all else is about copies. */
static bool fits_bench(int val)
{
	static const int fit[] = {
		OPT_BENCH, OPT_SIZE, OPT_ROUNDS, OPT_COLD, OPT_PLOT, OPT_QUIET, OPT_VERBOSE, OPT_PORT, OPT_CONFIG, OPT_IDENTITY, OPT_IPV4, OPT_IPV6, OPT_BATCH, OPT_ACCEPT_NEW, OPT_HOST_KEY,
		OPT_CIPHER, OPT_CC, OPT_TIMEOUT, OPT_CONTIMEOUT, OPT_JSON, OPT_VERSION, OPT_HELP,
	};

	for (size_t i = 0; i < sizeof fit / sizeof *fit; i++)
		if (fit[i] == val)
			return true;
	return false;
}

static void note_unfit(struct options *o, int val)
{
	for (size_t i = 0; i < OWN && !o->unfit[0]; i++)
		if (own_options[i].val == val && !fits_bench(val))
			snprintf(o->unfit, sizeof o->unfit, "%s", own_options[i].longName);
}

static enum status walk_options(struct options *o, poptContext con, int argc, char **argv)
{
	enum status st = ST_OK;
	char        seen[200];
	int         val;

	while (st == ST_OK && (val = poptGetNextOpt(con)) > 0) {
		if (val >= OPT_FOREIGN) {
			const struct foreign *f = &foreign_options[val - OPT_FOREIGN];
			return say_foreign(f, typed_as_word(argc, argv, f));
		}
		note_unfit(o, val);
		char *text = poptGetOptArg(con);
		st = text ? take_value(o, val, text) : take_flag(o, val);
		o->of_host = o->of_host ? o->of_host : of_host(val);
		free(text);
	}
	if (st != ST_OK || val == -1)
		return st;
	vis_str(seen, sizeof seen, poptBadOption(con, POPT_BADOPTION_NOALIAS));
	if (val == POPT_ERROR_BADOPT)
		log_error("%s: there is no such option: zcp --help lists those there are", seen);
	else
		log_error("%s: %s: see zcp --help", seen, poptStrerror(val));
	return ST_USAGE;
}

/* Was it typed, rather than brought in by an alias? */
static bool typed(int argc, char **argv, const char *word, const char *value)
{
	size_t n = strlen(word);

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (strncmp(argv[i], word, n) != 0)
			continue;
		if (!value ? !argv[i][n] : argv[i][n] == '=' && strcmp(argv[i] + n + 1, value) == 0)
			return true;
		if (value && !argv[i][n] && i + 1 < argc && strcmp(argv[i + 1], value) == 0)
			return true;
	}
	return false;
}

static enum status check_whole(struct options *o, int argc, char **argv)
{
	char seen[300];

	if (options_bench_agrees(o) != ST_OK)
		return ST_USAGE;
	if (o->bench && !o->help && !o->version)
		return ST_OK;
	if (o->integrity == INTEGRITY_NONE &&
	    (!typed(argc, argv, "--plaintext", NULL) || !typed(argc, argv, "--integrity", "none"))) {
		log_error("--integrity=none: only together with --plaintext, both typed on the command line: nothing would check the bytes");
		return ST_CANNOT;
	}
	if (o->integrity == INTEGRITY_NONE && o->streams > 1) {
		log_error("--integrity=none: over one stream only (-j 1): what several streams bring is put together by its tags");
		return ST_CANNOT;
	}
	if (o->integrity == INTEGRITY_NONE)
		o->streams = 1;
	if (option_rates_agree(o) != ST_OK || options_choice_agrees(o) != ST_OK)
		return ST_USAGE;
	if (o->json && (o->help || o->version || o->public_key || o->forget_host)) {
		log_error("--json tells of a copy: it does not go with --help, --version, --public-key and --forget-host");
		return ST_USAGE;
	}
	if (o->json && o->failed_to && strcmp(o->failed_to, "-") == 0) {
		log_error("--failed-to=- and --json would both write to standard output: name a file");
		return ST_USAGE;
	}
	if (o->help || o->version || o->public_key || o->forget_host)
		return ST_OK;
	if (o->list) {
		o->keep_links = true;           /* as ls -l shows them */
		if (o->count == 0)
			log_error("--list: of what? zcp --list host:path");
		return o->count ? ST_OK : ST_USAGE;
	}
	if (o->count == 0)
		log_error("nothing to copy: zcp [options] SRC... DST, one side, or none, is host:path (zcp --help)");
	else if (o->count == 1)
		log_error("'%s': copy it to where? zcp [options] SRC... DST", vis_str(seen, sizeof seen, o->args[0]));
	return o->count < 2 ? ST_USAGE : ST_OK;
}

static enum status take_args(struct options *o, poptContext con)
{
	const char **left = poptGetArgs(con);

	while (left && left[o->count])
		o->count++;
	o->args = calloc((size_t)o->count + 1, sizeof *o->args);
	for (int i = 0; o->args && left && left[i]; i++) {
		o->args[i] = strdup(left[i]);
		if (!o->args[i])
			return ST_FILE_IO;
	}
	return o->args ? ST_OK : ST_FILE_IO;
}

static void defaults(struct options *o)
{
	unsigned n = 0;

	*o = (struct options){ .stall_s = DEFAULT_STALL_S, .connect_s = DEFAULT_CONNECT_S, .max_size = UINT64_MAX, .bench_size = 1 << 30, .rounds = 3 };
	for (size_t i = 0; suites[i]; i++)
		if (suite_usable(suites[i]))
			o->suites[n++] = suites[i]->id;
}

enum status options_parse(struct options *o, int argc, char **argv)
{
	struct poptOption *table = whole_table();
	const char **words = calloc((size_t)argc + 1, sizeof *words);
	enum status st = ST_FILE_IO;

	for (int i = 0; words && i < argc; i++)
		words[i] = argv[i];
	poptContext con = table && words ? poptGetContext("zcp", argc, words, table, POPT_CONTEXT_NO_EXEC) : NULL;
	defaults(o);
	if (con) {
		poptReadDefaultConfig(con, 0);
		st = walk_options(o, con, argc, argv);
	}
	if (con && st == ST_OK)
		st = take_args(o, con);
	if (con && st == ST_OK)
		st = check_whole(o, argc, argv);
	if (con)
		poptFreeContext(con);
	free(table);
	free(words);
	if (st == ST_FILE_IO)
		log_error("out of memory");
	return st;
}

void options_help(FILE *out)
{
	fputs("usage: zcp [options] SRC... DST\n"
	      "copy files between here and a host that runs zcpd: SRC or DST is [user@]host:path, [v6]:path or zcp://host[:port]/path\n"
	      "or, where none of them is, on this machine\n\n", out);
	for (size_t i = 0; i < OWN; i++) {
		const struct poptOption *p = &own_options[i];
		char word[60], letter[8] = "   ";
		if (p->shortName)
			snprintf(letter, sizeof letter, "-%c,", p->shortName);
		snprintf(word, sizeof word, "--%s%s%s", p->longName, p->argDescrip ? "=" : "", p->argDescrip ? p->argDescrip : "");
		fprintf(out, "  %s %-28s %s\n", letter, word, p->descrip);
	}
	fputs("\nexit status 0: everything was copied. All others, and examples: man zcp\n", out);
}

void options_clear(struct options *o)
{
	for (int i = 0; o->args && i < o->count; i++)
		free(o->args[i]);
	free(o->args);
	free(o->identity);
	free(o->config);
	free(o->forget_host);
	free(o->cc);
	free(o->rate_file);
	free(o->files_from);
	rules_clear(&o->rules);
	free(o->failed_to);
	free(o->plot);
	*o = (struct options){ 0 };
}
