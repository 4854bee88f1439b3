/* seal.c - sealed messages; see seal.h. Nonces come from the kernel: 96 random bits, so that 2^32
 * messages under one key are safe (SP 800-38D 8.3). */
#include "text/seal.h"

#include "base/check.h"
#include "base/heap.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sys/random.h>

enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, KEYS = 2 };
enum { RAW_BYTES_MAX = NONCE_BYTES + SEAL_PLAIN_BYTES_MAX + TAG_BYTES };

struct seal_thread {
    EVP_CIPHER_CTX *closes, *opens[KEYS]; /* the second: the previous secret, or NULL */
};

struct seal {
    uint32_t thread_count;
    struct seal_thread threads[];
};

static bool derive(struct str secret, struct str purpose, uint8_t key[KEY_BYTES])
{
    char digest[] = "SHA256";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    void *from, *info;
    memcpy(&from, &secret.at, sizeof from); /* libcrypto only reads them */
    memcpy(&info, &purpose.at, sizeof info);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, from, secret.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, purpose.len),
        OSSL_PARAM_construct_end()};
    bool is_made = ctx != NULL && EVP_KDF_derive(ctx, key, KEY_BYTES, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return is_made;
}

static EVP_CIPHER_CTX *context(const uint8_t key[KEY_BYTES], bool closes)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx != NULL &&
        EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, NULL, closes ? 1 : 0) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

static bool open_threads(struct seal *seal, const struct seal_conf *conf)
{
    uint8_t keys[KEYS][KEY_BYTES];
    bool has_previous = conf->previous.len > 0;
    if (!derive(conf->secret, conf->purpose, keys[0]) ||
        (has_previous && !derive(conf->previous, conf->purpose, keys[1]))) {
        return false;
    }
    bool is_made = true;
    for (uint32_t i = 0; i < seal->thread_count; i++) {
        struct seal_thread *thread = &seal->threads[i];
        thread->closes = context(keys[0], true);
        thread->opens[0] = context(keys[0], false);
        thread->opens[1] = has_previous ? context(keys[1], false) : NULL;
        is_made = is_made && thread->closes != NULL && thread->opens[0] != NULL &&
                  (!has_previous || thread->opens[1] != NULL);
    }
    OPENSSL_cleanse(keys, sizeof keys);
    return is_made;
}

struct seal *seal_new(const struct seal_conf *conf)
{
    struct seal *seal = heap_new(sizeof *seal + conf->thread_count * sizeof seal->threads[0]);
    if (seal == NULL) {
        return NULL;
    }
    seal->thread_count = conf->thread_count;
    if (!open_threads(seal, conf)) {
        seal_free(seal);
        return NULL;
    }
    return seal;
}

void seal_free(struct seal *seal)
{
    for (uint32_t i = 0; seal != NULL && i < seal->thread_count; i++) {
        EVP_CIPHER_CTX_free(seal->threads[i].closes);
        EVP_CIPHER_CTX_free(seal->threads[i].opens[0]);
        EVP_CIPHER_CTX_free(seal->threads[i].opens[1]);
    }
    heap_free(seal);
}

static void add_base64(const uint8_t *raw, size_t bytes, struct strbuf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0, count = 0;
    for (size_t i = 0; i < bytes; i++) {
        bits = bits << 8 | raw[i];
        for (count += 8; count >= 6; count -= 6) {
            strbuf_add_char(out, digits[bits >> (count - 6) & 63]);
        }
    }
    if (count > 0) {
        strbuf_add_char(out, digits[bits << (6 - count) & 63]);
    }
}

static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-'             ? 62
           : c == '_'             ? 63
                                  : -1;
}

/* Text of exactly `bytes`, with no bits set behind its end: one message has one text. */
static bool read_base64(struct str text, uint8_t *raw, size_t bytes)
{
    uint32_t bits = 0, count = 0;
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.at[i]);
        if (digit < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8 && at < bytes) {
            count -= 8;
            raw[at++] = (uint8_t)(bits >> count);
        }
    }
    return at == bytes && count < 6 && (bits & ((1u << count) - 1)) == 0;
}

enum err seal_close(struct seal *seal, uint32_t thread, struct str plain, struct strbuf *out)
{
    CHECK(thread < seal->thread_count);
    EVP_CIPHER_CTX *ctx = seal->threads[thread].closes;
    uint8_t raw[RAW_BYTES_MAX], *text = raw + NONCE_BYTES;
    int len = 0, last = 0;
    if (plain.len > SEAL_PLAIN_BYTES_MAX) {
        return ERR_RANGE;
    }
    if (getrandom(raw, NONCE_BYTES, 0) != NONCE_BYTES) {
        return ERR_IO;
    }
    bool is_sealed =
        EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, raw) == 1 &&
        EVP_EncryptUpdate(ctx, text, &len, (const uint8_t *)plain.at, (int)plain.len) == 1 &&
        EVP_EncryptFinal_ex(ctx, text + len, &last) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, text + plain.len) == 1;
    CHECK(is_sealed);
    add_base64(raw, NONCE_BYTES + plain.len + TAG_BYTES, out);
    return strbuf_overflowed(out) ? ERR_RANGE : OK;
}

static bool open_with(EVP_CIPHER_CTX *ctx, uint8_t *raw, uint8_t *plain, size_t bytes)
{
    int len = 0, last = 0;
    return EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, raw) == 1 &&
           EVP_DecryptUpdate(ctx, plain, &len, raw + NONCE_BYTES, (int)bytes) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, raw + NONCE_BYTES + bytes) ==
               1 &&
           EVP_DecryptFinal_ex(ctx, plain + len, &last) == 1;
}

enum err seal_open(struct seal *seal, uint32_t thread, struct str text, void *plain, size_t bytes)
{
    CHECK(thread < seal->thread_count);
    uint8_t raw[RAW_BYTES_MAX], opened[SEAL_PLAIN_BYTES_MAX];
    size_t raw_bytes = NONCE_BYTES + bytes + TAG_BYTES;
    if (bytes > SEAL_PLAIN_BYTES_MAX || text.len != SEAL_TEXT_BYTES(bytes) ||
        !read_base64(text, raw, raw_bytes)) {
        return ERR_SYNTAX;
    }
    for (int i = 0; i < KEYS; i++) {
        EVP_CIPHER_CTX *ctx = seal->threads[thread].opens[i];
        if (ctx != NULL && open_with(ctx, raw, opened, bytes)) {
            memcpy(plain, opened, bytes);
            return OK;
        }
    }
    return ERR_SYNTAX;
}
