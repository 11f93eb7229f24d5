/*
 * listener_parts.h - what the listener's own files say to each other. Nobody else includes this.
 *
 * Time     monotonic ms everywhere; a `due` of INT64_MAX is never.
 * Proof    see listener.h.
 */
#pragma once
#include "zcpd/listener.h"

bool listener_pause(struct listener *, int e);                  /* accept said e: true where nothing is to be accepted for a moment */

/* streams.c */
void streams_accept(struct listener *, int sock);               /* takes sock over: a process of its own, or "busy" */
void streams_reap(struct listener *);
void streams_kill(struct listener *, int sig);                  /* all of them */
void streams_leave(struct listener *);                          /* in a child: closes what is the listener's, and lets signals in */
void streams_overdue(struct listener *, int64_t now);
int64_t streams_due(const struct listener *);                   /* when the next one is overdue */
bool streams_linger(struct listener *, int sock);               /* says "busy". True: sock is kept for a moment */
void linger_sweep(struct listener *, int64_t now);
unsigned streams_strangers(const struct listener *);

/* verdicts.c */
void verdict_answer(struct listener *, struct stream_slot *);
/* Reads authorized_keys anew where it has changed; streams whose key is not let in any more are told to end at their next request. */
void verdict_refresh(struct listener *, bool look_again);

/* ending.c */
void ending_begin(struct listener *, int sig);
bool ending_tick(struct listener *, int64_t now);               /* true: all is over */
int64_t ending_due(const struct listener *);

/* reload.c */
void reload(struct listener *);
enum { RELOAD_WHY = SERVICE_WHY };
struct service *reload_build(const struct listener *, char why[static RELOAD_WHY]);     /* complete, not in force; NULL: why not, in a few words */
const char *const *reload_specs(const struct settings *, int *count);
void reload_drop(struct service *);

/* reexec.c */
void reexec(struct listener *);                                 /* returns only when it cannot be */
int64_t reexec_due(const struct listener *);

/* watchers.c */
void watchers_answer(struct listener *);                        /* somebody connected to the status socket */
bool watchers_reaped(struct listener *, pid_t, int status);
void watchers_tick(struct listener *, int64_t now);             /* starts the metrics process where there should be one */
int64_t watchers_due(const struct listener *);
void watchers_change(struct listener *, const struct viewers *, const struct metrics *);
/* why: which of them cannot be had, and what is in the way */
int  watchers_renew(const struct listener *, const struct settings *, struct viewers *, struct metrics *, char why[static RELOAD_WHY]);
void watchers_end(struct listener *, int sig);
bool watchers_live(const struct listener *);
void watchers_leave(struct listener *);                         /* in a child: closed, and no more */
void watchers_close(struct listener *);                         /* and their files are removed */
