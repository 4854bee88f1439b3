/* target_list.h - instances written outside of the configuration: the files and answers that
 * discovery reads. They have the grammar of `targets`, as YAML or JSON, either a list or a map with
 * the key `targets`. Whoever writes them is not the operator: references such as ${file:} are
 * refused there. */
#pragma once

#include "config/config.h"
#include "config/diag.h"

/* Reads such a list into `arena`; the text is copied where it is kept. `name` is how messages call
 * it. ERR_CONFIG: *diags says why. */
MUST_USE enum err config_read_targets(struct arena *arena, const char *name, struct str text,
                                      struct diags *diags, struct conf_targets *out);
/* Reads one instance alone: host:port, or a map as YAML or JSON. ERR_CONFIG. */
MUST_USE enum err config_read_target(struct arena *arena, const char *name, struct str text,
                                     struct diags *diags, struct conf_target *out);
