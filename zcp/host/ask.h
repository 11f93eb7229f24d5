/*
 * ask.h - the one question zcp ever asks: is this the host's key?
 *
 * Only where a person is: standard input and error are terminals, and so is /dev/tty. Everything else is "no".
 * Proof    tests/cli.bats (a real terminal), tests/handshake.bats (no terminal: refused).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "common/keys.h"

bool ask_possible(void);
/* true: "yes", or the very fingerprint was typed. */
bool ask_about_key(const char *where, const uint8_t key[static KEY_BYTES]);
