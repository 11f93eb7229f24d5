/* authorized.c - the file's lines; the rules about which file are in admission.c. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "zcpd/authorized.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of the line, terminated in place; NULL at the end. */
static char *word(char **at)
{
	char *p = *at;

	while (blank(*p))
		p++;
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

static const char *already(const struct authorized_list *list, const struct authorized_key *key)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->keys[i].name, key->name) == 0)
			return "a NAME that stands on another line already";
		if (sodium_memcmp(list->keys[i].pk, key->pk, KEY_BYTES) == 0)
			return "a KEY that stands on another line already";
	}
	return NULL;
}

/* NULL: key is the line's. "": nothing on the line. Else what is wrong with it. */
static const char *parse_line(char *line, struct authorized_key *key)
{
	char *type = word(&line);

	if (!type || *type == '#')
		return "";
	if (strcmp(type, "zcp-x25519-secret") == 0)
		return "a SECRET key: it must not stand here, and should be replaced";
	if (strcmp(type, "zcp-x25519") != 0)
		return "does not begin with zcp-x25519";
	char *text = word(&line), *name = word(&line);
	if (!text || keys_parse(text, key->pk) < 0)
		return "KEY is not a key";
	if (!name) {
		keys_fingerprint(key->pk, key->name);
		return NULL;
	}
	if (strlen(name) > AUTHORIZED_NAME_MAX)
		return "a NAME longer than 128 bytes";
	if (word(&line))
		return "an unknown option after NAME";
	memcpy(key->name, name, strlen(name) + 1);
	return NULL;
}

static int append(struct authorized_list *list, const struct authorized_key *key)
{
	struct authorized_key *more = realloc(list->keys, (list->count + 1) * sizeof *more);

	if (!more)
		return -ENOMEM;
	list->keys = more;
	list->keys[list->count++] = *key;
	return 0;
}

static int take_line(const char *from, size_t len, struct authorized_list *list, const char **what)
{
	char                  line[AUTHORIZED_LINE_MAX + 1];
	struct authorized_key key = { { 0 }, "" };

	*what = len > AUTHORIZED_LINE_MAX ? "a line longer than 1,024 bytes" : unprintable(from, len);
	if (*what)
		return -EINVAL;
	memcpy(line, from, len);
	line[len] = '\0';
	*what = parse_line(line, &key);
	if (*what)
		return **what ? -EINVAL : 0;
	*what = already(list, &key);
	return *what ? -EINVAL : append(list, &key);
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
		r = take_line(text, (size_t)(stop - text), &list, &bad->what);
		text = stop + 1;
	}
	if (r < 0)
		authorized_list_clear(&list);
	else
		*out = list;
	return r;
}

void authorized_list_clear(struct authorized_list *list)
{
	free(list->keys);
	*list = (struct authorized_list){ 0 };
}

const char *authorized_name(const struct authorized *a, const uint8_t pk[static KEY_BYTES], char buf[static KEY_FINGERPRINT],
                            struct fail *fail)
{
	*fail = a->fail;
	if (a->rule == AUTHORIZED_ANY) {
		keys_fingerprint(pk, buf);
		return buf;
	}
	if (fail->status)
		return NULL;
	for (size_t i = 0; i < a->list.count; i++)
		if (sodium_memcmp(a->list.keys[i].pk, pk, KEY_BYTES) == 0)
			return a->list.keys[i].name;
	*fail = fail_why(ST_REFUSED, WHY_KEY);
	return NULL;
}

void authorized_clear(struct authorized *a)
{
	authorized_list_clear(&a->list);
	free(a->file);
	free(a->identity);
	*a = (struct authorized){ 0 };
}
