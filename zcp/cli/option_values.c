/* option_values.c - see option_values.h */
#include "zcp/cli/option_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "common/num.h"
#include "common/vis.h"
#include "zcp/rate.h"

static enum status bad_value(const char *option, const char *value, const char *want)
{
	char v[200];

	log_error("%s: '%s' is not %s", option, vis_str(v, sizeof v, value), want);
	return ST_USAGE;
}

enum status option_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	char want[80];

	if (num_parse(text, least, most, out) == 0)
		return ST_OK;
	snprintf(want, sizeof want, "a number from %llu to %llu", (unsigned long long)least, (unsigned long long)most);
	return bad_value(option, text, want);
}

enum status option_size(const char *option, const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	char        digits[32];
	size_t      n = strlen(text);
	const char *unit = n ? strchr(units, text[n - 1] & ~0x20) : NULL;
	unsigned    shift = unit && *unit ? 10 * (unsigned)(unit - units + 1) : 0;
	uint64_t    v;

	n -= shift > 0;
	snprintf(digits, sizeof digits, "%.*s", (int)(n < sizeof digits ? n : sizeof digits - 1), text);
	if (n >= sizeof digits || num_parse(digits, 0, INT64_MAX >> shift, &v) < 0)
		return bad_value(option, text, "a size: whole bytes, or a whole number with K, M, G or T (1,024 bytes and so on)");
	*bytes = v << shift;
	return ST_OK;
}

enum status option_bench_size(const char *text, uint64_t *bytes)
{
	enum status st = option_size("--size", text, bytes);

	if (st == ST_OK && (*bytes < 1 << 20 || *bytes > (uint64_t)1 << 40))
		return bad_value("--size", text, "between 1M and 1T");
	return st;
}

/* rsync's -P takes nothing, so what follows it there is a name. */
enum status option_port(const char *text, uint64_t *out)
{
	if (strpbrk(text, "/:.") || (*text && !strpbrk(text, "0123456789")))
		return bad_value("-P/--port", text, "a port, a number from 1 to 65535 (rsync's -P is --progress; interrupted copies go on by themselves)");
	return option_number("-P/--port", text, 1, 65535, out);
}

static bool is_fingerprint(const char *text)
{
	if (strncmp(text, "SHA256:", 7) != 0 || strlen(text) != KEY_FINGERPRINT - 1)
		return false;
	return strspn(text + 7, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == KEY_FINGERPRINT - 8;
}

enum status option_pin(struct options *o, const char *text)
{
	o->pinned = true;
	if (is_fingerprint(text)) {
		memcpy(o->pin_fingerprint, text, KEY_FINGERPRINT);
		return ST_OK;
	}
	o->pin_fingerprint[0] = '\0';
	if (keys_parse(text, o->pin_key) == 0)
		return ST_OK;
	return bad_value("--host-key", text, "a key (`zcpd --public-key` prints it) or a fingerprint (SHA256:...)");
}

enum status option_ciphers(struct options *o, const char *text)
{
	const char *bad = text;
	char        name[80], have[120] = "";
	int         r = suite_parse_list(text, o->suites, &bad);

	if (r > 0) {
		o->suites[r] = 0;
		return ST_OK;
	}
	vis(name, sizeof name, bad, strcspn(bad, ","));
	for (size_t i = 0; suites[i]; i++)
		if (suite_usable(suites[i]))
			snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", *have ? ", " : "", suites[i]->name);
	if (r == -EOPNOTSUPP)
		log_error("--cipher: this libsodium or processor cannot do '%s'; it can do %s", name, have);
	else
		log_error("--cipher: there is no cipher '%s'; there are %s", name, have);
	return r == -EOPNOTSUPP ? ST_CANNOT : ST_USAGE;
}

static enum status take_one_engine(const char *name, unsigned way, const struct engine **out)
{
	char        words[300], seen[60];
	struct fail f;

	*out = NULL;
	if (strcmp(name, "auto") == 0)
		return ST_OK;
	const struct engine *e = engine_by_name(name);
	if (!e) {
		log_error("--engine: there is no engine '%s'; there are sendfile, splice, mmap, readwrite, direct and auto, and for copies on one machine reflink and copy_file_range",
		          vis_str(seen, sizeof seen, name));
		return ST_USAGE;
	}
	if (e->id == ENGINE_NULL) {
		log_error("--engine=null moves nothing that is kept: it serves measurements only");
		return ST_CANNOT;
	}
	f = engine_check(e, way);
	if (f.status) {
		log_error("--engine=%s %s", e->name, fail_words(f, words, sizeof words));
		return f.status;
	}
	*out = e;
	return ST_OK;
}

enum status option_engines(struct options *o, char *text)
{
	char *comma = strchr(text, ',');

	if (comma)
		*comma = '\0';
	o->copier = comma ? NULL : copier_by_name(text);
	o->send = o->recv = NULL;
	if (o->copier && !engine_by_name(text))
		return ST_OK;
	enum status st = take_one_engine(text, CAN_SEND, &o->send);
	if (st == ST_OK && comma)
		st = take_one_engine(comma + 1, CAN_RECV, &o->recv);
	return st;
}

enum status option_integrity(struct options *o, const char *text)
{
	if (strcmp(text, "mac") != 0 && strcmp(text, "none") != 0)
		return bad_value("--integrity", text, "mac or none");
	o->integrity = text[0] == 'n' ? INTEGRITY_NONE : INTEGRITY_MAC;
	return ST_OK;
}

enum status option_cc(struct options *o, const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > 15 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n)
		return bad_value("--cc", text, "the name of a TCP congestion control (cubic, bbr, reno ...)");
	free(o->cc);
	o->cc = strdup(text);
	return o->cc ? ST_OK : ST_FILE_IO;
}

