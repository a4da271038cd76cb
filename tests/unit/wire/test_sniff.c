#include "tests/kit/check.h"

#include "wire/sniff.h"

struct row {
    tr_span_t frames[2];
    size_t n_frames;
    tr_sniff_t want;
    tr_mdp_dialect_t dialect;
    const char *what;
};

static void is_told_apart(void **state)
{
    const struct row *row = *state;
    tr_mdp_dialect_t dialect = TR_MDP_N_DIALECTS;
    const char *what;
    assert_int_equal(tr_sniff(row->frames, row->n_frames, &dialect, &what), row->want);
    if (row->want == TR_SNIFF_MAJORDOMO) {
        assert_int_equal(dialect, row->dialect);
    }
    assert_string_equal(what, row->what);
}

/* clang-format off */
#define ONE(text)       {{text, sizeof text - 1}}, 1
#define TWO(one, other) {{one, sizeof one - 1}, {other, sizeof other - 1}}, 2
#define TOLD(title, want, dialect, what, ...) \
    { .name = title, .test_func = is_told_apart, \
      .initial_state = &(struct row){__VA_ARGS__, want, dialect, what} }
#define NATIVE(title, frames)        TOLD(title, TR_SNIFF_TRP1, 0, "", frames)
#define MAJORDOMO(title, frames, is) TOLD(title, TR_SNIFF_MAJORDOMO, is, "", frames)
#define OTHER(title, frames, what)   TOLD(title, TR_SNIFF_OTHER, 0, what, frames)

int main(void)
{
    static const char no_empty[] =
        "MDP/0.1 without its empty frame: a REQ socket, or an empty frame, is needed";
    static const char no_version[] = "Majordomo of a version that is not spoken here";
    static const char wrapped[] = "TRP/1 behind an empty frame: a DEALER socket is needed";
    static const char req[] = "a REQ socket that speaks nothing known here";
    const struct CMUnitTest tests[] = {
        NATIVE("TRP/1", ONE("\x94\xa4TRP1")),
        NATIVE("TRP/1 with a payload", TWO("\x94\xa4TRP1", "")),
        NATIVE("any small array", ONE("\x90")),
        NATIVE("a longer array", ONE("\xdc\x00\x04")),
        NATIVE("the longest array", ONE("\xdd\x00")),
        MAJORDOMO("a client of 0.1", TWO("", "MDPC01"), TR_MDP_01),
        MAJORDOMO("a worker of 0.1", TWO("", "MDPW01"), TR_MDP_01),
        MAJORDOMO("a client of 0.2", TWO("MDPC02", "\1"), TR_MDP_02),
        MAJORDOMO("a worker of 0.2", TWO("MDPW02", "\1"), TR_MDP_02),
        MAJORDOMO("a lonely header of 0.2", ONE("MDPW02"), TR_MDP_02),
        MAJORDOMO("a client of majortomo", TWO("", "MDPC02"), TR_MDP_MAJORTOMO),
        MAJORDOMO("a worker of majortomo", TWO("", "MDPW02"), TR_MDP_MAJORTOMO),
        OTHER("0.1 without its empty frame", TWO("MDPC01", "echo"), no_empty),
        OTHER("a worker of 0.1 without its empty frame", TWO("MDPW01", "\1"), no_empty),
        OTHER("a version to come", TWO("MDPC03", "\1"), no_version),
        OTHER("a version to come, wrapped", TWO("", "MDPW03"), no_version),
        OTHER("a header that is cut", ONE("MDPC"), no_version),
        OTHER("a header that is too long", TWO("MDPC02!", "\1"), no_version),
        OTHER("a Paranoid Pirate that is ready", ONE("\1"), "Paranoid Pirate"),
        OTHER("a Paranoid Pirate that lives", ONE("\2"), "Paranoid Pirate"),
        OTHER("zproto", ONE("\xaa\xa4\x04\x06MDPW02"),
              "Majordomo in the frames of zproto, which RFC 18 has not"),
        OTHER("any other byte", ONE("\3"), "nothing known here"),
        OTHER("TRP/1 by a REQ socket", TWO("", "\x94\xa4TRP1"), wrapped),
        OTHER("a REQ socket", TWO("", "hello"), req),
        OTHER("nothing", ONE(""), "an empty message"),
        OTHER("text", ONE("GET / HTTP/1.1"), "nothing known here"),
    };
    return cmocka_run_group_tests_name("wire/sniff", tests, NULL, NULL) != 0;
}
/* clang-format on */
