/*
 * host_config.h - what the user's configuration file says of a host that was named: where it is, which key to show, where plaintext may be used.
 *
 * Form     ssh_config(5)'s: `Keyword value...` or `Keyword=value`, keywords in any case, "..." around a value with spaces, # begins a comment. `Host PATTERN...` (* ? and !)
 *          begins a block, lines before the first one are for all hosts, and the first value obtained counts. CRLF is taken for an end of line.
 * Why own  zcpd.conf needs config_scan.c in front of libConfuse for what that takes in silence, and these are lines of two words in the form that scp's users know.
 * Rules    every line is checked, also in blocks of other hosts; the first mistake ends the reading. Names and patterns: upper case is lower case.
 * File     regular, of this user or root, not written by others, at most HOST_CONFIG_BYTES; lines of at most HOST_CONFIG_LINE bytes, no control characters. It decides nothing
 *          about --integrity: no keyword for it, and carry.h takes no tags away for what is wished here.
 * Returns  0, or -EINVAL with a sentence in why. A default file that is not there is none.
 * Effects  none but the reading.
 * Source   zcp(1) HOST CONFIGURATION. Proof tests/unit/host_config.c, tests/hosts.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/net.h"
#include "zcp/cli/target.h"
#include "zcp/home.h"

enum { HOST_CONFIG_BYTES = 1 << 20, HOST_CONFIG_LINE = 8191, HOST_CONFIG_NETWORKS = 64, HOST_CONFIG_WHY = 1200 };

struct host_config {            /* zeros: nothing is said of it */
	char            name[HOST_MAX + 1];     /* HostName */
	uint16_t        port;
	char            identity[HOME_PATH];    /* ~/ is expanded */
	bool            plain_given;
	unsigned        plain_count;
	struct net_cidr plain[HOST_CONFIG_NETWORKS];
};

struct host_file { char path[HOME_PATH]; char *text; size_t len; };     /* text: owned; NULL: there is no file */

/* `named`: -F's; NULL is the default file, "none" none. */
int  host_file_read(struct host_file *, const char *named, char why[static HOST_CONFIG_WHY]);
void host_file_clear(struct host_file *);
/* Everything that the file says of `host`, as it was typed. Without a file: zeros. */
int  host_config_find(const struct host_file *, const char *host, struct host_config *, char why[static HOST_CONFIG_WHY]);
/* Does the address that was connected to lie in one of its networks? */
bool host_config_plain(const struct host_config *, const struct net_addr *);
