/*
 * options.h - zcpd's command line -> struct options. No other file of zcpd includes popt.h, and no defaults or aliases of popt's are read.
 *
 * Returns  options_parse(): 0 = serve (or tell the key), 1 = all was said (--help, --version), -EINVAL = usage, the sentence is on stderr.
 * Source   zcpd(8) OPTIONS. Proof tests/daemon.bats (every option, each given wrongly), tests/manual.bats.
 */
#pragma once
#include <stdbool.h>
#include "common/net.h"
#include "common/suite.h"

enum { OPTIONS_LISTEN_MAX = 8, OPTIONS_NETWORKS_MAX = 64, DEFAULT_PORT = 7722, DEFAULT_STALL_S = 60 };

struct options {
	char  *root, *state, *authorized_keys, *port_file;      /* owned; NULL: not given */
	char  *listen[OPTIONS_LISTEN_MAX];
	int    listen_count;
	bool   writable, public_key;
	bool   integrity_none;                          /* --integrity=none: clients of the named networks may ask for no MAC */
	bool   plain_auto;                              /* raw for clients proved to be on this machine; off with --plaintext-from=none */
	struct net_cidr networks[OPTIONS_NETWORKS_MAX];
	int    network_count;
	uint8_t suites[SUITE_ID_MAX + 1];               /* ids in order, 0 ends */
	int    stall_ms;
	int    verbose;                                 /* -v minus -q */
};

int  options_parse(struct options *, int argc, char **argv);
void options_clear(struct options *);
