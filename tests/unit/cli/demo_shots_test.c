/* demo_shots_test.c - requests that routes take, and the judgement over who answered them. */
#include "cli/demo_shots.h"

#include "test.h"

struct scene {
    struct config *config;
    struct shots shots;
    FILE *out;
};

static bool scene_open(struct scene *scene, const char *yaml)
{
    struct diags diags;
    const struct config_opts opts = {0};
    *scene = (struct scene){.out = fopen("/dev/null", "w")};
    diags_init(&diags);
    enum err e = config_load_text("scene", str_from_c(yaml), &opts, &diags, &scene->config);
    diags_drop(&diags);
    return e == OK && shots_init(&scene->shots, scene->config) == OK;
}

static bool report(const struct scene *scene)
{
    return shots_report(&scene->shots, scene->out);
}

static void scene_close(struct scene *scene)
{
    shots_drop(&scene->shots);
    config_free(scene->config);
    (void)fclose(scene->out);
}

/* The answers of one instance, counted `times`. */
static void answer(struct scene *scene, uint32_t shot, const char *body, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        scene->shots.at[shot].sent++;
        shot_count(&scene->shots, &scene->shots.at[shot], 200, str_from_c(body));
    }
}

static const char canary[] = "listeners: { http: { port: 8080 } }\n"
                             "services:\n"
                             "  orders:\n"
                             "    versions:\n"
                             "      v1: { weight: 95, targets: [127.0.0.1:9101] }\n"
                             "      v2: { weight: 5, targets: [127.0.0.1:9102] }\n"
                             "routes: { orders: { match: /orders/*, to: orders } }\n";
static const char from_v1[] =
    "{\"service\":\"orders\",\"version\":\"v1\",\"instance\":\"127.0.0.1:9101\"}";
static const char from_v2[] =
    "{\"service\":\"orders\",\"version\":\"v2\",\"instance\":\"127.0.0.1:9102\"}";

TEST(a_request_is_made_for_each_route)
{
    struct scene scene;
    WANT(scene_open(
        &scene,
        "listeners: { http: { port: 8080 } }\n"
        "services: { app: 127.0.0.1:9101 }\n"
        "routes:\n"
        "  a: { match: /a/*, to: app }\n"
        "  b: { match: api.example.com/b, to: app }\n"
        "  c: { match: \"POST *.example.com/c/{id}/x\", to: app }\n"
        "  d: { match: { path: /d, header: { X-V: \"2\" }, query: { q: z } }, to: app }\n"));
    static const char *const wanted[] = {
        "GET /a/1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /b HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
        "POST /c/7/x HTTP/1.1\r\nHost: www.example.com\r\n\r\n",
        "GET /d?q=z HTTP/1.1\r\nHost: localhost\r\nX-V: 2\r\n\r\n",
    };
    WANT_INT(scene.shots.count, COUNT_OF(wanted));
    for (uint32_t i = 0; i < scene.shots.count; i++) {
        WANT_STR(scene.shots.at[i].bytes, str_from_c(wanted[i]));
    }
    WANT_INT(scene.shots.instance_count, 1);
    scene_close(&scene);
}

TEST(shares_within_chance_are_what_the_file_says)
{
    static const struct {
        uint32_t v1, v2;
        bool is_right;
    } rows[] = {{2375, 125, true}, {2400, 100, true}, {2340, 160, true}, {2250, 250, false},
                {2500, 0, false},  {0, 2500, false},  {19, 1, true},     {0, 0, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene;
        WANT(scene_open(&scene, canary));
        answer(&scene, 0, from_v1, rows[i].v1);
        answer(&scene, 0, from_v2, rows[i].v2);
        WANT_INT(report(&scene), rows[i].is_right);
        scene_close(&scene);
    }
}

TEST(one_wrong_answer_is_one_too_many)
{
    static const struct {
        uint16_t status;
        const char *body;
    } rows[] = {{503, "{\"code\":\"no_endpoint\"}"},
                {200, "{\"service\":\"users\",\"version\":\"\",\"instance\":\"127.0.0.1:9103\"}"},
                {200, "{\"service\":\"orders\",\"version\":\"v1\",\"instance\":\"127.0.0.1:1\"}"},
                {200, ""}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene;
        WANT(scene_open(&scene, canary));
        answer(&scene, 0, from_v1, 950);
        answer(&scene, 0, from_v2, 50);
        WANT(report(&scene));
        scene.shots.at[0].sent++;
        shot_count(&scene.shots, &scene.shots.at[0], rows[i].status, str_from_c(rows[i].body));
        WANT(!report(&scene));
        scene_close(&scene);
    }
}

TEST(a_request_without_an_answer_is_one_too_many)
{
    struct scene scene;
    WANT(scene_open(&scene, canary));
    answer(&scene, 0, from_v1, 950);
    answer(&scene, 0, from_v2, 50);
    scene.shots.at[0].sent++;
    WANT(!report(&scene));
    scene_close(&scene);
}

TEST(names_cannot_be_played)
{
    struct scene scene;
    WANT(!scene_open(&scene, "listeners: { http: { port: 8080 } }\n"
                             "routes: { \"/*\": \"http://example.com:80\" }\n"));
    scene_close(&scene);
}
