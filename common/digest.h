/*
 * digest.h - one number for a range of a file, so that two sides can tell whether they have the same bytes without sending them.
 *
 * What     BLAKE2b, 32 bytes, over the tags of the range's chunks of 256 KiB from its start, each the AEAD tag of an empty message with the chunk as associated data, under
 *          `key` (as much of it as the suite takes) and a nonce of zeros. A key is random and of one job: who made the files did not know it, so no two files were
 *          made to meet in it. It says nothing about who holds the bytes.
 * Range    [off, off + len), len 0: to the end. What is behind the end of the file counts for nothing: *hashed says how far it went.
 * Time     as long as reading takes: beat() is called between chunks, and < 0 ends it (-errno). A chunk that lies in a hole is not read.
 * Returns  0, or -errno of reading; -ENOMEM.
 * Source   zcp-wire(7) HASH. Proof tests/unit/digest.c, tests/same.bats; tests/peer/client.py computes it anew.
 */
#pragma once
#include "common/suite.h"
#include "common/wire.h"

struct digest_pulse { int (*beat)(void *arg); void *arg; };             /* beat NULL: nobody asks */
int digest_file(int fd, const struct suite *mac, const uint8_t key[static WIRE_KEY_BYTES], uint64_t off, uint64_t len, const struct digest_pulse *,
                uint8_t out[static WIRE_DIGEST_BYTES], uint64_t *hashed);
