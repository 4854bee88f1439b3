/* registry.h - what the answers of Consul and etcd mean, apart from asking for them: bytes of a
 * stranger in, instances or key changes out. */
#pragma once

#include "upstream/discover/discover.h"

/* The body of /v1/health/service/NAME: adds each service of it, leaving out what has no address
 * or port. ERR_SYNTAX: `why` says what is not as Consul writes it; ERR_RANGE, ERR_MEMORY. */
MUST_USE enum err consul_read(struct discover_list *list, struct str body,
                              char why[DISCOVER_WHY_BYTES]);

/* The keys below a prefix with their values, sorted by key. */
struct etcd_entry {
    char *key, *value; /* with a closing NUL; heap */
    size_t key_len, value_len;
};
struct etcd_keys {
    struct etcd_entry *at; /* heap */
    uint32_t count, cap;
};

/* A value put under a key, or (value.at NULL) a key gone. ERR_RANGE: LIMIT discovery_targets. */
MUST_USE enum err etcd_keys_set(struct etcd_keys *keys, struct str key, struct str value);
void etcd_keys_drop(struct etcd_keys *keys);
/* What one message of a watch says. */
struct etcd_news {
    uint64_t revision; /* of the header; 0: none */
    bool has_changes, is_canceled;
};
/* The answer of /v3/kv/range. ERR_SYNTAX: `why`. */
MUST_USE enum err etcd_read_range(struct etcd_keys *keys, struct str body, uint64_t *revision,
                                  char why[DISCOVER_WHY_BYTES]);
/* One line of /v3/watch. ERR_SYNTAX: `why`. */
MUST_USE enum err etcd_read_watch(struct etcd_keys *keys, struct str line, struct etcd_news *news,
                                  char why[DISCOVER_WHY_BYTES]);
/* The instances that the values name: host:port, a map as under `targets`, or the records of etcd's
 * own naming package ({"Addr": ...}); other values are left out. ERR_RANGE, ERR_MEMORY. */
MUST_USE enum err etcd_list(const struct etcd_keys *keys, struct discover_list *list);
