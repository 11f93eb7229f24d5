/* admission.c - where the authorised keys come from now: the file, or the identity of the user who started zcpd; read anew when changed. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/vis.h"
#include "zcpd/authorized.h"

static struct authorized_stamp stamp_of(const char *path)
{
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return (struct authorized_stamp){ .err = path ? errno : ENOENT };
	return (struct authorized_stamp){ 0, st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim };
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct authorized_stamp *a, const struct authorized_stamp *b)
{
	return a->err == b->err && a->dev == b->dev && a->ino == b->ino && a->size == b->size && same_time(a->mtim, b->mtim)
	    && same_time(a->ctim, b->ctim);
}

static void broken(struct authorized *a, const char *path, unsigned line, const char *what)
{
	char shown[512];

	vis_str(shown, sizeof shown, path);
	if (line)
		log_error("\"%s\" line %u: %s. Nobody is let in until this is put right", shown, line, what);
	else
		log_error("\"%s\": %s. Nobody is let in until this is put right", shown, what);
	a->fail = fail_why(ST_REFUSED, WHY_KEYS_BROKEN);
}

/* What is this moment's and not the file's: it is looked at again, though the file stays as it is. */
static void unreadable(struct authorized *a, int minus_errno)
{
	char words[128];

	broken(a, a->file, 0, fail_words(fail_errno(minus_errno), words, sizeof words));
	a->read_once = minus_errno == -ENOENT || minus_errno == -EACCES;        /* a change of these is seen */
}

/* Who may write the file says who is let in. NULL, or what is wrong with it. */
static const char *untrusted(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "belongs to another user";
	if (st->st_mode & 022)
		return "can be written by others (chmod go-w)";
	return st->st_size > AUTHORIZED_FILE_MAX ? "larger than 1 MiB" : NULL;
}

static void read_file(struct authorized *a, int fd)
{
	CLEAN_PTR char       *text = malloc(AUTHORIZED_FILE_MAX + 1);
	struct authorized_bad bad = { 0 };
	ssize_t               n = text ? io_pread_full(fd, text, AUTHORIZED_FILE_MAX, 0) : -ENOMEM;
	char                  words[128], says[AUTHORIZED_SAYS];

	if (n < 0) {
		unreadable(a, (int)n);
		return;
	}
	text[n] = '\0';
	int r = authorized_parse(text, (size_t)n, &a->list, &bad);
	if (r == -EINVAL)
		broken(a, a->file, bad.line, authorized_says(&bad, says));
	else if (r < 0)
		unreadable(a, r);
	if (r < 0)
		return;
	vis_str(words, sizeof words, a->file);
	log_info("%zu client key%s authorised by \"%s\"", a->list.count, a->list.count == 1 ? "" : "s", words);
}

static void load_file(struct authorized *a)
{
	char        shown[512];
	struct stat st;

	a->from = FROM_FILE;
	CLEAN_FD int fd = open(a->file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && a->rule == AUTHORIZED_DEFAULT) {
		log_info("no client is let in yet: there is no \"%s\" (zcpd --add-key)", vis_str(shown, sizeof shown, a->file));
		a->fail = fail_why(ST_REFUSED, WHY_KEY);
		return;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		unreadable(a, -errno);
		return;
	}
	const char *what = untrusted(&st);
	if (what)
		broken(a, a->file, 0, what);
	else
		read_file(a, fd);
}

static void load_identity(struct authorized *a)
{
	struct keypair pair;
	char           shown[512], file[512], words[128];
	int            r = keys_load(a->identity, &pair);

	a->from = FROM_IDENTITY;
	vis_str(shown, sizeof shown, a->identity);
	if (r < 0) {
		log_warn("no client is let in yet: there is no \"%s\", and \"%s\": %s", vis_str(file, sizeof file, a->file), shown,
		         fail_words(fail_errno(r), words, sizeof words));
		a->fail = fail_why(ST_REFUSED, WHY_KEY);
		return;
	}
	a->list.keys = calloc(1, sizeof *a->list.keys);
	if (a->list.keys) {
		memcpy(a->list.keys[0].pk, pair.pk, KEY_BYTES);
		memcpy(a->list.keys[0].name, "owner", sizeof "owner");
		a->list.keys[0].expires = AUTHORIZED_FOREVER;
		a->list.count = 1;
		log_info("only the user's own client is let in: the identity \"%s\"", shown);
	}
	keys_wipe(&pair);
}

void authorized_refresh(struct authorized *a)
{
	struct authorized_stamp file = stamp_of(a->rule == AUTHORIZED_ANY ? NULL : a->file);
	struct authorized_stamp identity = stamp_of(a->identity);

	if (a->read_once && same_stamp(&file, &a->file_stamp) && same_stamp(&identity, &a->identity_stamp))
		return;
	a->read_once = true;
	a->file_stamp = file;
	a->identity_stamp = identity;
	authorized_list_clear(&a->list);
	a->fail = (struct fail){ 0 };
	a->from = FROM_NOTHING;
	if (a->rule == AUTHORIZED_ANY)
		return;
	if (a->rule == AUTHORIZED_DEFAULT && file.err == ENOENT && a->identity)
		load_identity(a);
	else
		load_file(a);
}
