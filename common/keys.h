/*
 * keys.h - X25519 key pairs in files, and their text form `zcp-x25519 BASE64 comment`.
 *
 * Secret   file: one line `zcp-x25519-secret BASE64 comment`, 0600, made with O_EXCL and fsync; read through io_slurp(IO_PRIVATE).
 * Returns  0 or -errno: -EPERM (others can read or write it, or a foreign owner), -EINVAL (not a key), -ENOENT ...
 * Proof    tests/unit/keys.c (broken files), tests/cli.bats and tests/daemon.bats (modes, owners).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { KEY_BYTES = 32, KEY_TEXT = 64, KEY_FINGERPRINT = 51 };   /* text: "zcp-x25519 " + 44 + NUL; "SHA256:" + 43 + NUL */

struct keypair { uint8_t pk[KEY_BYTES], sk[KEY_BYTES]; };

int  keys_load(const char *path, struct keypair *);
/* A file that the service manager handed over, in a directory closed to others: its group bits may be the mask of an ACL. */
int  keys_load_credential(const char *path, struct keypair *);
/* Load, or make a new pair with `comment` (parent directory is made 0700 when missing). 1 = new, 0 = loaded, -errno */
int  keys_load_or_make(const char *path, const char *comment, struct keypair *);
int  keys_parse(const char *text, uint8_t pk[static KEY_BYTES]);      /* "zcp-x25519 BASE64[ comment]" or BASE64 alone */
void keys_text(const uint8_t pk[static KEY_BYTES], char out[static KEY_TEXT]);
void keys_fingerprint(const uint8_t pk[static KEY_BYTES], char out[static KEY_FINGERPRINT]);   /* SHA256:base64 without '=' */
void keys_wipe(struct keypair *);
