/*
 * unix_socket.h - sockets that are called by a path: how they are spelt, listening, connecting, who is at the other end.
 *
 * Spec     "unix:/path", of --listen, `listen` and zcp's targets: absolute, 1..UNIX_PATH_BYTES bytes (unix(7)), none of them ':' (which ends it in `unix:/path:file`),
 *          white space or control (it stands in known_hosts, logs and tables).
 * Listen   what stands there already: a socket that nobody listens at is removed, one that somebody does is -EADDRINUSE, anything else -EEXIST, and stays. The name never has
 *          more than `mode`, and in the end has just that, whatever the umask is. Non-blocking, close-on-exec.
 * Peer     the uid of who called connect(), in this process's user namespace (SO_PEERCRED): for limits and logs. Who holds a key is another question.
 * Returns  fd >= 0 or -errno. -ENAMETOOLONG: the path does not fit. Connecting: -ECONNREFUSED nobody listens, -EAGAIN, after a wait -ETIMEDOUT, too many wait already (unix(7)).
 * Source   unix(7). Proof tests/unit/unix_socket.c, tests/unix-socket.bats.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { UNIX_PATH_BYTES = 107 };

const char *unix_spec(const char *text);        /* what stands behind "unix:", if there is a path; NULL: it is spelt otherwise */
bool unix_path_ok(const char *path);
int  unix_listen(const char *path, mode_t mode);
int  unix_listen_at(const char *path, int fds[], int max);       /* net_listen()'s: 0666. 1, or -errno; -EINVAL: unix_path_ok() says no */
/* timeout_ms: how long to wait where others wait already, and a blocking socket; 0: no wait, and a non-blocking one. */
int  unix_connect(const char *path, int timeout_ms);
bool unix_is(int sock);
/* The path that the listening side was bound to, as both ends have it. Bytes; 0: it has none. */
size_t unix_name(int sock, bool of_peer, char out[static UNIX_PATH_BYTES + 1]);
bool unix_peer_at(int sock, const char *path);          /* the other side is bound to this path, by these very bytes */
int  unix_peer_uid(int sock, uint32_t *uid);
