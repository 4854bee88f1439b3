/* pattern.c - PCRE2 behind four verbs; see pattern.h.
 * The machine code stack is our own, so that how deep a match may go does not depend on the thread
 * it runs on, and a match with machine code allocates nothing. */
#include "text/pattern.h"

#include "base/limits.h"
#include "base/strbuf.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { JIT_STACK_BYTES_MIN = 32768, JIT_STACK_BYTES_MAX = 262144 };

/* Bytes only, and '$' means the end: a newline in the subject ends nothing. */
enum {
    OPTIONS = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOTALL |
              PCRE2_DOLLAR_ENDONLY
};

static const PCRE2_UCHAR8 *bytes_of(struct str s)
{
    return (const PCRE2_UCHAR8 *)(s.len == 0 ? "" : s.at);
}

static uint32_t info_u32(const pcre2_code *code, uint32_t what)
{
    uint32_t value = 0;
    CHECK(pcre2_pattern_info(code, what, &value) == 0);
    return value;
}

static enum err refuse(struct pattern_error *error, size_t offset, struct str text)
{
    error->offset = offset;
    struct strbuf out = strbuf_over(error->text, sizeof error->text - 1);
    strbuf_add(&out, str_sub(text, 0, out.cap));
    error->text[out.len] = '\0';
    return ERR_SYNTAX;
}

enum err pattern_init(struct pattern *pattern, struct str text,
                      const struct pattern_options *options, struct pattern_error *error)
{
    *pattern = (struct pattern){0};
    if (text.len > PATTERN_BYTES_MAX) {
        return refuse(error, PATTERN_BYTES_MAX, STR("the pattern is longer than 4096 bytes"));
    }
    uint32_t flags = OPTIONS;
    flags |= options->is_caseless ? PCRE2_CASELESS : 0;
    flags |= options->is_search ? 0 : PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    int code = 0;
    size_t offset = 0;
    pcre2_code *compiled = pcre2_compile(bytes_of(text), text.len, flags, &code, &offset, NULL);
    if (compiled == NULL) {
        PCRE2_UCHAR8 why[sizeof error->text] = {0};
        (void)pcre2_get_error_message(code, why, sizeof why);
        return refuse(error, offset, str_from_c((const char *)why));
    }
    uint32_t group_count = info_u32(compiled, PCRE2_INFO_CAPTURECOUNT);
    if (group_count > PATTERN_GROUPS_MAX) {
        pcre2_code_free(compiled);
        return refuse(error, 0, STR("the pattern has more than 32 groups; write (?:...)"));
    }
    /* Where the system forbids writable code this fails and the interpreter serves. */
    bool has_jit = pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE) == 0;
    *pattern = (struct pattern){compiled, text, group_count, has_jit};
    return OK;
}

void pattern_drop(struct pattern *pattern)
{
    pcre2_code_free(pattern->code);
    pattern->code = NULL;
}

enum err pattern_scratch_init(struct pattern_scratch *scratch)
{
    *scratch = (struct pattern_scratch){0};
    scratch->match_data = pcre2_match_data_create(PATTERN_GROUPS_MAX + 1, NULL);
    scratch->match_context = pcre2_match_context_create(NULL);
    if (scratch->match_data == NULL || scratch->match_context == NULL) {
        pattern_scratch_drop(scratch);
        return ERR_MEMORY;
    }
    pcre2_match_context *context = scratch->match_context;
    (void)pcre2_set_match_limit(context, LIMIT_VALUE(pattern_steps));
    (void)pcre2_set_depth_limit(context, LIMIT_VALUE(pattern_steps));
    (void)pcre2_set_heap_limit(context, LIMIT_VALUE(pattern_heap_bytes) / 1024);
    /* NULL where PCRE2 has no machine code; then none will be run. */
    scratch->jit_stack = pcre2_jit_stack_create(JIT_STACK_BYTES_MIN, JIT_STACK_BYTES_MAX, NULL);
    pcre2_jit_stack_assign(context, NULL, scratch->jit_stack);
    return OK;
}

void pattern_scratch_drop(struct pattern_scratch *scratch)
{
    pcre2_match_data_free(scratch->match_data);
    pcre2_match_context_free(scratch->match_context);
    pcre2_jit_stack_free(scratch->jit_stack);
    *scratch = (struct pattern_scratch){0};
}

enum err pattern_match(const struct pattern *pattern, struct str subject,
                       struct pattern_scratch *scratch)
{
    CHECK(pattern->code != NULL);
    CHECK(scratch->match_data != NULL);
    int found = pcre2_match(pattern->code, bytes_of(subject), subject.len, 0, 0,
                            scratch->match_data, scratch->match_context);
    if (found > 0) {
        return OK;
    }
    if (found == PCRE2_ERROR_NOMATCH) {
        return ERR_NOT_FOUND;
    }
    scratch->limited_total++;
    return ERR_LIMIT;
}

struct str pattern_group(const struct pattern_scratch *scratch, struct str subject, uint32_t group)
{
    const size_t *ends = pcre2_get_ovector_pointer(scratch->match_data);
    if (group > PATTERN_GROUPS_MAX) {
        return (struct str){0};
    }
    size_t from = ends[(size_t)group * 2], to = ends[(size_t)group * 2 + 1];
    /* \K can put the start behind the end; PCRE2_UNSET is larger than any subject. */
    if (from > to || to > subject.len) {
        return (struct str){0};
    }
    return str_of(subject.at + from, to - from);
}

struct str pattern_group_name(const struct pattern *pattern, uint32_t group)
{
    uint32_t count = info_u32(pattern->code, PCRE2_INFO_NAMECOUNT);
    uint32_t entry_bytes = info_u32(pattern->code, PCRE2_INFO_NAMEENTRYSIZE);
    const uint8_t *entry = NULL;
    CHECK(pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &entry) == 0);
    for (uint32_t i = 0; i < count; i++, entry += entry_bytes) {
        if (((uint32_t)entry[0] << 8 | entry[1]) == group) {
            return str_from_c((const char *)entry + 2);
        }
    }
    return (struct str){0};
}
