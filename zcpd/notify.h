/*
 * notify.h - telling systemd: READY, STATUS, RELOADING, STOPPING, WATCHDOG. An own client of the protocol; no libsystemd.
 *
 * Socket   $NOTIFY_SOCKET, read once by notify_open() and taken out of the environment: "/path" or "@abstract"; anything else, or one that
 *          cannot be reached, is said once and then nothing is sent. The address is kept, one datagram a message, never blocking.
 * Watchdog $WATCHDOG_USEC where $WATCHDOG_PID is unset or this process: notify_watchdog_ms() is half of it; 0: none.
 * Source   sd_notify(3), systemd.service(5) Type=notify. Proof tests/unit/notify.c, tests/service.bats.
 */
#pragma once
#include <stdint.h>
#include <sys/un.h>

struct notify { int sock; struct sockaddr_un to; unsigned to_len; int watchdog_ms; };

void notify_open(struct notify *);              /* sock -1: nobody is to be told */
void notify_ready(struct notify *, const char *status);
void notify_status(struct notify *, const char *status);        /* one line, UTF-8; newlines are not let through */
void notify_reloading(struct notify *);         /* with MONOTONIC_USEC */
void notify_stopping(struct notify *);
void notify_alive(struct notify *);             /* WATCHDOG=1 */
void notify_close(struct notify *);
