/* decide_test.c - decisions about requests, from a file that uses what a route can do. */
#include "control/decide.h"

#include "base/check.h"
#include "control/process.h"
#include "test.h"

#define TEN "01234567890123456789012345678901234567890123456789"

static const char file[] =
    "listeners:\n"
    "  http: { port: 8080 }\n"
    "  strict: { port: 8081, limits: { target: 256 } }\n"
    "services:\n"
    "  orders:\n"
    "    versions:\n"
    "      v1: { weight: 95, targets: [127.0.0.1:9101] }\n"
    "      v2: { weight: 5, targets: [127.0.0.1:9102] }\n"
    "  sticky:\n"
    "    cohort: \"header X-User\"\n"
    "    versions:\n"
    "      a: { weight: 50, targets: [127.0.0.1:9103] }\n"
    "      b: { weight: 50, targets: [127.0.0.1:9104] }\n"
    "  drained:\n"
    "    versions:\n"
    "      old: { weight: 0, targets: [127.0.0.1:9105] }\n"
    "      new: { weight: 1, targets: [127.0.0.1:9106] }\n"
    "routes:\n"
    "  orders: { match: /orders/*, to: orders }\n"
    "  sticky: { match: /sticky/*, to: sticky }\n"
    "  drained: { match: api.example.com/drained, to: drained }\n"
    "  short: { match: \"GET,POST /short/*\", to: drained, rewrite: \"/long/*\" }\n"
    "  moved: { match: /moved/*, redirect: { path: \"/orders/*\", status: 308 } }\n"
    "  teapot: { match: /teapot, respond: { status: 418, body: \"short and stout\\n\", "
    "headers: { X-Kind: pot } } }\n"
    "  small: { match: /small, to: drained, body_limit: 10B }\n";

struct scene {
    struct config *config;
    struct decider decider;
    struct decision decision;
};

static bool scene_open(struct scene *scene, struct str yaml)
{
    struct diags diags;
    const struct config_opts opts = process_config_opts();
    *scene = (struct scene){0};
    diags_init(&diags);
    enum err e = config_load_text("test.yaml", yaml, &opts, &diags, &scene->config);
    for (uint32_t i = 0; i < diags.errors.kept; i++) {
        printf("# %.*s\n", STR_FMT(diags.errors.at[i].message));
    }
    diags_drop(&diags);
    (void)fflush(stdout);
    CHECK(e == OK); /* the file above is wrong: nothing below makes sense */
    return decider_init(&scene->decider, scene->config, NULL) == OK;
}

static void scene_close(struct scene *scene)
{
    decider_drop(&scene->decider);
    config_free(scene->config);
}

static enum err ask(struct scene *scene, const char *method, const char *url)
{
    const struct decide_request request = {.method = str_from_c(method), .url = str_from_c(url)};
    return decide(&scene->decider, &request, &scene->decision);
}

static struct str field_of(const struct decision *decision, struct str name)
{
    const struct field *field = fields_find_name(decision->fields, name);
    return field == NULL ? STR("") : field->value;
}

TEST(a_decision_names_listener_route_service_and_path)
{
    static const struct {
        const char *method, *url, *listener, *route, *service, *version, *path, *query;
    } rows[] = {
        {"GET", "http://localhost:8080/orders/7?x=1", "http", "orders", "orders", "", "/orders/7",
         "x=1"},
        {"GET", "http://localhost:8081/orders", "strict", "orders", "orders", "", "/orders", ""},
        {"GET", "/orders//a/../b", "http", "orders", "orders", "", "/orders/b", ""},
        {"DELETE", "https://API.example.com./drained", "http", "drained", "drained", "new",
         "/drained", ""},
        {"POST", "http://localhost/short/x/y", "http", "short", "drained", "new", "/long/x/y", ""},
    };
    struct scene scene;
    WANT(scene_open(&scene, str_from_c(file)));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct decision *decision = &scene.decision;
        WANT_INT(ask(&scene, rows[i].method, rows[i].url), OK);
        WANT_INT(decision->error, OK);
        WANT_INT(decision->status, 0);
        WANT_STR(decision->listener->name, str_from_c(rows[i].listener));
        WANT(decision->route != NULL && decision->service != NULL);
        if (decision->route != NULL && decision->service != NULL) {
            WANT_STR(decision->route->name, str_from_c(rows[i].route));
            WANT_STR(decision->service->name, str_from_c(rows[i].service));
        }
        WANT_STR(decision->version == NULL ? STR("") : decision->version->name,
                 str_from_c(rows[i].version));
        WANT_STR(decision->origin_path, str_from_c(rows[i].path));
        WANT_STR(decision->query, str_from_c(rows[i].query));
    }
    scene_close(&scene);
}

