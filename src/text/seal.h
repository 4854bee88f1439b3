/* seal.h - small messages to ourselves that others carry, such as cookies: nobody can read, change
 * or make one who has not the secret (AES-256-GCM, NIST SP 800-38D; the key is derived by HKDF, RFC
 * 5869). Another process with the same secret opens them. A previous secret still opens, so that
 * secrets can be changed without losing what is under way. libcrypto stands behind this file; what
 * it needs for each thread is made at the start, so that the data path allocates nothing. */
#pragma once

#include "base/err.h"
#include "base/strbuf.h"

struct seal;

enum { SEAL_PLAIN_BYTES_MAX = 64, SEAL_SECRET_BYTES_MIN = 16 };
/* What a message of `bytes` has in base64url: nonce and tag are 28 bytes. */
#define SEAL_TEXT_BYTES(bytes) ((((bytes) + 28u) * 8 + 5) / 6)

struct seal_conf {
    struct str secret, previous; /* previous may be empty */
    struct str purpose;          /* what is sealed for one purpose is not opened for another */
    uint32_t thread_count;
};

/* NULL: no memory. */
struct seal *seal_new(const struct seal_conf *conf);
/* NULL is nothing. */
void seal_free(struct seal *seal);
/* Seals `plain` as text (base64url, RFC 4648 5). `thread` is the caller's own number. ERR_RANGE:
 * too long, or no room. ERR_IO: no randomness. */
MUST_USE enum err seal_close(struct seal *seal, uint32_t thread, struct str plain,
                             struct strbuf *out);
/* Opens text that was sealed from exactly `bytes`. ERR_SYNTAX: it was not, or was changed. */
MUST_USE enum err seal_open(struct seal *seal, uint32_t thread, struct str text, void *plain,
                            size_t bytes);
