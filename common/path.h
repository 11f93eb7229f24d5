/*
 * path.h - open names a peer sent, without ever leaving one directory.
 *
 * Path     relative, '/' between parts, 1..4095 bytes (or "" = the base itself where said), any byte but NUL. Parts "", ".", "..", above 255
 *          bytes or of an aside file's form (.zcp- + 32 hex digits, and + ".j") are refused before the kernel sees them.
 * Opening  openat2(base, ..., RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS), for writing also RESOLVE_NO_SYMLINKS. EAGAIN (raced by a rename) is tried
 *          16 times. Everything that changes a directory takes a descriptor from path_parent() and ONE checked component.
 * Returns  fd >= 0, close-on-exec, the caller's; or -errno: -EINVAL spelling, -EXDEV leaves the base, -ELOOP magic link or link where none may be,
 *          -ENOSYS kernel before 5.6: there is no fallback.
 * Source   openat2(2). Proof tests/unit/path.c, tests/path.bats (climbing, absolute, link out, directory swapped mid-run).
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include "common/wire.h"

enum { PATH_READ = 0, PATH_WRITE = 1 /* no links on the way */ };

/* Checked copy, terminated, into out (WIRE_PATH_MAX + 1). allow_empty: "" stands for the base. 0, -EINVAL, -ENAMETOOLONG */
int  path_check(struct wire_str, bool allow_empty, char out[static WIRE_PATH_MAX + 1]);
int  path_component_check(struct wire_str, char out[static WIRE_NAME_MAX + 1]);
bool path_is_aside(const char *name);
/* Open below base: follow = a link as the last part is followed (still beneath). "" opens the base anew. */
int  path_open(int base, const char *path, int flags, bool follow);
/* O_PATH descriptor of the directory that holds `path`, and where its last component starts. */
int  path_parent(int base, const char *path, int way, const char **last);
/* One checked component (or ".") of the directory dir, never a link; mode counts with O_CREAT only. fd >= 0 or -errno */
int  path_one(int dir, const char *name, int flags, mode_t mode);
/* The absolute name that the kernel has for what is open, no link in it. False: none (not mounted here, PATH_MAX and longer, no /proc). */
bool path_name(int fd, char name[static PATH_MAX]);
int  path_supported(void);                              /* 0, or -ENOSYS / -EPERM: no openat2 */

/* path_parent() with the last answer kept: a tree names one directory many times. The fd stays the cache's. */
struct path_cache { int fd, base, way; unsigned opened; char dir[WIRE_PATH_MAX + 1]; };  /* base and way: of that answer; opened: counts them */
void path_cache_init(struct path_cache *);
int  path_cache_parent(struct path_cache *, int base, const char *path, int way, const char **last);
void path_cache_drop(struct path_cache *);              /* after anything that could have renamed directories */
