/*
 * place.h - where zcpd keeps its state, and whose client it trusts when nobody said.
 *
 * State    --state DIR, else the first of $STATE_DIRECTORY (systemd), else /var/lib/zcpd for root, else $XDG_STATE_HOME/zcpd, else
 *          ~/.local/state/zcpd. Made 0700 with its parents. Must be a directory of this user's or root's that no other may write in.
 * Key      the file named, else $CREDENTIALS_DIRECTORY/host_key when systemd brought it (LoadCredential=), else host_key in the state directory.
 * Returns  paths are the caller's to free; NULL: no home, or out of memory. place_make_state(): 0, or -errno after saying why.
 * Proof    tests/daemon.bats, tests/service.bats (credential).
 */
#pragma once
char *place_state(const char *option);
char *place_key(const char *option, const char *state);
char *place_identity(void);             /* $XDG_CONFIG_HOME/zcp/identity, else ~/.config/zcp/identity */
char *place_in(const char *dir, const char *name);
int   place_make_state(const char *dir);
