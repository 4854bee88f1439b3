/* targets_api_test.c - a process without instances. What instances are told: tests/flow/test_life.py. */
#include "control/admin_inner.h"

#include "base/heap.h"
#include "test.h"

static struct arena arena;
static struct admin_answer answer;

static struct str ask(void (*to)(struct asked *), bool wants_text, const char *body)
{
    struct process *process = heap_new(sizeof *process);
    const struct admin_request request = {.wants_text = wants_text, .body = str_from_c(body)};
    arena_init_heap(&arena, 1 << 20);
    answer = (struct admin_answer){.status = 200, .arena = &arena};
    sink_to_memory(&answer.body, &arena);
    WANT_INT(loop_init(&process->loop), OK);
    list_init(&process->overrides.all);
    process->overrides.roster = &process->roster;
    to(&(struct asked){process, &request, &answer});
    loop_drop(&process->loop);
    heap_free(process);
    return sink_str(&answer.body);
}

TEST(without_instances_lists_are_empty)
{
    WANT_STR(ask(answer_targets, true, ""), STR(""));
    arena_reset(&arena);
    WANT_STR(ask(answer_targets, false, ""), STR("[\n\n]\n"));
    arena_reset(&arena);
    WANT_STR(ask(answer_overrides, false, ""), STR("[\n\n]\n"));
    arena_reset(&arena);
}

TEST(a_body_that_says_nothing_is_refused)
{
    struct str body = ask(answer_target_change, false, "{}");
    WANT_INT(answer.status, 400);
    WANT(str_find_str(body, STR("bad_body")) < body.len);
    arena_reset(&arena);
}

TEST(who_is_not_there_is_not_found)
{
    struct str body = ask(answer_target_change, true,
                          "{\"service\": \"s\", \"instance\": \"i\", \"state\": \"drain\"}");
    WANT_INT(answer.status, 404);
    WANT_STR(body, STR("there is no instance i of s\n"));
    arena_reset(&arena);
}
