/* failed_to.c - see failed_to.h */
#include "zcp/events/failed_to.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "common/io.h"
#include "common/standard.h"
#include "common/wire.h"

enum { SLOTS_FIRST = 256, NAME_MOST = 2 * WIRE_PATH_MAX + 2, COPY_BYTES = 16 * 1024 };

void failed_to_init(struct failed_to *f)
{
	*f = (struct failed_to){ .fd = -1, .to = -1 };
	pthread_mutex_init(&f->lock, NULL);
}

bool failed_to_wanted(const struct failed_to *f)
{
	return f->fd >= 0;
}

int failed_to_open(struct failed_to *f, const char *file)
{
	struct stat st;
	bool        out = strcmp(file, "-") == 0;
	CLEAN_FD int fd = out ? standard_dup(STDOUT_FILENO) : open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);

	if (out && fd < 0)
		return fd;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	randombytes_buf(f->key, sizeof f->key);
	if (!out && S_ISREG(st.st_mode)) {
		f->fd = keep_fd(&fd);
		return 0;
	}
	f->fd = memfd_create("failed-to", MFD_CLOEXEC);
	if (f->fd < 0)
		return -errno;
	f->to = keep_fd(&fd);
	return 0;
}

/* --- each name once --------------------------------------------------------------------------------------------------- */

static uint32_t *slot_of(const struct failed_to *f, const uint8_t hash[static FAILED_HASH])
{
	uint64_t at;

	memcpy(&at, hash, sizeof at);
	for (at &= f->slot_room - 1; f->slots[at]; at = (at + 1) & (f->slot_room - 1))
		if (memcmp(f->hashes[f->slots[at] - 1], hash, FAILED_HASH) == 0)
			break;
	return &f->slots[at];
}

/* All that are known into a table of this size. */
static int spread(struct failed_to *f, size_t room)
{
	uint32_t *slots = calloc(room, sizeof *slots);

	if (!slots)
		return -ENOMEM;
	free(f->slots);
	f->slots = slots;
	f->slot_room = room;
	for (size_t i = 0; i < f->count; i++)
		*slot_of(f, f->hashes[i]) = (uint32_t)i + 1;
	return 0;
}

static int make_room(struct failed_to *f)
{
	if (f->count == UINT32_MAX - 1)
		return -ENOMEM;
	if (f->count == f->room) {
		size_t room = f->room ? f->room * 2 : SLOTS_FIRST;
		void  *v = realloc(f->hashes, room * sizeof *f->hashes);
		if (!v)
			return -ENOMEM;
		f->hashes = v;
		f->room = room;
	}
	return f->slot_room && f->count < f->slot_room / 2 ? 0 : spread(f, f->slot_room ? f->slot_room * 2 : SLOTS_FIRST);
}

/* 1: it is new; 0: it stands there already. */
static int remember(struct failed_to *f, const char *name, size_t len)
{
	uint8_t hash[FAILED_HASH];
	int     r = make_room(f);

	if (r < 0)
		return r;
	crypto_generichash(hash, sizeof hash, (const unsigned char *)name, len, f->key, sizeof f->key);
	uint32_t *slot = slot_of(f, hash);
	if (*slot)
		return 0;
	memcpy(f->hashes[f->count], hash, sizeof hash);
	*slot = (uint32_t)++f->count;
	return 1;
}

/* --- written ---------------------------------------------------------------------------------------------------------- */

static size_t name_of(const struct failed_to *f, const char *source, const char *rest, char out[static NAME_MOST])
{
	int n;

	if (f->below || !*source)               /* "": a host's root */
		n = snprintf(out, NAME_MOST, "%s", *rest ? rest : ".");
	else
		n = snprintf(out, NAME_MOST, "%s%s%s", source, *rest && strcmp(source, "/") != 0 ? "/" : "", rest);
	return n < 0 || n >= NAME_MOST ? 0 : (size_t)n;
}

static int take_back(struct failed_to *f, off_t end)
{
	if (ftruncate(f->fd, end) < 0 || lseek(f->fd, end, SEEK_SET) < 0)
		return -errno;
	f->end = end;
	return 0;
}

static int write_name(struct failed_to *f, const char *name, size_t len)
{
	int r = remember(f, name, len);

	if (r <= 0)
		return r;
	ssize_t n = io_write_full(f->fd, name, len + 1);
	if (n < 0) {
		take_back(f, f->end);
		return (int)n;
	}
	f->end += (off_t)len + 1;
	return 0;
}

int failed_to_add(struct failed_to *f, const char *source, const char *rest)
{
	char name[NAME_MOST];
	int  r = 0;

	if (!failed_to_wanted(f) || !source)
		return 0;
	pthread_mutex_lock(&f->lock);
	size_t len = name_of(f, source, rest, name);
	if (!f->error)
		r = f->error = len ? write_name(f, name, len) : -ENAMETOOLONG;
	pthread_mutex_unlock(&f->lock);
	return r;
}

void failed_to_lasts(struct failed_to *f)
{
	f->lasting_end = f->end;
	f->lasting = f->count;
}

int failed_to_again(struct failed_to *f)
{
	if (!failed_to_wanted(f) || f->error)
		return 0;
	f->count = f->lasting;
	f->error = f->slot_room ? spread(f, f->slot_room) : 0;
	if (!f->error)
		f->error = take_back(f, f->lasting_end);
	return f->error;
}

static int copy_out(const struct failed_to *f)
{
	char    buf[COPY_BYTES];
	ssize_t n = 1;

	for (uint64_t at = 0; n > 0; at += (uint64_t)n) {
		n = io_pread_full(f->fd, buf, sizeof buf, at);
		ssize_t r = n > 0 ? io_write_full(f->to, buf, (size_t)n) : 0;
		n = r < 0 ? r : n;
	}
	return (int)n;
}

int failed_to_end(struct failed_to *f)
{
	int r = 0;

	if (!failed_to_wanted(f))
		return 0;
	if (f->to >= 0 && !f->error)
		r = copy_out(f);
	close_fd(&f->to);
	/* a full disk may show only now */
	if (close(f->fd) < 0 && !f->error && r == 0)
		r = -errno;
	free(f->hashes);
	free(f->slots);
	failed_to_init(f);
	return r;
}
