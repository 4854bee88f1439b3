/* chars.c - the table of chars.h. Written as the grammars of the RFCs and worked out by the
 * compiler, because 256 numbers typed by hand are 256 chances to let the wrong byte through.
 * Names: VISIBLE is VCHAR of RFC 5234; the others as in RFC 3986 and RFC 9110. */
#include "http/chars.h"

#define IN(c, low, high) ((c) >= (low) && (c) <= (high))
#define DIGIT(c) IN(c, '0', '9')
#define UPPER(c) IN(c, 'A', 'Z')
#define ALPHA(c) (UPPER(c) || IN(c, 'a', 'z'))
#define VISIBLE(c) IN(c, 0x21, 0x7e)
#define UNRESERVED(c) (ALPHA(c) || DIGIT(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
/* RFC 3986 2.2 sub-delims: ! $ & ' ( ) * + , ; = */
#define SUB_DELIM(c) ((c) == '!' || (c) == '$' || IN(c, '&', ',') || (c) == ';' || (c) == '=')
/* RFC 9110 5.6.2: ! # $ % & ' * + - . ^ _ ` | ~ and letters and digits. */
#define TCHAR(c)                                                                                   \
    (ALPHA(c) || DIGIT(c) || (c) == '!' || IN(c, '#', '\'') || (c) == '*' || (c) == '+' ||         \
     (c) == '-' || (c) == '.' || IN(c, '^', '`') || (c) == '|' || (c) == '~')

#define CLASS(c)                                                                                   \
    (TCHAR(c) ? CHAR_TOKEN : 0) |                                                                  \
        (VISIBLE(c) || (c) >= 0x80 || (c) == ' ' || (c) == '\t' ? CHAR_TEXT : 0) |                 \
        (VISIBLE(c) && (c) != '#' ? CHAR_TARGET : 0) |                                             \
        (UNRESERVED(c) || SUB_DELIM(c) || (c) == ':' || (c) == '@' ? CHAR_PATH : 0) |              \
        (IN(c, 'a', 'z') || DIGIT(c) || (c) == '-' || (c) == '_' ? CHAR_HOST : 0) |                \
        (UPPER(c) ? CHAR_UPPER : 0) | (UNRESERVED(c) ? CHAR_UNRESERVED : 0) |                      \
        (VISIBLE(c) ? CHAR_VISIBLE : 0)
#define ROW4(c) CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define ROW16(c) ROW4(c), ROW4((c) + 4), ROW4((c) + 8), ROW4((c) + 12)
#define ROW64(c) ROW16(c), ROW16((c) + 16), ROW16((c) + 32), ROW16((c) + 48)

const uint8_t char_classes[256] = {ROW64(0), ROW64(64), ROW64(128), ROW64(192)};
