/* discover_test.c - what all sources share: lists, states, sameness of what was configured. */
#include "source_kit.h"

#include "upstream/target.h"

static const struct conf_discover conf = {.from = {"http://127.0.0.1:1/", 19},
                                          .kind = CONF_DISCOVER_HTTP,
                                          .url = {"http://127.0.0.1:1/", 19},
                                          .token = {"t", 1},
                                          .every_ms = 60000};

static void answer(const char *text)
{
    struct discover_list list;
    char why[DISCOVER_WHY_BYTES];
    discover_list_init(&list);
    WANT_INT(discover_list_read(&list, "it", str_from_c(text), why), OK);
    discover_answered(kit_source, &list);
}

TEST(a_list_is_a_change_only_when_it_differs)
{
    kit_start(NULL);
    kit_open(&conf);
    answer("- a:1\n- b:1\n");
    WANT_INT(kit_changes, 1);
    answer("- a:1\n- b:1\n");
    WANT_INT(kit_changes, 1);
    answer("- a:1\n- {address: 'b:1', weight: 2}\n");
    WANT_INT(kit_changes, 2);
    answer("- {address: 'b:1', weight: 2}\n- a:1\n");
    WANT_INT(kit_changes, 3);
    WANT_INT(kit_source->answers_total, 4);
    kit_stop();
}

TEST(an_empty_first_list_that_is_believed_is_a_change)
{
    struct conf_discover believing = conf;
    believing.empty = CONF_EMPTY_BELIEVE;
    kit_start(NULL);
    kit_open(&believing);
    answer("[]");
    WANT_INT(kit_changes, 1);
    answer("[]");
    WANT_INT(kit_changes, 1);
    kit_stop();
}

TEST(a_registry_whose_every_entry_is_wrong_has_failed)
{
    struct discover_list list;
    kit_start(NULL);
    kit_open(&conf);
    answer("- a:1\n");
    discover_list_init(&list);
    discover_list_leave_out(&list, "entry %d is wrong", 1);
    discover_list_leave_out(&list, "entry %d is wrong", 2);
    discover_answered(kit_source, &list);
    WANT_INT(kit_source->state, DISCOVER_FAILED);
    WANT_STR(str_from_c(kit_source->why), STR("entry 1 is wrong"));
    WANT_STR(kit_list(), STR("a:1"));
    kit_stop();
}

TEST(sources_are_the_same_when_nothing_that_matters_differs)
{
    kit_start(NULL);
    kit_open(&conf);
    struct conf_discover other = conf;
    WANT(discover_is_same(kit_source, &other));
    other.pos.line = 7;
    WANT(discover_is_same(kit_source, &other));
    other.token = STR("u");
    WANT(!discover_is_same(kit_source, &other));
    other = conf;
    other.every_ms++;
    WANT(!discover_is_same(kit_source, &other));
    other = conf;
    other.from = STR("http://127.0.0.1:2/");
    WANT(!discover_is_same(kit_source, &other));
    other = conf;
    other.empty = CONF_EMPTY_BELIEVE;
    WANT(!discover_is_same(kit_source, &other));
    kit_stop();
}

TEST(a_list_holds_discovery_targets_and_no_more)
{
    struct discover_list list;
    const struct roster_target target = {.text = STR("a:1"), .host = STR("a"), .port = 1};
    discover_list_init(&list);
    for (unsigned i = 0; i < LIMIT_VALUE(discovery_targets); i++) {
        WANT_INT(discover_list_add(&list, &target), OK);
    }
    WANT_INT(discover_list_add(&list, &target), ERR_RANGE);
    discover_list_drop(&list);
    discover_list_drop(&list);
}
