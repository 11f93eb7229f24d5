/* authorized.c - the file's lines, and who is let in by them; the options are in authorized_options.c, which file it is in admission.c. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/vis.h"
#include "zcpd/authorized.h"
#include "zcpd/authorized_options.h"

enum { KEY_WORD = 44, SHOWN = 20 };

static const char *unprintable(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];
		if (c == '\0')
			return "a NUL byte";
		if (c == '\r')
			return "a carriage return: the file has another system's line ends";
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return "a control character";
	}
	return NULL;
}

/* Whoever forgot NAME must not have his option taken for one: the key would be let in without it. */
static const char *bad_name(const char *name)
{
	if (strlen(name) > AUTHORIZED_NAME_MAX)
		return "a NAME longer than 128 bytes";
	if (*name == '#')
		return "a comment behind KEY: it must stand on a line of its own";
	return authorized_is_option(name) ? "an option where NAME should stand" : NULL;
}

static const char *bad_type(const char *type)
{
	uint8_t pk[KEY_BYTES];

	if (strncmp(type, "ssh-", 4) == 0 || strncmp(type, "ecdsa-", 6) == 0 || strncmp(type, "sk-", 3) == 0)
		return "does not begin with zcp-x25519: a key of ssh's opens nothing here; zcp --public-key prints zcp's";
	return keys_parse(type, pk) == 0 ? "does not begin with zcp-x25519: that word goes before the key" : "does not begin with zcp-x25519";
}

static const char *bad_key(const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n == 0)
		return "KEY is not a key: there is none behind zcp-x25519";
	if (n != KEY_WORD)
		return n < KEY_WORD ? "KEY is not a key: a part is missing, it has 44 characters" : "KEY is not a key: too long, it has 44 characters";
	return "KEY is not a key: a character in it is wrong";
}

/* NULL: key is the line's. "": nothing on the line. Else what is wrong with it, and the word that is meant (NULL: none is to be shown). */
static const char *parse_line(char *line, struct authorized_key *key, const char **word)
{
	char *type = authorized_word(&line);

	if (!type || *type == '#')
		return "";
	if (strcmp(type, "zcp-x25519-secret") == 0)
		return "a SECRET key: it must not stand here, and should be replaced";
	*word = type;
	if (strcmp(type, "zcp-x25519") != 0)
		return bad_type(type);
	char *text = authorized_word(&line), *name = authorized_word(&line);
	*word = text;
	if (!text || keys_parse(text, key->pk) < 0)
		return bad_key(text);
	if (!name) {
		keys_fingerprint(key->pk, key->name);
		return NULL;
	}
	*word = name;
	const char *bad = bad_name(name);
	if (bad)
		return bad;
	memcpy(key->name, name, strlen(name) + 1);
	for (char *option; (option = authorized_word(&line)) != NULL;) {
		*word = option;
		bad = authorized_option(option, key);
		if (bad)
			return bad;
	}
	return NULL;
}

/* A long word's beginning: it may be a secret that stands in the wrong place. */
static void show(struct authorized_bad *bad, const char *word)
{
	char   cut[SHOWN + 1];
	size_t n = strlen(word);

	snprintf(cut, sizeof cut, "%s", word);
	vis_str(bad->word, sizeof bad->word - 3, cut);
	if (n > SHOWN)
		memcpy(bad->word + strlen(bad->word), "...", 4);
}

const char *authorized_says(const struct authorized_bad *bad, char buf[static AUTHORIZED_SAYS])
{
	if (*bad->word)
		snprintf(buf, AUTHORIZED_SAYS, "\"%s\": %s", bad->word, bad->what);
	else
		snprintf(buf, AUTHORIZED_SAYS, "%s", bad->what);
	return buf;
}

static void clear_key(struct authorized_key *key)
{
	for (size_t i = 0; i < key->exports.count; i++)
		free(key->exports.list[i]);
	free(key->exports.list);
	free(key->from);
}

/* Room is for a power of two of keys. */
static int append(struct authorized_list *list, const struct authorized_key *key)
{
	if ((list->count & (list->count - 1)) == 0) {
		size_t                 room = list->count ? list->count * 2 : 1;
		struct authorized_key *more = realloc(list->keys, room * sizeof *more);
		if (!more)
			return -ENOMEM;
		list->keys = more;
	}
	list->keys[list->count++] = *key;
	return 0;
}

static int take_line(const char *from, size_t len, struct authorized_list *list, struct authorized_bad *bad)
{
	char                  line[AUTHORIZED_LINE_MAX + 1];
	struct authorized_key key = { .expires = AUTHORIZED_FOREVER, .line = bad->line };

	bad->what = len > AUTHORIZED_LINE_MAX ? "a line longer than 1,024 bytes" : unprintable(from, len);
	if (bad->what)
		return -EINVAL;
	memcpy(line, from, len);
	line[len] = '\0';
	const char *word = NULL;
	bad->what = parse_line(line, &key, &word);
	if (bad->what && *bad->what && word)
		show(bad, word);
	int r = !bad->what ? append(list, &key) : *bad->what ? -EINVAL : 0;
	if (bad->what == authorized_no_memory)
		r = -ENOMEM;
	if (bad->what || r < 0)
		clear_key(&key);
	return r;
}

