/*
 * target.h - one word of the command line -> a file here or on a host.
 *
 * Remote   [user@]host:path   [user@][v6]:path   [user@][fe80::1%lo]:path   zcp://[user@]host[:port]/path (percent-encoded)
 *          unix:/SOCKET:path: a zcpd of this machine by its socket's path (unix_socket.h), which no ':' is in; host is "unix:/SOCKET" then. A host that is
 *          called unix is asked for /path by unix:path or zcp://unix/path.
 * Local    everything else: a '/' before the first ':', or ':' at the start (`./a:b` is local).
 * Path     of a remote target: relative to what zcpd serves; "", "/" are its root. `.`, `//` and a trailing '/' are removed, `a/../b` is resolved;
 *          `..` that leaves and `~` are ST_MISSING with a hint. It is a pattern: * ? [ ] and backslash (bytes that were percent-encoded are
 *          quoted). `dir/.` means what is in it.
 * Returns  ST_OK; ST_USAGE (empty or malformed host, port, encoding) or ST_MISSING, with a sentence in why.
 * Proof    tests/unit/target.c, tests/cli.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/err.h"

enum { HOST_MAX = 255 };

struct target {
	char    *host;          /* owned; NULL: local */
	char    *path;          /* owned; local: as typed, without '/' at the end */
	uint16_t port;          /* 0: none given */
	bool     quoted;        /* bytes that would be a pattern and are none carry a backslash */
	bool     user;          /* user@ was given */
	bool     contents;      /* "dir/.", ".", "..", "/", "host:": what is in it, not the directory itself */
	bool     slash;         /* ended in '/': as DST it is to be a directory, of a source it says nothing */
};

enum status target_parse(const char *text, struct target *, char *why, size_t len);
void        target_clear(struct target *);
/* A host's name or address, as it may be looked up: not empty, no '-' at the start, letters, digits and .-_:% only. */
bool        target_host_ok(const char *host, size_t n);
const char *target_base(const struct target *);         /* last component of its path; "" if it has none */
/* Remove `.`, `//`, trailing '/', resolve `..`, in place. false: it leaves the root. */
bool        path_clean(char *path);
