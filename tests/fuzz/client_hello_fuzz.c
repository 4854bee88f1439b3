/* client_hello_fuzz.c - any bytes as the beginning of a TLS connection: never read past their end, a
 * cut one asks for more, and a name that comes out is one that can stand in a log. */
#include "base/check.h"
#include "base/limits.h"
#include "net/client_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char room[LIMIT_VALUE(client_hello_bytes)];
    struct client_hello hello, again;
    struct str in = str_of((const char *)data, size), protocol;
    enum err e = client_hello_parse(in, room, &hello);
    CHECK(e == OK || e == ERR_AGAIN || e == ERR_SYNTAX || e == ERR_LIMIT);
    if (e != OK) {
        return 0;
    }
    CHECK(hello.name.len <= CLIENT_HELLO_NAME_BYTES_MAX);
    for (size_t i = 0; i < hello.name.len; i++) {
        CHECK(hello.name.at[i] > ' ' && hello.name.at[i] < 127);
    }
    while (client_hello_next_alpn(&hello.alpn, &protocol)) {
        CHECK(protocol.len > 0);
    }
    CHECK(hello.alpn.len == 0);
    for (size_t i = 0; i < size && i < 600; i++) {
        e = client_hello_parse(str_sub(in, 0, i), room, &again);
        CHECK(e == ERR_AGAIN || e == OK);
    }
    return 0;
}
