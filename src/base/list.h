/* list.h - intrusive doubly linked lists. A node that is in no list points at itself, so removing
 * twice is harmless and "is it in a list" is one comparison. */
#pragma once

#include "base/platform.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *node)
{
    node->next = node->prev = node;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_(struct list *node, struct list *prev, struct list *next)
{
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

static inline void list_push_front(struct list *head, struct list *node)
{
    list_insert_(node, head, head->next);
}

static inline void list_push_back(struct list *head, struct list *node)
{
    list_insert_(node, head->prev, head);
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define LIST_EACH(node, head)                                                                      \
    for (struct list *node = (head)->next; node != (head); node = node->next)
/* Allows removal of `node` inside the loop. */
#define LIST_EACH_SAFE(node, head)                                                                 \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head);              \
         node = node##_next, node##_next = node->next)
