# make [V=1] [WERROR=1] [SAN=1] [SODIUM=system] [UNSAFE=1]   make check [T=tests/fetch.bats]   make install DESTDIR= PREFIX=
#
# SAN=1          AddressSanitizer + UBSan                       -> build-san
# SODIUM=system  the system's libsodium, whatever `make setup` brought -> build-sys
# UNSAFE=1       hooks for tests only; cannot be installed      -> build-unsafe
# The three combine (build-san-sys). Objects are found by wildcard: a new .c file needs no change here.
# `make` alone needs neither root nor a network; `make setup` brings what a fresh Debian 12 lacks.
VERSION := 0.1.0
PREFIX  ?= /usr/local
ifeq ($(origin CC),default)
CC      := gcc
endif
CFLAGS  ?= -O2 -g
BUILD   := build$(if $(SAN),-san)$(if $(filter system,$(SODIUM)),-sys)$(if $(UNSAFE),-unsafe)

# libsodium: the static one `make setup` unpacked and tested, else the system's
SODIUM_DIR := build/deps/libsodium
STATIC     := $(if $(filter system,$(SODIUM)),,$(wildcard $(SODIUM_DIR)/lib/libsodium.a))
SODIUM_VER := $(if $(STATIC),$(shell cat $(SODIUM_DIR)/version))
PKGS       := $(if $(STATIC),,libsodium) popt
MISSING    := $(shell for p in libsodium popt libseccomp libconfuse; do pkg-config --exists $$p 2>/dev/null || echo $$p; done)
ifneq ($(filter all unit flags install build%,$(or $(MAKECMDGOALS),all)),)
ifneq ($(MISSING),)
$(error cannot find: $(MISSING). Type `make setup`: it installs what is missing)
endif
endif

ifneq ($(and $(UNSAFE),$(filter install,$(MAKECMDGOALS))),)
$(error a build with UNSAFE=1 is for tests only and is not installed)
endif

harden  := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
link    := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed
ifdef SAN
harden  := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
link    := -fsanitize=address,undefined -Wl,--as-needed
endif
warn    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wcast-qual -Wpointer-arith -Wwrite-strings \
           $(if $(WERROR),-Werror)
ours    := -std=c11 -D_GNU_SOURCE -I. $(if $(STATIC),-isystem $(SODIUM_DIR)/include) -DZCP_VERSION='"$(VERSION)"' \
           $(if $(STATIC),-DZCP_SODIUM_STATIC='"$(SODIUM_VER)"') $(if $(UNSAFE),-DZCP_UNSAFE=1) \
           $(shell pkg-config --cflags $(PKGS) libseccomp libconfuse 2>/dev/null) $(warn)
sodium  := $(if $(STATIC),$(STATIC),$(shell pkg-config --libs libsodium 2>/dev/null))
popt    := $(shell pkg-config --libs popt 2>/dev/null)
seccomp := $(shell pkg-config --libs libseccomp 2>/dev/null)
confuse := $(shell pkg-config --libs libconfuse 2>/dev/null)

