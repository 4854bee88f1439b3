/* sql_auth.c - password proofs over libcrypto; see sql_auth.h. */
#include "upstream/health/sql_auth.h"

#include "base/limits.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum { MD5_BYTES = 16, SHA1_BYTES = 20, SHA256_BYTES = 32, NONCE_BYTES = 18,
       SALT_BYTES_MAX = 96, TEXT_BYTES_MAX = 1024 };

/* The digest of up to two pieces, one after the other. */
static enum err digest(const EVP_MD *md, struct str first, struct str second, uint8_t *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_done = ctx != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1 &&
                   EVP_DigestUpdate(ctx, first.at, first.len) == 1 &&
                   EVP_DigestUpdate(ctx, second.at, second.len) == 1 &&
                   EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return is_done ? OK : ERR_SYSTEM;
}

static struct str bytes_of(const uint8_t *at, size_t len)
{
    return str_of((const char *)at, len);
}

enum err sql_auth_md5(struct strbuf *out, struct str user, struct str password, struct str salt)
{
    uint8_t inner[MD5_BYTES], outer[MD5_BYTES];
    char text[2 * MD5_BYTES];
    struct strbuf hex = strbuf_over(text, sizeof text);
    TRY(digest(EVP_md5(), password, user, inner));
    strbuf_add_hex_bytes(&hex, inner, sizeof inner);
    TRY(digest(EVP_md5(), strbuf_str(&hex), salt, outer));
    strbuf_add(out, STR("md5"));
    strbuf_add_hex_bytes(out, outer, sizeof outer);
    return OK;
}

static void xor_into(uint8_t *to, const uint8_t *with, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] ^= with[i];
    }
}

enum err sql_auth_mysql_native(struct strbuf *out, struct str password, struct str salt)
{
    uint8_t once[SHA1_BYTES], twice[SHA1_BYTES], proof[SHA1_BYTES];
    const struct str none = STR("");
    TRY(digest(EVP_sha1(), password, none, once));
    TRY(digest(EVP_sha1(), bytes_of(once, sizeof once), none, twice));
    TRY(digest(EVP_sha1(), salt, bytes_of(twice, sizeof twice), proof));
    xor_into(proof, once, sizeof proof);
    strbuf_add(out, bytes_of(proof, sizeof proof));
    return OK;
}

enum err sql_auth_mysql_sha2(struct strbuf *out, struct str password, struct str salt)
{
    uint8_t once[SHA256_BYTES], twice[SHA256_BYTES], proof[SHA256_BYTES];
    const struct str none = STR("");
    TRY(digest(EVP_sha256(), password, none, once));
    TRY(digest(EVP_sha256(), bytes_of(once, sizeof once), none, twice));
    TRY(digest(EVP_sha256(), bytes_of(twice, sizeof twice), salt, proof));
    xor_into(proof, once, sizeof proof);
    strbuf_add(out, bytes_of(proof, sizeof proof));
    return OK;
}

static void add_base64(struct strbuf *out, const uint8_t *bytes, int count)
{
    unsigned char text[2 * SHA256_BYTES];
    int len = EVP_EncodeBlock(text, bytes, count);
    strbuf_add(out, bytes_of(text, (size_t)len));
}

/* Strict: whole groups of four. False also when it is longer than `max` bytes. */
static bool from_base64(struct str text, uint8_t *out, size_t max, size_t *len)
{
    size_t padding = str_ends(text, STR("==")) ? 2 : str_ends(text, STR("=")) ? 1 : 0;
    if (text.len == 0 || text.len % 4 != 0 || text.len / 4 * 3 > max) {
        return false;
    }
    int got = EVP_DecodeBlock(out, (const unsigned char *)text.at, (int)text.len);
    *len = got < 0 ? 0 : (size_t)got - padding;
    return got > 0;
}

enum err scram_first(struct scram *scram, struct strbuf *out)
{
    uint8_t bytes[NONCE_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return ERR_SYSTEM;
    }
    struct strbuf nonce = strbuf_over(scram->nonce, sizeof scram->nonce - 1);
    add_base64(&nonce, bytes, sizeof bytes);
    strbuf_add(out, STR("n,,n=,r="));
    strbuf_add(out, strbuf_str(&nonce));
    return OK;
}

