/*
 * service.h - what the streams' processes inherit: keys, exports, who is let in, what is hidden, the sandbox. Made from settings.
 *
 * Order             service_user (started as root: the user of settings, for good; sockets with low ports are open by then), service_keys: the state
 *                   directory and the host key. service_exports: opened, masked; the transfer log; the names of users and groups. service_admission: who is let in; loopback_only:
 *                   the listener listens nowhere else. service_confine: capabilities dropped, sandbox ready.
 * Host key          `host-key` of settings, else $CREDENTIALS_DIRECTORY/host_key (systemd), else STATE/host_key.
 * Returns           an exit status of zcpd's (0, 1, 4); what is wrong has been said.
 * Reload            builds a second service from new settings and hands it to the listener only when every step went well; no host key is made then;
 *                   the running streams keep what they were forked with.
 * Proof             tests/daemon.bats, tests/reload.bats.
 */
#pragma once
#include "common/carry.h"
#include "common/keys.h"
#include "common/owners.h"
#include "zcpd/authorized.h"
#include "zcpd/export.h"
#include "zcpd/mask.h"
#include "zcpd/sandbox.h"
#include "zcpd/settings.h"

enum { SERVICE_WHY = 700 };

struct service {                        /* looked after by the listener, handed to every child by fork */
	struct settings    settings;            /* owned */
	char              *state, *key_file;
	struct keypair     host;
	char               boot_id[PLACE_BOOT_ID];
	bool               boot_id_known;       /* without: nobody is proved to be on this machine */
	char               cc[16];              /* the system's congestion control, when the listening sockets have another; else "" */
	struct exports     exports;
	struct authorized  authorized;
	struct mask        mask;
	struct owners      owners;              /* of service_exports() */
	struct sandbox     sandbox;
	char               why[SERVICE_WHY];    /* what service_exports() found in the way, as it was said */
	int                transfer_fd;         /* the file that settings.transfer_log names, opened for appending; -1: none, or "log" */
};

enum service_when { SERVICE_START, SERVICE_AGAIN };     /* again: a reload, or another image of the same listener */

void service_init(struct service *);
int  service_user(struct service *);
int  service_keys(struct service *, enum service_when);
int  service_exports(struct service *);
int  service_admission(struct service *, bool loopback_only);
int  service_confine(struct service *, enum service_when);
void service_announce(const struct service *);
void service_log(const struct settings *, int verbose);         /* the level from now on; verbose: -v minus -q */
void service_clear(struct service *);