objs     = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)/*.c))
common  := $(call objs,common) $(call objs,common/engine)
zcp     := $(call objs,zcp) $(foreach d,bench cli events host local select download upload,$(call objs,zcp/$(d)))
zcpd    := $(call objs,zcpd)
units   := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))
beds    := $(patsubst tests/beds/%.c,$(BUILD)/beds/%,$(wildcard tests/beds/*.c))
say      = $(if $(V),,@echo "  $(1)  $(2)";)

all: $(BUILD)/zcp $(BUILD)/zcpd
unit: $(units) $(beds)

$(BUILD)/zcp: $(zcp) $(common) $(STATIC)
	$(call say,LD,$@) $(CC) $(CFLAGS) $(LDFLAGS) $(link) -o $@ $(filter %.o,$^) $(sodium) $(popt) $(seccomp)
$(BUILD)/zcpd: $(zcpd) $(common) $(STATIC)
	$(call say,LD,$@) $(CC) $(CFLAGS) $(LDFLAGS) $(link) -o $@ $(filter %.o,$^) $(sodium) $(popt) $(seccomp) $(confuse)

# A driver whose first line says `links: zcp` or `links: zcpd` gets that program's objects, all but main.o.
define unit_rule
$(BUILD)/unit/$(1): $(BUILD)/obj/tests/unit/$(1).o $(common) $(STATIC) \
	$(if $(findstring links: zcpd,$(2)),$(filter-out %/main.o,$(zcpd)),$(if $(findstring links: zcp,$(2)),$(filter-out %/main.o,$(zcp))))
endef
$(foreach u,$(notdir $(units)),$(eval $(call unit_rule,$(u),$(shell head -n 1 tests/unit/$(u).c | tr -d '$$#'))))
$(units):
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(CFLAGS) $(LDFLAGS) $(link) -o $@ $(filter %.o,$^) $(sodium) $(popt) $(seccomp) $(confuse)
$(beds): $(BUILD)/beds/%: $(BUILD)/obj/tests/beds/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(CFLAGS) $(LDFLAGS) $(link) -o $@ $<

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<) $(CC) -MMD -MP $(ours) $(harden) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Other flags or another libsodium: everything is built anew.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(ours) $(harden) $(CPPFLAGS) $(CFLAGS) $(link) $(LDFLAGS) $(sodium))' >$@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv $@.new $@; fi
flags:                                  # what every file is compiled with
	@printf '%s\n' $(ours)

setup:
	@.ci/setup build check
quickstart:
	@.ci/quickstart
check:
	@.ci/setup build check
	@SAN='$(SAN)' SODIUM='$(SODIUM)' UNSAFE='$(UNSAFE)' .ci/check $(T)
check-long:
	@ZCP_LONG=1 .ci/run
lint:
	@.ci/setup build lint
	@.ci/lint
bench:
	@.ci/setup build bench
	@$(MAKE) --no-print-directory all
	@.ci/bench
bench-bulk:
	@.ci/setup build bench
	@$(MAKE) --no-print-directory all $(beds)
	@.ci/bench-bulk
bench-scripting:
	@.ci/setup build bench
	@$(MAKE) --no-print-directory all
	@.ci/bench-scripting

# Where systemd looks for units and the like: below /usr and /usr/local, else in /etc.
SYSCONFDIR  ?= /etc
SYSTEMD     := $(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX)/lib,/etc)
UNITDIR     ?= $(SYSTEMD)/systemd/system
SYSUSERSDIR ?= $(SYSTEMD)/sysusers.d
TMPFILESDIR ?= $(SYSTEMD)/tmpfiles.d
# Completions: where Debian's shells look. Its zsh knows no vendor-completions below /usr/local, and its fish nothing there at all.
BASHDIR     ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR      ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
FISHDIR     ?= $(if $(filter /usr/local,$(PREFIX)),/etc/fish/completions,$(PREFIX)/share/fish/vendor_completions.d)
ETC         := $(DESTDIR)$(SYSCONFDIR)/zcp
place        = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' $(1) >$(2).new && chmod 644 $(2).new && mv $(2).new $(2)

# Nothing is started and no configuration is replaced. Onto this system (no DESTDIR) the service's user and directories are made, too.
install: all
	install -D -m 755 $(BUILD)/zcp $(DESTDIR)$(PREFIX)/bin/zcp
	install -D -m 755 $(BUILD)/zcpd $(DESTDIR)$(PREFIX)/sbin/zcpd
	for m in $(wildcard man/*.[1-8]); do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m#man/} || exit 1; done
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(TMPFILESDIR) $(ETC)
	$(call place,dist/zcpd.service,$(DESTDIR)$(UNITDIR)/zcpd.service)
	install -m 644 dist/zcpd.socket $(DESTDIR)$(UNITDIR)/zcpd.socket
	install -D -m 644 dist/sysusers.d/zcpd.conf $(DESTDIR)$(SYSUSERSDIR)/zcpd.conf
	$(call place,dist/tmpfiles.d/zcpd.conf,$(DESTDIR)$(TMPFILESDIR)/zcpd.conf)
	install -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	install -m 644 dist/completions/zcp dist/completions/zcpd $(DESTDIR)$(BASHDIR)
	install -m 644 dist/completions/_zcp $(DESTDIR)$(ZSHDIR)
	install -m 644 dist/completions/zcp.fish dist/completions/zcpd.fish $(DESTDIR)$(FISHDIR)
	[ -e $(ETC)/zcpd.conf ] || { $(call place,dist/zcpd.conf,$(ETC)/zcpd.conf); }
	[ -e $(ETC)/authorized_keys ] || install -m 644 dist/authorized_keys $(ETC)/authorized_keys
	@[ -n '$(DESTDIR)' ] || [ ! -d /run/systemd/system ] || [ "$$(id -u)" != 0 ] || { \
		systemd-sysusers $(SYSUSERSDIR)/zcpd.conf && systemd-tmpfiles --create $(TMPFILESDIR)/zcpd.conf && systemctl daemon-reload && \
		printf '%s\n' 'installed; nothing has been started. What to type next:' '    systemctl enable --now zcpd.socket' \
			"    zcpd --add-key 'LINE'                     # LINE: what zcp --public-key prints on the client" \
			'    zcpd --add-export /srv/zcp --writable     # any directory; without --writable it is only read'; }

# The configuration, the state (the host key) and what clients stored stay.
uninstall:
	@[ -n '$(DESTDIR)' ] || [ ! -d /run/systemd/system ] || systemctl -q disable --now zcpd.socket zcpd.service || :
	rm -f $(DESTDIR)$(PREFIX)/bin/zcp $(DESTDIR)$(PREFIX)/sbin/zcpd $(DESTDIR)$(UNITDIR)/zcpd.service $(DESTDIR)$(UNITDIR)/zcpd.socket \
		$(DESTDIR)$(SYSUSERSDIR)/zcpd.conf $(DESTDIR)$(TMPFILESDIR)/zcpd.conf $(DESTDIR)$(BASHDIR)/zcp $(DESTDIR)$(BASHDIR)/zcpd \
		$(DESTDIR)$(ZSHDIR)/_zcp $(DESTDIR)$(FISHDIR)/zcp.fish $(DESTDIR)$(FISHDIR)/zcpd.fish \
		$(foreach m,$(notdir $(wildcard man/*.[1-8])),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(m)))/$(m))
	@[ -n '$(DESTDIR)' ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
	@echo 'left where they are: $(SYSCONFDIR)/zcp, /var/lib/zcpd, /srv/zcp and the user zcpd'

# `clean` keeps build/deps, which may have come over a network; `distclean` keeps nothing.
clean:
	rm -rf build-*
	[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +
distclean:
	rm -rf build build-*
FORCE:
.PHONY: all unit flags setup quickstart check check-long lint bench bench-bulk bench-scripting install uninstall clean distclean FORCE
.DELETE_ON_ERROR:
-include $(wildcard $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d)
