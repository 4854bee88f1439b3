#include "policy/template.h"

#include "exchange_kit.h"

static struct exchange_kit kit;
static struct arena memory;

/* The text for an exchange, or why it cannot be cut. */
static struct str rendered(const char *text)
{
    struct template template;
    struct str out = {0};
    arena_reset(&memory);
    arena_init_heap(&memory, 1 << 16);
    enum err e = template_compile(&memory, str_from_c(text), &template, &out);
    if (e == OK) {
        WANT_INT(template_render(&template, kit.ex, &out), OK);
    } else {
        WANT_INT(e, ERR_SYNTAX);
    }
    return out;
}

static void open_request(void)
{
    exchange_kit_open(&kit);
    (void)exchange_kit_request(&kit, STR("GET http://API.example.com/%7Ea/b?c HTTP/1.1\r\n"
                                         "Host: API.example.com\r\n\r\n"));
}

static void close_request(void)
{
    arena_reset(&memory);
    exchange_kit_close(&kit);
}

TEST(variables_are_filled_in)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"{client_ip}", "203.0.113.7"},
        {"{host}", "api.example.com"},
        {"{path}", "/~a/b"},
        {"{method}", "GET"},
        {"{request_id}", "id-1"},
        {"for={client_ip};host={host}", "for=203.0.113.7;host=api.example.com"},
        {"{method}{path}", "GET/~a/b"},
        {"{{", "{"},
        {"{{{{", "{{"},
        {"{{host}", "{host}"},
        {"{{{host}}", "{api.example.com}"},
        {"}", "}"},
        {"a}b", "a}b"},
        {"{{\"a\": 1}", "{\"a\": 1}"},
    };
    open_request();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_STR(rendered(rows[i].text), str_from_c(rows[i].wanted));
    }
    close_request();
}

TEST(a_wrong_variable_is_refused_with_the_way_out)
{
    static const char all[] =
        "there are {client_ip}, {host}, {method}, {path}, {request_id}; write "
        "{{ for a brace";
    static const char open[] = "close the variable with }, or write {{ for a brace";
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"{client-ip}", "did you mean {client_ip}?"},
        {"{Host}", "did you mean {host}?"},
        {"{requestid}", "did you mean {request_id}?"},
        {"{}", all},
        {"{consumer_name}", all},
        {"{ host }", "did you mean {host}?"},
        {"a{", open},
        {"{host", open},
        {"{{{", open},
    };
    open_request();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_STR(rendered(rows[i].text), str_from_c(rows[i].wanted));
    }
    close_request();
}

TEST(a_text_without_variables_needs_no_memory_of_the_exchange)
{
    struct template template;
    struct str out;
    open_request();
    arena_init_heap(&memory, 1 << 16);
    size_t used = kit.ex->arena.used_bytes;
    WANT_INT(template_compile(&memory, STR("plain"), &template, &out), OK);
    WANT_INT(template_render(&template, kit.ex, &out), OK);
    WANT_STR(out, STR("plain"));
    WANT_INT(kit.ex->arena.used_bytes, used);
    close_request();
}

TEST(no_memory_is_an_error)
{
    struct template template;
    struct str out;
    open_request();
    arena_init_heap(&memory, 1);
    WANT_INT(template_compile(&memory, STR("{host}"), &template, &out), ERR_MEMORY);
    arena_reset(&memory);
    arena_init_heap(&memory, 1 << 16);
    WANT_INT(template_compile(&memory, STR("{host}"), &template, &out), OK);
    kit.ex->arena.end = kit.ex->arena.at;
    kit.ex->arena.limit_bytes = kit.ex->arena.used_bytes;
    WANT_INT(template_render(&template, kit.ex, &out), ERR_MEMORY);
    WANT_STR(out, STR(""));
    close_request();
}

/* Every text of a few characters ends in parts or in a refusal, and never in more parts than braces
 * allow. */
TEST(any_text_is_cut_or_refused)
{
    static const char alphabet[] = "{}a";
    open_request();
    for (unsigned n = 0; n < 3 * 3 * 3 * 3 * 3 * 3; n++) {
        char text[7] = {0};
        unsigned rest = n;
        for (size_t i = 0; i < 6; i++, rest /= 3) {
            text[i] = alphabet[rest % 3];
        }
        WANT(rendered(text).at != NULL);
    }
    close_request();
}
