/* journal.c - see journal.h */
#include "common/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "common/cleanup.h"

enum { DATAGRAM_MAX = 64 * 1024 };

int journal_open(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof to.sun_path)
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path));
	CLEAN_FD int low = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (low < 0 || connect(low, (struct sockaddr *)&to, sizeof to) < 0)
		return -errno;
	/* a program whose standard descriptors were closed gets /dev/null there later */
	int fd = fcntl(low, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

struct datagram { size_t at; char bytes[DATAGRAM_MAX]; };

static int add(struct datagram *d, const void *p, size_t n)
{
	if (n > sizeof d->bytes - d->at)
		return -EMSGSIZE;
	memcpy(d->bytes + d->at, p, n);
	d->at += n;
	return 0;
}

static int add_field(struct datagram *d, const struct journal_field *f)
{
	size_t  len = strlen(f->value);
	bool    lines = memchr(f->value, '\n', len) != NULL;
	uint8_t size[8];

	for (unsigned i = 0; i < 8; i++)
		size[i] = (uint8_t)((uint64_t)len >> (8 * i));
	int r = add(d, f->name, strlen(f->name));
	r = r < 0 ? r : add(d, lines ? "\n" : "=", 1);
	r = r < 0 || !lines ? r : add(d, size, sizeof size);
	r = r < 0 ? r : add(d, f->value, len);
	return r < 0 ? r : add(d, "\n", 1);
}

int journal_send(int fd, const struct journal_field *fields, size_t count)
{
	struct datagram d;

	d.at = 0;
	for (size_t i = 0; i < count; i++) {
		int r = fields[i].value ? add_field(&d, &fields[i]) : 0;
		if (r < 0)
			return r;
	}
	return send(fd, d.bytes, d.at, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
