/*
 * caps.h - every capability given up, for good: permitted, effective, inheritable, ambient, bounding.
 *
 * caps_drop()  0 or -errno. Without CAP_SETPCAP (not root) the bounding set stays as it is; there is nothing to be gained from it with
 *              no_new_privs. uid 0 stays uid 0, but files of others are then as closed to it as to any user.
 *              Called again, when nothing is left, it does nothing.
 * caps_drop_bounding()  that part alone, before another uid is taken: who has given up uid 0 may not any more.
 * Source       capabilities(7), capset(2), prctl(2). Proof tests/daemon.bats (CapEff and CapBnd in /proc).
 */
#pragma once
int caps_drop(void);
int caps_drop_bounding(void);
