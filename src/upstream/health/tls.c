/* tls.c - OpenSSL between two memory buffers, so that no signal and no blocking call can come from
 * it; see tls.h. What it receives is bounded: handshakes and records count as bytes too. */
#include "upstream/health/tls.h"

#include "base/addr.h"
#include "base/limits.h"
#include "net/socket.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

enum { RAW_BYTES = 16384, RAW_FACTOR = 4, NAME_BYTES = 256 };

static bool load_trust(SSL_CTX *context, const struct conf_health_tls *conf)
{
    char path[4097];
    struct strbuf out = strbuf_over(path, sizeof path);
    if (conf->ca.len == 0) {
        return !conf->is_verified || SSL_CTX_set_default_verify_paths(context) == 1;
    }
    strbuf_add(&out, conf->ca);
    strbuf_add_char(&out, '\0');
    return !strbuf_overflowed(&out) && SSL_CTX_load_verify_locations(context, path, NULL) == 1;
}

void *health_tls_context_new(const struct conf_health *conf)
{
    static const unsigned char h2[] = "\x02h2", h1[] = "\x08http/1.1";
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    bool is_right = context != NULL && load_trust(context, &conf->tls) &&
                    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
    if (is_right && conf->kind == CONF_HEALTH_GRPC) {
        is_right = SSL_CTX_set_alpn_protos(context, h2, sizeof h2 - 1) == 0;
    } else if (is_right && conf->kind == CONF_HEALTH_HTTP) {
        is_right = SSL_CTX_set_alpn_protos(context, h1, sizeof h1 - 1) == 0;
    }
    if (!is_right) {
        SSL_CTX_free(context);
        ERR_clear_error();
        return NULL;
    }
    SSL_CTX_set_verify(context, conf->tls.is_verified ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    return context;
}

void health_tls_context_free(void *context)
{
    SSL_CTX_free(context);
}

/* Who is asked for: a name (RFC 6066 3, which allows no address), or an address to verify. */
static bool name_server(SSL *ssl, const struct conf_health_tls *conf, struct str host)
{
    char text[NAME_BYTES];
    struct strbuf out = strbuf_over(text, sizeof text);
    struct addr addr;
    struct str name = conf->name.len > 0 ? conf->name : str_cut_last(host, ':').head;
    if (str_starts(name, STR("[")) && str_ends(name, STR("]"))) {
        name = str_sub(name, 1, name.len - 2);
    }
    strbuf_add(&out, name);
    strbuf_add_char(&out, '\0');
    if (strbuf_overflowed(&out)) {
        return false;
    }
    if (addr_parse_ip(name, &addr) == OK) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), text) == 1;
    }
    return SSL_set_tlsext_host_name(ssl, text) == 1 && SSL_set1_host(ssl, text) == 1;
}

enum err health_tls_open(struct health_tls *tls, void *context, const struct conf_health_tls *conf,
                         struct str host)
{
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (ssl == NULL || in == NULL || out == NULL || !name_server(ssl, conf, host)) {
        BIO_free(in);
        BIO_free(out);
        SSL_free(ssl);
        return ERR_MEMORY;
    }
    (void)BIO_set_mem_eof_return(in, -1); /* empty means: not yet */
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    tls->ssl = ssl;
    return OK;
}

void health_tls_close(struct health_tls *tls)
{
    SSL_free(tls->ssl);
    tls->ssl = NULL;
}

/* Hands what OpenSSL wrote to the kernel, as far as it takes it. */
static void flush(const struct health_tls *tls, int fd)
{
    BIO *out = SSL_get_wbio(tls->ssl);
    char *at, taken[RAW_BYTES];
    long len = BIO_get_mem_data(out, &at);
    while (len > 0) {
        size_t part = (size_t)len < sizeof taken ? (size_t)len : sizeof taken, sent;
        if (socket_send_str(fd, str_of(at, part), &sent) != OK) {
            return;
        }
        (void)BIO_read(out, taken, (int)sent);
        len = BIO_get_mem_data(out, &at);
    }
}

/* Gives OpenSSL what has come. */
static enum err fill(struct health_tls *tls, int fd)
{
    char raw[RAW_BYTES];
    size_t got;
    if (tls->raw_bytes > (size_t)RAW_FACTOR * LIMIT_VALUE(health_response_bytes)) {
        return ERR_LIMIT;
    }
    TRY(socket_recv(fd, raw, sizeof raw, &got));
    tls->raw_bytes += got;
    return BIO_write(SSL_get_rbio(tls->ssl), raw, (int)got) == (int)got ? OK : ERR_MEMORY;
}

static void say_why(struct health_tls *tls)
{
    struct strbuf out = strbuf_over(tls->why, sizeof tls->why - 1);
    long verified = SSL_get_verify_result(tls->ssl);
    const char *reason = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                               : ERR_reason_error_string(ERR_peek_error());
    strbuf_add(&out, str_sub(str_from_c(reason == NULL ? "not TLS" : reason), 0, out.cap));
    tls->why[out.len] = '\0';
    ERR_clear_error();
}

enum err health_tls_shake(struct health_tls *tls, int fd)
{
    for (;;) {
        ERR_clear_error();
        int result = SSL_do_handshake(tls->ssl);
        flush(tls, fd);
        if (result == 1) {
            return OK;
        }
        if (SSL_get_error(tls->ssl, result) != SSL_ERROR_WANT_READ) {
            say_why(tls);
            return ERR_SYNTAX;
        }
        TRY(fill(tls, fd));
    }
}

enum err health_tls_recv(struct health_tls *tls, int fd, void *at, size_t room, size_t *got)
{
    *got = 0;
    for (;;) {
        ERR_clear_error();
        int most = room > RAW_BYTES ? RAW_BYTES : (int)room;
        int result = SSL_read(tls->ssl, at, most);
        flush(tls, fd); /* answers to the other side's wishes */
        if (result > 0) {
            *got = (size_t)result;
            return OK;
        }
        int why = SSL_get_error(tls->ssl, result);
        if (why == SSL_ERROR_ZERO_RETURN) {
            return ERR_CLOSED;
        }
        if (why != SSL_ERROR_WANT_READ) {
            ERR_clear_error();
            return ERR_IO;
        }
        TRY(fill(tls, fd));
    }
}

enum err health_tls_send(struct health_tls *tls, int fd, struct str bytes, size_t *sent)
{
    *sent = 0;
    ERR_clear_error();
    if (bytes.len > 0 && SSL_write(tls->ssl, bytes.at, (int)bytes.len) != (int)bytes.len) {
        ERR_clear_error();
        return ERR_IO;
    }
    *sent = bytes.len;
    flush(tls, fd);
    return OK;
}
