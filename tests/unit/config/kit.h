/* kit.h - what the tests of this room share: two kinds of policies, an environment, and a loader
 * that keeps what was said. */
#pragma once

#include "config/config.h"
#include "config/reader.h"
#include "config/table.h"
#include "test.h"
#include "text/sink.h"

struct mark {
    int64_t level;
    struct str text;
    struct conf_strs words;
    struct str secret;
    struct conf_rate rate;
};

struct gate {
    struct str name;
};

/* Empties what an earlier call left and loads `text` with the kinds `mark` and `gate`. NULL:
 * refused. The configuration belongs to the kit. */
struct config *kit_load(const char *text);
/* The same with other options. */
struct config *kit_load_opts(const char *text, const struct config_opts *opts);
/* The same from a file. */
struct config *kit_load_file(const char *path, const struct config_opts *opts);
/* Everything that was said about the last file. */
struct str kit_said(void);
/* The diagnostics of the last file. */
const struct diags *kit_diags(void);
/* Whether exactly this code was said, and only once. */
bool kit_said_only(const char *code);
/* Whether it was among what was said. */
bool kit_said_code(const char *code);
/* The options of kit_load. */
extern const struct config_opts kit_opts;
/* Memory that lives until the next load. */
struct arena *kit_memory(void);
/* The text of kit_printed and the like. */
struct str kit_yaml(const struct config *config);
/* The route of that name; the test fails when there is none. */
const struct conf_route *kit_route(const struct config *config, const char *name);
/* Writes a file below a fresh directory; returns its path, good until the next load. */
const char *kit_file(const char *name, const char *text);
/* Removes those files. */
void kit_remove_files(void);
