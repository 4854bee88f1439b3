/* table_balance.c - how a file says which instance is picked: a word, or a map for what methods
 * that hash a key may be told besides. See conf_balance.h. */
#include "base/limits.h"
#include "config/internals.h"

const char *const conf_balance_names[] = {
    "p2c_ewma", "round_robin", "least_request", "random_two", "least_time",
    "first",    "ip_hash",     "ring",          "maglev",     NULL};

static const char *const key_words[] = {"header ", "cookie ", "query ", "path", "address"};

/* The kind of key; COUNT_OF(key_words) when it is none. */
static uint8_t key_kind(struct str word)
{
    uint8_t by = 0;
    while (by < COUNT_OF(key_words) && !str_eq(word, str_trim(str_from_c(key_words[by])))) {
        by++;
    }
    return by;
}

static bool read_key(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_key *key = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    struct str_pair cut = str_cut(text, ' ');
    struct str name = str_trim(cut.tail);
    uint8_t by = key_kind(cut.head);
    bool wants_name = by < CONF_KEY_PATH;
    bool is_fit = by == CONF_KEY_QUERY ? name.len > 0 : conf_is_token(name);
    if (by == COUNT_OF(key_words) || cut.is_cut != wants_name || (wants_name && !is_fit)) {
        conf_hint(reader, "write header NAME, cookie NAME, query NAME, path or address");
        return conf_refuse(reader, node, DIAG_E0170, "%s is not a key to hash",
                           conf_show(reader, node));
    }
    key->by = by;
    key->name = name;
    return true;
}

static void write_key(const void *value, struct sink *out)
{
    const struct conf_key *key = value;
    sink_add_c(out, key_words[key->by]);
    sink_add(out, key->name);
}

static const struct conf_grammar key_grammar = {
    .form = "header NAME, cookie NAME, query NAME, path or address",
    .example = "header X-User",
    .pattern = "^((header|cookie) [!#$%&'*+.^_`|~0-9A-Za-z-]+|query .+|path|address)$",
    .bytes = sizeof(struct conf_key),
    .read = read_key,
    .write = write_key};

/* "1.25" as 125. */
static bool parse_hundredths(struct str text, int64_t *out)
{
    struct str_pair cut = str_cut(text, '.');
    uint64_t whole, part = 0;
    if (!str_to_u64(cut.head, &whole) || cut.head.len > 2 || cut.tail.len > 2 ||
        (cut.is_cut && !str_to_u64(cut.tail, &part))) {
        return false;
    }
    *out = (int64_t)(whole * 100 + (cut.tail.len == 1 ? part * 10 : part));
    return true;
}

static bool read_bound(struct conf_reader *reader, struct node *node, void *place)
{
    int64_t *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    if (str_eq(text, STR("off"))) {
        *out = CONF_BOUND_OFF;
        return true;
    }
    if (!parse_hundredths(text, out) || *out <= 100 || *out > 1000) {
        conf_hint(reader, "1.25 lets an instance have a quarter more than an even share");
        return conf_refuse(reader, node, DIAG_E0172, "%s is not a number from 1.01 to 10, or off",
                           conf_show(reader, node));
    }
    return true;
}

static void write_bound(const void *value, struct sink *out)
{
    int64_t percent = *(const int64_t *)value;
    if (percent == CONF_BOUND_OFF) {
        sink_add(out, STR("off"));
    } else if (percent != 0) {
        sink_add_fmt(out, "%lld.%02lld", (long long)(percent / 100), (long long)(percent % 100));
    }
}

static const struct conf_grammar bound_grammar = {.form = "a number from 1.01 to 10, or off",
                                                  .example = "1.25",
                                                  .pattern = "^([0-9]{1,2}([.][0-9]{1,2})?|off)$",
                                                  .takes_int = true,
                                                  .bytes = sizeof(int64_t),
                                                  .read = read_bound,
                                                  .write = write_bound};

static bool is_prime(uint64_t number)
{
    for (uint64_t i = 2; i * i <= number; i++) {
        if (number % i == 0) {
            return false;
        }
    }
    return number > 1;
}

static bool read_table(struct conf_reader *reader, struct node *node, void *place)
{
    int64_t *out = place;
    struct str text;
    uint64_t entries;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    if (!str_to_u64(text, &entries) || entries < 251 || entries > LIMIT_VALUE(maglev_entries) ||
        !is_prime(entries)) {
        conf_hint(reader, "65537 is fit for 650 instances, 655373 for 6500");
        return conf_refuse(reader, node, DIAG_E0173, "%s is not a prime number from 251 to %lld",
                           conf_show(reader, node), (long long)LIMIT_VALUE(maglev_entries));
    }
    *out = (int64_t)entries;
    return true;
}

static void write_table(const void *value, struct sink *out)
{
    int64_t entries = *(const int64_t *)value;
    if (entries != 0) {
        sink_add_fmt(out, "%lld", (long long)entries);
    }
}

static const struct conf_grammar table_grammar = {.form = "a prime number",
                                                  .example = "65537",
                                                  .pattern = "^[0-9]{3,6}$",
                                                  .takes_int = true,
                                                  .bytes = sizeof(int64_t),
                                                  .read = read_table,
                                                  .write = write_table};

