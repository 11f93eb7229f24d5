/*
 * inherit.h - listening sockets handed over by systemd (or systemd-socket-activate).
 *
 * Rule     $LISTEN_PID is this process, $LISTEN_FDS descriptors from 3 on; each must be a listening stream socket of IPv4, IPv6 or
 *          Unix; made close-on-exec and non-blocking. The variables are taken out of the environment. With
 *          sockets handed over, `listen` is not used. Without $LISTEN_PID, or with another's, nothing was handed over.
 * Returns  how many (0: none were handed over), or -errno after saying which descriptor is wrong and why.
 * Source   sd_listen_fds(3). Proof tests/unit/inherit.c, tests/service.bats.
 */
#pragma once
int inherit_sockets(int fds[], int max);
