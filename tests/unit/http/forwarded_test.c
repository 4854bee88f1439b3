#include "http/forwarded.h"

#include "heads.h"
#include "test.h"

#define G "GET / HTTP/1.1\r\nHost: h\r\n"

static struct addr_prefix trusted[3];
static struct forwarded_rules rules = {.trusted = trusted, .trusted_count = 3};

static struct addr addr(const char *text)
{
    struct addr out;
    WANT_INT(addr_parse_ip(str_from_c(text), &out), OK);
    return out;
}

static void start(void)
{
    WANT_INT(addr_prefix_parse(STR("10.0.0.0/8"), &trusted[0]), OK);
    WANT_INT(addr_prefix_parse(STR("192.0.2.1"), &trusted[1]), OK);
    WANT_INT(addr_prefix_parse(STR("fd00::/8"), &trusted[2]), OK);
    rules = (struct forwarded_rules){.trusted = trusted, .trusted_count = 3};
}

struct row {
    const char *peer, *fields, *client, *proto, *host;
};

static const struct row rows[] = {
    {"1.1.1.1", "", "1.1.1.1", "http", ""},
    {"10.0.0.1", "", "10.0.0.1", "http", ""},
    {"1.1.1.1", "X-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: x\r\n",
     "1.1.1.1", "http", ""},
    {"1.1.1.1", "Forwarded: for=2.2.2.2;proto=https;host=x\r\n", "1.1.1.1", "http", ""},
    {"10.0.0.1", "X-Forwarded-For: 2.2.2.2\r\n", "2.2.2.2", "http", ""},
    {"10.0.0.1", "X-Forwarded-For: 9.9.9.9, 2.2.2.2\r\n", "2.2.2.2", "http", ""},
    {"10.0.0.1", "X-Forwarded-For: 9.9.9.9, 2.2.2.2, 10.0.0.2,192.0.2.1 \r\n", "2.2.2.2", "http",
     ""},
    {"10.0.0.1", "X-Forwarded-For: 9.9.9.9, 2.2.2.2\r\nX-Forwarded-For: 10.0.0.2\r\n", "2.2.2.2",
     "http", ""},
    {"10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3", "http", ""},
    {"10.0.0.1", "X-Forwarded-For: 2.2.2.2, unknown, 10.0.0.2\r\n", "10.0.0.2", "http", ""},
    {"10.0.0.1", "X-Forwarded-For: 2.2.2.2, junk\r\n", "10.0.0.1", "http", ""},
    {"10.0.0.1", "X-Forwarded-For: , ,\r\n", "10.0.0.1", "http", ""},
    {"10.0.0.1", "X-Forwarded-For: 2.2.2.2:1234\r\n", "2.2.2.2", "http", ""},
    {"10.0.0.1", "X-Forwarded-For: ::ffff:2.2.2.2\r\n", "2.2.2.2", "http", ""},
    {"10.0.0.1", "X-Forwarded-For: 2.2.2.2, ::ffff:10.0.0.2\r\n", "2.2.2.2", "http", ""},
    {"fd00::1", "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1", "http", ""},
    {"fd00::1", "X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1", "http", ""},
    {"10.0.0.1", "X-Forwarded-Proto: HTTPS\r\n", "10.0.0.1", "https", ""},
    {"10.0.0.1", "X-Forwarded-Proto: https, http\r\n", "10.0.0.1", "https", ""},
    {"10.0.0.1", "X-Forwarded-Proto: gopher\r\n", "10.0.0.1", "http", ""},
    {"10.0.0.1", "X-Forwarded-Host: x.example:81\r\n", "10.0.0.1", "http", "x.example:81"},
    {"10.0.0.1", "X-Forwarded-Host: x/y\r\n", "10.0.0.1", "http", ""},
    {"10.0.0.1", "Forwarded: for=2.2.2.2;proto=https;host=\"x:81\"\r\n", "2.2.2.2", "https",
     "x:81"},
    {"10.0.0.1", "Forwarded: For=\"[2001:db8::1]:80\" ; Proto=https, for=10.0.0.2\r\n",
     "2001:db8::1", "https", ""},
    {"10.0.0.1", "Forwarded: for=_hidden, for=10.0.0.2\r\n", "10.0.0.2", "http", ""},
    /* Only one dialect is believed. */
    {"10.0.0.1", "Forwarded: for=9.9.9.9;host=x\r\nX-Forwarded-For: 2.2.2.2\r\n", "2.2.2.2", "http",
     ""},
};

TEST(the_client_is_the_first_stranger_from_the_right)
{
    start();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        struct strbuf request = strbuf_over(text, sizeof text);
        struct heads h = {0};
        struct forwarded out;
        struct addr peer = addr(rows[i].peer), wanted = addr(rows[i].client);
        strbuf_add_fmt(&request, G "%s\r\n", rows[i].fields);
        WANT_INT(heads_parse(&h, H1_REQUEST, strbuf_str(&request)), OK);
        forwarded_read(&h.head, &rules, &peer, false, &out);
        out.client.port = 0;
        WANT(addr_eq(&out.client, &wanted));
        if (!addr_eq(&out.client, &wanted)) {
            printf("# %s\n", rows[i].fields);
        }
        WANT_STR(out.proto, str_from_c(rows[i].proto));
        WANT_STR(out.host, str_from_c(rows[i].host));
        heads_drop(&h);
    }
}