/* What the server's first message says (RFC 5802 5.1). */
struct challenge {
    struct str nonce;
    uint8_t salt[SALT_BYTES_MAX];
    size_t salt_bytes;
    uint64_t rounds;
};

static enum err read_challenge(const struct scram *scram, struct str text, struct challenge *out)
{
    struct str_pair nonce = str_cut(text, ','), salt = str_cut(nonce.tail, ',');
    struct str_pair rounds = str_cut(salt.tail, ',');
    struct str ours = str_from_c(scram->nonce);
    out->nonce = str_skip(nonce.head, 2);
    if (!str_starts(nonce.head, STR("r=")) || !str_starts(out->nonce, ours) ||
        out->nonce.len == ours.len || !str_starts(salt.head, STR("s=")) ||
        !str_starts(rounds.head, STR("i="))) {
        return ERR_SYNTAX;
    }
    if (!from_base64(str_skip(salt.head, 2), out->salt, sizeof out->salt, &out->salt_bytes) ||
        !str_to_u64(str_skip(rounds.head, 2), &out->rounds) || out->rounds == 0) {
        return ERR_SYNTAX;
    }
    return out->rounds > LIMIT_VALUE(health_password_rounds) ? ERR_LIMIT : OK;
}

static bool hmac(const uint8_t *key, struct str text, uint8_t *out)
{
    return HMAC(EVP_sha256(), key, SHA256_BYTES, (const unsigned char *)text.at, text.len, out,
                NULL) != NULL;
}

/* RFC 5802 3: the client's proof, and what the server's signature will have to be. */
static enum err prove(struct scram *scram, struct str password, const struct challenge *challenge,
                      struct str signed_text, uint8_t *proof)
{
    uint8_t salted[SHA256_BYTES], stored[SHA256_BYTES], signature[SHA256_BYTES];
    uint8_t server_key[SHA256_BYTES];
    bool is_done =
        PKCS5_PBKDF2_HMAC(password.len > 0 ? password.at : "", (int)password.len, challenge->salt,
                          (int)challenge->salt_bytes, (int)challenge->rounds, EVP_sha256(),
                          SHA256_BYTES, salted) == 1 &&
        hmac(salted, STR("Client Key"), proof) &&
        digest(EVP_sha256(), bytes_of(proof, SHA256_BYTES), STR(""), stored) == OK &&
        hmac(stored, signed_text, signature) && hmac(salted, STR("Server Key"), server_key) &&
        hmac(server_key, signed_text, scram->server_signature);
    OPENSSL_cleanse(salted, sizeof salted);
    if (!is_done) {
        return ERR_SYSTEM;
    }
    xor_into(proof, signature, SHA256_BYTES);
    return OK;
}

enum err scram_answer(struct scram *scram, struct str password, struct str server_first,
                      struct strbuf *out)
{
    struct challenge challenge = {0};
    uint8_t proof[SHA256_BYTES];
    char text[TEXT_BYTES_MAX];
    struct strbuf signed_text = strbuf_over(text, sizeof text);
    TRY(read_challenge(scram, server_first, &challenge));
    strbuf_add_fmt(&signed_text, "n=,r=%s,%.*s,c=biws,r=%.*s", scram->nonce,
                   STR_FMT(server_first), STR_FMT(challenge.nonce));
    if (strbuf_overflowed(&signed_text)) {
        return ERR_SYNTAX;
    }
    TRY(prove(scram, password, &challenge, strbuf_str(&signed_text), proof));
    strbuf_add_fmt(out, "c=biws,r=%.*s,p=", STR_FMT(challenge.nonce));
    add_base64(out, proof, sizeof proof);
    return OK;
}

bool scram_is_proved(const struct scram *scram, struct str server_final)
{
    uint8_t signature[48];
    size_t len;
    return str_starts(server_final, STR("v=")) &&
           from_base64(str_skip(server_final, 2), signature, sizeof signature, &len) &&
           len == sizeof scram->server_signature &&
           CRYPTO_memcmp(signature, scram->server_signature, len) == 0;
}
