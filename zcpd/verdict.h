/*
 * verdict.h - a stream's process asks the listener, once, whether its authenticated key may have one more stream.
 *
 * How      a private SOCK_SEQPACKET pair per process, made before the fork. The process sends the 32 bytes of the key; the listener, which
 *          counts streams per key in its private table, answers one byte and closes its end. Whatever else arrives: closed, killed.
 * Use      it also tells the listener that the stream is authenticated: the early drop counts the others.
 * Proof    tests/limits.bats.
 */
#pragma once
#include <stdint.h>
#include "common/keys.h"

enum verdict { VERDICT_NONE = 0, VERDICT_GO = 'g', VERDICT_BUSY = 'b', VERDICT_GONE = 'x' /* not authorised any more */ };

/* In the stream's process; closes sock. VERDICT_NONE: the listener did not answer (it has gone). */
enum verdict verdict_ask(int sock, const uint8_t pk[static KEY_BYTES]);
