/*
 * journal.h - one event as a datagram to systemd's journal, with fields: its native protocol.
 *
 * Form     NAME=value, newline; a value with a newline in it: NAME, newline, its length (64 bits, little-endian), the value, newline.
 *          Names are this program's own constants: upper case, digits, '_'. Values are visible text: what came from a peer goes through vis() first.
 * Open     in the listener, before the sandbox: connected, close-on-exec, above the three standard descriptors.
 * Send     never blocks and never fails the caller: a journal that is full or gone is told by -errno, and the line goes to stderr instead (log.c).
 * Source   systemd's page "Native Journal Protocol". Proof tests/unit/journal.c, tests/transfers.bats.
 */
#pragma once
#include <stddef.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct journal_field { const char *name, *value; };     /* value NULL: left out */

int journal_open(const char *path);             /* fd or -errno */
int journal_send(int fd, const struct journal_field *, size_t count);           /* 0; -EMSGSIZE, -EAGAIN, -ECONNREFUSED ... */
