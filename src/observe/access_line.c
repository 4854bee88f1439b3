/* access_line.c - an exchange as one line of JSON; see access_line.h.
 * It runs once for each exchange on its core, so it writes through a bare pointer into room that is
 * checked once for the longest line there can be: keys are literals that become plain stores, and a
 * text is copied and looked through sixteen bytes at a time. */
#include "observe/access_line.h"

#include "base/date.h"
#include "base/decimal.h"

enum {
    TEXT_BYTES_MAX = LIMIT_VALUE(log_field_bytes) * 6,
    TRIED_BYTES_MAX = (LIMIT_VALUE(tries_name_bytes) + 32) * 6,
    TRIES_BYTES_MAX = LIMIT_VALUE(tries_recorded) * TRIED_BYTES_MAX + 2
};

typedef signed char bytes16 __attribute__((vector_size(16)));
typedef unsigned char ubytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (uint8_t)(c))

/* Bytes that JSON escapes, and those that have to be looked at as UTF-8. One step up, DEL and the
 * latter are below zero, or zero, and so below the first printable byte as the controls are. */
static inline bytes16 find_special(bytes16 bytes)
{
    const bytes16 up = (bytes16)((ubytes16)bytes + 1); /* 127 wraps, as it is meant to */
    return (up < 0x21) | (bytes == '"') | (bytes == '\\');
}

static inline bool is_any(bytes16 found)
{
    words2 halves = (words2)found;
    return (halves[0] | halves[1]) != 0;
}

/* Both copy `len` bytes, as two overlapping words when it is less than 16, and say whether JSON
 * takes them as they are. */
static inline bool copy_long(char *at, const char *from, size_t len)
{
    bytes16 bytes, found = {0};
    for (size_t i = 0; i + sizeof bytes < len; i += sizeof bytes) {
        memcpy(&bytes, from + i, sizeof bytes);
        memcpy(at + i, &bytes, sizeof bytes);
        found |= find_special(bytes);
    }
    memcpy(&bytes, from + len - sizeof bytes, sizeof bytes);
    memcpy(at + len - sizeof bytes, &bytes, sizeof bytes);
    return !is_any(found | find_special(bytes));
}

static inline bool copy_short(char *at, const char *from, size_t len)
{
    words2 pair;
    if (len >= 8) {
        uint64_t low, high;
        memcpy(&low, from, 8);
        memcpy(&high, from + len - 8, 8);
        memcpy(at, &low, 8);
        memcpy(at + len - 8, &high, 8);
        pair = (words2){low, high};
    } else if (len >= 4) {
        uint32_t low, high;
        memcpy(&low, from, 4);
        memcpy(&high, from + len - 4, 4);
        memcpy(at, &low, 4);
        memcpy(at + len - 4, &high, 4);
        pair = (words2){low | (uint64_t)high << 32, EACH_BYTE(' ')};
    } else {
        uint8_t low = (uint8_t)from[0], middle = (uint8_t)from[len / 2],
                high = (uint8_t)from[len - 1];
        at[0] = (char)low;
        at[len / 2] = (char)middle;
        at[len - 1] = (char)high;
        pair = (words2){low | (uint64_t)middle << 8 | (uint64_t)high << 16 | EACH_BYTE(' ') << 24,
                        EACH_BYTE(' ')};
    }
    return !is_any(find_special((bytes16)pair));
}

/* Not inline: only its frame needs a stack guard. */
static __attribute__((noinline)) char *put_escaped(char *at, struct str value)
{
    struct strbuf out = strbuf_over(at, TEXT_BYTES_MAX);
    strbuf_add_json(&out, value, LIMIT_VALUE(log_field_bytes));
    CHECK(!strbuf_overflowed(&out));
    return at + out.len;
}

/* The text and the quote that ends it. Not inline: thirteen copies would be slower. */
static __attribute__((noinline)) char *put_text(char *at, struct str value)
{
    if (UNLIKELY(value.len > LIMIT_VALUE(log_field_bytes))) {
        at = put_escaped(at, value);
    } else if (LIKELY(value.len < 16 ? copy_short(at, value.at, value.len)
                                     : copy_long(at, value.at, value.len))) {
        at += value.len;
    } else {
        at = put_escaped(at, value);
    }
    *at = '"';
    return at + 1;
}

