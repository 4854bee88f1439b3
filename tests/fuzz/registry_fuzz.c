/* registry_fuzz.c - any bytes as what Consul and etcd answer; the first byte says which. Every entry is either
 * an instance or counted as left out, and nothing is kept of an answer that was refused. */
#include "base/check.h"
#include "upstream/discover/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_keys(struct str text, uint8_t kind)
{
    struct etcd_keys keys = {0};
    struct etcd_news news;
    struct discover_list list;
    char why[DISCOVER_WHY_BYTES];
    uint64_t revision;
    enum err e = kind == 1 ? etcd_read_range(&keys, text, &revision, why)
                           : etcd_read_watch(&keys, text, &news, why);
    CHECK(e == OK || e == ERR_SYNTAX || e == ERR_MEMORY || e == ERR_RANGE);
    discover_list_init(&list);
    if (etcd_list(&keys, &list) == OK) {
        CHECK(list.count + list.left_out_count == keys.count);
    }
    discover_list_drop(&list);
    etcd_keys_drop(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct discover_list list;
    char why[DISCOVER_WHY_BYTES];
    if (size == 0) {
        return 0;
    }
    struct str text = str_of((const char *)data + 1, size - 1);
    uint8_t kind = data[0] % 3;
    if (kind > 0) {
        read_keys(text, kind);
        return 0;
    }
    discover_list_init(&list);
    enum err e = consul_read(&list, text, why);
    CHECK(e == OK || e == ERR_SYNTAX || e == ERR_MEMORY || e == ERR_RANGE);
    discover_list_drop(&list);
    return 0;
}
