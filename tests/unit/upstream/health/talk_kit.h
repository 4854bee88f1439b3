/* talk_kit.h - a check as a file writes it, and its protocol spoken to without a socket: what it
 * says, and what it makes of what it hears, cut as the test likes. */
#pragma once

#include "base/heap.h"
#include "config/config.h"
#include "text/sink.h"
#include "upstream/health/talk.h"

struct talk_kit {
    struct config *config;
    struct health_plan *plan;
    struct arena arena;
    struct rng rng;
    struct health_talk talk;
    enum health_verdict verdict;
    char *in;
    char out[HEALTH_OUT_BYTES_MAX];
    char why[HEALTH_WHY_BYTES_MAX];
};

enum { TALK_KIT_IN_BYTES = 65536 };

/* The check of the one service; the configuration is in kit->config. */
static inline const struct conf_health *talk_kit_conf(struct talk_kit *kit, const char *health)
{
    static const struct config_opts opts;
    char text[2048];
    struct diags diags;
    diags_init(&diags);
    snprintf(text, sizeof text,
             "services: { s: { targets: [\"127.0.0.1:80\"], health: %s } }\nroutes: { \"/*\": s }\n", health);
    if (config_load_text("test.yaml", str_from_c(text), &opts, &diags, &kit->config) != OK) {
        struct sink sink;
        sink_to_file(&sink, stderr);
        diags_write(&diags, &sink);
        CHECK(kit->config != NULL);
    }
    diags_drop(&diags);
    return &kit->config->services.at[0].health;
}

/* Begins a talk: the protocol has written what it says first. */
static inline void talk_kit_begin(struct talk_kit *kit)
{
    const struct health_protocol *protocol = kit->plan->protocol;
    arena_init_heap(&kit->arena, 1 << 20);
    kit->in = heap_new(TALK_KIT_IN_BYTES);
    kit->talk = (struct health_talk){.plan = kit->plan,
                                     .host = STR("a.example:80"),
                                     .arena = &kit->arena,
                                     .rng = &kit->rng,
                                     .in = str_of(kit->in, 0),
                                     .out = strbuf_over(kit->out, sizeof kit->out),
                                     .why = strbuf_over(kit->why, sizeof kit->why)};
    kit->talk.state = arena_zalloc(&kit->arena, protocol->state_bytes + 1);
    CHECK(kit->talk.state != NULL);
    kit->verdict = HEALTH_MORE;
    CHECK(protocol->open(&kit->talk) == OK);
}

static inline void talk_kit_open(struct talk_kit *kit, const char *health)
{
    *kit = (struct talk_kit){0};
    rng_init(&kit->rng, 1);
    kit->plan = health_plan_new(talk_kit_conf(kit, health));
    CHECK(kit->plan != NULL);
    talk_kit_begin(kit);
}

static inline void talk_kit_end(struct talk_kit *kit)
{
    if (kit->plan->protocol->close != NULL) {
        kit->plan->protocol->close(&kit->talk);
    }
    arena_reset(&kit->arena);
    heap_free(kit->in);
}

/* The same check from its beginning. */
static inline void talk_kit_again(struct talk_kit *kit)
{
    talk_kit_end(kit);
    talk_kit_begin(kit);
}

static inline void talk_kit_close(struct talk_kit *kit)
{
    talk_kit_end(kit);
    health_plan_free(kit->plan);
    config_free(kit->config);
}

/* The instance says this, `step` bytes at a time. */
static inline enum health_verdict talk_kit_hear(struct talk_kit *kit, struct str bytes, size_t step)
{
    while (bytes.len > 0 && kit->verdict == HEALTH_MORE) {
        struct str part = str_sub(bytes, 0, step);
        char *end = kit->in + (kit->talk.in.at - kit->in) + kit->talk.in.len;
        CHECK((size_t)(end - kit->in) + part.len <= TALK_KIT_IN_BYTES);
        memcpy(end, part.at, part.len);
        kit->talk.in.len += part.len;
        kit->verdict = kit->plan->protocol->take(&kit->talk);
        bytes = str_skip(bytes, step);
    }
    return kit->verdict;
}

/* ... and then ends. */
static inline enum health_verdict talk_kit_hear_end(struct talk_kit *kit)
{
    kit->talk.has_ended = true;
    if (kit->verdict == HEALTH_MORE) {
        kit->verdict = kit->plan->protocol->take(&kit->talk);
    }
    return kit->verdict;
}

/* What was said to the instance since the last call. */
static inline struct str talk_kit_said(struct talk_kit *kit)
{
    struct str said = strbuf_str(&kit->talk.out);
    kit->talk.out.len = 0;
    return said;
}