TEST(what_the_gateway_refuses_is_refused_for_its_own_reason)
{
    static const struct {
        const char *method, *url;
        enum err error;
        uint16_t status;
    } rows[] = {
        {"GET", "/nowhere", ERR_NO_ROUTE, 404},
        {"GET", "http://other.example.com/drained", ERR_NO_ROUTE, 404},
        {"PUT", "/short/x", ERR_METHOD_NOT_ALLOWED, 405},
        {"GET", "/../x", ERR_BAD_PATH, 400},
        {"GET", "/orders/%00", ERR_BAD_PATH, 400},
        {"GET", "/orders/a%2fb", ERR_BAD_PATH, 400},
        {"GET", "http://bad_host-/%", ERR_BAD_PATH, 400},
        {"GET", "http://a:b:c/", ERR_BAD_HOST, 400},
        {"CONNECT", "/orders", ERR_CONNECT_REFUSED, 405},
        {"GET", "http://localhost:8081/orders/" TEN TEN TEN TEN TEN, ERR_TARGET_BYTES, 414},
    };
    struct scene scene;
    WANT(scene_open(&scene, str_from_c(file)));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_INT(ask(&scene, rows[i].method, rows[i].url), OK);
        WANT_INT(scene.decision.error, rows[i].error);
        WANT_INT(scene.decision.status, rows[i].status);
        WANT(scene.decision.service == NULL);
    }
    WANT_INT(ask(&scene, "PUT", "/short/x"), OK);
    WANT_STR(field_of(&scene.decision, STR("Allow")), STR("GET, HEAD, POST"));
    scene_close(&scene);
}

TEST(redirects_and_fixed_responses_are_whole)
{
    struct scene scene;
    WANT(scene_open(&scene, str_from_c(file)));
    WANT_INT(ask(&scene, "GET", "http://api.example.com:8080/moved/7?x=1"), OK);
    WANT_INT(scene.decision.status, 308);
    WANT_STR(field_of(&scene.decision, STR("location")),
             STR("http://api.example.com:8080/orders/7?x=1"));
    WANT_INT(ask(&scene, "GET", "/teapot"), OK);
    WANT_INT(scene.decision.status, 418);
    WANT_STR(field_of(&scene.decision, STR("X-Kind")), STR("pot"));
    WANT_STR(scene.decision.body, STR("short and stout\n"));
    scene_close(&scene);
}

TEST(a_cohort_always_meets_the_same_version)
{
    struct scene scene;
    struct conf_pair field = {.name = STR("X-User")};
    struct decide_request request = {
        .method = STR("GET"), .url = STR("/sticky/1"), .fields = &field, .field_count = 1};
    uint32_t of_a = 0;
    WANT(scene_open(&scene, str_from_c(file)));
    for (char user = 'a'; user <= 'z'; user++) {
        struct str first = {0};
        field.value = str_of(&user, 1);
        for (int i = 0; i < 3; i++) {
            WANT_INT(decide(&scene.decider, &request, &scene.decision), OK);
            WANT(scene.decision.is_by_cohort && scene.decision.version != NULL);
            struct str name = scene.decision.version->name;
            WANT(first.len == 0 || str_eq(first, name));
            first = name;
        }
        of_a += str_eq(first, STR("a"));
    }
    WANT(of_a > 3 && of_a < 23);
    request.field_count = 0;
    WANT_INT(decide(&scene.decider, &request, &scene.decision), OK);
    WANT(scene.decision.version == NULL && !scene.decision.is_by_cohort);
    scene_close(&scene);
}

TEST(a_host_field_stands_for_that_of_the_url)
{
    struct scene scene;
    const struct conf_pair host = {.name = STR("host"), .value = STR("api.example.com")};
    const struct decide_request request = {
        .method = STR("GET"), .url = STR("/drained"), .fields = &host, .field_count = 1};
    WANT(scene_open(&scene, str_from_c(file)));
    WANT_INT(decide(&scene.decider, &request, &scene.decision), OK);
    WANT(scene.decision.route != NULL);
    scene_close(&scene);
}

TEST(a_declared_body_over_the_limit_is_refused)
{
    struct scene scene;
    const struct conf_pair length = {.name = STR("Content-Length"), .value = STR("11")};
    const struct decide_request request = {
        .method = STR("POST"), .url = STR("/small"), .fields = &length, .field_count = 1};
    WANT(scene_open(&scene, str_from_c(file)));
    WANT_INT(decide(&scene.decider, &request, &scene.decision), OK);
    WANT_INT(scene.decision.error, ERR_BODY_BYTES);
    WANT_INT(scene.decision.status, 413);
    scene_close(&scene);
}

TEST(what_cannot_be_one_request_is_not_decided)
{
    static const struct {
        const char *method, *url, *name, *value;
    } rows[] = {
        {"GET", "", "A", "b"},
        {"GET", "ftp://x/", "A", "b"},
        {"GET", "localhost/x", "A", "b"},
        {"GET", "http://", "A", "b"},
        {"GET", "http:///x", "A", "b"},
        {"GET", "/a b", "A", "b"},
        {"GET", "/a\r\nX: y", "A", "b"},
        {"GET", "/a#part", "A", "b"},
        {"", "/a", "A", "b"},
        {"GET /x HTTP/1.1\r\nA:", "/a", "A", "b"},
        {"GET", "/a", "A", "b\r\nC: d"},
        {"GET", "/a", "A\r\nC", "d"},
        {"GET", "/a", "", "d"},
    };
    struct scene scene;
    WANT(scene_open(&scene, str_from_c(file)));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct conf_pair field = {.name = str_from_c(rows[i].name),
                                        .value = str_from_c(rows[i].value)};
        const struct decide_request request = {.method = str_from_c(rows[i].method),
                                               .url = str_from_c(rows[i].url),
                                               .fields = &field,
                                               .field_count = 1};
        WANT_INT(decide(&scene.decider, &request, &scene.decision), ERR_SYNTAX);
    }
    WANT_INT(ask(&scene, "GET", "/orders/1"), OK);
    WANT_INT(scene.decision.error, OK);
    scene_close(&scene);
}

TEST(a_decider_that_never_was_can_be_dropped)
{
    struct decider decider = {0};
    decider_drop(&decider);
    WANT(decider.router == NULL);
}
