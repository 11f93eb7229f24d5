/*
 * transfers.h - the transfer log: one line for each file that was sent or received, or could not be.
 *
 * Line     TIME PEER KEY VERB EXPORT PATH BYTES bytes SECONDS s ENGINE CARRY STATUS
 *          TIME (RFC 3339, UTC, milliseconds) only in a file: the journal has its own. KEY, EXPORT and PATH stand in quotation marks, their bytes
 *          as vis() shows them and '"' as \x22: so the words between the marks never hold one. VERB sent|received|removed. BYTES: contents moved.
 *          ENGINE this side's, inline, or ranges (no contents came on the stream that has the line); CARRY the suite, or plaintext; STATUS zcp's (0: all of it).
 * Where    fd >= 0: a file opened to append, one write(2) per line. to_log: where the other lines go, with fields (log_event()). Neither: nothing.
 * Effects  none but the write; what cannot be written is said once per stream.
 * Proof    tests/transfers.bats.
 */
#pragma once
#include <stdbool.h>
#include "common/engine/engine.h"
#include "zcpd/export.h"
#include "zcpd/scoreboard.h"

struct transfers {                      /* of one stream */
	int         fd;                 /* borrowed; -1: no file */
	bool        to_log;
	char        peer[64];
	const char *key, *suite;        /* borrowed; key: as authorized_keys has it */
	bool        failed_once;
};

struct transfer_line {
	enum board_way       way;
	const struct export *export;            /* NULL: in none */
	struct wire_str      path;              /* the peer's bytes */
	uint64_t             bytes, took_us;
	const struct engine *engine;            /* NULL: inline */
	bool                 raw, ranges;       /* ranges: other streams' engines moved it */
	bool                 removed;           /* nothing moved: the name is gone */
	unsigned             status;
};

const char *export_shown(const struct export *);        /* its name, else its prefix; NULL: "" */
void transfers_add(struct transfers *, const struct transfer_line *);
