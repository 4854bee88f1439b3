/* client_hello.c - the first message of TLS, read as far as name and protocols; see
 * client_hello.h. Lengths are checked against what stands there at each step, and every list has
 * to end where its length says. */
#include "net/client_hello.h"

#include "base/limits.h"

enum {
    RECORD_HEAD_BYTES = 5,
    RECORD_BYTES_MAX = 16384, /* RFC 8446 5.1 */
    TYPE_HANDSHAKE = 22,
    TYPE_CLIENT_HELLO = 1,
    MESSAGE_HEAD_BYTES = 4,
    EXTENSION_NAME = 0,
    EXTENSION_ALPN = 16,
    EXTENSION_ECH = 0xfe0d
};

static size_t number_of(struct str s)
{
    size_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        value = value << 8 | (uint8_t)s.at[i];
    }
    return value;
}

/* Takes `len` bytes; false: there are fewer. */
static bool take(struct str *rest, size_t len, struct str *out)
{
    if (rest->len < len) {
        return false;
    }
    *out = str_sub(*rest, 0, len);
    *rest = str_skip(*rest, len);
    return true;
}

/* Takes a length of `width` bytes and as many bytes as it says. */
static bool take_counted(struct str *rest, size_t width, struct str *out)
{
    struct str len;
    return take(rest, width, &len) && take(rest, number_of(len), out);
}

/* Puts the message together out of its records. OK: *got bytes stand in `room`, which may be more
 * than the message. ERR_AGAIN: the records that are there hold less than one. */
static enum err join_records(struct str in, char *room, size_t *got)
{
    *got = 0;
    for (;;) {
        size_t wanted = *got < MESSAGE_HEAD_BYTES
                            ? MESSAGE_HEAD_BYTES
                            : MESSAGE_HEAD_BYTES + number_of(str_of(room + 1, 3));
        if (*got > 0 && room[0] != TYPE_CLIENT_HELLO) {
            return ERR_SYNTAX;
        }
        if (wanted > LIMIT_VALUE(client_hello_bytes)) {
            return ERR_LIMIT;
        }
        if (*got >= wanted && *got >= MESSAGE_HEAD_BYTES) {
            return OK;
        }
        /* Refused at the first wrong byte: another protocol does not wait for a time-out. */
        if ((in.len > 0 && in.at[0] != TYPE_HANDSHAKE) || (in.len > 1 && in.at[1] != 3)) {
            return ERR_SYNTAX;
        }
        if (in.len < RECORD_HEAD_BYTES) {
            return ERR_AGAIN;
        }
        size_t len = number_of(str_sub(in, 3, 2));
        if (len == 0 || len > RECORD_BYTES_MAX) {
            return ERR_SYNTAX;
        }
        struct str part = str_sub(in, RECORD_HEAD_BYTES, len);
        size_t left = LIMIT_VALUE(client_hello_bytes) - *got;
        size_t copied = part.len < left ? part.len : left;
        if (copied > 0) {
            memcpy(room + *got, part.at, copied);
        }
        *got += copied;
        in = str_skip(in, RECORD_HEAD_BYTES + len);
    }
}

/* RFC 6066 3: a list with one name of a host. */
static bool read_name(struct str data, char *room, struct client_hello *out)
{
    struct str list, type, name;
    if (!take_counted(&data, 2, &list) || data.len > 0 || !take(&list, 1, &type) ||
        type.at[0] != 0 || !take_counted(&list, 2, &name) || list.len > 0 || name.len == 0 ||
        name.len > CLIENT_HELLO_NAME_BYTES_MAX || out->name.len > 0) {
        return false;
    }
    char *at = room + (name.at - room);
    for (size_t i = 0; i < name.len; i++) {
        at[i] = char_lower(at[i]);
        bool is_letter = at[i] >= 'a' && at[i] <= 'z';
        bool is_mark = at[i] == '-' || at[i] == '.' || at[i] == '_';
        if (!is_letter && !is_mark && !char_is_digit(at[i])) {
            return false;
        }
    }
    out->name = name;
    return true;
}

bool client_hello_next_alpn(struct str *alpn, struct str *protocol)
{
    return take_counted(alpn, 1, protocol) && protocol->len > 0;
}

/* RFC 7301 3.1. */
static bool read_alpn(struct str data, struct client_hello *out)
{
    struct str list, protocol;
    if (!take_counted(&data, 2, &list) || data.len > 0 || list.len == 0 || out->alpn.len > 0) {
        return false;
    }
    struct str rest = list;
    while (rest.len > 0) {
        if (!client_hello_next_alpn(&rest, &protocol)) {
            return false;
        }
    }
    out->alpn = list;
    return true;
}

static bool read_extensions(struct str all, char *room, struct client_hello *out)
{
    while (all.len > 0) {
        struct str type, data;
        if (!take(&all, 2, &type) || !take_counted(&all, 2, &data)) {
            return false;
        }
        size_t number = number_of(type);
        out->has_ech |= number == EXTENSION_ECH;
        if ((number == EXTENSION_NAME && !read_name(data, room, out)) ||
            (number == EXTENSION_ALPN && !read_alpn(data, out))) {
            return false;
        }
    }
    return true;
}

/* RFC 8446 4.1.2. */
static bool read_message(struct str body, char *room, struct client_hello *out)
{
    struct str skipped, id, ciphers, compressions, extensions;
    if (!take(&body, 2 + 32, &skipped) || !take_counted(&body, 1, &id) || id.len > 32 ||
        !take_counted(&body, 2, &ciphers) || ciphers.len < 2 || ciphers.len % 2 != 0 ||
        !take_counted(&body, 1, &compressions) || compressions.len == 0) {
        return false;
    }
    if (body.len == 0) {
        return true; /* TLS 1.2 and older may go without extensions */
    }
    return take_counted(&body, 2, &extensions) && body.len == 0 &&
           read_extensions(extensions, room, out);
}

enum err client_hello_parse(struct str in, char *room, struct client_hello *out)
{
    size_t got;
    *out = (struct client_hello){0};
    TRY(join_records(in, room, &got));
    struct str message = str_of(room, got), head, body;
    bool is_whole = take(&message, 1, &head) && take_counted(&message, 3, &body);
    return is_whole && read_message(body, room, out) ? OK : ERR_SYNTAX;
}
