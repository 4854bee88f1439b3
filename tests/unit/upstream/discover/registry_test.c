/* registry_test.c - what Consul and etcd write, and what others might write in their place. */
#include "upstream/discover/registry.h"

#include "test.h"

#include <stdlib.h>

static struct discover_list list;
static char why[DISCOVER_WHY_BYTES];

static enum err consul_bytes(const char *text, size_t len)
{
    discover_list_drop(&list);
    discover_list_init(&list);
    char *copy = malloc(len == 0 ? 1 : len);
    memcpy(copy, text, len);
    enum err e = consul_read(&list, str_of(copy, len), why);
    free(copy);
    return e;
}

static enum err consul(const char *text)
{
    return consul_bytes(text, strlen(text));
}

#define SERVICE(address, port)                                                                     \
    "{\"Node\":{\"Address\":\"10.9.9.9\"},\"Service\":{\"ID\":\"a\",\"Address\":\"" address           \
    "\",\"Port\":" port ",\"Weights\":{\"Passing\":7,\"Warning\":1}}}"

TEST(services_of_consul_have_an_address_or_that_of_their_node)
{
    WANT_INT(consul("[" SERVICE("10.0.0.1", "80") "," SERVICE("", "81") "," SERVICE("host.consul",
                                                                                   "82") "]"),
             OK);
    WANT_INT(list.count, 3);
    WANT_STR(list.targets[0].text, STR("10.0.0.1:80"));
    WANT_INT(list.targets[0].addr.family, ADDR_V4);
    WANT_INT(list.targets[0].weight, 7);
    WANT_STR(list.targets[1].text, STR("10.9.9.9:81"));
    WANT_STR(list.targets[2].text, STR("host.consul:82"));
    WANT_INT(list.targets[2].addr.family, ADDR_NONE);
    WANT_INT(consul("[]"), OK);
    WANT_INT(list.count, 0);
    WANT_INT(consul("[{\"Service\":{\"Address\":\"::1\",\"Port\":80}}]"), OK);
    WANT_STR(list.targets[0].text, STR("[::1]:80"));
    WANT_INT(list.targets[0].weight, 1);
    discover_list_drop(&list);
}

TEST(entries_without_address_or_port_are_left_out)
{
    static const char *const entries[] = {"{}",     "[]",
                                          "null",   "{\"Service\":{\"Address\":\"a\"}}",
                                          "{\"Service\":{\"Address\":\"a\",\"Port\":0}}",
                                          "{\"Service\":{\"Address\":\"a\",\"Port\":65536}}",
                                          "{\"Service\":{\"Address\":\"a\",\"Port\":\"80\"}}",
                                          "{\"Service\":{\"Address\":7,\"Port\":80}}"};
    char text[300];
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        (void)snprintf(text, sizeof text, "[%s,%s]", entries[i], SERVICE("10.0.0.1", "80"));
        WANT_INT(consul(text), OK);
        WANT_INT(list.count, 1);
        WANT_INT(list.left_out_count, 1);
        WANT(list.why[0] != '\0');
    }
    discover_list_drop(&list);
}

TEST(what_is_no_list_of_services_is_refused)
{
    static const char *const texts[] = {"", "{}", "null", "\"x\"", "[", "<html>", "[1,]",
                                        "[{\"Service\":1,\"Service\":2}]"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        WANT_INT(consul(texts[i]), ERR_SYNTAX);
        WANT(why[0] != '\0');
    }
    static const char whole[] = "[" SERVICE("10.0.0.1", "80") "]";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        WANT_INT(consul_bytes(whole, len), ERR_SYNTAX);
    }
    discover_list_drop(&list);
}

TEST(keys_are_kept_sorted_changed_and_removed)
{
    struct etcd_keys keys = {0};
    WANT_INT(etcd_keys_set(&keys, STR("/b"), STR("2")), OK);
    WANT_INT(etcd_keys_set(&keys, STR("/a"), STR("1")), OK);
    WANT_INT(etcd_keys_set(&keys, STR("/c"), STR("3")), OK);
    WANT_INT(etcd_keys_set(&keys, STR("/b"), STR("20")), OK);
    WANT_INT(keys.count, 3);
    WANT_STR(str_from_c(keys.at[0].key), STR("/a"));
    WANT_STR(str_from_c(keys.at[1].value), STR("20"));
    WANT_INT(etcd_keys_set(&keys, STR("/a"), (struct str){0}), OK);
    WANT_INT(etcd_keys_set(&keys, STR("/x"), (struct str){0}), OK);
    WANT_INT(keys.count, 2);
    WANT_STR(str_from_c(keys.at[0].key), STR("/b"));
    char key[16];
    for (int i = 0; i < LIMIT_VALUE(discovery_targets) - 2; i++) {
        (void)snprintf(key, sizeof key, "/k%d", i);
        WANT_INT(etcd_keys_set(&keys, str_from_c(key), STR("1")), OK);
    }
    WANT_INT(etcd_keys_set(&keys, STR("/more"), STR("1")), ERR_RANGE);
    WANT_INT(etcd_keys_set(&keys, STR("/b"), STR("3")), OK);
    etcd_keys_drop(&keys);
    WANT_INT(keys.count, 0);
}