/* --- twice ------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct authorized_key *const *x = a, *const *y = b;
	int                                 c = strcmp((*x)->name, (*y)->name);

	return c ? c : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static int by_key(const void *a, const void *b)
{
	const struct authorized_key *const *x = a, *const *y = b;
	int                                 c = memcmp((*x)->pk, (*y)->pk, KEY_BYTES);  /* public keys: nothing to hide */

	return c ? c : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

/* The first line that repeats what stands above it, if there is one before *bad's. */
static void find_double(const struct authorized_key **at, size_t count, int (*order)(const void *, const void *), const char *what,
                        struct authorized_bad *bad)
{
	qsort(at, count, sizeof *at, order);            /* NOLINT(bugprone-sizeof-expression): pointers are sorted */
	for (size_t i = 1; i < count; i++) {
		bool same = order == by_name ? strcmp(at[i]->name, at[i - 1]->name) == 0 : memcmp(at[i]->pk, at[i - 1]->pk, KEY_BYTES) == 0;
		if (same && (!bad->what || at[i]->line < bad->line))
			*bad = (struct authorized_bad){ .line = at[i]->line, .what = what };
		else
			continue;
		if (order == by_name)
			show(bad, at[i]->name);
	}
}

static int check_doubles(const struct authorized_list *list, struct authorized_bad *bad)
{
	const struct authorized_key **at = list->count ? calloc(list->count, sizeof(struct authorized_key *)) : NULL;

	if (!list->count)
		return 0;
	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		at[i] = &list->keys[i];
	find_double(at, list->count, by_name, "a NAME that stands on another line already", bad);
	find_double(at, list->count, by_key, "a KEY that stands on another line already", bad);
	free(at);
	return 0;
}

int authorized_parse(const char *text, size_t len, struct authorized_list *out, struct authorized_bad *bad)
{
	struct authorized_list list = { 0 };
	const char            *end = text + len;
	int                    r = 0;

	*bad = (struct authorized_bad){ 0 };
	while (text < end && r == 0) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		if (!stop)
			stop = end;
		bad->line++;
		r = take_line(text, (size_t)(stop - text), &list, bad);
		text = stop + 1;
	}
	if (r == 0)
		bad->what = NULL;
	if (r != -ENOMEM) {
		int twice = check_doubles(&list, bad);
		r = twice < 0 ? twice : bad->what ? -EINVAL : 0;
	}
	if (r < 0)
		authorized_list_clear(&list);
	else
		*out = list;
	return r;
}

void authorized_list_clear(struct authorized_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		clear_key(&list->keys[i]);
	free(list->keys);
	*list = (struct authorized_list){ 0 };
}

/* --- who is let in ----------------------------------------------------------------------------------------------- */

static bool from_allows(const struct authorized_key *key, const struct net_addr *peer)
{
	for (size_t i = 0; i < key->from_count; i++)
		if (net_cidr_has(&key->from[i], peer))
			return true;
	return key->from_count == 0;
}

static struct fail check_key(const struct authorized_key *key, const struct net_addr *peer, int64_t now)
{
	if (!from_allows(key, peer))
		return fail_why(ST_REFUSED, WHY_KEY_PLACE);
	return now >= key->expires ? fail_why(ST_REFUSED, WHY_KEY_EXPIRED) : (struct fail){ 0 };
}

const struct authorized_key *authorized_find(const struct authorized *a, const uint8_t pk[static KEY_BYTES], const struct net_addr *peer,
                                             int64_t now, struct authorized_key *any, struct fail *fail)
{
	*fail = a->fail;
	if (a->rule == AUTHORIZED_ANY) {
		*any = (struct authorized_key){ .expires = AUTHORIZED_FOREVER };
		memcpy(any->pk, pk, KEY_BYTES);
		keys_fingerprint(pk, any->name);
		return any;
	}
	if (fail->status)
		return NULL;
	*fail = fail_why(ST_REFUSED, WHY_KEY);
	for (size_t i = 0; i < a->list.count; i++) {
		if (sodium_memcmp(a->list.keys[i].pk, pk, KEY_BYTES) != 0)
			continue;
		*fail = check_key(&a->list.keys[i], peer, now);
		return fail->status ? NULL : &a->list.keys[i];
	}
	return NULL;
}

void authorized_clear(struct authorized *a)
{
	authorized_list_clear(&a->list);
	free(a->file);
	free(a->identity);
	*a = (struct authorized){ 0 };
}
