/* admin_api_test.c - the resources of the admin API on a process that does not run. What changes
 * something (reload): tests/flow. */
#include "control/admin_api.c"

#include "base/check.h"
#include "base/heap.h"
#include "test.h"

static const char file[] = "listeners: { http: { port: 8080 } }\n"
                           "services: { app: 127.0.0.1:9101 }\n"
                           "routes: { all: { match: /app/*, to: app } }\n";

struct scene {
    struct process *process;
    struct snapshot snapshot;
    struct decider decider; /* for its router */
    struct arena arena;
    struct admin_answer answer;
};

static void scene_open(struct scene *scene)
{
    struct diags diags;
    const struct config_opts opts = process_config_opts();
    *scene = (struct scene){0};
    diags_init(&diags);
    CHECK(config_load_text("s.yaml", str_from_c(file), &opts, &diags, &scene->snapshot.config) ==
          OK);
    diags_drop(&diags);
    CHECK(decider_init(&scene->decider, scene->snapshot.config, NULL) == OK);
    scene->snapshot.router = scene->decider.own_router;
    scene->snapshot.hash = 0xabc;
    scene->process = heap_new(sizeof *scene->process);
    CHECK(scene->process != NULL);
    CHECK(stats_init(&scene->process->stats, 1) == OK);
    scene->process->current = &scene->snapshot;
    scene->process->path = "s.yaml";
    scene->process->generation = 7;
    arena_init_heap(&scene->arena, 1 << 20);
}

static void scene_close(struct scene *scene)
{
    stats_drop(&scene->process->stats);
    heap_free(scene->process);
    decider_drop(&scene->decider);
    config_free(scene->snapshot.config);
    arena_reset(&scene->arena);
}

static struct str ask(struct scene *scene, const char *method, const char *path, const char *query)
{
    const struct admin_request request = {
        .method = str_from_c(method), .path = str_from_c(path), .query = str_from_c(query)};
    scene->answer = (struct admin_answer){.status = 200, .arena = &scene->arena};
    sink_to_memory(&scene->answer.body, &scene->arena);
    answer(scene->process, &request, &scene->answer);
    return sink_str(&scene->answer.body);
}

static bool has(struct str s, const char *needle)
{
    return str_find_str(s, str_from_c(needle)) < s.len;
}

TEST(status_says_what_runs)
{
    struct scene scene;
    scene_open(&scene);
    struct str body = ask(&scene, "GET", "/v1/status", "");
    WANT_INT(scene.answer.status, 200);
    WANT(str_starts(body, STR("{\n  \"state\": \"serving\",\n  \"file\": \"s.yaml\",\n"
                              "  \"generation\": 7,\n  \"hash\": \"0000000000000abc\",\n")));
    WANT(has(body, "  \"services\": 1,\n  \"active\": 0,\n"));
    WANT(str_ends(body, STR("  \"overrides\": 0,\n  \"listens_http\": \"[::]:8080\",\n"
                            "  \"in_flight\": 0\n}\n")));
    scene.process->is_draining = true;
    WANT(has(ask(&scene, "GET", "/v1/status", ""), "\"state\": \"draining\""));
    scene_close(&scene);
}

TEST(every_resource_is_listed_and_knows_its_method)
{
    struct scene scene;
    scene_open(&scene);
    struct str list = ask(&scene, "GET", "/v1", "");
    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        WANT(has(list, resources[i].path) && has(list, resources[i].summary));
        (void)ask(&scene, "DELETE", resources[i].path, "");
        WANT_INT(scene.answer.status, 405);
        WANT(has(scene.answer.allow, resources[i].method));
    }
    WANT(has(ask(&scene, "GET", "/v2", ""), "\"code\":\"not_found\""));
    WANT_INT(scene.answer.status, 404);
    scene_close(&scene);
}

TEST(getting_never_changes_anything)
{
    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        bool is_get = str_eq(str_from_c(resources[i].method), STR("GET"));
        WANT(is_get != (resources[i].answer == answer_reload ||
                        resources[i].answer == answer_target_change));
    }
}

TEST(explain_takes_its_request_from_the_query)
{
    struct scene scene;
    scene_open(&scene);
    struct str body =
        ask(&scene, "GET", "/v1/explain",
            "method=POST&url=http%3A%2F%2Flocalhost%2Fapp%2F1&header=X-A:%20b&from=::1");
    WANT_INT(scene.answer.status, 200);
    WANT(has(body, "route     all") && has(body, "is asked for /app/1"));
    WANT(has(ask(&scene, "GET", "/v1/explain", "url=/no"), "404 no_route"));
    WANT_INT(scene.answer.status, 200);
    scene_close(&scene);
}

TEST(explain_refuses_what_it_cannot_read)
{
    static const char *const queries[] = {"",
                                          "url=",
                                          "url=ftp://x",
                                          "url=/x&from=me",
                                          "url=/x&header=none",
                                          "url=/x&other=1",
                                          "url=/x&method=G%20T",
                                          "url=/x%0d%0aA:b"};
    struct scene scene;
    scene_open(&scene);
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct str body = ask(&scene, "GET", "/v1/explain", queries[i]);
        WANT_INT(scene.answer.status, 400);
        WANT(has(body, "bad_parameter"));
        WANT_STR(scene.answer.type, STR("application/problem+json"));
    }
    scene_close(&scene);
}

TEST(the_configuration_in_use_is_shown_in_its_long_form)
{
    struct scene scene;
    scene_open(&scene);
    WANT(has(ask(&scene, "GET", "/v1/config", ""), "balance: p2c_ewma"));
    WANT_STR(scene.answer.type, STR("application/yaml"));
    scene_close(&scene);
}