enum status option_name(const char *option, const char *text, char **out)
{
	if (!*text)
		return bad_value(option, text, "a name");
	free(*out);
	*out = strdup(text);
	return *out ? ST_OK : ST_FILE_IO;
}

enum status option_kbit(struct options *o, const char *text)
{
	uint64_t n = 0;
	char     want[120];

	if (num_parse(text, RATE_LEAST / KBIT, 100 << 20, &n) < 0) {
		snprintf(want, sizeof want, "a number from %d to %d (Kbit/s; --bwlimit=1M is in bytes)", RATE_LEAST / KBIT, 100 << 20);
		return bad_value("-l/--limit", text, want);
	}
	o->kbit_given = true;
	o->kbit_bytes_per_s = n * KBIT;
	return ST_OK;
}

enum status option_bwlimit(struct options *o, const char *text)
{
	char want[160];

	free(o->rate_file);
	o->rate_file = NULL;
	o->bytes_per_s = 0;
	o->rate_given = true;
	if (text[0] == '@')
		return text[1] ? option_name("--bwlimit", text + 1, &o->rate_file) : bad_value("--bwlimit", text, "@FILE: it names no file");
	int r = rate_parse(text, &o->bytes_per_s);
	if (r == 0)
		return ST_OK;
	if (r == -ERANGE && text[0] != '-' && strlen(text) < 8)
		return bad_value("--bwlimit", text, "enough: at least 4K, or zcpd takes the streams for dead");
	if (*text && text[strspn(text, "0123456789.,KMGkmg")] == '\0' && strpbrk(text, ".,"))
		return bad_value("--bwlimit", text, "a rate: whole numbers only, 1536K for 1.5M");
	snprintf(want, sizeof want, "%s; @FILE has it in FILE", rate_form);
	return bad_value("--bwlimit", text, want);
}

enum status option_rates_agree(struct options *o)
{
	if (!o->kbit_given)
		return ST_OK;
	if (o->rate_given && (o->rate_file || o->bytes_per_s != o->kbit_bytes_per_s)) {
		log_error("-l and --bwlimit contradict each other: give one of them");
		return ST_USAGE;
	}
	o->bytes_per_s = o->kbit_bytes_per_s;
	return ST_OK;
}
