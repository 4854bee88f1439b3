/* sql_auth.h - proofs that one knows a password, as PostgreSQL and MySQL want them. All memory is
 * the caller's; nonces come from the kernel by way of libcrypto. */
#pragma once

#include "base/arena.h"
#include "base/strbuf.h"

/* "md5" and 32 digits (PostgreSQL 55.3, AuthenticationMD5Password); ERR_SYSTEM: this machine's
 * libcrypto does not do MD5. */
MUST_USE enum err sql_auth_md5(struct strbuf *out, struct str user, struct str password,
                               struct str salt);
/* mysql_native_password: 20 bytes. */
MUST_USE enum err sql_auth_mysql_native(struct strbuf *out, struct str password, struct str salt);
/* caching_sha2_password, the fast way: 32 bytes. */
MUST_USE enum err sql_auth_mysql_sha2(struct strbuf *out, struct str password, struct str salt);

/* SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677). The name is sent empty: the server
 * takes that of the startup message. */
struct scram {
    char nonce[32]; /* base64 of 18 bytes, NUL at the end */
    uint8_t server_signature[32];
};

/* Draws a nonce and writes the first message of the client. ERR_SYSTEM. */
MUST_USE enum err scram_first(struct scram *scram, struct strbuf *out);
/* Answers the first message of the server. ERR_SYNTAX: it is malformed, or does not go on with our
 * nonce. ERR_LIMIT: it asks for more than LIMIT health_password_rounds. */
MUST_USE enum err scram_answer(struct scram *scram, struct str password, struct str server_first,
                               struct strbuf *out);
/* Whether the last message of the server proves that it knows the password too. */
bool scram_is_proved(const struct scram *scram, struct str server_final);
