/* rows.h - the engines by name, for the table in engine.c alone. */
#pragma once
#include "common/engine/engine.h"
extern const struct engine engine_sendfile, engine_splice, engine_mmap, engine_readwrite, engine_direct, engine_null;