/* A literal: its length is known to the compiler at every call. */
static inline char *put(char *at, struct str literal)
{
    memcpy(at, literal.at, literal.len);
    return at + literal.len;
}

static inline char *put_TEXT(char *at, struct str key, struct str value)
{
    if (value.len == 0) {
        return at;
    }
    at = put(at, key);
    *at = '"';
    return put_text(at + 1, value);
}

static inline char *put_NUMBER(char *at, struct str key, uint64_t value)
{
    return decimal_put(put(at, key), value);
}

static inline char *put_FLAG(char *at, struct str key, bool is_set)
{
    return is_set ? put(put(at, key), STR("true")) : at;
}

static inline char *put_REASON(char *at, struct str key, enum err reason)
{
    return put_TEXT(at, key, reason == OK ? STR("ok") : str_from_c(err_code(reason)));
}

static inline char *put_octet(char *at, uint32_t octet)
{
    if (octet >= 100) {
        *at++ = (char)('0' + octet / 100);
        octet %= 100;
    } else if (octet < 10) {
        *at = (char)('0' + octet);
        return at + 1;
    }
    memcpy(at, &decimal_pairs[octet * 2], 2);
    return at + 2;
}

static char *put_address(char *at, const struct addr *addr, bool has_port)
{
    *at++ = '"';
    if (addr->family == ADDR_V4) {
        at = put_octet(at, addr->ip[0]);
        for (int i = 1; i < 4; i++) {
            *at = '.';
            at = put_octet(at + 1, addr->ip[i]);
        }
        if (has_port) {
            *at++ = ':';
            at = decimal_put(at, addr->port);
        }
    } else {
        struct strbuf out = strbuf_over(at, ADDR_TEXT_BYTES_MAX);
        has_port ? addr_add(&out, addr) : addr_add_ip(&out, addr);
        at += out.len;
    }
    *at = '"';
    return at + 1;
}

static inline char *put_IP(char *at, struct str key, const struct addr *addr)
{
    bool is_known = addr != NULL && addr->family != ADDR_NONE;
    return is_known ? put_address(put(at, key), addr, false) : at;
}

static inline char *put_ADDRESS(char *at, struct str key, const struct addr *addr)
{
    bool is_known = addr != NULL && addr->family != ADDR_NONE;
    return is_known ? put_address(put(at, key), addr, true) : at;
}

