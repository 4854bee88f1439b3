/* health_fuzz.h - one health check against any bytes at all: it comes to a verdict or waits, and to
 * the same one however the bytes are cut. The first byte chooses among checks of the protocol. */
#pragma once

#include "talk_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int health_fuzz(const char *const *checks, size_t check_count, const uint8_t *data,
                       size_t size)
{
    static struct talk_kit kits[4];
    if (size == 0 || size > TALK_KIT_IN_BYTES / 2) {
        return 0;
    }
    struct str bytes = str_skip(str_of((const char *)data, size), 1);
    struct talk_kit *kit = &kits[data[0] % check_count];
    if (kit->plan == NULL) {
        talk_kit_open(kit, checks[data[0] % check_count]);
    }
    talk_kit_again(kit);
    (void)talk_kit_hear(kit, bytes, bytes.len + 1);
    enum health_verdict whole = talk_kit_hear_end(kit);
    CHECK(whole != HEALTH_MORE);
    talk_kit_again(kit);
    (void)talk_kit_hear(kit, bytes, 1);
    CHECK(talk_kit_hear_end(kit) == whole);
    return 0;
}