static const struct conf_field balance_fields[] = {
    {.name = "method",
     .type = CONF_ENUM,
     CONF_IS(struct conf_balance, method),
     .names = conf_balance_names,
     .flags = CONF_REQUIRED,
     .summary = "How an instance is picked: p2c_ewma by expected time to the first byte and "
                "requests in flight, round_robin in turn, least_request, random_two the less busy "
                "of two, least_time by average time and requests in flight, first in order while "
                "it has room, ip_hash by the network of the client, ring and maglev by a key."},
    {.name = "on",
     .type = CONF_LIST,
     .item = CONF_CUSTOM,
     .grammar = &key_grammar,
     CONF_IS(struct conf_balance, on),
     .flags = CONF_NOT_EMPTY,
     .max = CONF_KEYS_MAX,
     .summary = "The key of ring and maglev; several are put together. A request that has none of "
                "them goes by the address of its client, as it does without `on`."},
    {.name = "bound",
     .type = CONF_CUSTOM,
     .grammar = &bound_grammar,
     CONF_IS(struct conf_balance, bound_percent),
     .summary = "Of ring (1.25), maglev (1.25) and ip_hash (off): what an instance may have in "
                "flight at most, as a multiple of an even share; further requests of a busy key "
                "go elsewhere."},
    {.name = "table",
     .type = CONF_CUSTOM,
     .grammar = &table_grammar,
     CONF_IS(struct conf_balance, table_entries),
     .summary = "Entries in the table of maglev and ip_hash (65537): a prime, a hundred or more "
                "for each instance."},
};

static bool check_balance(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_balance *out = place;
    bool is_keyed = out->method == CONF_BALANCE_RING || out->method == CONF_BALANCE_MAGLEV;
    bool is_hashed = is_keyed || out->method == CONF_BALANCE_IP_HASH;
    bool has_table = is_hashed && out->method != CONF_BALANCE_RING;
    const char *wrong = out->on.count > 0 && !is_keyed          ? "on"
                        : out->bound_percent != 0 && !is_hashed ? "bound"
                        : out->table_entries != 0 && !has_table ? "table"
                                                                : NULL;
    if (wrong != NULL) {
        conf_hint(reader, is_hashed ? "leave it out" : "leave it out, or write method: maglev");
        return conf_refuse(reader, node, DIAG_E0171, "\"%s\" means nothing to %s", wrong,
                           conf_balance_names[out->method]);
    }
    return true;
}

static const struct conf_table balance_table = {.name = "balance",
                                                .summary = "How an instance is picked.",
                                                .fields = balance_fields,
                                                .field_count = COUNT_OF(balance_fields),
                                                .bytes = sizeof(struct conf_balance),
                                                .check = check_balance};

static bool read_balance(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_balance *out = place;
    *out = (struct conf_balance){0};
    bool is_read = node->type == NODE_MAP ? conf_read_struct(reader, &balance_table, node, out)
                                          : conf_read_field(reader, &balance_fields[0], node, out);
    out->is_set = true;
    return is_read;
}

static void write_balance(const void *value, struct sink *out)
{
    const struct conf_balance *balance = value;
    const char *name = conf_balance_names[balance->method];
    if (!balance->is_set) {
        return;
    }
    if (balance->on.count == 0 && balance->bound_percent == 0 && balance->table_entries == 0) {
        sink_add_c(out, name);
        return;
    }
    sink_add_fmt(out, "{method: %s", name);
    for (uint32_t i = 0; i < balance->on.count; i++) {
        sink_add_c(out, i == 0 ? ", on: [\"" : "\", \"");
        sink_add_c(out, key_words[balance->on.at[i].by]);
        sink_add_json(out, balance->on.at[i].name);
    }
    sink_add_c(out, balance->on.count > 0 ? "\"]" : "");
    sink_add_c(out, balance->bound_percent != 0 ? ", bound: " : "");
    write_bound(&balance->bound_percent, out);
    sink_add_c(out, balance->table_entries != 0 ? ", table: " : "");
    write_table(&balance->table_entries, out);
    sink_add_c(out, "}");
}

const struct conf_grammar conf_balance_grammar = {
    .form = "the name of a method, or a map with method, on, bound and table",
    .example = "maglev",
    .pattern = "^(p2c_ewma|round_robin|least_request|random_two|least_time|first|ip_hash|ring|"
               "maglev)$",
    .map = &balance_table,
    .writes_yaml = true,
    .bytes = sizeof(struct conf_balance),
    .read = read_balance,
    .write = write_balance};

bool conf_balance_is_same(const struct conf_balance *left, const struct conf_balance *right)
{
    bool is_same = left->method == right->method && left->on.count == right->on.count &&
                   left->bound_percent == right->bound_percent &&
                   left->table_entries == right->table_entries;
    for (uint32_t i = 0; is_same && i < left->on.count; i++) {
        is_same = left->on.at[i].by == right->on.at[i].by &&
                  str_eq(left->on.at[i].name, right->on.at[i].name);
    }
    return is_same;
}