/* The stages stand in one order, so each lasted since the latest one that was reached before. */
static inline char *put_STAGES(char *at, struct str key, const struct flight *flight)
{
    (void)key;
    if (flight == NULL) {
        return at;
    }
    int64_t before_ns = flight->at_ns[FLIGHT_START];
#define STAGE(name, text, sentence)                                                                \
    if (FLIGHT_##name != FLIGHT_START && flight->at_ns[FLIGHT_##name] != 0) {                      \
        int64_t at_ns = flight->at_ns[FLIGHT_##name];                                              \
        uint64_t ns = at_ns > before_ns ? (uint64_t)(at_ns - before_ns) : 0;                       \
        at = put_NUMBER(at, STR(",\"" text "_us\":"), ns / 1000);                                  \
        before_ns = at_ns;                                                                         \
    }
#include "exchange/flight.def"
#undef STAGE
    return at;
}

static inline char *put_TOTAL(char *at, struct str key, const struct flight *flight)
{
    (void)key;
    int64_t us = flight == NULL ? 0 : flight_us(flight, FLIGHT_START, FLIGHT_END);
    return put_NUMBER(at, STR(",\"total_us\":"), (uint64_t)us);
}

/* What became of one attempt. Seldom needed, so it is written the plain way. */
static void add_tried(struct strbuf *out, const struct tried *tried)
{
    const char *reason = tried->reason == OK ? "ok" : err_code(tried->reason);
    strbuf_add(out, STR("{\"instance\":\""));
    strbuf_add_json(out, tried->instance, LIMIT_VALUE(tries_name_bytes));
    strbuf_add_fmt(out, "\",\"us\":%lld,\"reason\":\"%s\"", (long long)tried->us, reason);
    if (tried->status != 0) {
        strbuf_add_fmt(out, ",\"status\":%u", tried->status);
    }
    strbuf_add(out, tried->is_reused ? STR(",\"is_reused\":true") : STR(""));
    strbuf_add(out, tried->is_hedge ? STR(",\"is_hedge\":true}") : STR("}"));
}

static __attribute__((noinline)) char *put_all_tries(char *at, const struct tries *tries)
{
    struct strbuf out = strbuf_over(at, TRIES_BYTES_MAX);
    for (uint32_t i = 0; i < tries->count; i++) {
        strbuf_add_char(&out, i == 0 ? '[' : ',');
        add_tried(&out, &tries->at[i]);
    }
    strbuf_add_char(&out, ']');
    CHECK(!strbuf_overflowed(&out));
    return at + out.len;
}

static inline char *put_TRIES(char *at, struct str key, const struct tries *tries)
{
    bool is_empty = LIKELY(tries == NULL) || tries->count == 0;
    return is_empty ? at : put_all_tries(put(at, key), tries);
}

static void clock_set(struct access_clock *clock, int64_t second)
{
    struct strbuf text = strbuf_over(clock->text, sizeof clock->text);
    date_add_iso(&text, second);
    clock->second = second;
}

static char *put_time(char *at, int64_t wall_us, struct access_clock *clock)
{
    int64_t second = wall_us / 1000000, rest = wall_us % 1000000;
    if (UNLIKELY(rest < 0)) {
        rest += 1000000;
        second--;
    }
    if (UNLIKELY(second != clock->second || clock->text[0] == '\0')) {
        clock_set(clock, second);
    }
    at = put(at, STR("{\"time\":\""));
    memcpy(at, clock->text, DATE_ISO_BYTES);
    at[DATE_ISO_BYTES] = '.';
    uint32_t us = (uint32_t)rest;
    memcpy(at + 20, &decimal_pairs[us / 10000 * 2], 2);
    memcpy(at + 22, &decimal_pairs[us / 100 % 100 * 2], 2);
    memcpy(at + 24, &decimal_pairs[us % 100 * 2], 2);
    return put(at + 26, STR("Z\""));
}

/* The beginning of a line for which there is room. */
static char *line_begin(struct strbuf *out)
{
    CHECK(out->cap - out->len >= ACCESS_LINE_BYTES_MAX);
    return out->at + out->len;
}

static void line_end(struct strbuf *out, char *at)
{
    at = put(at, STR("}\n"));
    size_t len = (size_t)(at - out->at);
    CHECK(len - out->len <= ACCESS_LINE_BYTES_MAX);
    out->len = len;
}

void access_line_add(struct strbuf *out, const struct access_record *record,
                     struct access_clock *clock)
{
    char *at = put_time(line_begin(out), record->wall_us, clock);
#define ACCESS(kind, name, sentence) at = put_##kind(at, STR(",\"" #name "\":"), record->name);
#include "observe/access_log.def"
#undef ACCESS
    line_end(out, at);
}

void access_line_add_dropped(struct strbuf *out, int64_t wall_us, uint64_t dropped,
                             struct access_clock *clock)
{
    char *at = put_time(line_begin(out), wall_us, clock);
    line_end(out, put_NUMBER(at, STR(",\"dropped\":"), dropped));
}

/* What the rows of the table can take at most, key included. */
enum {
#define PUT_BYTES_TEXT (TEXT_BYTES_MAX + 2)
#define PUT_BYTES_NUMBER DECIMAL_BYTES_MAX
#define PUT_BYTES_REASON (TEXT_BYTES_MAX + 2)
#define PUT_BYTES_IP (ADDR_TEXT_BYTES_MAX + 2)
#define PUT_BYTES_ADDRESS (ADDR_TEXT_BYTES_MAX + 2)
#define PUT_BYTES_FLAG 4
#define PUT_BYTES_TRIES TRIES_BYTES_MAX
#define PUT_BYTES_STAGES (FLIGHT_STAGE_COUNT * (DECIMAL_BYTES_MAX + 32))
#define PUT_BYTES_TOTAL (DECIMAL_BYTES_MAX + 32)
#define ACCESS(kind, name, sentence) +PUT_BYTES_##kind + (int)sizeof(",\"" #name "\":")
    LINE_BYTES_WORST = 64
#include "observe/access_log.def"
#undef ACCESS
};
static_assert((int)LINE_BYTES_WORST <= (int)ACCESS_LINE_BYTES_MAX, "the room is enough");
