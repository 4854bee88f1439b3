/* base64.h - bytes as text (RFC 4648 4, and 5 without padding for what stands in URLs and cookies).
 * Decoding is strict: one text for each sequence of bytes, so no two texts mean the same. */
#pragma once

#include "base/err.h"
#include "base/strbuf.h"

enum base64_kind { BASE64_STANDARD, BASE64_URL };

/* Adds the text of `bytes`, padded for BASE64_STANDARD; an overflow is kept by the builder. */
void base64_add(struct strbuf *out, struct str bytes, enum base64_kind kind);
/* Adds the bytes that `text` stands for. ERR_SYNTAX: a character, padding or spare bits that have
 * no place there; ERR_RANGE: they do not fit. */
MUST_USE enum err base64_decode(struct strbuf *out, struct str text, enum base64_kind kind);
