/* request_id_test.c - the name of a request: the client's where it is kept and sane, else ours. */
#include "edge/request_id.h"

#include "edge/listener.h"
#include "exchange_kit.h"

static struct exchange_kit kit;

static enum err take(const char *fields, uint8_t mode)
{
    char text[1024];
    int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    CHECK(len > 0 && len < (int)sizeof text);
    struct exchange *ex = exchange_kit_request(&kit, str_of(text, (size_t)len));
    ex->request_id_text = (struct str){0};
    return request_id_take(ex, mode);
}

static bool is_uuid_of_version_7(struct str id)
{
    bool is_right = id.len == 36 && id.at[14] == '7' && strchr("89ab", id.at[19]) != NULL;
    for (size_t i = 0; is_right && i < id.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        is_right = is_dash ? id.at[i] == '-' : strchr("0123456789abcdef", id.at[i]) != NULL;
    }
    return is_right;
}

TEST(an_id_of_the_client_is_kept_only_where_that_is_allowed_and_safe)
{
    static const struct {
        const char *fields;
        uint8_t mode;
        bool is_kept;
    } rows[] = {
        {"X-Request-Id: abc-1._:+/=Z\r\n", REQUEST_ID_KEEP, true},
        {"X-Request-Id: abc\r\n", REQUEST_ID_NEW, false},
        {"X-Request-Id: a b\r\n", REQUEST_ID_KEEP, false},
        {"X-Request-Id: a\"b\r\n", REQUEST_ID_KEEP, false},
        {"X-Request-Id:\r\n", REQUEST_ID_KEEP, false},
        {"X-Request-Id: one\r\nX-Request-Id: two\r\n", REQUEST_ID_KEEP, false},
        {"", REQUEST_ID_KEEP, false},
    };
    exchange_kit_open(&kit);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_INT(take(rows[i].fields, rows[i].mode), OK);
        const struct field *field = fields_find(&kit.ex->request.fields, FIELD_X_REQUEST_ID);
        WANT(field != NULL);
        WANT(is_uuid_of_version_7(kit.ex->request_id_text) != rows[i].is_kept);
        if (field != NULL) {
            WANT_STR(field->value, kit.ex->request_id_text);
            WANT(fields_find_again(&kit.ex->request.fields, field) == NULL);
        }
    }
    exchange_kit_close(&kit);
}

TEST(an_id_longer_than_128_bytes_is_replaced)
{
    char field[256] = "X-Request-Id: ";
    exchange_kit_open(&kit);
    for (size_t len = 128; len <= 129; len++) {
        memset(field + 14, 'a', len);
        memcpy(field + 14 + len, "\r\n", 3);
        WANT_INT(take(field, REQUEST_ID_KEEP), OK);
        WANT_INT(kit.ex->request_id_text.len, len == 128 ? 128 : 36);
    }
    exchange_kit_close(&kit);
}

TEST(switched_off_it_names_the_request_in_the_log_alone)
{
    exchange_kit_open(&kit);
    WANT_INT(take("", REQUEST_ID_OFF), OK);
    WANT(is_uuid_of_version_7(kit.ex->request_id_text));
    WANT(fields_find(&kit.ex->request.fields, FIELD_X_REQUEST_ID) == NULL);
    exchange_kit_close(&kit);
}

TEST(ids_carry_the_time_and_differ)
{
    exchange_kit_open(&kit);
    kit.core.loop.wall_us = INT64_C(0x0123456789ab) * 1000;
    rng_init(&kit.core.rng, 7);
    WANT_INT(take("", REQUEST_ID_NEW), OK);
    char first[36];
    memcpy(first, kit.ex->request_id_text.at, sizeof first);
    WANT_STR(str_of(first, 15), STR("01234567-89ab-7"));
    WANT_INT(take("", REQUEST_ID_NEW), OK);
    WANT(memcmp(first, kit.ex->request_id_text.at, sizeof first) != 0);
    exchange_kit_close(&kit);
}
