#define _GNU_SOURCE
#include "l4/naming.h"

#include "tunnel_kit.h"

static struct tunnel_kit kit;
static struct generation generation;
static struct tunnel_names names;
static struct naming_rule rule, below, deep;
static struct naming_alpn alpn;
static struct arena arena;
static char heard[256];

/* A ClientHello for a.example that offers h2. */
static const char hello[] = "\x16\3\1\0\x52\1\0\0\x4e\3\3"
                            "0123456789abcdef0123456789abcdef\0\0\2\x13\1\1\0\0\x23"
                            "\0\0\0\x0e\0\x0c\0\0\x09" "a.example"
                            "\0\x10\0\5\0\3\2h2"
                            "\x4a\x4a\0\4zzzz";

static void open_names(void)
{
    tunnel_kit_open(&kit, 1, false, 0);
    arena_init_heap(&arena, 1 << 20);
    map_init(&names.exact, &arena);
    map_init(&names.below, &arena);
    rule = (struct naming_rule){.service = &kit.service};
    generation = (struct generation){0};
    kit.core->current = &generation;
    kit.conf.names = &names;
    kit.conf.service = NULL;
}

static void close_names(void)
{
    WANT_INT(generation.in_flight, 0);
    arena_reset(&arena);
    tunnel_kit_close(&kit);
}

TEST(the_name_itself_comes_before_those_above_it_and_the_longest_of_them_wins)
{
    open_names();
    WANT_INT(map_add(&names.exact, STR("a.example"), &rule), OK);
    WANT_INT(map_add(&names.below, STR("example"), &below), OK);
    WANT_INT(map_add(&names.below, STR("b.example"), &deep), OK);
    WANT(naming_find(&names, STR("a.example")) == &rule);
    WANT(naming_find(&names, STR("c.example")) == &below);
    WANT(naming_find(&names, STR("x.b.example")) == &deep);
    WANT(naming_find(&names, STR("y.x.b.example")) == &deep);
    WANT(naming_find(&names, STR("b.example")) == &below);
    WANT(naming_find(&names, STR("example")) == NULL);
    WANT(naming_find(&names, STR("other")) == NULL);
    WANT(naming_find(&names, STR("")) == NULL);
    close_names();
}

TEST(a_hello_in_pieces_reaches_its_service_unchanged)
{
    open_names();
    WANT_INT(map_add(&names.exact, STR("a.example"), &rule), OK);
    tunnel_kit_client(&kit);
    for (size_t i = 0; i < sizeof hello - 1; i++) {
        WANT_INT(generation.in_flight, 1);
        WANT(pair_say(&kit.pair, str_of(hello + i, 1)));
        tunnel_kit_turn(&kit, 1);
    }
    WANT(tunnel_kit_accept(&kit, 0));
    WANT_INT(tunnel_kit_hear(&kit, kit.origin_fd, heard, sizeof hello - 1), sizeof hello - 1);
    WANT(memcmp(heard, hello, sizeof hello - 1) == 0);
    close_names();
}

TEST(a_protocol_may_have_a_service_of_its_own)
{
    struct tunnel_service nobody = {0};
    open_names();
    alpn = (struct naming_alpn){STR("h2"), &kit.service};
    rule = (struct naming_rule){.service = &nobody, .alpns = &alpn, .alpn_count = 1};
    WANT_INT(map_add(&names.exact, STR("a.example"), &rule), OK);
    tunnel_kit_client(&kit);
    WANT(pair_say(&kit.pair, str_of(hello, sizeof hello - 1)));
    WANT(tunnel_kit_accept(&kit, 0));
    close_names();
}

TEST(a_name_that_leads_nowhere_gets_an_alert)
{
    open_names();
    tunnel_kit_client(&kit);
    WANT(pair_say(&kit.pair, str_of(hello, sizeof hello - 1)));
    WANT_INT(tunnel_kit_hear(&kit, kit.pair.far, heard, 7), 7);
    WANT(memcmp(heard, "\x15\3\1\0\2\2\x70", 7) == 0);
    WANT_INT(tunnel_kit_ends(&kit, ERR_NO_NAME), 1);
    close_names();
}

TEST(other_names_go_to_the_default)
{
    open_names();
    kit.conf.service = &kit.service;
    tunnel_kit_client(&kit);
    WANT(pair_say(&kit.pair, str_of(hello, sizeof hello - 1)));
    WANT(tunnel_kit_accept(&kit, 0));
    close_names();
}

TEST(what_is_no_hello_is_reset_and_so_is_half_of_one)
{
    open_names();
    tunnel_kit_client(&kit);
    WANT(pair_say(&kit.pair, STR("GET / HTTP/1.1\r\n\r\n")));
    WANT_INT(tunnel_kit_hear(&kit, kit.pair.far, heard, 1), -1);
    pair_close(&kit.pair);
    tunnel_kit_client(&kit);
    WANT(pair_say(&kit.pair, str_of(hello, 20)));
    socket_shutdown_send(kit.pair.far);
    WANT_INT(tunnel_kit_hear(&kit, kit.pair.far, heard, 1), -1);
    WANT_INT(tunnel_kit_ends(&kit, ERR_BAD_PREFACE), 2);
    close_names();
}
