/* authorized_options.c - see authorized_options.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zcpd/authorized_options.h"

const char authorized_no_memory[] = "out of memory";

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

char *authorized_word(char **at)
{
	char *p = *at;

	while (blank(*p))
		p++;
	*at = p;
	if (!*p)
		return NULL;
	char *start = p;
	while (*p && !blank(*p))
		p++;
	if (*p)
		*p++ = '\0';
	*at = p;
	return start;
}

/* --- expires= ---------------------------------------------------------------------------------------------------- */

static bool digits(const char *p, size_t n, int *out)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (p[i] - '0');
	}
	*out = v;
	return true;
}

static bool leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days from 1970-01-01 to the first of this month. */
static int64_t days_before(int year, int month)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t          y = year - 1;          /* whole years that are over */

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162 + before[month - 1] + (month > 2 && leap(year));
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && leap(year));
}

int authorized_time(const char *text, int64_t *seconds)
{
	size_t len = strlen(text);
	int    y, mo, d, h = 0, mi = 0, s = 0;

	if (len != 10 && len != 20)
		return -EINVAL;
	if (!digits(text, 4, &y) || text[4] != '-' || !digits(text + 5, 2, &mo) || text[7] != '-' || !digits(text + 8, 2, &d))
		return -EINVAL;
	if (len == 20 && (text[10] != 'T' || !digits(text + 11, 2, &h) || text[13] != ':' || !digits(text + 14, 2, &mi)
	                  || text[16] != ':' || !digits(text + 17, 2, &s) || text[19] != 'Z'))
		return -EINVAL;
	if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > days_in(y, mo) || h > 23 || mi > 59 || s > 59)
		return -EINVAL;
	*seconds = (days_before(y, mo) + d - 1) * 86400 + h * 3600 + mi * 60 + s;
	return 0;
}

/* --- the table --------------------------------------------------------------------------------------------------- */

static const char *take_write(const char *value, struct authorized_key *key)
{
	if (value)
		return "write takes no value";
	if (key->write)
		return "write stands twice";
	key->write = true;
	return NULL;
}

static const char *take_export(const char *value, struct authorized_key *key)
{
	if (!value || !*value)
		return "export= needs the name of an export";
	if (strchr(value, ','))
		return "export= takes one name: repeat the option for more";
	char **more = realloc(key->exports.list, (key->exports.count + 1) * sizeof *more);
	if (!more)
		return authorized_no_memory;
	key->exports.list = more;
	more[key->exports.count] = strdup(value);
	if (!more[key->exports.count])
		return authorized_no_memory;
	key->exports.count++;
	return NULL;
}

static const char *take_from(const char *value, struct authorized_key *key)
{
	struct net_cidr cidr;

	if (value && net_cidr_host_bits(value))
		return "from= is not a network: its bits behind the / are not 0 (10.0.0.0/8); one address has no /";
	if (!value || net_cidr_parse(value, &cidr) < 0)
		return "from= is not a network: write 10.0.0.0/8, fd00::/8 or a single address; repeat the option for more";
	struct net_cidr *more = realloc(key->from, (key->from_count + 1) * sizeof *more);
	if (!more)
		return authorized_no_memory;
	key->from = more;
	key->from[key->from_count++] = cidr;
	return NULL;
}

static const char *take_expires(const char *value, struct authorized_key *key)
{
	if (key->expires != AUTHORIZED_FOREVER)
		return "expires= stands twice";
	if (!value || authorized_time(value, &key->expires) < 0)
		return "expires= is not a date: write 2030-12-31 or 2030-12-31T23:59:59Z (UTC)";
	return NULL;
}

static const char *take_plaintext(const char *value, struct authorized_key *key)
{
	if (!value || strcmp(value, "no") != 0)
		return "plaintext= can only be no: where plaintext may go is zcpd's own setting";
	if (key->sealed)
		return "plaintext= stands twice";
	key->sealed = true;
	return NULL;
}

static const struct option {
	const char  *name;
	const char *(*take)(const char *value, struct authorized_key *);        /* value NULL: no '=' */
} options[] = {
	{ "write", take_write }, { "export", take_export }, { "from", take_from }, { "expires", take_expires },
	{ "plaintext", take_plaintext },
};

static const struct option *find(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (strlen(options[i].name) == len && memcmp(options[i].name, word, len) == 0)
			return &options[i];
	return NULL;
}

const char *authorized_option(const char *word, struct authorized_key *key)
{
	size_t               len = strcspn(word, "=");
	const struct option *o = find(word, len);

	return o ? o->take(word[len] ? word + len + 1 : NULL, key) : "an unknown option after NAME: write, export=, from=, expires= or plaintext=no (a NAME is one word)";
}

bool authorized_is_option(const char *word)
{
	return strchr(word, '=') || find(word, strlen(word));
}
