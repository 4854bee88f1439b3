/* table_sticky.c - the keys of `sticky` of a service: the cookie that keeps a client on its
 * instance, and what it is sealed with. See conf_sticky.h. */
#include "config/internals.h"

#define YEAR_MS ((int64_t)365 * 24 * 3600 * 1000)
enum { SECRET_BYTES_MIN = 16, SECRET_BYTES_MAX = 1024, NAME_BYTES_MAX = 64 };

static const struct conf_field sticky_fields[] = {
    {.name = "cookie",
     .type = CONF_STRING,
     CONF_IS(struct conf_sticky, cookie),
     .flags = CONF_REQUIRED | CONF_TOKEN,
     .max = NAME_BYTES_MAX,
     .summary =
         "The cookie that names a client's instance: sealed, so that nobody can read or make "
         "one, and never sent to an instance."},
    {.name = "ttl",
     .type = CONF_DURATION,
     CONF_IS(struct conf_sticky, ttl_ms),
     .preset = "8h",
     .min = 1000,
     .max = YEAR_MS,
     .summary = "How long it binds; it is given anew when half of that has passed."},
    {.name = "secret",
     .type = CONF_STRING,
     CONF_IS(struct conf_sticky, secret),
     .flags = CONF_REQUIRED | CONF_SECRET,
     .max = SECRET_BYTES_MAX,
     .summary = "What cookies are sealed with, as \"${file:/run/secrets/sticky}\", 16 bytes or "
                "more; the same in every process that serves these clients."},
    {.name = "previous",
     .type = CONF_STRING,
     CONF_IS(struct conf_sticky, previous),
     .flags = CONF_SECRET,
     .max = SECRET_BYTES_MAX,
     .summary = "The secret before this one: its cookies are still good."},
    {.name = "epoch",
     .type = CONF_INT,
     CONF_IS(struct conf_sticky, epoch),
     .preset = "0",
     .max = UINT32_MAX,
     .summary = "Another number makes every cookie void that was given before."},
};

static bool check_sticky(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_sticky *out = place;
    bool is_short = out->secret.len < SECRET_BYTES_MIN ||
                    (out->previous.len > 0 && out->previous.len < SECRET_BYTES_MIN);
    if (is_short) {
        conf_hint(reader, "make one with: openssl rand -base64 32 >/run/secrets/sticky");
        return conf_refuse(reader, node, DIAG_E0174, "a secret of less than %d bytes",
                           SECRET_BYTES_MIN);
    }
    return true;
}

const struct conf_table conf_sticky_table = {
    .name = "sticky",
    .summary = "Keeps a client on the instance that it was given.",
    .fields = sticky_fields,
    .field_count = COUNT_OF(sticky_fields),
    .bytes = sizeof(struct conf_sticky),
    .pos_at = CONF_AT(struct conf_sticky, pos),
    .check = check_sticky};