TEST(a_stranger_loses_every_identity_field)
{
    start();
    struct heads h = {0};
    struct forwarded out;
    struct addr peer = addr("1.1.1.1");
    WANT_INT(heads_parse(&h, H1_REQUEST,
                         STR(G "X-Real-IP: 2\r\nForwarded: for=2\r\nX-Forwarded-For: 2\r\nA: 1\r\n"
                               "X-Forwarded-Port: 2\r\nX-Forwarded-Prefix: 2\r\n\r\n")),
             OK);
    forwarded_read(&h.head, &rules, &peer, true, &out);
    WANT_STR(out.proto, STR("https"));
    for (uint32_t i = 0; i < h.head.fields.count; i++) {
        struct field *field = &h.head.fields.at[i];
        bool is_kept = str_eq(field->name, STR("Host")) || str_eq(field->name, STR("A"));
        WANT((field->flags & FIELD_IS_DROPPED) == (is_kept ? 0 : FIELD_IS_DROPPED));
    }
    heads_drop(&h);
}

static struct str value_of(const struct heads *h, enum field_id id)
{
    struct field *field = fields_find(&h->head.fields, id);
    WANT(field == NULL || fields_find_again(&h->head.fields, field) == NULL);
    return field == NULL ? STR("(none)") : field->value;
}

static enum err write_lines(struct heads *h, struct arena *arena,
                            const struct forwarded_rules *judged_by,
                            const struct addr *peer, const struct forwarded *out, uint16_t port)
{
    struct forwarded_peer lines;
    forwarded_prepare(&lines, peer, false, port);
    enum err e = forwarded_write(&h->head, arena, judged_by, &lines, out);
    /* The fields borrow the lines: what a test looks at is a copy. */
    for (uint32_t i = 0; e == OK && i < h->head.fields.count; i++) {
        struct field *field = &h->head.fields.at[i];
        e = arena_keep(&h->arena, field->value, &field->value);
    }
    return e;
}

TEST(the_chain_is_handed_on_with_the_peer_at_its_end)
{
    start();
    rules.sends_forwarded = rules.sends_via = true;
    struct heads h = {0};
    struct forwarded out;
    struct addr peer = addr("10.0.0.1");
    WANT_INT(heads_parse(&h, H1_REQUEST,
                         STR(G "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"
                               "X-Forwarded-Host: outer\r\nX-Forwarded-Proto: https\r\n\r\n")),
             OK);
    h.head.authority = STR("inner");
    forwarded_read(&h.head, &rules, &peer, false, &out);
    WANT_INT(write_lines(&h, &h.arena, &rules, &peer, &out, 8443), OK);
    WANT_STR(value_of(&h, FIELD_X_FORWARDED_FOR), STR("1.1.1.1, 2.2.2.2, 10.0.0.1"));
    WANT_STR(value_of(&h, FIELD_X_FORWARDED_PROTO), STR("https"));
    WANT_STR(value_of(&h, FIELD_X_FORWARDED_HOST), STR("outer"));
    WANT_STR(value_of(&h, FIELD_X_FORWARDED_PORT), STR("8443"));
    WANT_STR(value_of(&h, FIELD_FORWARDED), STR("for=10.0.0.1;host=\"outer\";proto=https"));
    WANT_STR(value_of(&h, FIELD_VIA), STR("1.1 sluice"));
    heads_drop(&h);
}

TEST(a_stranger_starts_a_new_chain)
{
    start();
    rules.sends_forwarded = true;
    struct heads h = {0};
    struct forwarded out;
    struct addr peer = addr("2001:db8::1");
    WANT_INT(heads_parse(&h, H1_REQUEST, STR(G "X-Forwarded-For: 9.9.9.9\r\n\r\n")), OK);
    h.head.authority = STR("h:81");
    forwarded_read(&h.head, &rules, &peer, false, &out);
    WANT_INT(write_lines(&h, &h.arena, &rules, &peer, &out, 80), OK);
    WANT_STR(value_of(&h, FIELD_X_FORWARDED_FOR), STR("2001:db8::1"));
    WANT_STR(value_of(&h, FIELD_X_FORWARDED_HOST), STR("h:81"));
    WANT_STR(value_of(&h, FIELD_FORWARDED), STR("for=\"[2001:db8::1]\";host=\"h:81\";proto=http"));
    WANT_STR(value_of(&h, FIELD_VIA), STR("(none)"));
    heads_drop(&h);
}

TEST(a_peer_without_an_address_is_unknown_and_memory_may_run_out)
{
    start();
    struct heads h = {0};
    struct forwarded out;
    struct addr peer = {.family = ADDR_UNIX};
    struct arena empty;
    WANT_INT(heads_parse(&h, H1_REQUEST, STR(G "\r\n")), OK);
    forwarded_read(&h.head, &rules, &peer, false, &out);
    arena_init_heap(&empty, 0);
    WANT_INT(write_lines(&h, &empty, &rules, &peer, &out, 80), ERR_MEMORY);
    WANT_INT(write_lines(&h, &h.arena, &rules, &peer, &out, 80), OK);
    WANT_STR(value_of(&h, FIELD_X_FORWARDED_FOR), STR("unknown"));
    heads_drop(&h);
    arena_reset(&empty);
}
