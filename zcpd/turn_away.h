/*
 * turn_away.h - sockets were handed over, and this zcpd cannot serve them: who waits there is told "busy".
 *
 * Why      a connection that nobody accepts lets the socket unit start zcpd again, at once and for ever, and its client waits without a word.
 * How      TURN_AWAY_MOST connections at most, those that are there now: 16 bytes each, then the end of our side. Nothing of a peer's is read; up to
 *          TURN_AWAY_MS are left for them to be read, since closing over what a client has sent would take them away from it.
 * Proof    tests/units.bats, tests/service.bats.
 */
#pragma once
enum { TURN_AWAY_MOST = 1024, TURN_AWAY_MS = 1000 };

int turn_away(const int listening[], int count);        /* non-blocking sockets; how many clients were told */