/* L2E= is /a, MTAuMC4wLjE6ODA= is 10.0.0.1:80. */
#define PAIR "{\"key\":\"L2E=\",\"value\":\"MTAuMC4wLjE6ODA=\"}"

TEST(a_range_has_a_revision_and_its_keys)
{
    struct etcd_keys keys = {0};
    uint64_t revision;
    WANT_INT(etcd_read_range(&keys,
                             STR("{\"header\":{\"revision\":\"12\"},\"kvs\":[" PAIR
                                 "],\"count\":\"1\"}"),
                             &revision, why),
             OK);
    WANT_INT(revision, 12);
    WANT_INT(keys.count, 1);
    WANT_STR(str_from_c(keys.at[0].key), STR("/a"));
    WANT_STR(str_from_c(keys.at[0].value), STR("10.0.0.1:80"));
    WANT_INT(etcd_read_range(&keys, STR("{\"header\":{\"revision\":\"13\"}}"), &revision, why), OK);
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"header\":{\"revision\":12}}",
                                      "{\"header\":{\"revision\":\"1\"},\"kvs\":[{}]}",
                                      "{\"header\":{\"revision\":\"1\"},\"kvs\":[{\"key\":\"*\"}]}",
                                      "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT_INT(etcd_read_range(&keys, str_from_c(bad[i]), &revision, why), ERR_SYNTAX);
    }
    etcd_keys_drop(&keys);
}

TEST(a_watch_tells_puts_deletes_and_its_end)
{
    struct etcd_keys keys = {0};
    struct etcd_news news;
    WANT_INT(etcd_read_watch(&keys, STR("{\"result\":{\"header\":{\"revision\":\"3\"},\"created\":true}}"),
                             &news, why),
             OK);
    WANT(!news.has_changes && !news.is_canceled && news.revision == 3);
    WANT_INT(etcd_read_watch(&keys, STR("{\"result\":{\"events\":[{\"kv\":" PAIR "}]}}"), &news, why),
             OK);
    WANT(news.has_changes && keys.count == 1);
    WANT_INT(etcd_read_watch(
                 &keys,
                 STR("{\"result\":{\"events\":[{\"type\":\"DELETE\",\"kv\":{\"key\":\"L2E=\"}}]}}"),
                 &news, why),
             OK);
    WANT(news.has_changes && keys.count == 0);
    WANT_INT(etcd_read_watch(
                 &keys, STR("{\"result\":{\"canceled\":true,\"compact_revision\":\"9\"}}"), &news, why),
             OK);
    WANT(news.is_canceled);
    WANT_INT(etcd_read_watch(&keys, STR("{\"error\":{\"message\":\"no leader\"}}"), &news, why),
             ERR_SYNTAX);
    WANT(strstr(why, "no leader") != NULL);
    WANT_INT(etcd_read_watch(&keys, STR("{\"result\":{\"events\":[1]}}"), &news, why), ERR_SYNTAX);
    etcd_keys_drop(&keys);
}

TEST(values_are_targets_or_records_of_the_naming_package)
{
    struct etcd_keys keys = {0};
    WANT_INT(etcd_keys_set(&keys, STR("/a"), STR("10.0.0.1:80")), OK);
    WANT_INT(etcd_keys_set(&keys, STR("/b"), STR("{\"address\":\"10.0.0.2:80\",\"weight\":2}")), OK);
    WANT_INT(etcd_keys_set(&keys, STR("/c"), STR("{\"Op\":0,\"Addr\":\"10.0.0.3:80\"}")), OK);
    WANT_INT(etcd_keys_set(&keys, STR("/d"), STR("gone")), OK);
    WANT_INT(etcd_keys_set(&keys, STR("/e"), STR("${file:/etc/passwd}")), OK);
    discover_list_drop(&list);
    discover_list_init(&list);
    WANT_INT(etcd_list(&keys, &list), OK);
    WANT_INT(list.count, 3);
    WANT_INT(list.left_out_count, 2);
    WANT(strstr(list.why, "/d: ") == list.why);
    WANT_STR(list.targets[1].text, STR("10.0.0.2:80"));
    WANT_INT(list.targets[1].weight, 2);
    WANT_STR(list.targets[2].text, STR("10.0.0.3:80"));
    discover_list_drop(&list);
    etcd_keys_drop(&keys);
}
